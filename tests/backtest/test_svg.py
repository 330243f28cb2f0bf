"""The pictures: what is drawn where, what is said, and that nobody can break out."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from gpuwatch.backtest.axis import time_ticks, value_ticks
from gpuwatch.backtest.chart import QUANTITIES, Chart, Panel
from gpuwatch.backtest.svg import drawn, runs
from tests.backtest.past import T0

NOTHING = float("nan")
HOSTILE = "<script>alert(1)</script>\"'&\x00\u202e" + "x" * 10_000


def panel(line: list[float], peers: float = 1700.0) -> Panel:
    flat = np.full(len(line), peers)
    return Panel(QUANTITIES[0], np.array([line]), flat - 20, flat, flat + 20)


def chart(line: list[float], peers: float = 1700.0) -> Chart:
    """Readings 15 s apart; began at the 2nd, told at the 3rd, ended at the last."""
    return Chart(
        incident_id="one",
        at=T0 + 15.0 * np.arange(len(line), dtype=np.float64),
        step_seconds=15.0,
        panels=(panel(line, peers),),
        gpus=("node-01 GPU 1",),
        left_out=0,
        peers="7 GPUs of job 4211",
        started_at=T0 + 15,
        detected_at=T0 + 30,
        resolved_at=T0 + 15.0 * (len(line) - 1),
    )


def parsed(one: Chart) -> ET.Element:
    (picture,) = drawn(one, "c0-i0")
    return ET.fromstring(str(picture))  # noqa: S314  our own


def paths(one: Chart, kind: str) -> list[str]:
    found = parsed(one).iter("path")
    return [path.get("d", "") for path in found if path.get("class") == kind]


def test_a_line_goes_from_the_left_to_the_right() -> None:
    (d,) = paths(chart([1700, 1700, 1400]), "gpu")
    points = [float(n) for n in re.findall(r"[\d.]+", d)]
    assert points[0::2] == [46.0, 198.0, 350.0]
    assert points[1] == points[3] < points[5]  # lower is further down


def test_a_gap_breaks_the_line_and_a_lone_reading_is_a_dot() -> None:
    (d,) = paths(chart([1700, 1700, NOTHING, 1400, NOTHING, 1500, 1500]), "gpu")
    assert d.count("M") == 3
    assert [part[-2:] == "h0" for part in d.split("M")[1:]] == [False, True, False]
    assert "nan" not in d


def test_the_band_breaks_where_the_peers_are_unknown() -> None:
    one = chart([1700] * 5)
    low = np.array([1, 2, NOTHING, 4, 5])
    band = replace(one.panels[0], low=low, high=low + 1)
    (d,) = paths(replace(one, panels=(band,)), "band")
    assert d.count("Z") == 2
    assert "nan" not in d


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([], []),
        ([False, False], []),
        ([True, True], [(0, 2)]),
        ([True, False, True, True], [(0, 1), (2, 4)]),
    ],
)
def test_runs(known: list[bool], expected: list[tuple[int, int]]) -> None:
    assert runs(np.array(known, bool)) == expected


def test_began_told_and_ended_are_marked() -> None:
    one = chart([1700.0] * 101)
    words = [t.text for t in parsed(one).iter("text") if "said" in t.get("class", "")]
    assert words == ["began", "told", "ended"]
    marks = {kind: paths(one, f"mark {kind}") for kind in ("began", "told", "ended")}
    assert [d[0].split()[0] for d in marks.values()] == ["M49.0", "M52.1", "M350.0"]


def test_what_began_before_the_chart_is_not_marked() -> None:
    one = replace(chart([1700.0] * 9), started_at=T0 - 900, resolved_at=None)
    assert paths(one, "mark began") == []
    assert paths(one, "mark ended") == []
    (ground,) = [r for r in parsed(one).iter("rect") if r.get("class") == "during"]
    assert (ground.get("x"), ground.get("width")) == ("46.0", "304.0")


def test_it_is_told_in_words_too() -> None:
    picture = parsed(chart([1700, 1400, 1350, 1380]))
    title, words = picture.find("title"), picture.find("desc")
    assert picture.get("role") == "img"
    assert title is not None
    assert words is not None
    assert picture.get("aria-labelledby") == f"{title.get('id')} {words.get('id')}"
    assert title.text == "SM clock, MHz"
    assert words.text == (
        "node-01 GPU 1 during the incident: 1350 to 1400 MHz, median 1380 MHz; "
        "7 GPUs of job 4211: median 1700 MHz"
    )


def test_nothing_to_draw_says_why() -> None:
    one = chart([NOTHING] * 3, NOTHING)
    gone = replace(one.panels[0], missing="not exported: no DCGM_FI_DEV_SM_CLOCK")
    picture = parsed(replace(one, panels=(gone,)))
    assert "not exported: no DCGM_FI_DEV_SM_CLOCK" in "".join(picture.itertext())
    assert list(picture.iter("path")) == []


def test_a_hostile_name_stays_a_text() -> None:
    one = chart([1700, 1400, 1350])
    gone = replace(panel([NOTHING], NOTHING), missing=HOSTILE)
    one = replace(one, gpus=(HOSTILE,), peers=HOSTILE, panels=(*one.panels, gone))
    for picture in drawn(one, "c0-i0"):
        root = ET.fromstring(str(picture))  # noqa: S314  our own
        assert {element.tag for element in root.iter()} <= {
            "svg", "title", "desc", "text", "path", "rect", "g"
        }  # fmt: skip
        assert "<script" not in picture
        assert "alert(1)" in "".join(root.itertext())
        assert len(picture) < 8_000


def test_a_flat_line_is_not_blown_up() -> None:
    words = [t.text for t in parsed(chart([1700.0] * 4)).iter("text")]
    assert "1\u2009650" in words
    assert "1\u2009750" in words


def test_one_reading_alone_can_be_drawn() -> None:
    assert paths(chart([1500.0]), "gpu") == ["M46.0 169.0h0"]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (1350, 1990, ["1\u2009400", "1\u2009600", "1\u2009800"]),
        (38.0, 91.0, ["40", "60", "80"]),
        (0.1, 0.95, ["0.25", "0.50", "0.75"]),
        (-3.0, 12.0, ["0", "5", "10"]),
        (601.0, 609.0, ["602", "604", "606", "608"]),
        (600.5, 610.0, ["602.5", "605.0", "607.5", "610.0"]),
    ],
)
def test_round_values(low: float, high: float, labels: list[str]) -> None:
    assert [tick.label for tick in value_ticks(low, high)] == labels


@pytest.mark.parametrize(
    ("hours", "labels"),
    [
        (1, ["21:00", "21:15", "21:30", "21:45", "22:00"]),
        (9, ["21:00", "29 May", "03:00", "06:00"]),
        (48, ["29 May", "12:00", "30 May", "12:00"]),
        (24 * 21, ["04 Jun", "11 Jun", "18 Jun"]),
    ],
)
def test_round_times(hours: float, labels: list[str]) -> None:
    found = time_ticks(T0, T0 + hours * 3600)
    assert [tick.label for tick in found] == labels
