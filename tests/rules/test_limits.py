import csv
from importlib import resources

import numpy as np
import pytest

from gpuwatch.model.limits import Limits, limit_columns, limits_of, model_codes
from tests.rules.builders import fleet_of


@pytest.mark.parametrize(
    ("model", "slowdown", "watts"),
    [
        ("NVIDIA H100 80GB HBM3", 89, 700),
        ("nvidia-h100-80gb-hbm3", 89, 700),
        ("NVIDIA H100 PCIe", 89, 350),
        ("NVIDIA H100 NVL", 89, 400),
        ("NVIDIA H200", 89, 700),
        ("NVIDIA GH200 480GB", 88, 900),
        ("NVIDIA B200", 91, 1000),
        ("NVIDIA GB200", 87, 1200),
        ("NVIDIA GB300", 87, 1400),
        ("NVIDIA A100-SXM4-80GB", 89, 400),
        ("NVIDIA A100-PCIE-40GB", 89, 300),
        ("NVIDIA A800-SXM4-80GB", 89, 400),
        ("Tesla V100-SXM2-32GB", 87, 300),
        ("Tesla T4", 93, 70),
    ],
)
def test_whole_words_decide(model: str, slowdown: float, watts: float) -> None:
    limits = limits_of(model)
    assert (limits.slowdown_celsius, limits.power_limit_watts) == (slowdown, watts)


@pytest.mark.parametrize(
    "model", ["", "NVIDIA T400 4GB", "XH200", "NVIDIA B2000", "RTX A1000", "PCIe"]
)
def test_no_other_model_is_mistaken(model: str) -> None:
    assert str(limits_of(model)) == str(Limits())


def test_one_value_a_row() -> None:
    fleet = fleet_of(gpus=3, model=["NVIDIA H100", "?", "NVIDIA B200"])
    columns = limit_columns(fleet, 3)
    np.testing.assert_array_equal(columns.slowdown_celsius, [89, np.nan, 91])
    np.testing.assert_array_equal(columns.operating_celsius, [87, np.nan, 88])
    np.testing.assert_array_equal(limit_columns(fleet, 1).power_limit_watts, [700])


def test_codes_follow_the_rows() -> None:
    codes, models = model_codes(fleet_of(gpus=3, model=["a", "b", "a"]), 3)
    assert codes.tolist() == [0, 1, 0]
    assert models == ("a", "b")


def test_no_rows() -> None:
    assert limit_columns(fleet_of(gpus=0), 0).slowdown_celsius.tolist() == []


def test_every_row_is_sane_and_says_where_it_comes_from() -> None:
    text = resources.files("gpuwatch.model").joinpath("limits.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len({row["model"] for row in rows}) == len(rows) == 17
    for row in rows:
        assert row["source"]
        assert None not in row
        limits = limits_of(row["model"])
        if row["operating_celsius"]:
            gap = limits.slowdown_celsius - limits.operating_celsius
            assert 2 <= gap <= 4


@pytest.mark.parametrize(
    ("model", "gap"),
    [("H100", 2), ("GB200", 2), ("GB300", 2), ("B200", 3)],
)
def test_slowdown_offsets_are_those_of_nvsentinel(model: str, gap: float) -> None:
    limits = limits_of(model)
    assert limits.slowdown_celsius - limits.operating_celsius == gap
