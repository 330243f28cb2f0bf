import pytest

from gpuwatch.rules.fabric_manager import FabricManager
from tests.rules.builders import (
    finding,
    fleet_of,
    judge,
    marks,
    over_time,
    story,
    window_of,
)


def _marks(states: str) -> str:
    gpus = len(states.split())
    window = window_of(fleet_of(gpus=gpus), fabric_manager_status=states)
    return marks(judge(FabricManager, window))


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ("3 3 3 3", "...."),
        ("4 3 3 3", "F..."),
        ("4 4 4 4", "FFFF"),
        ("1 3 3 3", "F..."),
        ("2 3 3 3", "F..."),
        ("1 1 3 3", "...."),  # half are set up: not the rule for this model
        ("1 1 1 1", "...."),  # a guest, or a board without a fabric manager
        ("0 0 0 0", "...."),
        ("5 6 _ 3", "???."),
    ],
)
def test_what_is_usual_decides(states: str, told: str) -> None:
    assert _marks(states) == told


def test_a_gpu_that_was_set_up_before_must_be_again() -> None:
    states = over_time("3 1 2 _ 2 3")
    window = window_of(fleet_of(), fabric_manager_status=states)
    assert "".join(story(FabricManager, window)) == ".FF?F."


def test_other_models_say_nothing() -> None:
    fleet = fleet_of(nodes=1, gpus=4, model=["A100", "H100", "H100", "H100"])
    window = window_of(fleet, fabric_manager_status="1 3 3 3")
    assert marks(judge(FabricManager, window)) == "...."


@pytest.mark.parametrize(
    ("state", "summary"),
    [
        ("4", "Fabric manager has failed"),
        ("1", "Fabric manager has not started"),
        ("2", "Fabric manager does not finish"),
    ],
)
def test_words(state: str, summary: str) -> None:
    window = window_of(fleet_of(gpus=4), fabric_manager_status=f"{state} 3 3 3")
    rule = FabricManager.configured({})
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == summary
    assert "nvidia-fabricmanager" in words.action


def test_ten_minutes_and_a_warning() -> None:
    params = FabricManager.configured({}).params
    assert (params.hold, params.severity.word) == (600.0, "warning")
