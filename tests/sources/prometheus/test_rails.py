"""Network ports out of a real Prometheus, live and of the past."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan
from gpuwatch.sources.prometheus.rails import LINE, SENT, STATE
from tests.sources.conftest import MakeSite, Site
from tests.sources.tape import LAST, T0, Tape, stamps

LINE_BYTES = 5e10
DAY = 86_400.0
METRICS = (
    "rail_share_ratio",
    "slowest_rail_number",
    "rails_down_count",
    "down_rail_number",
)
PLAN = Plan(metrics=dict.fromkeys(METRICS, 0.0))
EVEN = [0.4] * 8
SLOW = [0.4] * 5 + [0.2] + [0.4] * 2
# an hour ago and a day ago, by which ports are known to be siblings
AGO = (4500, 900, DAY + 3600, DAY)
BEFORE = [LAST - ago - early for ago in AGO for early in (120, 60, 0)]


def node_of(tape: Tape, number: int) -> dict[str, str]:
    node = f"gpu-{number:02d}"
    tape.gpu(node, number)
    return {"job": "node", "instance": f"{node}:9100", "port": "1"}


def loads(tape: Tape, number: int, now: Sequence[float], *, past: bool = True) -> None:
    """Counters of a node: what its ports carry, as shares of line rate."""
    labels = node_of(tape, number)
    for port, share in enumerate(now):
        device = f"mlx5_{port}"
        usual = 0.4 if past else 0.0
        early = [usual * LINE_BYTES * (t - LAST + 2 * DAY) for t in BEFORE]
        base = usual * LINE_BYTES * 2 * DAY
        late = [base + share * LINE_BYTES * (t - T0) for t in stamps()]
        times = [*sorted(BEFORE), *stamps()]
        values = [*sorted(early), *late]
        if not past:
            times, values = stamps(), late
        tape.add(SENT, values, times, **labels, device=device)
        tape.add(LINE, LINE_BYTES, times, **labels, device=device)


def told(made: Site, at: float = LAST) -> dict[str, dict[str, float | None]]:
    seen = made.read(at, PLAN)
    assert seen.unread == {}
    return by_node(made, seen)


def by_node(made: Site, seen: Snapshot) -> dict[str, dict[str, float | None]]:
    return {
        metric: {
            node: None if np.isnan(value) else round(float(value), 2)
            for node, value in zip(made.fleet.nodes, column, strict=True)
        }
        for metric, column in seen.node_columns.items()
    }


def test_a_slow_rail_of_one_node_by_its_own_past(site: MakeSite) -> None:
    tape = Tape()
    loads(tape, 0, SLOW)
    loads(tape, 1, EVEN)
    found = told(site(tape))
    assert found["rail_share_ratio"] == {"gpu-00": 0.5, "gpu-01": 1.0}
    assert found["slowest_rail_number"]["gpu-00"] == 5.0


def test_without_a_past_four_nodes_must_agree(site: MakeSite) -> None:
    tape = Tape()
    for number in range(5):
        loads(tape, number, SLOW if number == 2 else EVEN, past=False)
    found = told(site(tape))["rail_share_ratio"]
    assert found["gpu-02"] == 0.5
    assert found["gpu-00"] == 1.0
    tape = Tape()
    loads(tape, 0, SLOW, past=False)
    loads(tape, 1, EVEN, past=False)
    assert told(site(tape))["rail_share_ratio"] == {"gpu-00": None, "gpu-01": None}


def test_what_was_found_out_is_kept_between_looks(site: MakeSite) -> None:
    tape = Tape()
    loads(tape, 0, SLOW)
    made = site(tape)
    for at in (LAST - 60, LAST - 30, LAST):
        assert told(made, at)["rail_share_ratio"] == {"gpu-00": 0.5}


def test_history_says_the_same(site: MakeSite) -> None:
    tape = Tape()
    loads(tape, 0, SLOW)
    made = site(tape)
    past = made.source.history(PLAN, made.fleet, LAST - 60, LAST, 30)
    shares = [by_node(made, seen)["rail_share_ratio"]["gpu-00"] for seen in past]
    assert shares == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("rails", "lowest"),
    [
        pytest.param([0.388] + [0.4] * 7, 0.97, id="structurally 3 % less"),
        pytest.param([0.02, 0.01] + [0.02] * 6, None, id="idle"),
        pytest.param([0.4] * 4 + [0.0] * 4, None, id="half in use"),
        pytest.param([0.4, 0.3, 0.5, 0.35, 0.45, 0.4, 0.33, 0.48], None, id="uneven"),
    ],
)
def test_what_must_stay_silent(
    site: MakeSite, rails: list[float], lowest: float | None
) -> None:
    tape = Tape()
    loads(tape, 0, rails)
    assert told(site(tape))["rail_share_ratio"] == {"gpu-00": lowest}


def states(tape: Tape, number: int, now: Mapping[str, int], ago: int | None) -> None:
    """Port states by device, and an hour before (None: not scraped then)."""
    labels = node_of(tape, number)
    for device, state in now.items():
        times = [] if ago is None else [LAST - 7200]
        values = [float(ago or 0)] * len(times) + [float(state)] * len(stamps())
        tape.add(STATE, values, [*times, *stamps()], **labels, device=device)


def test_a_port_that_was_active_and_is_down(site: MakeSite) -> None:
    tape = Tape()
    states(tape, 0, {"mlx5_0": 4, "mlx5_1": 1, "mlx5_2": 2}, ago=4)
    states(tape, 1, {"mlx5_0": 4, "mlx5_1": 4}, ago=4)
    found = told(site(tape))
    assert found["rails_down_count"] == {"gpu-00": 2.0, "gpu-01": 0.0}
    assert found["down_rail_number"] == {"gpu-00": 2.0, "gpu-01": None}


def test_a_port_that_was_never_up_is_unused(site: MakeSite) -> None:
    tape = Tape()
    for number in range(4):
        states(tape, number, {"mlx5_0": 4, "mlx5_1": 1}, ago=None)
    assert set(told(site(tape))["rails_down_count"].values()) == {0.0}


def test_a_port_that_its_namesakes_have_is_missed(site: MakeSite) -> None:
    tape = Tape()
    for number in range(5):
        states(tape, number, {"mlx5_0": 4 if number else 1}, ago=None)
    found = told(site(tape))["rails_down_count"]
    assert (found["gpu-00"], found["gpu-04"]) == (1.0, 0.0)


def test_nodes_without_counters_are_absent(site: MakeSite) -> None:
    tape = Tape()
    states(tape, 0, {"mlx5_0": 4}, ago=4)
    tape.gpu("gpu-01", 1)
    assert told(site(tape))["rails_down_count"] == {"gpu-00": 0.0, "gpu-01": None}


def test_a_site_without_such_ports_is_not_asked(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("gpu-00", 0)
    assert set(told(site(tape))) & set(METRICS) == set()
