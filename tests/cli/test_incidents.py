"""`gpuwatch incidents`, with a daemon and without one."""

from dataclasses import replace
from pathlib import Path

import pytest
import requests

from gpuwatch.incidents.record import as_record
from gpuwatch.model.request import RequestKind
from gpuwatch.store import open_store
from gpuwatch.testing import FakePrometheus
from tests.cli.conftest import Run, braked, configure
from tests.web.houses import House


@pytest.fixture(params=["daemon", "house"])
def place(request: pytest.FixtureRequest) -> House:
    """Both ways, which must not differ but in the last word."""
    found: House = request.getfixturevalue(request.param)
    return found


def test_open_ones_are_listed(run: Run, place: House) -> None:
    assert run("incidents").json == {"incidents": []}
    braked(place)
    expected = {"incidents": [as_record(place.site.open[0])]}
    assert run("incidents").json == expected
    assert run("incidents", "list").json == expected


def test_ended_ones_only_with_all(run: Run, place: House) -> None:
    ended = braked(place)
    place.site.bits.clear()
    place.poll(6)
    assert run("incidents").json == {"incidents": []}
    (found,) = run("incidents", "list", "--all").json["incidents"]
    assert (found["id"], found["ending"]) == (ended, "recovered")
    assert "(recovered)" in run("incidents", "--all", "--output", "table").out


def test_limit(run: Run, place: House) -> None:
    braked(place)
    place.site.heat[12] = 90
    place.poll(3)
    assert len(run("incidents").json["incidents"]) == 2
    (newest,) = run("incidents", "list", "--limit", "1").json["incidents"]
    assert newest["rule"] == "hot"


def test_the_table_says_what_where_and_from_whom(run: Run, place: House) -> None:
    incident = braked(place)
    table = run("incidents", "--output", "table").out
    for word in (incident, "critical", "n1 GPU 3", "brake"):
        assert word in table
    assert "from the " in table


def test_show_has_evidence_and_story(run: Run, place: House) -> None:
    incident = braked(place)
    found = run("incidents", "show", incident).json
    assert found["evidence"] == {"throttle_reasons": 128.0}
    assert [event["kind"] for event in found["story"]] == ["opened"]
    page = run("incidents", "show", incident, "--output", "table").out
    for word in ("mend n1", "throttle_reasons", "128", "opened", "n1 GPU 3"):
        assert word in page


@pytest.mark.parametrize(
    ("verb", "kind"), [("ack", RequestKind.ACK), ("close", RequestKind.CLOSE)]
)
def test_asking_leaves_a_request(
    run: Run, place: House, verb: str, kind: RequestKind
) -> None:
    incident = braked(place)
    ran = run("incidents", verb, incident, "--comment", "fan ordered")
    assert ran.code == 0
    assert ran.out.startswith(f"{incident}: brake will be ")
    (asked,) = place.store.requests()
    told = (asked.kind, asked.target, asked.by, asked.comment)
    assert told == (kind, incident, "ann", "fan ordered")


def test_by_names_who_asks(run: Run, place: House) -> None:
    run("incidents", "ack", braked(place), "--by", "bob")
    (asked,) = place.store.requests()
    assert asked.by == "bob"


def test_the_answer_says_when_it_is_taken_up(run: Run, house: House) -> None:
    ran = run("incidents", "ack", braked(house))
    assert ran.out.endswith(" when `gpuwatch run` runs again\n")


def test_with_a_daemon_the_next_cycle_takes_it_up(run: Run, daemon: House) -> None:
    assert run("incidents", "ack", braked(daemon)).out.endswith(" by the next cycle\n")


@pytest.mark.parametrize("verb", ["show", "ack", "close"])
def test_an_unknown_id_is_one_line(run: Run, place: House, verb: str) -> None:
    incident = braked(place)
    ran = run("incidents", verb, incident[:-1])
    assert (ran.code, ran.out) == (2, "")
    expected = f"there is no such incident; did you mean {incident}?"
    assert ran.err == f"gpuwatch: {incident[:-1]}: {expected}\n"
    assert place.store.requests() == []


def test_an_ended_one_cannot_be_acked(run: Run, place: House) -> None:
    incident = braked(place)
    place.site.bits.clear()
    place.poll(6)
    ran = run("incidents", "ack", incident)
    assert ran.code == 2
    assert "has ended (recovered)" in ran.err
    assert place.store.requests() == []


def test_strangers_words_reach_the_terminal_clean(run: Run, daemon: House) -> None:
    braked(daemon)
    odd = replace(daemon.site.open[0], summary="\x1b[31m[red]\ud800\n", action="\x07")
    daemon.change(incidents=(odd,))
    table = run("incidents", "--output", "table").out
    assert "?[31m[red]??" in table
    assert run("incidents").json["incidents"][0]["summary"] == "\x1b[31m[red]\ud800\n"


def test_a_daemon_with_another_token_refuses_in_one_line(
    run: Run, daemon: House, tmp_path: Path
) -> None:
    incident = braked(daemon)
    configure(tmp_path, daemon.url.removeprefix("http://"), token="other")  # noqa: S106
    ran = run("incidents", "ack", incident)
    assert ran.code == 2
    assert "that is not the token" in ran.err
    assert ran.err.count("\n") == 1
    assert daemon.store.requests() == []


def test_the_token_file_is_read_where_no_token_is_set(
    run: Run, daemon: House, tmp_path: Path
) -> None:
    listen = daemon.url.removeprefix("http://")
    store = f"sqlite:///{tmp_path}/gpuwatch.db"
    (tmp_path / "gpuwatch.yaml").write_text(
        f"store: {{url: '{store}'}}\nweb: {{listen: '{listen}'}}\n"
    )
    incident = braked(daemon)
    ran = run("incidents", "ack", incident)
    assert ran.code == 2
    assert "run this as the user that runs gpuwatch" in ran.err
    (tmp_path / "api-token").write_text("a-secret-token\n")
    assert run("incidents", "ack", incident).code == 0


def test_something_else_on_the_port_is_not_taken_for_the_daemon(
    run: Run, house: House, tmp_path: Path
) -> None:
    with FakePrometheus() as other:
        configure(tmp_path, other.url.removeprefix("http://"))
        incident = braked(house)
        assert run("incidents").json["incidents"][0]["id"] == incident
        run("incidents", "ack", incident)
        sent = [request.headers.get("Authorization") for request in other.requests]
    assert len(house.store.requests()) == 1
    assert set(sent) == {None}


def test_without_daemon_and_store_it_says_so(run: Run, tmp_path: Path) -> None:
    configure(tmp_path, "127.0.0.1:9")
    ran = run("incidents")
    assert ran.code == 2
    assert "there is no store; start `gpuwatch run` once" in ran.err
    assert not (tmp_path / "gpuwatch.db").exists()


def test_reading_does_not_claim_the_store(run: Run, house: House) -> None:
    braked(house)
    with pytest.raises(Exception, match="another gpuwatch"):
        open_store(f"sqlite:///{Path.cwd()}/gpuwatch.db", create=True)
    assert run("incidents").code == 0


@pytest.mark.parametrize("early", [("--all",), ("--limit", "5"), ("--config", "x")])
def test_options_before_the_command_are_not_lost(
    run: Run, early: tuple[str, ...]
) -> None:
    ran = run("incidents", *early, "list")
    assert ran.code == 2
    assert f"{early[0]}: stands too early; write it after `list`" in ran.err


def test_the_daemon_answers_where_only_the_daemon_knows(
    run: Run, daemon: House
) -> None:
    """What the engine has just opened is on the page before a store is read."""
    assert requests.get(daemon.url + "/healthz", timeout=10).ok
    braked(daemon)
    daemon.change(incidents=())
    assert run("incidents").json == {"incidents": []}
