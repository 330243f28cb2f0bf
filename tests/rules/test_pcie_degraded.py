import pytest

from gpuwatch.rules.pcie_degraded import PcieDegraded
from tests.rules.builders import (
    finding,
    fleet_of,
    in_turn,
    judge,
    marks,
    window_of,
)

BUSY = ["100"] * 21


@pytest.mark.parametrize(
    ("width", "most", "expected"),
    [
        ("16 8 16", "16 16 16", ".F."),
        ("16 8 16", "16 8 16", "..."),
        ("16 _ 16", "16 16 16", ".?."),
        ("8 8 8", "16 16 16", "FFF"),
        ("16 8 16", "_ _ _", "..."),
    ],
)
def test_lanes_below_the_boards_own(width: str, most: str, expected: str) -> None:
    window = window_of(
        fleet_of(gpus=3),
        pcie_link_width=width,
        pcie_max_link_width=most,
        utilization_percent=BUSY,
    )
    assert marks(judge(PcieDegraded, window)) == expected


def test_generation_below_the_boards_own() -> None:
    window = window_of(
        fleet_of(gpus=3),
        pcie_link_width="16",
        pcie_link_generation="5 3 _",
        pcie_max_link_generation="5",
        utilization_percent=BUSY,
    )
    assert marks(judge(PcieDegraded, window)) == ".F."


@pytest.mark.parametrize(
    ("model", "width", "expected"),
    [
        ("A A A A A A A A", "16 16 16 16 16 16 16 8", ".......F"),
        ("A A A A A A A B", "16 16 16 16 16 16 16 8", "........"),
        ("A A A A A A A A", "8 8 8 8 8 8 8 16", "........"),
        ("A A A A A B B B", "16 16 16 16 8 8 8 8", "........"),
    ],
)
def test_lanes_below_the_majority_of_the_model(
    model: str, width: str, expected: str
) -> None:
    window = window_of(
        fleet_of(gpus=8, model=model.split()),
        pcie_link_width=width,
        utilization_percent=BUSY,
    )
    assert marks(judge(PcieDegraded, window)) == expected


@pytest.mark.parametrize(
    ("utilization", "mark", "loaded"),
    [
        (["100"] * 21, "F", True),
        (["20"] * 21, "F", True),
        (["19"] * 21, ".", False),
        (["0"] * 21, ".", False),
        (["100"] * 10 + ["0"] + ["100"] * 10, ".", False),
        (["0"] + ["100"] * 20, ".", False),
        (["0"] + ["100"] * 21, "F", True),
        (["100"] * 10 + ["_"] + ["100"] * 10, "F", True),
        (["100"] * 18, ".", False),
        (["100"] * 20 + ["_"], "?", False),
    ],
)
def test_judged_only_after_five_minutes_of_load(
    utilization: list[str], mark: str, loaded: bool
) -> None:
    window = window_of(
        fleet_of(),
        pcie_link_width="8",
        pcie_max_link_width="16",
        utilization_percent=utilization,
    )
    verdicts = judge(PcieDegraded, window)
    assert marks(verdicts) == mark
    assert verdicts.loaded is not None
    assert verdicts.loaded.tolist() == [loaded]


def test_what_was_low_must_be_read_again_to_be_clear() -> None:
    fleet = fleet_of()
    windows = [
        window_of(
            fleet,
            pcie_link_width="16",
            pcie_link_generation=generation,
            pcie_max_link_generation="5",
            utilization_percent=BUSY,
        )
        for generation in ("3", "_", "5")
    ]
    assert [marks(v) for v in in_turn(PcieDegraded, windows)] == ["F", "?", "."]


@pytest.mark.parametrize(
    ("width", "generation", "summary"),
    [
        ("8", "5", "PCIe link x8 instead of x16"),
        ("8", "3", "PCIe link x8 instead of x16"),
        ("16", "3", "PCIe generation 3 instead of 5"),
        ("16", "_", "PCIe link slower than it should be"),
    ],
)
def test_words(width: str, generation: str, summary: str) -> None:
    rule = PcieDegraded.configured({})
    window = window_of(
        fleet_of(),
        pcie_link_width=width,
        pcie_max_link_width="16",
        pcie_link_generation=generation,
        pcie_max_link_generation="5",
        utilization_percent=BUSY,
    )
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == summary
    assert "riser" in words.action
