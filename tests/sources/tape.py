"""A few scrapes as OpenMetrics, for a real Prometheus; no staleness markers."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

T0 = 1_770_000_000.0
STEP = 15.0
LAST = T0 + 300.0
UUIDS = [f"GPU-0000000{i}-aaaa-bbbb-cccc-000000000000" for i in range(8)]


def stamps(first: float = T0, last: float = LAST, step: float = STEP) -> list[float]:
    return [first + step * i for i in range(int((last - first) / step) + 1)]


class Tape:
    """Series by name and labels, each with its samples."""

    def __init__(self) -> None:
        self._lines: defaultdict[str, list[str]] = defaultdict(list)

    def add(
        self,
        name: str,
        value: float | Sequence[float],
        at: Sequence[float] | None = None,
        /,
        **labels: str,
    ) -> None:
        """A value (or one for each time) at these times, default every 15 s."""
        times = stamps() if at is None else at
        values = [value] * len(times) if isinstance(value, int | float) else value
        text = ",".join(
            f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in labels.items()
        )
        for time, one in zip(times, values, strict=True):
            self._lines[name].append(f"{name}{{{text}}} {one!r} {time:.3f}")

    def gpu(
        self,
        node: str,
        number: int,
        readings: Mapping[str, float | Sequence[float]] | None = None,
        at: Sequence[float] | None = None,
        /,
        **labels: str,
    ) -> None:
        """One GPU, as exporter 4.x shows it; with a temperature unless told."""
        mine = {
            "gpu": str(number % 8),
            "UUID": UUIDS[number],
            "modelName": "NVIDIA H100 80GB HBM3",
            "Hostname": node,
            "instance": f"{node}:9400",
            "job": "dcgm",
        }
        for name, value in (readings or {"DCGM_FI_DEV_GPU_TEMP": 40}).items():
            self.add(name, value, at, **{**mine, **labels})

    def text(self) -> str:
        lines = [line for name in sorted(self._lines) for line in self._lines[name]]
        return "\n".join([*lines, "# EOF\n"])
