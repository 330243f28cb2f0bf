"""The exporter's page: text format, label for label in the exporter's order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gpuwatch.sim.fields import (
    XID_COUNT_HELP,
    XID_COUNT_NAME,
    XID_KEY,
    Counters,
    Field,
    Generation,
    fields_of,
    xid_text,
)
from gpuwatch.sim.hardware import DRIVER_VERSION, Identity
from gpuwatch.sim.ledger import XID_WINDOW_SECONDS
from gpuwatch.sim.readings import Readings


@dataclass(frozen=True)
class Sample:
    """One series and its value, both as text."""

    name: str
    labels: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}{{{self.labels}}} {self.value}"


@dataclass(frozen=True)
class Exporter:
    """One node's exporter: which GPUs it sees and how it spells what it knows."""

    generation: Generation
    counters: Counters
    model: str
    hpc_job: str | None
    first_row: int
    gpus: Sequence[Identity]

    def page(self, readings: Readings) -> str:
        """All families that have a series, each under its HELP and TYPE."""
        return "".join(
            f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
            + "".join(f"{sample}\n" for sample in samples)
            for name, kind, text, samples in self.families(readings)
            if samples
        )

    def families(
        self, readings: Readings
    ) -> Iterator[tuple[str, str, str, list[Sample]]]:
        """Name, type, help and samples, field by field."""
        labels = [self._labels(gpu, readings) for gpu in range(len(self.gpus))]
        for field in fields_of(self.generation, self.counters):
            if field.key == XID_KEY:
                samples = list(self._xids(field, readings, labels))
            else:
                samples = list(self._plain(field, readings, labels))
            yield field.name, field.kind, field.help, samples
        if self.counters == "full":
            counts = list(self._xid_counts(readings, labels))
            yield XID_COUNT_NAME, "counter", XID_COUNT_HELP, counts

    def _labels(self, gpu: int, readings: Readings) -> tuple[str, str]:
        """The label texts before and after what a single field inserts."""
        who = self.gpus[gpu]
        newest = self.generation == "next"
        host = "hostname" if newest else "Hostname"
        driver = "SYSTEM_DRIVER_VERSION" if newest else "DRIVER_VERSION"
        in_job = self.hpc_job is not None and readings.in_job[self.first_row + gpu]
        before = (
            f'gpu="{who.index}",UUID="{who.uuid}",pci_bus_id="{who.pci_bus_id}",'
            f'device="nvidia{who.index}",modelName="{self.model}",{host}="{who.node}",'
            f'DCGM_FI_{driver}="{DRIVER_VERSION}"'
        )
        return before, f',hpc_job="{self.hpc_job}"' if in_job else ""

    def _plain(
        self, field: Field, readings: Readings, labels: list[tuple[str, str]]
    ) -> Iterator[Sample]:
        column = readings.columns[field.key]
        for gpu, (before, after) in enumerate(labels):
            row = self.first_row + gpu
            value = float(column[row])
            if not (readings.hidden[row] or math.isnan(value)):
                yield Sample(field.name, before + after, field.text(value))

    def _xids(
        self, field: Field, readings: Readings, labels: list[tuple[str, str]]
    ) -> Iterator[Sample]:
        for gpu, (before, after) in enumerate(labels):
            row = self.first_row + gpu
            code = int(readings.last_xid[row])
            silent = readings.hidden[row] or self.generation == "current"
            if readings.mute[row] or (code == 0 and silent):
                continue
            cause = f',err_code="{code}",err_msg="{xid_text(code)}"'
            yield Sample(field.name, before + cause + after, str(code))

    def _xid_counts(
        self, readings: Readings, labels: list[tuple[str, str]]
    ) -> Iterator[Sample]:
        window = f',window_size_in_ms="{round(XID_WINDOW_SECONDS * 1e3)}"'
        for gpu, (before, after) in enumerate(labels):
            row = self.first_row + gpu
            counts = readings.xid_counts.get(row, Counter())
            if readings.mute[row] or (readings.hidden[row] and not counts):
                continue
            for code, times in sorted(counts.items()):
                labelled = f'{before}{window},xid="{code}"{after}'
                yield Sample(XID_COUNT_NAME, labelled, str(times))
            if not counts:
                yield Sample(XID_COUNT_NAME, before + window + after, "0")
