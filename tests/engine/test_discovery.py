"""A node that left discovery is retired after a day, and never by accident."""

from dataclasses import replace

import numpy as np

from gpuwatch.engine.discovery import UNLISTED_SECONDS, to_retire, unlisted_since
from gpuwatch.model.rule import Rule
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.rules.gpu_missing import GpuMissing
from tests.engine.toys import Site


def seen(site: Site, gone: set[int], at: float = 0.0) -> Snapshot:
    now = site.snapshot()
    up = np.array([np.nan if n in gone else 1.0 for n in range(1, site.nodes + 1)])
    node = site.fleet.node_of + 1
    sampled = np.where(np.isin(node, list(gone)), np.nan, at)
    return replace(now, at=at, node_columns={"exporter_up": up}, sampled_at=sampled)


def retired(gone: set[int], *, days: float, rules: tuple[Rule, ...] = ()) -> list[str]:
    site = Site(nodes=10, gpus=1)
    since = unlisted_since(seen(site, gone), {})
    later = seen(site, gone, days * UNLISTED_SECONDS)
    return to_retire(later, unlisted_since(later, since), rules)


def test_after_a_day() -> None:
    assert retired({3}, days=0.99) == []
    assert retired({3}, days=1) == ["n3"]


def test_a_broken_discovery_retires_nobody() -> None:
    assert retired({1, 2, 3}, days=2) == []
    assert retired(set(range(1, 11)), days=2) == []


def test_an_expected_node_is_not_retired() -> None:
    rule = GpuMissing.configured({"expected_gpus": {"n3": 8}})
    assert retired({3}, days=2, rules=(rule,)) == []
    assert retired({4}, days=2, rules=(rule,)) == ["n4"]


def test_one_that_comes_back_starts_anew() -> None:
    site = Site(nodes=10, gpus=1)
    since = unlisted_since(seen(site, {3}), {})
    assert since == {"n3": 0.0}
    assert unlisted_since(seen(site, set(), 10.0), since) == {}


def test_the_engine_ends_its_incidents_as_retired() -> None:
    site = Site(nodes=10, gpus=1)
    site.bits[3] = 0x80
    site.poll(3)
    assert len(site.open) == 1
    gone_at = site.now
    for at in (gone_at, gone_at + UNLISTED_SECONDS):
        step = site.engine.step(seen(site, {4}, at))
        site.engine.committed(step)
    assert step.fleet_changed
    assert [i.ending for i in step.incidents] == ["retired"]
