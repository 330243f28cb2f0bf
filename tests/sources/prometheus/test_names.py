"""Which names a server has is asked again until there are any."""

from gpuwatch.model.fleet import Fleet
from gpuwatch.ports import Plan
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.sources import prometheus_source
from gpuwatch.testing import FakePrometheus

TEMPERATURE = "DCGM_FI_DEV_GPU_TEMP"


def test_a_server_that_has_just_started_is_not_given_up_for_twenty_cycles(
    fake_prometheus: FakePrometheus,
) -> None:
    fake_prometheus.answer("time()", [({}, 1000.0)])
    fake_prometheus.label_values["__name__"] = ["up"]
    settings = Settings(prometheus=(PrometheusSettings(url=fake_prometheus.url),))
    source = prometheus_source(settings.prometheus[0], settings)
    fleet, plan = Fleet("c"), Plan({"gpu_temperature_celsius": 0.0})
    assert source.read(plan, fleet).rows == 0
    fake_prometheus.label_values["__name__"] = ["up", TEMPERATURE]
    gpu = {"UUID": "GPU-1", "Hostname": "node-01", "gpu": "0"}
    fake_prometheus.answer(f"timestamp({TEMPERATURE}", [(gpu, 999.0)])
    assert source.read(plan, fleet).present.tolist() == [True]
    source.close()
