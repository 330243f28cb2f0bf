"""The order of things on the page."""

from gpuwatch.web.picture import natural


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["n10", "n9", "gpu-2-b", "gpu-2-a", "gpu-10-a", "7", "", "n9²"]
    assert sorted(names, key=natural) == [
        "",
        "7",
        "gpu-2-a",
        "gpu-2-b",
        "gpu-10-a",
        "n9",
        "n9²",
        "n10",
    ]


def test_absurd_numbers_do_no_harm() -> None:
    assert min(["n" + "9" * 10_000, "n1"], key=natural) == "n1"
