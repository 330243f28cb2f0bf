import time
from pathlib import Path

import pytest
import requests

from gpuwatch.testing import RealPrometheus, backfilled, prometheus_available

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not prometheus_available(), reason="no prometheus binary"),
]
STEP_SECONDS = 15


def openmetrics(start: int, end: int) -> str:
    lines = ["# TYPE temp gauge"]
    for gpu in range(2):
        stamps = range(start, end + 1, STEP_SECONDS)
        lines += [f'temp{{gpu="{gpu}"}} {60 + gpu} {at}' for at in stamps]
    return "\n".join([*lines, "# EOF", ""])


def values(prometheus: RealPrometheus, query: str, at: float) -> list[str]:
    return sorted(sample["value"][1] for sample in prometheus.query(query, at))


def test_it_starts_reloads_stops_and_starts_on_one_port() -> None:
    with RealPrometheus() as prometheus:
        assert prometheus.query("vector(1)")[0]["value"][1] == "1"
        prometheus.reload("global: {external_labels: {site: test}}\n")
        config = requests.get(f"{prometheus.url}/api/v1/status/config", timeout=10)
        assert "site: test" in config.json()["data"]["yaml"]
        with pytest.raises(RuntimeError, match="nonsense"):
            prometheus.reload("nonsense: 1\n")
        prometheus.reload("scrape_configs: []\n")
        url = prometheus.url
        prometheus.stop()
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)
        prometheus.start()
        assert prometheus.url == url
        assert requests.get(f"{url}/-/ready", timeout=10).status_code == 200


def test_a_start_that_fails_shows_the_log() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ended with.*nonsense"):
        RealPrometheus("nonsense: 1\n").__enter__()


def test_backfilled_years_ago_answers_and_ends_with_the_short_lookback() -> None:
    start = 1_600_000_000
    end = start + 3 * 3600
    with backfilled(openmetrics(start, end)) as prometheus:
        assert values(prometheus, "temp", start) == ["60", "61"]
        assert values(prometheus, "temp", end + 30) == ["60", "61"]
        assert values(prometheus, "temp", end + 60) == []
        count = "count_over_time(temp[1h])"
        assert values(prometheus, count, start + 7207) == ["240", "240"]


def test_backfilled_up_to_now_answers_now_from_a_file_and_at_the_default_lookback(
    tmp_path: Path,
) -> None:
    now = int(time.time())
    source = tmp_path / "history.om"
    source.write_text(openmetrics(now - 5 * 3600, now))
    storage = tmp_path / "data"
    served = backfilled(source, lookback=None, storage=storage)
    with served as prometheus:
        assert values(prometheus, "temp", now) == ["60", "61"]
        assert values(prometheus, "temp", now + 240) == ["60", "61"]
        prometheus.stop()
        prometheus.start()
        assert values(prometheus, "temp", now - 4 * 3600) == ["60", "61"]
    assert list(storage.glob("*/meta.json"))


def test_a_broken_backfill_says_what_promtool_said() -> None:
    with pytest.raises(RuntimeError, match="promtool ended with"):
        backfilled("no openmetrics at all").__enter__()
