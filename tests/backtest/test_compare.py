"""Two configurations: which incidents are the same one, and what differs."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from rich.console import Console

from gpuwatch.backtest.compare import Comparison, compare
from gpuwatch.backtest.compared import document, table
from gpuwatch.backtest.outcome import Traffic
from gpuwatch.model.incident import Incident, Member
from gpuwatch.model.severity import Scope, Severity
from tests.backtest.past import HOUR, T0, incident, outcome

NODE = (Member("node-01"),)
OTHER_GPU = (Member("node-01", 2, "GPU-1-2"),)
JOB: dict[str, Any] = {"members": (), "scope": Scope.JOB}


def sides(found: Comparison) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """Ids: only the first, only the second, both."""
    return (
        [i.id for i in found.only_a],
        [i.id for i in found.only_b],
        [(pair.a.id, pair.b.id) for pair in found.both],
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(incident("b", 0), id="the same"),
        pytest.param(incident("b", 300, None), id="later, but overlapping"),
        pytest.param(incident("b", 600, 60), id="touching"),
        pytest.param(incident("b", 0, members=NODE), id="its node"),
        pytest.param(
            incident("b", 0, members=OTHER_GPU + incident("", 0).members), id="wider"
        ),
        pytest.param(
            incident("b", 0, lead="thermal", rules=("thermal", "straggler")),
            id="another lead, with ours in it",
        ),
    ],
)
def test_one_trouble(other: Incident) -> None:
    found = compare(outcome(incident("a", 0)), outcome(other))
    assert sides(found) == ([], [], [("a", "b")])


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(incident("b", 601, 60), id="after its end"),
        pytest.param(incident("b", 0, members=OTHER_GPU), id="another GPU"),
        pytest.param(
            incident("b", 0, members=(Member("node-02", 1, "GPU-1-1"),)),
            id="the card in another node",
        ),
        pytest.param(
            incident("b", 0, lead="xid", rules=("xid",)), id="another kind of trouble"
        ),
        pytest.param(incident("b", 0, **JOB), id="the job"),
    ],
)
def test_two_troubles(other: Incident) -> None:
    found = compare(outcome(incident("a", 0)), outcome(other))
    assert sides(found) == (["a"], ["b"], [])


def test_jobs_by_name_and_clusters_by_scope() -> None:
    cluster: dict[str, Any] = {"members": (), "scope": Scope.CLUSTER}
    a = outcome(
        incident("j1", 0, job="1", **JOB),
        incident("j2", 0, job="2", **JOB),
        incident("c", 0, **cluster),
    )
    b = outcome(incident("k2", 0, job="2", **JOB), incident("d", 0, **cluster))
    assert sides(compare(a, b)) == (["j1"], [], [("c", "d"), ("j2", "k2")])


def test_each_is_matched_once_with_whom_it_shares_most() -> None:
    a = outcome(incident("a", 0, HOUR))
    b = outcome(incident("b1", 0, 60), incident("b2", 300, 2000))
    assert sides(compare(a, b)) == ([], ["b1"], [("a", "b2")])


def test_the_same_lead_goes_before_more_time() -> None:
    a = outcome(incident("a", 0, HOUR))
    mixed = incident("mixed", 0, HOUR, lead="xid", rules=("xid", "straggler"))
    b = outcome(mixed, incident("own", 0, 60))
    assert sides(compare(a, b)) == ([], ["mixed"], [("a", "own")])


def test_absorbed_ones_are_not_told_apart() -> None:
    a = outcome(incident("a", 0), incident("part", 0, merged_into="a"))
    found = compare(a, outcome(incident("b", 0)))
    assert sides(found) == ([], [], [("a", "b")])


def test_what_changes() -> None:
    a = outcome(
        incident("a", 0, severity=Severity.WARNING),
        traffic={"a": Traffic(posts=1, notes=3, pages=0)},
    )
    later = incident("b", 0, detected_at=T0 + 75, resolved_at=None)
    b = outcome(later, traffic={"b": Traffic(posts=1, notes=1, pages=1)})
    (pair,) = compare(a, b).changed
    assert pair.told_later_seconds == 45
    assert pair.more_messages == -2
    assert pair.changes == [
        "warning → critical",
        "told 45 s later",
        "ends → open at the end",
        "4 → 2 messages",
        "0 → 1 pages",
    ]


def test_edits_alone_are_no_change() -> None:
    one = incident("a", 0)
    a = outcome(one, traffic={"a": Traffic(posts=1, edits=9)})
    b = outcome(one, traffic={"a": Traffic(posts=1, edits=1)})
    assert compare(a, b).changed == []


def spoken(found: Comparison) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(table(found))
    return captured.get()


def test_the_table_for_a_terminal() -> None:
    sooner = incident("both", HOUR, lead="straggler", detected_at=T0 + HOUR + 15)
    a = outcome(incident("both", HOUR), incident("gone", 2 * HOUR))
    text = spoken(compare(a, outcome(sooner), ("now.yaml", "[red]calm.yaml")))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "now.yaml [red]calm.yaml" in lines
    assert "incidents 2 1" in lines
    assert "pages per day 8 4" in lines
    assert "only now.yaml tells" in lines
    assert any("gone: SM clock" in line and "straggler" in line for line in lines)
    assert any("told 15 s sooner" in line for line in lines)
    assert "0 incidents are told by both in the same way" in lines


def test_a_long_table_says_how_much_is_left_out() -> None:
    many = [incident(f"i{n}", 700.0 * n) for n in range(60)]
    text = spoken(compare(outcome(*many), outcome()))
    assert "and 10 more: --output json has them all" in " ".join(text.split())


def test_a_hostile_name_does_not_reach_the_terminal() -> None:
    bad = incident("a", 0, summary="[link=x]\x1b[2J" + "y" * 10_000)
    text = spoken(compare(outcome(bad), outcome()))
    assert "\x1b" not in text
    assert "[link=x]?[2J" in "".join(text.split())
    assert len(text) < 5_000


def test_the_json_document() -> None:
    a = outcome(incident("one", HOUR), incident("gone", 2 * HOUR))
    b = replace(outcome(incident("two", HOUR + 30)), cluster="train")
    found = document([compare(a, b, ("x.yaml", "y.yaml"))])
    (record,) = orjson.loads(orjson.dumps(found))["comparisons"]
    assert (record["cluster"], record["start"]) == ("train", "2026-05-28T21:00:00Z")
    assert record["first"] == {
        "name": "x.yaml",
        "incidents": 2,
        "critical": 2,
        "warning": 0,
        "info": 0,
        "messages": 2,
        "edits": 0,
        "pages": 2,
        "pages_per_day": 8.0,
    }
    assert record["second"]["pages_per_day"] == 4.0
    assert [i["id"] for i in record["only_first"]] == ["gone"]
    assert record["only_second"] == []
    (pair,) = record["both"]
    assert (pair["first"]["id"], pair["second"]["id"]) == ("one", "two")
    assert pair["told_later_seconds"] == 30
    assert pair["changes"] == ["told 30 s later", "ends 30 s later"]
