"""How far a backtest is, as said to somebody who stopped it."""

from gpuwatch.backtest.progress import Bar


def test_before_anything_was_read() -> None:
    assert Bar(["a"], 0.0, 100.0).words == "before the first reading"


def test_in_the_middle_of_the_second_cluster() -> None:
    with Bar(["a", "b"], 1_000_000.0, 1_000_100.0) as bar:
        bar.reached("a", 1_000_100.0)
        bar.reached("b", 1_000_025.0)
    assert bar.words == "at 1970-01-12T13:47:05Z of b (25% of it)"


def test_a_name_that_looks_like_markup_is_no_trouble() -> None:
    with Bar(["[/]"], 0.0, 100.0) as bar:
        bar.reached("[/]", 50.0)
    assert bar.words == "at 1970-01-01T00:00:50Z of [/] (50% of it)"
