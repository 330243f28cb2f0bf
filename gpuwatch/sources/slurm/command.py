"""One run of a program that only reads: no shell, one deadline, bounded output."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Event
from typing import IO

from gpuwatch.errors import SourceError

MOST_BYTES = 64 * 1024 * 1024
MOST_ERROR_BYTES = 64 * 1024
CHUNK_BYTES = 1 << 20
LOOK_UP_SECONDS = 0.2
LONGEST_REASON = 160
# SQUEUE_FORMAT and its like would change what is printed.
PASSED_ON = ("PATH", "HOME", "LD_LIBRARY_PATH", "SLURM_CONF", "SLURM_CONF_SERVER",
             "SLURM_JWT", "TZ")  # fmt: skip


def trimmed(environ: Mapping[str, str]) -> dict[str, str]:
    """The few variables that Slurm's client needs, and English words."""
    kept = {name: environ[name] for name in PASSED_ON if name in environ}
    return {**kept, "LC_ALL": "C"}


def output_of(
    argv: Sequence[str],
    timeout_seconds: float,
    stop: Event | None = None,
    *,
    most_bytes: int = MOST_BYTES,
    environ: Mapping[str, str] | None = None,
) -> bytes:
    """What it prints; SourceError when it cannot be run, fails, hangs or floods."""
    name = os.path.basename(argv[0])  # noqa: PTH119  a word, not a path
    env = trimmed(os.environ if environ is None else environ)
    try:
        process = subprocess.Popen(  # noqa: S603  a list of words, no shell
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=env, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(name, f"cannot be run: {reason}") from error
    with process:
        try:
            said = _Listening(process, name, most_bytes, stop)
            return said.until(time.monotonic() + timeout_seconds)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started: a client that hangs may have helpers."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


class _Listening:
    """Reads both outputs until they end."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        name: str,
        most_bytes: int,
        stop: Event | None,
    ) -> None:
        self._process, self._name, self._stop = process, name, stop
        self._most_bytes = most_bytes
        self._out, self._complaint = bytearray(), bytearray()

    def until(self, deadline: float) -> bytes:
        """The whole output, if it ends well by then (monotonic seconds)."""
        with selectors.DefaultSelector() as selector:
            for stream in (self._process.stdout, self._process.stderr):
                selector.register(_open(stream), selectors.EVENT_READ)
            while selector.get_map():
                left = self._left(deadline)
                for key, _ in selector.select(min(left, LOOK_UP_SECONDS)):
                    if not self._take(key.fd):
                        selector.unregister(key.fileobj)
        self._await_end(deadline)
        return bytes(self._out)

    def _left(self, deadline: float) -> float:
        left = deadline - time.monotonic()
        if self._stop is not None and self._stop.is_set():
            raise SourceError(self._name, "was told to stop")
        if left <= 0:
            raise SourceError(self._name, "did not answer in time", retryable=True)
        return left

    def _take(self, descriptor: int) -> bool:
        """One piece of one output; False at its end."""
        piece = os.read(descriptor, CHUNK_BYTES)
        if descriptor == _open(self._process.stdout).fileno():
            self._out += piece
        elif len(self._complaint) < MOST_ERROR_BYTES:
            self._complaint += piece
        if len(self._out) > self._most_bytes:
            reason = f"printed more than {self._most_bytes // (1 << 20)} MiB"
            raise SourceError(self._name, reason)
        return bool(piece)

    def _await_end(self, deadline: float) -> None:
        try:
            code = self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise SourceError(self._name, "did not end in time") from None
        if code != 0:
            text = self._complaint.decode("utf-8", "replace")
            raise SourceError(self._name, f"ended with {code}: {one_line(text)}")


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:  # never: both were asked for
        raise SourceError("squeue", "has no output")
    return stream


def one_line(text: str) -> str:
    """Strangers' words on one short printable line."""
    words = "".join(c if c.isprintable() else " " for c in text[:4000]).split()
    line = " ".join(words) or "it did not say why"
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"
