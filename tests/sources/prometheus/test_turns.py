"""In a large fleet dense and sparse metrics are asked by turns."""

from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.sources.prometheus.source import PrometheusSource
from tests.sources.conftest import MakeSite
from tests.sources.tape import LAST, STEP, T0, Tape, stamps

HALF = T0 + 150.0


def test_a_large_fleet_asks_half_each_time_and_forgets_nothing(site: MakeSite) -> None:
    tape = Tape()
    early, late = stamps(T0, HALF), stamps(HALF + STEP, LAST)
    for at, heat, replays in ((early, 60, 5), (late, 80, 9)):
        values = {
            "DCGM_FI_DEV_GPU_TEMP": heat,
            "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": replays,
        }
        tape.gpu("a", 0, values, at)
    small = site(tape)
    assert isinstance(small.client, PrometheusClient)
    source = PrometheusSource("test", small.client, most_every_cycle=0)
    small.source, old = source, small.source
    old.close()

    def look(at: float) -> tuple[float, float]:
        seen = small.read(at)
        return (
            float(seen.columns["gpu_temperature_celsius"][0]),
            float(seen.columns["pcie_replays"][0]),
        )

    assert look(HALF) == (60, 5)
    assert look(LAST) == (60, 9)
    assert look(LAST) == (80, 9)
