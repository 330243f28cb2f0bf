"""One whole cycle against a real Prometheus with backfilled data, at several sizes.

Prints seconds of each stage, bytes read and peak memory; beside them, in the same
run and against the same server, the time that Prometheus itself takes for the
equivalent hand-written alert rules (bench/expert.py), as a ratio.

    python -m bench cycle [--gpus 384 --gpus 16384 --gpus 100352] [--repeat 3]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from bench.expert import RULES
from bench.history import write_history
from gpuwatch.app import build_core
from gpuwatch.engine.engine import Engine
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.site_rules import configured_rules
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.sources.prometheus.source import PrometheusSource
from gpuwatch.sources.prometheus.vector import Vector
from gpuwatch.store.open import open_store
from gpuwatch.testing.prometheus import backfilled

SIZES = (384, 16_384, 100_352)
SAMPLES = 3
# the usual lookback, so that the expert's rules see what a site would
END = 1_790_000_000


class Listening(PrometheusClient):
    """The product's client, noting what is asked."""

    asked: list[tuple[str, float]]

    def query(self, expr: str, at: float, *, name: str = "") -> Vector:
        """As ever, and noted."""
        self.asked.append((expr, at))
        return super().query(expr, at, name=name)


def timed(work: Callable[[], object]) -> float:
    """Seconds of wall time."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def thrown_away(url: str, asked: list[tuple[str, float]]) -> tuple[float, int]:
    """The same questions, four at a time, the answers thrown away: (s, bytes)."""
    session = requests.Session()

    def ask(question: tuple[str, float]) -> int:
        form = {"query": question[0], "time": f"{question[1]:.3f}"}
        answer = session.post(f"{url}/api/v1/query", data=form, timeout=300)
        return len(answer.content)

    began = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        size = sum(pool.map(ask, asked))
    session.close()
    return time.perf_counter() - began, size


def expert_seconds(url: str, at: float) -> float:
    """Every expert's rule once, one after another as a rule group runs."""
    asked = [(expr, at) for expr in RULES.values()]
    session = requests.Session()
    began = time.perf_counter()
    for expr, when in asked:
        form = {"query": expr, "time": f"{when:.3f}"}
        session.post(f"{url}/api/v1/query", data=form, timeout=300).raise_for_status()
    session.close()
    return time.perf_counter() - began


def measure(url: str, repeat: int) -> dict[str, float]:
    """Medians over `repeat` cycles after one that is not counted."""
    settings = Settings(prometheus=(PrometheusSettings(url=url, timeout=300),))
    client = Listening(settings.prometheus[0], deadline_seconds=300)
    client.asked = []
    source = PrometheusSource("bench", client, Naming(), 90.0)
    core = build_core(source, settings, configured_rules(settings))
    rows, questions = [], []
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/bench.db", create=True)
        for _ in range(repeat + 1):
            client.asked.clear()
            rows.append(_one_cycle(core.engine, source, core.plan, core.fleet, store))
            questions.append(list(client.asked))
        store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    source.close()
    for row, asked in zip(rows, questions, strict=True):
        query, size = thrown_away(url, asked)
        row |= {"query": query, "bytes": size, "questions": len(asked)}
        row["expert"] = expert_seconds(url, END)
    medians = {k: statistics.median(row[k] for row in rows[1:]) for k in rows[0]}
    return {**medians, "peak_mebibytes": peak}


def _one_cycle(
    engine: Engine, source: PrometheusSource, plan: Plan, fleet: Fleet, store: object
) -> dict[str, float]:
    held: list[Snapshot] = []
    read = timed(lambda: held.append(source.read(plan, fleet, END)))
    began = time.perf_counter()
    step = engine.step(held[0])
    whole_step = time.perf_counter() - began
    judge = timed(lambda: engine._judge(held[0]))  # noqa: SLF001  one stage, again
    commit = timed(lambda: store.commit(step, fleet, ["slack"]))  # type: ignore[attr-defined]
    engine.committed(step)
    return {
        "read": read,
        "judge": judge,
        "decide": max(0.0, whole_step - judge) + commit,
        "cycle": read + whole_step + commit,
        "incidents": float(sum(i.open for i in engine.incidents)),
    }


def one_size(gpus: int, repeat: int) -> dict[str, float]:
    """Make the history, serve it, measure; peak memory is this process's."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "history.om"
        write_history(text, gpus, END, SAMPLES)
        flags = ("--query.timeout=5m", "--query.max-samples=200000000")
        with backfilled(text, lookback=None, extra_flags=flags) as prometheus:
            text.unlink()
            result = measure(prometheus.url, repeat)
    return {"gpus": gpus, **result}


COLUMNS: tuple[tuple[str, Callable[[dict[str, float]], str]], ...] = (
    ("GPUs", lambda r: f"{r['gpus']:,.0f}"),
    ("query s", lambda r: f"{r['query']:.2f}"),
    ("decode s", lambda r: f"{max(0.0, r['read'] - r['query']):.2f}"),
    ("judge s", lambda r: f"{r['judge']:.3f}"),
    ("decide s", lambda r: f"{r['decide']:.3f}"),
    ("cycle s", lambda r: f"{r['cycle']:.2f}"),
    ("MB read", lambda r: f"{r['bytes'] / 1e6:.1f}"),
    ("questions", lambda r: f"{r['questions']:.0f}"),
    ("peak MiB", lambda r: f"{r['peak_mebibytes']:.0f}"),
    ("expert's rules s", lambda r: f"{r['expert']:.2f}"),
    ("cycle / expert", lambda r: f"{r['cycle'] / r['expert']:.2f}"),
)


def main(arguments: list[str]) -> None:
    """Each size in a process of its own, so that peaks do not add up."""
    parser = argparse.ArgumentParser(prog="bench cycle", description=__doc__)
    parser.add_argument("--gpus", type=int, action="append")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(one_size(options.one, options.repeat)))
        return
    print("| " + " | ".join(name for name, _ in COLUMNS) + " |")
    print("|" + "---:|" * len(COLUMNS), flush=True)
    for gpus in options.gpus or SIZES:
        command = [sys.executable, "-m", "bench", "cycle", "--one", str(gpus)]
        command += ["--repeat", str(options.repeat)]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        row = json.loads(run.stdout.splitlines()[-1])
        print("| " + " | ".join(show(row) for _, show in COLUMNS) + " |", flush=True)
