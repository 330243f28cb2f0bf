from collections.abc import Callable

import pytest

from gpuwatch.model.version import driver_code, driver_text, vbios_code, vbios_text


@pytest.mark.parametrize(
    "text", ["550.54.15", "535.183.01", "570.172.08", "595.10.00", "1000.01.01"]
)
def test_a_driver_comes_back_as_it_was(text: str) -> None:
    assert driver_text(driver_code(text)) == text


@pytest.mark.parametrize("text", ["96.00.74.00.1A", "00.00.00.00.01", "FF.FF.FF.FF.FF"])
def test_a_vbios_comes_back_as_it_was(text: str) -> None:
    assert vbios_text(vbios_code(text)) == text


def test_order_and_equality() -> None:
    assert driver_code("550.54.15") < driver_code("550.90.07") < driver_code("560.1.1")
    assert vbios_code("96.00.74.00.1a") == vbios_code("96.00.74.00.1A")


@pytest.mark.parametrize("code", [driver_code, vbios_code])
def test_what_is_written_otherwise_equals_only_itself(
    code: Callable[[str], float],
) -> None:
    assert code("nightly-17") == code("nightly-17") != code("nightly-18")
    text = driver_text if code is driver_code else vbios_text
    assert text(code("nightly-17")) == "another version"
