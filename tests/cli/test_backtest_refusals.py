"""What `gpuwatch backtest` says of options that cannot be, and of a server's no."""

import pytest

from gpuwatch.sim.backfill import backfill
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.testing import backfilled
from tests.cli.conftest import Run

T0 = 1_790_000_000
URL = "http://127.0.0.1:9"
AS_A_TIME = "write it like 2026-11-24T18:00Z, or in Unix seconds"
AS_AN_ADDRESS = "write it like http://localhost:9090"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("--start", "soon"),
            f"--start: 'soon' is no time; {AS_A_TIME}",
        ),
        (
            ("--start", "-5 apples"),
            "--start: '5 apples' is not a duration; write it like 15s, 5m or 1h30m",
        ),
        (
            ("--start", "2020-01-02T00:00Z", "--end", "2020-01-01T00:00Z"),
            "--end: is not after --start; give a later --end or earlier --start",
        ),
        (
            ("--start", "2120-01-02T00:00Z", "--end", "2120-01-03T00:00Z"),
            "--start: lies in the future; give an earlier time",
        ),
        (
            ("--start", "-1h", "--step", "0.1s"),
            "--step: 0.1s is below 1s; use 15s or 30s",
        ),
        (
            ("--start", "-1h", "--step", "never"),
            "--step: 'never' is not a duration; write it like 15s, 5m or 1h30m",
        ),
        (
            ("--start", "-1m", "--step", "1h"),
            "--step: 0 steps from --start to --end; give between 1 and 5 million steps",
        ),
        (
            ("--start", "-1h", "--rule", "thermal_slow"),
            "--rule: there is no rule 'thermal_slow'; did you mean thermal_slowdown?",
        ),
        (
            ("--start", "-1h", "--cluster", "b"),
            "--cluster: there is no cluster 'b'; there are default",
        ),
        (
            ("--start", "-1h"),
            f"server clock: cannot talk to {URL}: Connection refused",
        ),
        (
            ("--start", "-1h", "--prometheus-url", "localhost"),
            f"--prometheus-url: 'localhost' is no web address; {AS_AN_ADDRESS}",
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    run: Run, words: tuple[str, ...], line: str
) -> None:
    ran = run("backtest", "--prometheus-url", URL, *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"gpuwatch: {line}\n"


def test_what_the_server_refuses_is_said_in_its_words(run: Run) -> None:
    lines = backfill(SimFleet(1, 2), start_seconds=T0, end_seconds=T0, step_seconds=15)
    flags = ("--query.max-samples=1",)
    with backfilled("".join(lines), extra_flags=flags) as tight:
        words = ("--start", str(T0), "--end", str(T0 + 60), "--warm-up", "0")
        ran = run("backtest", "--prometheus-url", tight.url, *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "gpuwatch: heartbeat: HTTP 422: execution: query processing would load too "
        "many samples into memory in query execution; this for a single step: raise "
        "the server's limits\n"
    )
