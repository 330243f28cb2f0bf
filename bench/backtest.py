"""A day of history through `backtest`, from a real Prometheus with backfilled blocks.

Prints wall time, and who used the processor for how long: judging, reading (in its own
process) and Prometheus, all on the same cores; with `--hours` below 24 also what a day
would take at that pace.

    python -m bench backtest [--gpus 512] [--hours 24] [--step 15]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import requests

from bench.history import STEP_SECONDS, write_history
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.backtest.run import backtest
from gpuwatch.backtest.stretch import Stretch
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.testing import RealPrometheus, backfilled

END = 1_790_000_000
# Text of so much is 2.5 GB for 512 GPUs.
PIECE_HOURS = 2
DAY_HOURS = 24


def make(storage: Path, gpus: int, hours: float) -> None:
    """Blocks of that many hours, made piece by piece."""
    left, end = hours, END
    while left > 0:
        samples = int(min(left, PIECE_HOURS) * 3600 / STEP_SECONDS)
        with tempfile.TemporaryDirectory() as folder:
            text = Path(folder) / "history.om"
            write_history(text, gpus, end, samples)
            with backfilled(text, storage=storage):
                pass
        left, end = left - PIECE_HOURS, end - samples * STEP_SECONDS


def server_seconds(prometheus: RealPrometheus) -> float:
    """Processor seconds that the server has used, by its own account."""
    page = requests.get(f"{prometheus.url}/metrics", timeout=30).text
    name = "process_cpu_seconds_total "
    (line,) = [text for text in page.splitlines() if text.startswith(name)]
    return float(line.removeprefix(name))


def of_children() -> float:
    """Processor seconds of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(prometheus: RealPrometheus, hours: float, step: float) -> dict[str, str]:
    """One run, as a row of figures."""
    server = PrometheusSettings(url=prometheus.url, timeout=300)
    settings = Settings(prometheus=(server,))
    stretch = Stretch(END - hours * 3600, float(END), step, 0.0)
    children, own, wall = of_children(), time.process_time(), time.perf_counter()
    ((outcome,),) = backtest([settings], stretch, lambda *_: None, alone_below_steps=0)
    wall = time.perf_counter() - wall
    return {
        **_seen(outcome, stretch),
        "wall s": f"{wall:.1f}",
        "judging s": f"{time.process_time() - own:.1f}",
        "reading s": f"{of_children() - children:.1f}",
        "a day, wall s": f"{wall * DAY_HOURS / hours:.0f}",
        "peak MiB": f"{_peak_mebibytes():.0f}",
    }


def _seen(outcome: Outcome, stretch: Stretch) -> dict[str, str]:
    steps = round((stretch.end - stretch.begin) / stretch.step) + 1
    return {
        "GPUs": f"{outcome.gpus}",
        "steps": f"{steps}",
        "incidents": f"{len(outcome.incidents)}",
    }


def _peak_mebibytes() -> float:
    """Of the larger of the two processes."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(one).ru_maxrss for one in who) / 1024


def main(arguments: list[str]) -> None:
    """Make the history, serve it, judge it."""
    parser = argparse.ArgumentParser(prog="bench backtest", description=__doc__)
    parser.add_argument("--gpus", type=int, default=512)
    parser.add_argument("--hours", type=float, default=DAY_HOURS)
    parser.add_argument("--step", type=float, default=STEP_SECONDS)
    parser.add_argument("--storage", type=Path, help="blocks of an earlier run")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        storage = options.storage or Path(folder) / "data"
        if not storage.exists():
            make(storage, options.gpus, options.hours)
        keep = ("--storage.tsdb.retention.time=100y",)
        with RealPrometheus(storage=storage, lookback=None, extra_flags=keep) as served:
            row = measured(served, options.hours, options.step)
            used = server_seconds(served)
    row["Prometheus s"] = f"{used:.1f}"
    print("| " + " | ".join(row) + " |")
    print("|" + "---:|" * len(row))
    print("| " + " | ".join(row.values()) + " |")
