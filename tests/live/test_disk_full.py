"""A store that cannot be written: critical news all the same, and nothing lost."""

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import orjson
import pytest

from gpuwatch.sim.faults import Fault
from tests.live.disks import filled, make_read_only, no_growing_files, small_disk
from tests.live.process import Child, gpuwatch
from tests.live.site import Daemon, Site
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

RELOADED = "gpuwatch_config_last_reload_successful"
MAY_REPEAT = "Sent while gpuwatch's memory is broken: may repeat."


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as folder:
        yield folder


def stored(daemon: Daemon) -> dict[str, str]:
    """Rule and ending of all incidents, from the store alone."""
    listed = gpuwatch(
        "incidents", "list", "--all", "--output", "json", "--config", daemon.config
    )
    assert listed.returncode == 0, listed.stderr
    found = orjson.loads(listed.stdout)["incidents"]
    return {one["rule"]: one["ending"] for one in found}


def assert_told_and_remembered(
    site: Site, trouble: AbstractContextManager[None]
) -> None:
    """A fault begins during the trouble and ends after it."""
    with trouble:
        fault = site.sim.inject(Fault("power_brake", "node-03"))
        brake = site.channel.await_card("CRITICAL: HW power brake", "node-03")
        assert MAY_REPEAT in site.slack.text_of(brake)
        own = site.channel.await_card("CRITICAL: gpuwatch cannot write its memory")
        assert MAY_REPEAT in site.slack.text_of(own)
        site.daemon.send(signal.SIGHUP)
        eventually("a refusal to forget", lambda: site.daemon.metric(RELOADED) == 0)
    eventually("a written cycle", site.daemon.is_ready)
    site.sim.mend(fault)
    site.channel.await_resolved(brake)
    site.channel.await_resolved(own)
    assert MAY_REPEAT not in site.slack.text_of(brake)
    site.daemon.stop()
    assert stored(site.daemon) == {
        "power_brake": "recovered", "store_failing": "recovered"
    }  # fmt: skip
    site.start()
    site.daemon.await_cycles(3)
    assert {c.ts for c in site.channel.cards} == {brake.ts, own.ts}
    assert len(site.channel.cards) == 2


def test_a_full_disk(site: Site, disk: Path) -> None:
    site.daemon.store = disk / "gpuwatch.db"
    site.configure()
    site.start()
    assert_told_and_remembered(site, filled(disk))


def test_files_that_may_not_grow(site: Site) -> None:
    site.start()
    assert site.daemon.child is not None
    assert_told_and_remembered(site, no_growing_files(site.daemon.child.pid))


def assert_refuses(daemon: Daemon, *words: str) -> None:
    """Exit 2 with one line that has the words."""
    child = Child("run", "--config", daemon.config)
    assert child.wait() == 2
    (line,) = child.said.splitlines()
    assert all(word in line for word in words), line


def test_a_store_that_may_not_be_written(daemon: Daemon, disk: Path) -> None:
    make_read_only(disk)
    daemon.store = disk / "gpuwatch.db"
    daemon.configure()
    assert_refuses(daemon, "gpuwatch: store.url: ", str(daemon.store))


def test_an_existing_store_that_may_not_be_written(daemon: Daemon, disk: Path) -> None:
    daemon.store = disk / "gpuwatch.db"
    daemon.configure()
    daemon.start()
    eventually("its page", lambda: daemon.get("/healthz"))
    assert daemon.stop() == 0
    make_read_only(disk)
    assert_refuses(daemon, "gpuwatch: store.url: ", str(daemon.store))


def test_two_daemons_on_one_store(daemon: Daemon) -> None:
    daemon.configure()
    first = daemon.start()
    eventually("its page", lambda: daemon.get("/healthz"))
    daemon.configure(web={"listen": "127.0.0.1:0"})
    assert_refuses(daemon, f"another gpuwatch (pid {first.pid})", "store.url")
    assert first.is_running
