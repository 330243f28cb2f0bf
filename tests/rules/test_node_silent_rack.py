"""A rack falls silent, seen node by node as Prometheus scrapes it."""

from collections.abc import Sequence

from gpuwatch.model.window import Window
from gpuwatch.rules.node_silent import NodeSilent
from tests.rules.builders import AT, fleet_of, in_turn, marks, window_of

POLL = 15.0


def poll(number: int, ups: str) -> Window:
    """`ups`: exporter_up of the first three nodes, `1` or `0`; the fourth lives."""
    values = [*ups, "1"]
    heard = ["_" if up == "0" else "400" for up in values]
    return window_of(
        fleet_of(nodes=4),
        node={"exporter_up": " ".join(values)},
        sample_age_seconds=" ".join("_" if up == "0" else "0" for up in values),
        power_watts=" ".join(heard),
        at=AT + number * POLL,
    )


def told(ups: Sequence[str]) -> list[str]:
    """The first three nodes' marks at the last poll."""
    windows = [poll(number, now) for number, now in enumerate(ups)]
    return [marks(verdicts)[:3] for verdicts in in_turn(NodeSilent, windows)]


def test_who_fell_silent_within_two_minutes_is_told_at_once() -> None:
    story = ["111", "011", *["001"] * 7, *["000"] * 12]
    assert told(story)[-1] == "???"
    assert told([*story, "000"])[-1] == "FFF"


def test_a_gap_elsewhere_does_not_join_a_silent_node() -> None:
    story = ["111", *["011"] * 18, *["000"] * 4]
    assert told(story)[-2:] == ["F??", "F??"]


def test_what_began_later_counts_by_itself() -> None:
    story = ["111", *["011"] * 9, *["001"] * 20]
    assert told(story)[-1] == "F?."
    assert told([*story, "001"])[-1] == "FF."
