"""The network ports of a fleet, as node_exporter's infiniband collector counts them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpuwatch.sim.crew import Crew
from gpuwatch.sim.hardware import Floats
from gpuwatch.sim.impact import Impact
from gpuwatch.sim.sheet import Doing

ACTIVE_STATE, DOWN_STATE = 4.0, 1.0
LINE_BYTES = 5e10
SENT = "node_infiniband_port_data_transmitted_bytes_total"
RECEIVED = "node_infiniband_port_data_received_bytes_total"
RATE = "node_infiniband_rate_bytes_per_second"
STATE = "node_infiniband_state_id"
DOWNED = "node_infiniband_link_downed_total"
SYMBOL_ERRORS = "node_infiniband_symbol_error_total"
_TOTALS = (SENT, RECEIVED, DOWNED, SYMBOL_ERRORS)


class Rails:
    """Counters by [node, port]; port k is `mlx5_k` and serves GPU k."""

    def __init__(
        self,
        rng: np.random.Generator,
        crews: Sequence[Crew],
        nodes: int,
        rails: int,
    ) -> None:
        self._rng, self._crews = rng, crews
        shape = (nodes, rails)
        self._totals = {name: np.zeros(shape) for name in _TOTALS}
        self._own = 1 + rng.normal(0, 0.001, shape)
        self._own[:, rng.integers(rails)] -= rng.choice([0.0, 0.03])
        self._down = np.zeros(shape, dtype=bool)

    def add(self, doing: Doing, impact: Impact, dt_seconds: float) -> None:
        """Count what dt seconds have carried."""
        share = np.zeros(doing.rate.shape)
        for crew in self._crews:
            if crew.plan.kind != "inference":
                rate = doing.rate[crew.rows].mean()
                share[crew.rows] = rate * crew.character.rail_bytes
        noise = 1 + self._rng.normal(0, 0.003, self._own.shape)
        carried = share.reshape(self._own.shape) * self._own * noise * impact.rails
        down = impact.rails == 0
        self._totals[SENT] += (carried * dt_seconds).round()
        self._totals[RECEIVED] += (carried * 0.998 * dt_seconds).round()
        errors = self._rng.poisson(impact.rail_errors * dt_seconds)
        self._totals[SYMBOL_ERRORS] += errors
        self._totals[DOWNED] += down & ~self._down
        self._down = down

    def columns(self) -> dict[str, Floats]:
        """Every port's series now; counters are copies."""
        shown = {name: total.copy() for name, total in self._totals.items()}
        shown[STATE] = np.where(self._down, DOWN_STATE, ACTIVE_STATE)
        shown[RATE] = np.full(self._down.shape, LINE_BYTES)
        return shown
