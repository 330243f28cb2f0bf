"""The installed `gpuwatch` as a child process, and what it said."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("gpuwatch"))
STOP_SECONDS = 30.0


def environment(**more: str) -> dict[str, str]:
    """Ours without what would configure a gpuwatch or name a proxy."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GPUWATCH_") and not name.lower().endswith("_proxy")
    }
    return {**kept, "COLUMNS": "200", **more}


def gpuwatch(
    *arguments: str | Path, within_seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=within_seconds,
    )


class Child:
    """A running command; its output is read from a pipe, so no file limit stops it."""

    def __init__(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._said: list[str] = []
        self._process = subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(PYTHONUNBUFFERED="1", **(env or {})),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._said.append(line)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        """All output so far."""
        return "".join(self._said)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; one that has ended already does not mind."""
        self._process.send_signal(number)

    def wait(self, within_seconds: float = STOP_SECONDS) -> int:
        """Its exit code."""
        code = self._process.wait(within_seconds)
        self._reader.join()
        return code

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait; the exit code."""
        self.send(number)
        return self.wait()

    def kill(self) -> None:
        """kill -9."""
        self.end(signal.SIGKILL)
