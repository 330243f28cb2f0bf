"""Driver and VBIOS versions: dcgm-exporter writes them as labels on every series."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from gpuwatch.model.metric import catalogue
from gpuwatch.model.version import driver_code, vbios_code
from gpuwatch.sources.blocks import Block, Labels, Matrix
from gpuwatch.sources.frame import Frame
from gpuwatch.sources.prometheus.asking import Asker
from gpuwatch.sources.prometheus.names import NameBook
from gpuwatch.sources.prometheus.promql import GPU

DRIVER, VBIOS = "driver_version", "vbios_version"
LABEL_KIND = "label"
_CODES: Mapping[str, Callable[[str], float]] = {DRIVER: driver_code, VBIOS: vbios_code}


class VersionReader:
    """Fills the columns of both versions by one query; SourceError if it failed."""

    def __init__(self, asker: Asker, frame: Frame) -> None:
        self._asker, self._frame = asker, frame

    def read(self, names: NameBook) -> None:
        """From the series that show which GPUs are alive."""
        groups = names.pulses()
        blocks = [self._ask(name) for name in (groups[0] if groups else ())]
        block = Block.joined(blocks, self._frame.steps)
        for metric, code in _CODES.items():
            column = self._column(block, metric, code)
            if not np.isnan(column).all():
                self._frame.columns[metric] = column

    def _ask(self, name: str) -> Block:
        labels = [label for metric in _CODES for label in _labels(metric)]
        expr = f"max by ({', '.join((*GPU, *labels))}) ({name})"
        return self._asker.seldom(expr, DRIVER)

    def _column(
        self, block: Block, metric: str, code: Callable[[str], float]
    ) -> Matrix:
        texts = [_first(one, _labels(metric)) for one in block.labels]
        codes = np.array([code(text) if text else np.nan for text in texts])
        values = np.where(np.isnan(block.values), np.nan, codes)
        spread = self._frame.spread(Block(block.labels, values))
        return np.where(self._frame.present, spread, np.nan)


def _labels(metric: str) -> list[str]:
    return [source.name for source in catalogue()[metric].names]


def _first(labels: Labels, names: list[str]) -> str:
    """The first of these labels that is there; exporters change its name."""
    return next((labels[name] for name in names if labels.get(name)), "")
