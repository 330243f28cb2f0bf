"""A real PostgreSQL in a folder of its own, on a loopback port."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from gpuwatch.testing import claimed_port

DEADLINE_SECONDS = 60


def find_binaries() -> Path | None:
    """Where initdb and postgres are (Debian keeps them off the PATH)."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


class Postgres:
    """One server; stop and start it at will."""

    def __init__(self, binaries: Path, folder: Path, port: int) -> None:
        self._binaries, self._folder, self.port = binaries, folder, port
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def make(self) -> None:
        """Create the cluster; all logins from loopback need the password `secret`."""
        password = self._folder / "password"
        password.write_text("secret")
        password.chmod(0o644)
        data = self._folder / "data"
        self._run(
            "initdb", "-D", data, "-U", "gpuwatch", "-A", "scram-sha-256",
            f"--pwfile={password}", "--no-sync", "-E", "UTF8", "--locale=C",
        )  # fmt: skip

    def start(self) -> None:
        """Run it, and wait until it answers."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
        }
        settings = [f"--{name}={value}" for name, value in options.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "data", *settings],
                stdout=log,
                stderr=log,
                **self._as_user(),
            )
        self._wait()

    def stop(self) -> None:
        """Shut it down at once, connections or not."""
        if self._process is not None:
            self._process.terminate()
            self._run("pg_ctl", "-D", self._folder / "data", "-m", "fast", "stop")
            self._process.wait(DEADLINE_SECONDS)
            self._process = None

    def database(self) -> str:
        """A new empty database; its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        return f"postgresql://gpuwatch:secret@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str) -> None:
        """Run one statement as the owner of the server."""
        with psycopg.connect(self._address(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _address(self) -> str:
        return f"postgresql://gpuwatch:secret@127.0.0.1:{self.port}/postgres"

    def _wait(self) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                psycopg.connect(self._address()).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._binaries / program), *map(str, arguments)]
        subprocess.run(command, check=False, capture_output=True, **self._as_user())

    def _as_user(self) -> dict[str, Any]:
        # PostgreSQL refuses to run as root.
        if os.geteuid() != 0:
            return {"cwd": self._folder}
        nobody = pwd.getpwnam("nobody")
        return {
            "cwd": self._folder,
            "user": nobody.pw_uid,
            "group": nobody.pw_gid,
            "extra_groups": [],
        }


@contextmanager
def running_postgres(binaries: Path) -> Iterator[Postgres]:
    """A server for one test session."""
    folder = Path(tempfile.mkdtemp(prefix="gpuwatch-postgres-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    try:
        with claimed_port() as port:
            server = Postgres(binaries, folder, port)
            server.make()
            server.start()
            yield server
            server.stop()
    finally:
        shutil.rmtree(folder)
