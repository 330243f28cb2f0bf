"""What can be seen of one cluster, gathered once for all checks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpuwatch.app import build_core
from gpuwatch.engine.engine import Coverage
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.rule import Rule
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Source
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.site_rules import configured_rules
from gpuwatch.sources import naming_of
from gpuwatch.sources.blocks import Labels
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.sources.prometheus.names import NameBook
from gpuwatch.sources.register import Register


@dataclass(frozen=True)
class Seen:
    """One look at a cluster: readings, and which rules could judge them."""

    settings: Settings
    snapshot: Snapshot
    rules: Mapping[str, Rule]
    coverage: Coverage

    @property
    def fleet(self) -> Fleet:
        """Its GPUs and nodes."""
        return self.snapshot.fleet


def look(source: Source, settings: Settings) -> Seen:
    """Read and judge once; SourceError when the cluster cannot be read."""
    core = build_core(source, settings, configured_rules(settings))
    snapshot = core.source.read(core.plan, core.fleet)
    core.engine.step(snapshot)
    return Seen(settings, snapshot, core.engine.rules, core.engine.coverage)


@dataclass(frozen=True)
class Clock:
    """The server's clock against ours: seconds that it is ahead, and the round trip."""

    server_at: float
    ahead_seconds: float
    round_trip_seconds: float

    @classmethod
    def read(cls, client: PrometheusClient) -> Clock:
        """Ask; SourceError when there is no answer."""
        client.profile  # noqa: B018  the first call asks for it, and must not count
        before, began = time.time(), time.monotonic()
        server_at = client.server_time()
        took = time.monotonic() - began
        return cls(server_at, server_at - (before + took / 2), took)


@dataclass(frozen=True)
class Server:
    """A Prometheus that answers: what it knows by name, and its GPU series' labels."""

    cluster: PrometheusSettings
    settings: Settings
    client: PrometheusClient
    at: float
    book: NameBook
    series: Sequence[Labels]

    @classmethod
    def meet(
        cls, client: PrometheusClient, settings: Settings, server_at: float
    ) -> Server:
        """Ask for names and labels; SourceError when that fails."""
        book = NameBook.of(client.metric_names())
        at = server_at - client.offset_seconds
        register = Register(Fleet(client.settings.name), naming_of(settings))
        labels = ", ".join(register.identity_labels)
        series = [
            one
            for name in (book.pulses() or [[]])[0]
            for one, _ in client.query(f"count by ({labels}) ({name})", at)
        ]
        return cls(client.settings, settings, client, at, book, series)

    def live(self) -> Mapping[str, int]:
        """How many series each DCGM name has now.

        Asked name by name where a backend allows no regex on names.
        """
        if self.client.profile.name_regex_allowed:
            expr = 'count by (__name__) ({__name__=~"(DCGM|dcgm)_.+"})'
            found = self.client.query(expr, self.at, name="names of DCGM metrics")
            return {labels["__name__"]: int(count) for labels, count in found}
        names = [name for spellings in self.book.spelled.values() for name in spellings]
        counts = {
            name: self.client.query(f"count({name})", self.at)
            for name in names
            if "dcgm" in name.lower()
        }
        return {name: int(found[0][1]) for name, found in counts.items() if found}
