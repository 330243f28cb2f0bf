"""The memory: can it be opened and written, how large is it, what waits in it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from gpuwatch.doctor.finding import Finding, counted, fail, ok, warn
from gpuwatch.errors import StoreError
from gpuwatch.model.duration import say_duration
from gpuwatch.settings import StoreSettings
from gpuwatch.store.migrating import head_revision
from gpuwatch.store.open import open_store
from gpuwatch.store.place import Place, find_place

MEGA, GIGA = 1_000_000, 1_000_000_000
# A year of a busy site is some hundred MB; less than this is a disk about to fill.
LEAST_FREE_BYTES = GIGA
# Retries after an outage are at most minutes apart, so this is more than one of them.
LONG_WAIT_SECONDS = 600.0


def store(
    settings: StoreSettings, *, least_free_bytes: int = LEAST_FREE_BYTES
) -> Iterator[Finding]:
    """The findings on the store; it is opened for reading only."""
    url = settings.url.get_secret_value()
    try:
        place = find_place(url)
    except StoreError as error:
        yield fail("store", str(error), "correct store.url")
        return
    if place.path is None:
        yield _opened(url, place)
        return
    yield _folder(place.path, least_free_bytes)
    if place.path.exists():
        yield _opened(url, place)
    else:
        yield ok("store", f"{place.path}: not there yet; `gpuwatch run` makes it")


def _folder(path: Path, least_free_bytes: int) -> Finding:
    """Whether this user may write there, and how much room is left."""
    folder = _nearest_existing(path.parent)
    targets = [folder, *(file for file in (path,) if path.exists())]
    closed = [str(one) for one in targets if not os.access(one, os.W_OK)]
    if closed:
        mend = "run doctor as the user that runs gpuwatch, or mend owner and mode"
        return fail("store folder", f"this user may not write {closed[0]}", mend)
    free = shutil.disk_usage(folder).free
    if free < least_free_bytes:
        what = f"only {free / MEGA:.0f} MB free in {folder}"
        return warn("store folder", what, "free space there, or move store.url")
    return ok("store folder", f"{folder}: writable, {free / GIGA:.0f} GB free")


def _nearest_existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def _opened(url: str, place: Place) -> Finding:
    try:
        opened = open_store(url, create=False, exclusive=False)
    except StoreError as error:
        text, _, remedy = str(error).partition("; ")
        return fail("store", text, remedy or "see the database's log")
    try:
        waiting, oldest_seconds = opened.backlog(time.time())
    except StoreError as error:
        return fail("store", str(error), "see the database's log")
    finally:
        opened.close()
    size = _size(place)
    what = f"{place.shown}: schema {head_revision()}{size}"
    if oldest_seconds > LONG_WAIT_SECONDS:
        told = (
            f"{counted(waiting, 'message')} unsent for {say_duration(oldest_seconds)}"
        )
        return warn("store", f"{what}; {told}", "is `gpuwatch run` up, and Slack well?")
    return ok("store", f"{what}, {counted(waiting, 'unsent message')}")


def _size(place: Place) -> str:
    if place.path is None:
        return ""
    return f", {place.path.stat().st_size / MEGA:.1f} MB"
