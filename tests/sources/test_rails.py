"""Rails of a node beside one another: who is slow, and who only differs."""

from collections.abc import Sequence

import numpy as np
import pytest

from gpuwatch.sources.rails import (
    Ports,
    number_of,
    siblings_by_name,
    siblings_by_past,
    slowest,
)

NAN = float("nan")


def ports_of(
    nodes: Sequence[Sequence[float]],
) -> tuple[Ports, np.ndarray]:
    """One list of loads (share of line rate) a node, ports named mlx5_0 and so on."""
    labels, rows, values = [], [], []
    for row, loads in enumerate(nodes):
        for number, load in enumerate(loads):
            labels.append({"device": f"mlx5_{number}", "port": "1", "instance": row})
            rows.append(row)
            values.append(load)
    found = Ports.of(labels, np.array(rows, np.int64), len(nodes))  # type: ignore[arg-type]
    return found, np.array(values)


def judged(
    *nodes: Sequence[float], past: Sequence[Sequence[float]] = ()
) -> list[tuple[float | None, float | None]]:
    ports, now = ports_of(nodes)
    before = ports_of(past)[1] if past else np.full(len(now), NAN)
    shares, numbers = slowest(ports, now, siblings_by_past(ports, before))
    return [
        (
            None if np.isnan(share) else round(float(share), 2),
            None if np.isnan(number) else float(number),
        )
        for share, number in zip(shares, numbers, strict=True)
    ]


EVEN = [0.4] * 8
SLOW = [0.4] * 5 + [0.3] + [0.4] * 2
UNKNOWN = (None, None)


def test_a_slow_rail_is_found_by_its_own_past() -> None:
    assert judged(SLOW, past=[EVEN]) == [(0.75, 5.0)]


def test_and_by_its_namesakes_on_other_nodes() -> None:
    assert judged(SLOW, EVEN, EVEN, EVEN)[0] == (0.75, 5.0)
    assert judged(SLOW, EVEN, EVEN)[0] == UNKNOWN  # three nodes make no norm


def test_a_whole_leaf_switch_is_found_by_the_past_alone() -> None:
    assert judged(SLOW, SLOW, SLOW, SLOW) == [(1.0, 0.0)] * 4
    assert judged(SLOW, SLOW, SLOW, SLOW, past=[EVEN] * 4) == [(0.75, 5.0)] * 4


@pytest.mark.parametrize(
    ("loads", "lowest"),
    [
        ([0.388] + [0.4] * 7, 0.97),  # structurally 3 % less
        ([0.4] * 8, 1.0),
        ([0.361] + [0.4] * 7, 0.9),
    ],
)
def test_a_small_difference_stays_small(loads: list[float], lowest: float) -> None:
    assert judged(loads, past=[EVEN])[0][0] == lowest


@pytest.mark.parametrize(
    "loads",
    [
        pytest.param([0.001, 0.0005] + [0.001] * 6, id="idle"),
        pytest.param([0.04, 0.02] + [0.04] * 6, id="below 5 % of line rate"),
        pytest.param([0.4] * 4 + [0.0] * 4, id="half the node in use"),
        pytest.param([0.4, 0.3, 0.35, 0.45, 0.5, 0.38, 0.41, 0.33], id="uneven"),
        pytest.param([0.4] * 6 + [0.3] * 2, id="two at once"),
        pytest.param([0.4, 0.4, 0.3], id="three rails"),
        pytest.param([NAN] * 8, id="absent"),
    ],
)
def test_what_proves_nothing_is_unknown(loads: list[float]) -> None:
    past = [[0.4] * len(loads)]
    assert judged(loads, past=past) == [UNKNOWN]


def test_a_rail_that_carries_nothing_is_idle_and_not_slow() -> None:
    assert judged([0.4] * 7 + [0.001], past=[EVEN])[0][0] == 1.0


def test_ports_with_another_role_are_no_siblings() -> None:
    compute_and_storage = [0.4] * 8 + [0.07, 0.06]
    found = judged(*[compute_and_storage] * 6, past=[compute_and_storage] * 6)
    assert found == [(1.0, 0.0)] * 6
    slow = [0.3] + [0.4] * 7 + [0.07, 0.06]
    found = judged(slow, *[compute_and_storage] * 5, past=[compute_and_storage] * 6)
    assert found[0] == (0.75, 0.0)


def test_four_rails_are_enough_with_three_busy() -> None:
    assert judged([0.4, 0.4, 0.4, 0.3], past=[[0.4] * 4]) == [(0.75, 3.0)]


def test_an_idle_past_makes_no_siblings() -> None:
    ports, past = ports_of([[0.001] * 8])
    assert not siblings_by_past(ports, past).any()


def test_names_need_busy_nodes() -> None:
    ports, now = ports_of([[0.001] * 8] * 6)
    assert not siblings_by_name(ports, ports.table(now)).any()


def test_nodes_may_have_different_numbers_of_ports() -> None:
    found = judged([0.4] * 4, SLOW, [], past=[[0.4] * 4, EVEN, []])
    assert found == [(1.0, 0.0), (0.75, 5.0), UNKNOWN]


def test_strangers_and_no_ports_at_all() -> None:
    labels = [{"device": "mlx5_0"}]
    ports = Ports.of(labels, np.array([-1]), 2)
    shares, _ = slowest(ports, np.array([0.4]), ports.series >= 0)
    assert np.isnan(shares).all()


@pytest.mark.parametrize(
    ("device", "number"),
    [("mlx5_3", 3.0), ("mlx5_12", 12.0), ("ibp24s0", 0.0), ("rocep1s0f1", 1.0)],
)
def test_numbers_of_devices(device: str, number: float) -> None:
    assert number_of(device) == number


def test_a_device_without_a_number() -> None:
    assert np.isnan(number_of("bond"))
