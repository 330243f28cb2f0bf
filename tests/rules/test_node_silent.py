"""Stories of two nodes: the second always lives, the first falls silent."""

from collections.abc import Sequence

import pytest

from gpuwatch.model.verdict import Verdicts
from gpuwatch.model.window import Window
from gpuwatch.rules.node_silent import NodeSilent
from tests.rules.builders import AT, finding, fleet_of, in_turn, marks, window_of

POLL = 15.0
LIVES = ("1", "1", "0")
SILENT = ("0", "0", "_")


def poll(
    number: float, first: tuple[str, str, str], second: tuple[str, str, str] = LIVES,
    *, tensor: str = "0.4", percent: str = "100", jobs: str = "llm llm",
) -> Window:  # fmt: skip
    """`first` and `second`: exporter_up, node_exporter_up, age of the GPU's sample."""
    ages = [first[2], second[2]]
    return window_of(
        fleet_of(nodes=2),
        node={
            "exporter_up": f"{first[0]} {second[0]}",
            "node_exporter_up": f"{first[1]} {second[1]}",
        },
        sample_age_seconds=" ".join(ages),
        power_watts=" ".join("_" if age == "_" else "400" for age in ages),
        tensor_active_ratio=tensor,
        utilization_percent=percent,
        jobs=jobs,
        at=AT + number * POLL,
    )


def told(windows: Sequence[Window]) -> str:
    """The first node's marks, poll by poll."""
    return "".join(marks(verdicts)[0] for verdicts in in_turn(NodeSilent, windows))


def after(first: tuple[str, str, str], polls: int, **more: str) -> str:
    """Alive at poll 0, then `first` in every poll."""
    later = [poll(number, first, **more) for number in range(1, polls + 1)]  # type: ignore[arg-type]
    return told([poll(0, LIVES), *later])


@pytest.mark.parametrize(
    "first",
    [("0", "0", "_"), ("0", "_", "_"), ("_", "0", "_"), ("_", "_", "_")],
)
def test_silent_for_five_minutes(first: tuple[str, str, str]) -> None:
    assert after(first, 23) == "." + "?" * 20 + "FFF"


@pytest.mark.parametrize(
    ("first", "mark"),
    [
        (("1", "0", "_"), "."),
        (("1", "_", "0"), "."),
        (("0", "1", "_"), "."),
        (("_", "1", "_"), "."),
        (("_", "_", "0"), "."),
        (("_", "0", "0"), "."),
    ],
)
def test_who_is_heard_somehow_is_not_silent(
    first: tuple[str, str, str], mark: str
) -> None:
    assert after(first, 30) == "." + mark * 30


def test_a_node_that_was_never_heard_is_unknown() -> None:
    assert told([poll(number, SILENT) for number in range(30)]) == "?" * 30


def test_it_comes_back_and_counts_anew() -> None:
    polls = [LIVES, *[SILENT] * 10, LIVES, *[SILENT] * 22]
    windows = [poll(number, first) for number, first in enumerate(polls)]
    assert told(windows) == "." + "?" * 10 + "." + "?" * 20 + "FF"


def test_when_prometheus_hears_nobody_nobody_is_silent() -> None:
    nothing = ("_", "_", "_")
    deaf = [poll(number, nothing, nothing) for number in range(1, 30)]
    assert told([poll(0, LIVES), *deaf]) == "." + "?" * 29
    again = [poll(number, nothing) for number in range(30, 53)]
    assert told([poll(0, LIVES), *deaf, *again])[-23:] == "?" * 20 + "FFF"


def test_time_in_which_nothing_was_asked_does_not_count() -> None:
    windows = [poll(0, LIVES), poll(1, SILENT), poll(41, SILENT), poll(42, SILENT)]
    assert told(windows) == ".???"


def test_silence_is_dated_from_its_first_poll() -> None:
    windows = [poll(0, LIVES), *(poll(number, SILENT) for number in range(1, 22))]
    last = in_turn(NodeSilent, windows)[-1]
    assert last.since is not None
    assert last.since[0] == AT + POLL
    assert last.evidence["silent_seconds"][0] == 300.0


@pytest.mark.parametrize(
    ("more", "stalled"),
    [
        ({"tensor": "_ 0.01"}, True),
        ({"tensor": "_ 0.02"}, False),
        ({"tensor": "_ _", "percent": "_ 1"}, True),
        ({"tensor": "_ _", "percent": "_ 2"}, False),
        ({"tensor": "_ _", "percent": "_ _"}, False),
        ({"tensor": "_ 0.01", "jobs": "_ other"}, False),
        ({"tensor": "_ 0.01", "jobs": "_ llm"}, True),
        ({"tensor": "_ 0.01", "jobs": "_ _"}, False),
    ],
)
def test_one_minute_is_enough_when_its_job_stands_still(
    more: dict[str, str], stalled: bool
) -> None:
    marked = after(SILENT, 6, **more)
    assert marked == (".????FF" if stalled else ".??????")


def all_of(verdicts: Verdicts) -> str:
    return marks(verdicts)


def test_both_nodes_of_the_job_silent_leaves_no_peer_to_ask() -> None:
    windows = [poll(0, LIVES), *(poll(n, SILENT, SILENT) for n in range(1, 23))]
    told_of = [all_of(verdicts) for verdicts in in_turn(NodeSilent, windows)]
    assert told_of == ["..", *["??"] * 20, "FF", "FF"]


def test_a_node_whose_gpus_were_all_retired() -> None:
    windows = [poll(0, LIVES), *(poll(number, SILENT) for number in range(1, 30))]
    for window in windows[1:]:
        window.now.fleet.retire(rows=[0])
    assert told(windows) == "." + "?" * 29


def test_the_limits_can_be_set() -> None:
    rule = NodeSilent.configured({"silent_hold": "30s", "stalled_hold": "15s"})
    windows = [poll(0, LIVES), *(poll(number, SILENT) for number in range(1, 5))]
    assert [marks(v)[0] for v in in_turn(rule, windows)] == [".", "?", "?", "F", "F"]


@pytest.mark.parametrize(
    ("tensor", "polls", "summary"),
    [
        ("_ 0.4", 21, "Node is silent"),
        ("_ 0.0", 5, "Node is silent, its job stands still"),
    ],
)
def test_words(tensor: str, polls: int, summary: str) -> None:
    rule = NodeSilent.configured({})
    later = [poll(number, SILENT, tensor=tensor) for number in range(1, polls + 1)]
    verdicts = in_turn(rule, [poll(0, LIVES), *later])[-1]
    found = finding(rule, verdicts, later[-1])
    assert found.evidence["gpus_on_node"] == 1.0
    words = rule.explain(found)
    assert words.summary == summary
    assert words.action.startswith("Try its BMC")
