"""Disks that are full or read-only, and that recover."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOM_KILOBYTES = 4096


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A tmpfs; skips where mounting is not permitted."""
    folder.mkdir()
    size = f"size={ROOM_KILOBYTES}k"
    if _run("mount", "-t", "tmpfs", "-o", size, "gpuwatch-test", folder) != 0:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield folder
    finally:
        _run("umount", "--lazy", folder)


def make_read_only(folder: Path) -> None:
    """Also for root, to whom permissions mean nothing, if `folder` is a mount."""
    folder.chmod(0o555)
    if os.geteuid() == 0:
        assert _run("mount", "-o", "remount,ro", folder) == 0


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Not a byte is left while the block lasts."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 1024):
                pass
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def no_growing_files(pid: int) -> Iterator[None]:
    """Every write of a process behind the first byte of a file fails; any user may."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def _run(*words: str | Path) -> int:
    return subprocess.run(words, capture_output=True, check=False).returncode
