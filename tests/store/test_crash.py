"""kill -9 in the middle of a commit leaves a whole step or none of it."""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Timer

from gpuwatch.store import open_store

ROOT = Path(__file__).parents[2]
PER_STEP = 50


def kill_while_committing(url: str, run: int, after_seconds: float) -> list[str]:
    """The names of the steps that were acknowledged before the kill."""
    command = [sys.executable, "-m", "tests.store.crasher", url, str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        first = process.stdout.readline().decode()
        timer = Timer(after_seconds, process.kill)
        timer.start()
        lines = process.stdout.read().decode().split()
        timer.join()
    return [first.strip(), *lines]


def test_no_half_step(url: str) -> None:
    chance = random.Random(7)
    for run in range(3):
        acknowledged = kill_while_committing(url, run, chance.uniform(0.0, 0.1))
        store = open_store(url, create=True)
        memory, _ = store.load("c1")
        steps = Counter(name.split("-")[0] for name in memory.incidents)
        unsent, _ = store.backlog(0.0)
        stories = [len(store.story(name)) for name in memory.incidents]
        store.close()
        assert set(steps.values()) == {PER_STEP}
        assert unsent == len(steps) * PER_STEP * 2
        assert set(stories) == {1}
        assert len(acknowledged) >= 1
        assert set(acknowledged) <= set(steps)
        assert memory.facts["step"] in steps
