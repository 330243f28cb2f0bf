"""What people see."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import requests

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.request import Request, RequestKind
from gpuwatch.model.silence import Silence, parse_matcher
from gpuwatch.model.snapshot import Snapshot
from tests.engine.toys import Brake, Hot
from tests.web.houses import TIMEOUT, House, built, served

EVIL = "<script>alert(1)</script>"


def heading(text: str) -> str:
    return text.partition("<h1>")[2].partition("</h1>")[0]


def braked(house: House) -> str:
    house.site.bits[3] = 0x80
    house.poll(2)
    return house.incident


def test_a_healthy_fleet_is_shown_node_by_node(house: House) -> None:
    text = house.get("/").text
    assert heading(text) == "Nothing found wrong"
    assert text.count('class="tile ok"') == 2
    assert text.count('<i class="ok" title="GPU ') == 16
    assert "16 of 16 GPUs report" in text
    assert 'http-equiv="refresh" content="15"' in text
    assert "1970" not in text.partition("<footer>")[0]


def test_an_incident_says_what_where_how_long_and_what_to_do(house: House) -> None:
    incident = braked(house)
    text = house.get("/").text
    assert heading(text) == "1 critical"
    assert "<title>1 critical · gpuwatch</title>" in text
    assert f'<a href="/incidents/{incident}">brake</a>' in text
    assert '<p class="where">n1 GPU 3' in text
    assert "15 GPUs wait" in text
    assert "<strong>Do:</strong> mend n1" in text
    assert "HW power brake (0x80)" in text
    assert text.count('<li class="tile critical"') == 1
    cell = f'<a class="critical" href="/incidents/{incident}" title="GPU 3: brake"'
    assert text.count(cell) == 1


def test_the_worst_comes_first_and_what_is_in_hand_last(house: House) -> None:
    house.site.heat[12] = 90
    house.poll(2)
    braked_row, other_row = 3, 9
    house.site.bits[braked_row] = 0x80
    house.poll(2)
    house.site.bits[other_row] = 0x80
    house.poll(2)
    first = next(i for i in house.site.open if i.members[0].uuid == "GPU-n1-3")
    house.poll(1, [Request(RequestKind.ACK, house.now, "ann", first.id, id=1)])
    text = house.get("/").text
    order = [text.index(f'<p class="where">{p}') for p in (
        "n2 GPU 1", "n1 GPU 3", "n2 GPU 4")]  # fmt: skip
    assert order == sorted(order)
    assert "Acknowledged by ann" in text
    assert heading(text) == "2 critical, 1 warning"


def test_a_missing_gpu_is_unknown_and_the_page_is_not_green(house: House) -> None:
    house.site.lost.add(5)
    house.poll(1)
    text = house.get("/").text
    assert heading(text) == "Nothing found wrong, but 1 GPUs do not report"
    why = "GPU 5: no data: no live series of this GPU"
    assert text.count(f'<i class="unknown" title="{why}"') == 1
    assert 'class="tile unknown" title="n1: 1 of 8 GPUs: no data' in text


def test_an_incident_whose_gpu_is_gone_is_not_forgotten(house: House) -> None:
    braked(house)
    house.site.lost.add(3)
    house.poll(3)
    text = house.get("/").text
    assert "state unknown" in text
    assert 'class="critical absent"' in text
    assert heading(text) == "1 critical"


def test_a_silent_node_is_marked_as_a_whole(house: House) -> None:
    house.site.down.add(2)
    house.poll(3)
    text = house.get("/").text
    assert 'class="tile critical" title="n2: silent"' in text
    assert text.count('<i class="unknown" title="GPU ') == 8


def test_blind_means_that_nothing_is_green(house: House) -> None:
    house.blind(f"refused {EVIL}")
    text = house.get("/").text
    assert heading(text) == "Blind: nothing is known to be well"
    assert 'role="alert"' in text
    assert "c cannot be read, so no fault can be seen: refused &lt;script&gt;" in text
    assert '<i class="ok" title=' not in text
    assert "What gpuwatch cannot see" not in text


def test_old_readings_are_not_green_either(house: House) -> None:
    house.late_seconds = 300.0
    text = house.get("/").text
    assert heading(text) == "Blind: nothing is known to be well"
    assert "c: the last good cycle ended 5 min ago" in text
    assert '<i class="ok" title=' not in text
    assert "no data: the last reading is 5 min old" in text


def test_without_a_rule_that_can_judge_nothing_is_green(house: House) -> None:
    coverage = replace(
        house.views["c"].coverage,
        known={},
        missing={
            "brake": ("throttle_reasons",),
            "hot": ("gpu_temperature_celsius",),
        },
    )
    house.change(coverage=coverage)
    text = house.get("/").text
    assert heading(text) == "Nothing found wrong where gpuwatch can see"
    assert "c: nobody watches power, thermal; metrics are missing." in text
    assert '<i class="ok" title=' not in text
    line = "DCGM_FI_DEV_CLOCKS_EVENT_REASONS, gauge, clock event reasons"
    assert f'<code class="csv">{line}</code>' in text


def test_a_query_that_failed_is_not_blamed_on_the_exporter(house: House) -> None:
    coverage = replace(
        house.views["c"].coverage, missing={"brake": ("throttle_reasons",)}
    )
    house.change(coverage=coverage, unread={"throttle_reasons": "timed out"})
    text = house.get("/").text
    assert "the query failed: timed out" in text
    assert 'class="csv"' not in text


def test_a_rule_that_raised_is_named(house: House) -> None:
    failed = {"hot": f"ValueError: {EVIL}"}
    house.change(coverage=replace(house.views["c"].coverage, failed=failed))
    text = house.get("/").text
    assert "ValueError: &lt;script&gt;" in text


def test_before_the_first_cycle_it_says_so(house: House) -> None:
    house.views.clear()
    text = house.get("/").text
    assert heading(text) == "Blind: nothing is known to be well"
    assert "No cycle has finished yet" in text


def test_a_cluster_without_gpus_is_not_a_healthy_one(house: House) -> None:
    nothing = Snapshot("c", house.now, Fleet("c"), {}, np.empty(0))
    house.change(gpus=0, gpus_present=0, nodes=0, snapshot=nothing)
    text = house.get("/").text
    assert "No node has been seen yet" in text
    assert "c: no GPU has been seen." in text
    assert heading(text) == "Blind: nothing is known to be well"


def test_trouble_of_our_own_is_told(house: House) -> None:
    house.change(health={"delivery slack": "invalid_auth"})
    text = house.get("/").text
    assert "c, delivery slack: invalid_auth" in text
    assert heading(text) == "Nothing found wrong where gpuwatch can see"


def test_ended_ones_and_silences_are_listed(house: House) -> None:
    mute = Silence(
        "s", (parse_matcher("node=n1"),), house.now, house.now + 9999, "bob", "RMA 7"
    )
    braked(house)
    house.poll(1, [Request(RequestKind.SILENCE, house.now, "bob", silence=mute, id=1)])
    text = house.get("/").text
    assert '<span class="badge quiet">silenced</span>' in text
    assert "RMA 7" in text
    house.site.bits.clear()
    house.poll(6)
    text = house.get("/").text
    assert "Ended lately" in text
    assert '<span class="badge ok">recovered</span>' in text


def test_retired_nodes_are_left_out_and_counted(house: House) -> None:
    house.site.fleet.retire(nodes=["n2"])
    house.poll(1)
    text = house.get("/").text
    assert "1 retired nodes are left out" in text
    assert text.count('class="tile ') == 1


def test_a_fleet_too_big_for_one_page_shows_what_is_not_well(tmp_path: Path) -> None:
    rules = (Brake, Hot)
    with built(tmp_path, nodes=2001, gpus=1, rules=rules) as house, served(house):
        house.site.lost.add(1500)
        house.poll(1)
        text = house.get("/").text
    assert "2000 nodes on which nothing was found are not drawn" in text
    assert text.count('class="tile ') == 1
    assert 'title="n1501: ' in text


def test_strangers_words_stay_words(tmp_path: Path) -> None:
    name = f"{EVIL}\"' onload=x <!channel> \x1b[31m\u202e" + "y" * 10_000
    with built(tmp_path, nodes=1, gpus=1) as house, served(house):
        house.site.fleet.add(Gpu(name, f"GPU-{name}", index=0))
        house.site.bits[1] = 0x80
        for _ in range(3):
            snapshot = house.site.snapshot()
            house.site.poll(1)
            house.show(snapshot, snapshot.at)
        incident = replace(house.site.open[0], job=name, summary=f"{name}\ud800")
        house.change(incidents=(incident,), unread={name: name})
        for path in ("/", f"/incidents/{incident.id}"):
            answer = house.get(path)
            assert answer.status_code == 200
            assert "<script" not in answer.text
            assert "&lt;script&gt;" in answer.text
            assert "<!channel>" not in answer.text
            assert not {"\x1b", "\u202e"} & set(answer.text)
            assert "y" * 1001 not in answer.text
            assert "\"' onload" not in answer.text


def test_the_story_of_an_incident(house: House) -> None:
    incident = braked(house)
    house.poll(1, [Request(RequestKind.ACK, house.now, "ann", incident, "fans", id=1)])
    text = house.get(f"/incidents/{incident}").text
    assert heading(text) == "brake"
    assert "acknowledged" in text
    assert "by ann: fans" in text
    assert "GPU-n1-3" in text
    assert text.index("opened") < text.index("by ann: fans")


def test_without_the_store_the_page_and_the_incident_still_show(house: House) -> None:
    incident = braked(house)
    house.store.close()
    assert heading(house.get("/").text) == "1 critical"
    text = house.get(f"/incidents/{incident}").text
    assert heading(text) == "brake"
    assert "The store does not answer" in text


def test_an_old_incident_without_the_store_is_a_503_page(house: House) -> None:
    house.store.close()
    answer = house.get("/incidents/gw-old")
    assert answer.status_code == 503
    assert heading(answer.text) == "The store does not answer"


@pytest.mark.parametrize("path", ["/incidents/gw-none", f"/incidents/{EVIL}", "/x/y"])
def test_what_is_not_there_is_a_kind_404(house: House, path: str) -> None:
    answer = house.get(path)
    assert answer.status_code == 404
    assert heading(answer.text) == "Nothing here"
    assert 'href="/"' in answer.text
    assert "<script" not in answer.text


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(house: House) -> None:
    braked(house)
    text = house.get("/").text
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in text
    assert "style=" not in text
    style = text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    answer = house.get(style)
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "@import" not in answer.text
    assert "url(" not in answer.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics"])
def test_monitors_may_ask_for_the_head_only(house: House, path: str) -> None:
    answer = requests.head(house.url + path, timeout=TIMEOUT)
    assert (answer.status_code, answer.content) == (200, b"")
