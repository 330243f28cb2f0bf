"""What each row's board is, and where it begins to slow itself down."""

import numpy as np
import pytest

from gpuwatch.model.boards import (
    board_power_limit_watts,
    boards_of,
    operating_limit_celsius,
)
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from tests.rules.builders import H100, fleet_of, window_of

T4, STRANGE = "Tesla T4", "Something New"


def test_models_slots_and_instances() -> None:
    cards = [
        Gpu("n0", "a", index=0, model="A"),
        Gpu("n0", "b", index=3, model="B"),
        Gpu("n0", "c", index=None, model="A"),
        Gpu("n0", "d", "2", index=1, model="A"),
    ]
    boards = boards_of(Fleet("c", cards), 4)
    assert boards.models == ("A", "B")
    assert boards.code.tolist() == [0, 1, 0, 0]
    assert boards.slot.tolist() == [0, 3, -1, 1]
    assert boards.whole.tolist() == [True, True, True, False]
    assert boards.slots == 4
    # an unknown slot and a MIG instance are of no class
    assert boards.classes.tolist() == [0, 7, -1, -1]


def test_no_rows() -> None:
    boards = boards_of(fleet_of(gpus=0), 0)
    assert (boards.models, boards.slots, boards.classes.tolist()) == ((), 1, [])


@pytest.mark.parametrize(
    ("model", "reads", "limit"),
    [
        (H100, {}, 87),
        (H100, {"max_operating_temperature_celsius": "83"}, 83),
        (H100, {"slowdown_temperature_celsius": "92"}, 90),
        # a limit of 0 or 57 °C is none
        (H100, {"slowdown_temperature_celsius": "0"}, 87),
        (H100, {"max_operating_temperature_celsius": "57"}, 87),
        # 60 °C and a margin: believed near the usual limit only
        (H100, {"thermal_margin_celsius": "29"}, 89),
        (H100, {"thermal_margin_celsius": "0"}, 87),
        (T4, {}, 91),
        (STRANGE, {}, None),
        (STRANGE, {"slowdown_temperature_celsius": "92"}, 90),
    ],
)
def test_operating_limit(
    model: str, reads: dict[str, str], limit: float | None
) -> None:
    fleet = fleet_of(model=model)
    window = window_of(fleet, {"gpu_temperature_celsius": "60", **reads})
    found = operating_limit_celsius(window, boards_of(fleet, 1))
    np.testing.assert_array_equal(found, [np.nan if limit is None else limit])


def test_power_limit_is_the_boards_own_else_the_tables() -> None:
    fleet = fleet_of(gpus=2)
    window = window_of(fleet, power_limit_watts="500 _")
    found = board_power_limit_watts(window, boards_of(fleet, 2))
    assert found.tolist() == [500, 700]
