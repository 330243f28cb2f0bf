"""Times and spans as people write them."""

import pytest

from gpuwatch.cli.nearest import nearest
from gpuwatch.cli.times import instant, parse_moment, parse_span, parse_time
from gpuwatch.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000", 1_700_000_000.0),
        ("1700000000.5", 1_700_000_000.5),
        ("2023-11-14T22:13:20Z", 1_700_000_000.0),
        ("2023-11-14T22:13:20", 1_700_000_000.0),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000.0),
        ("2023-11-14 22:13:20", 1_700_000_000.0),
    ],
)
def test_a_time(text: str, seconds: float) -> None:
    assert parse_time("--until", text) == seconds


@pytest.mark.parametrize(
    "text", ["tomorrow", "", "-5", "2023-13-01T00:00Z", "1e400", "9" * 20]
)
def test_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--until: .* is no time; write it like"):
        parse_time("--until", text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("now", 1_000_000.0),
        (" Now ", 1_000_000.0),
        ("-1h30m", 994_600.0),
        ("now-1d", 913_600.0),
        ("1000", 1000.0),
        ("1970-01-01T00:01Z", 60.0),
    ],
)
def test_a_moment(text: str, seconds: float) -> None:
    assert parse_moment("--start", text, 1_000_000.0) == seconds


@pytest.mark.parametrize(
    "text", ["nowish", "-", "--1h", "now+1h", "-0s", "now-", "-90"]
)
def test_no_moment(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--start: .*write it like"):
        parse_moment("--start", text, 1_000_000.0)


@pytest.mark.parametrize(("text", "seconds"), [("4h", 14_400.0), ("1d12h", 129_600.0)])
def test_a_span(text: str, seconds: float) -> None:
    assert parse_span("--for", text) == seconds


@pytest.mark.parametrize("text", ["0s", "soon", "-4h", "90", "9999999w"])
def test_no_span(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--for: .*write it like"):
        parse_span("--for", text)


def test_the_apis_times_are_read_back() -> None:
    assert instant("2023-11-14T22:13:20Z") == 1_700_000_000.0
    assert instant(None) is None


@pytest.mark.parametrize(
    ("word", "found"),
    [("NODE-17", "node-17"), ("node17", "node-17"), ("17", "node-17"), ("xyz", None)],
)
def test_nearest(word: str, found: str | None) -> None:
    assert nearest(word, ["node-17", "login"]) == found
