"""Which of the catalogue's names this server has, in whatever spelling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gpuwatch.model.metric import Metric, SourceName, by_source_name, catalogue

HOST_NAMES = (
    "node_boot_time_seconds",
    "node_uname_info",
    "node_infiniband_port_data_transmitted_bytes_total",
    "node_infiniband_rate_bytes_per_second",
    "node_infiniband_state_id",
)
# A GPU is alive if any of these has a fresh sample; the first that exists is asked.
PULSES = (
    "gpu_temperature_celsius",
    "sm_clock_megahertz",
    "energy_joules",
    "power_watts",
    "utilization_percent",
    "memory_temperature_celsius",
    "memory_clock_megahertz",
)


@dataclass(frozen=True)
class NameBook:
    """Catalogue names in the server's own spelling (OpenTelemetry lower-cases).

    `spelled`: lower-cased name to spellings. Names that the server does not have are
    never asked for.
    """

    spelled: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Iterable[str]) -> NameBook:
        """Those of the server's names that mean something to us."""
        wanted = by_source_name().keys() | set(HOST_NAMES)
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            if name.lower() in wanted:
                found[name.lower()].append(name)
        return cls({lower: tuple(spellings) for lower, spellings in found.items()})

    @classmethod
    def everything(cls) -> NameBook:
        """What to assume of a server that does not tell its names."""
        sources = [source.name for _, source in by_source_name().values()]
        return cls.of((*sources, *HOST_NAMES))

    def of_metric(self, metric: Metric) -> Sequence[tuple[SourceName, str]]:
        """The metric's names that exist, the catalogue's first first."""
        return [
            (source, spelling)
            for source in metric.names
            for spelling in self.spelled.get(source.name.lower(), ())
        ]

    def pulses(self) -> Sequence[Sequence[str]]:
        """Names that tell life, one group a quantity, all generations in each."""
        groups = [self.of_metric(catalogue()[name]) for name in PULSES]
        return [[name for _, name in group] for group in groups if group]

    def has(self, name: str) -> bool:
        """Whether the server has that name."""
        return name.lower() in self.spelled
