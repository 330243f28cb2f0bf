"""Clients that fail in every way; each is a small real program."""

import os
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpuwatch.errors import SourceError
from gpuwatch.settings import SlurmSettings
from gpuwatch.sources.jobs.roster import Claim
from gpuwatch.sources.slurm.command import output_of, trimmed
from gpuwatch.sources.slurm.queue import SlurmQueue

MakeProgram = Callable[[str], str]


@pytest.fixture
def program(tmp_path: Path) -> MakeProgram:
    """A shell script as a client."""

    def made(text: str) -> str:
        path = tmp_path / "squeue"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return made


def test_its_output_and_no_shell(program: MakeProgram) -> None:
    client = program('printf "%s|" "$@"')
    assert output_of([client, "a b", "$HOME", ";x"], 10) == b"a b|$HOME|;x|"


def test_only_a_few_variables_are_passed_on() -> None:
    environ = {"PATH": "/bin", "SLURM_CONF": "/c", "SQUEUE_FORMAT": "%i", "SECRET": "x"}
    expected = {"PATH": "/bin", "SLURM_CONF": "/c", "LC_ALL": "C"}
    assert trimmed(environ) == expected
    printed = output_of(["env"], 10, environ=environ | {"PATH": os.defpath})
    names = {line.partition(b"=")[0] for line in printed.splitlines()}
    assert names == {b"PATH", b"SLURM_CONF", b"LC_ALL"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo no route >&2; exit 3", "squeue: ended with 3: no route"),
        ("exit 1", "squeue: ended with 1: it did not say why"),
        ("exec yes", "squeue: printed more than 1 MiB"),
        ("exec sleep 60", "squeue: did not answer in time"),
        ("exec >&- 2>&-; exec sleep 60", "squeue: did not end in time"),
        ("yes >&2 & exec sleep 60", "squeue: did not answer in time"),
    ],
)
def test_failures(program: MakeProgram, text: str, said: str) -> None:
    client = program(text)
    with pytest.raises(SourceError) as caught:
        output_of([client], 1.0, most_bytes=1 << 20)
    assert str(caught.value) == said


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(SourceError) as caught:
        output_of(["no-such-squeue"], 5)
    said = "no-such-squeue: cannot be run: No such file or directory"
    assert str(caught.value) == said


def test_it_stops_when_told_and_leaves_no_process(
    program: MakeProgram, tmp_path: Path
) -> None:
    client = program(f"sleep 300 & echo $! > {tmp_path}/helper; wait")
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    with pytest.raises(SourceError, match="was told to stop"):
        output_of([client], 60, stop)
    timer.join()
    helper = (tmp_path / "helper").read_text().strip()
    deadline = time.monotonic() + 10
    while _lives(helper) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _lives(helper)


def _lives(process: str) -> bool:
    shown = subprocess.run(
        ["ps", "-o", "stat=", "-p", process],
        capture_output=True,
        text=True,
        check=False,
    )
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")


def test_a_build_without_json_is_asked_for_text_from_then_on(
    program: MakeProgram, tmp_path: Path
) -> None:
    client = program(
        f'echo "$*" >> {tmp_path}/asked\n'
        'case "$1" in --json) echo "unrecognized option --json" >&2; exit 1;; esac\n'
        'echo "7|RUNNING|n[1-2]"'
    )
    queue = SlurmQueue(SlurmSettings(command=client, cluster="big"))
    for _ in range(2):
        assert queue.ask().claims == (Claim("7", "n1"), Claim("7", "n2"))
    text = "--noheader --states=RUNNING,COMPLETING --format=%i|%T|%N --clusters=big"
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["--json --clusters=big", text, text]


def test_slurm_that_is_away_is_no_missing_json(program: MakeProgram) -> None:
    client = program("echo 'Unable to contact slurm controller' >&2; exit 1")
    queue = SlurmQueue(SlurmSettings(command=client))
    for _ in range(2):
        with pytest.raises(SourceError, match="Unable to contact"):
            queue.ask()
