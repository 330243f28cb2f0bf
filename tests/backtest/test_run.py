"""A real Prometheus with backfilled history, judged."""

import pytest

from gpuwatch.backtest.document import as_document
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.backtest.run import backtest, horizon
from gpuwatch.backtest.stretch import Stretch
from gpuwatch.errors import ConfigError, SourceError
from gpuwatch.settings import (
    CustomRuleSettings,
    ExportersSettings,
    PrometheusSettings,
    Settings,
)
from gpuwatch.sim.backfill import backfill
from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.testing import RealPrometheus, backfilled
from tests.backtest.conftest import BROKE, LAST, MENDED, STANDING, T0

WHOLE = Stretch(STANDING, LAST, 15.0, 900.0)


def configured(prometheus: RealPrometheus, expr: str = "") -> Settings:
    """With a custom rule of that PromQL."""
    custom = {"name": "hot", "expr": expr, "summary": "hot"}
    return Settings(
        prometheus=(PrometheusSettings(url=prometheus.url),),
        custom_rules=(CustomRuleSettings.model_validate(custom),) if expr else (),
    )


def unheard(_cluster: str, _at: float) -> None:
    """Nobody looks at the progress."""


def judged(prometheus: RealPrometheus, stretch: Stretch = WHOLE) -> Outcome:
    ((outcome,),) = backtest([configured(prometheus)], stretch, unheard)
    return outcome


def whole(outcome: Outcome) -> list[tuple[str | None, int | None]]:
    """Node and GPU of each incident that was not absorbed."""
    found = [i for i in outcome.incidents if i.merged_into is None]
    return [(i.only.node, i.only.gpu) if i.only else (None, None) for i in found]


def test_a_thermal_fault_is_found_where_and_when_it_began(past: RealPrometheus) -> None:
    outcome = judged(past)
    assert whole(outcome) == [("node-02", 3)]
    incident = outcome.incidents[0]
    assert "thermal_slowdown" in incident.rules
    assert 0 <= incident.started_at - BROKE <= 15
    assert 0 <= incident.detected_at - incident.started_at <= 30
    assert outcome.traffic_of(incident.id).posts == 1
    assert (outcome.gpus, outcome.nodes) == (8, 2)
    assert outcome.unread == outcome.coverage.failed == {}


def test_nothing_is_found_in_a_healthy_time(past: RealPrometheus) -> None:
    outcome = judged(past, Stretch(STANDING, BROKE - 15, 15.0, 900.0))
    assert outcome.incidents == ()
    assert outcome.total.messages == 0


def test_what_stands_at_the_start_dates_from_when_it_began(
    past: RealPrometheus,
) -> None:
    outcome = judged(past, Stretch(BROKE + 300, MENDED, 15.0, 900.0))
    (incident,) = [i for i in outcome.incidents if i.merged_into is None]
    assert incident.arrival
    assert 0 <= incident.started_at - BROKE <= 15


def test_another_process_reads_the_same(past: RealPrometheus) -> None:
    here = as_document([judged(past)], 900.0)
    ((other,),) = backtest([configured(past)], WHOLE, unheard, alone_below_steps=0)
    assert as_document([other], 900.0) == here
    assert len(here["incidents"]) >= 1


def test_two_configurations_over_one_reading(past: RealPrometheus) -> None:
    never = configured(past, "DCGM_FI_DEV_GPU_TEMP > 1000")
    often = configured(past, "DCGM_FI_DEV_GPU_TEMP > 20")
    stretch = Stretch(STANDING, STANDING + 120, 15.0, 0.0)
    ((a, b),) = backtest([never, often], stretch, unheard)
    assert [outcome.coverage.firing["hot"] for outcome in (a, b)] == [0, 8]


def test_custom_promql_is_asked_over_the_range(past: RealPrometheus) -> None:
    since = STANDING + 300
    expr = f"DCGM_FI_DEV_GPU_TEMP > 20 and on () (vector(time()) > {since})"
    stretch = Stretch(STANDING, STANDING + 600, 15.0, 60.0)
    ((outcome,),) = backtest([configured(past, expr)], stretch, unheard)
    assert {incident.lead for incident in outcome.incidents} == {"hot"}
    assert {i.started_at - since for i in outcome.incidents} == {15.0}


def test_progress_is_told_to_the_end(past: RealPrometheus) -> None:
    told: list[tuple[str, float]] = []
    stretch = Stretch(STANDING, STANDING + 300, 30.0, 120.0)
    backtest([configured(past)], stretch, lambda *seen: told.append(seen))
    assert told == [("default", STANDING - 120 + 30 * i) for i in range(15)]


def test_where_nobody_has_samples_the_range_is_named(past: RealPrometheus) -> None:
    with pytest.raises(SourceError, match=r"no GPU has a sample from 2026-09-2\dT"):
        judged(past, Stretch(T0 - 86_400, T0 - 82_800, 15.0, 0.0))


def test_a_site_without_prometheus_has_no_history() -> None:
    exporters = ExportersSettings(urls=("http://127.0.0.1:9/metrics",))
    with pytest.raises(ConfigError, match="history needs a Prometheus"):
        horizon(Settings(prometheus=(), exporters=exporters))


@pytest.mark.parametrize(
    ("scrape", "step", "lookback"),
    [(15, 15.0, "45s"), (15, 30.0, None), (30, 15.0, None), (30, 30.0, "45s")],
)
def test_a_gpu_that_was_lost_is_found_at_any_interval(
    scrape: int, step: float, lookback: str | None
) -> None:
    """The exporter collects every 30 s; no staleness markers end the series."""
    fleet = SimFleet(2, 4, job_nodes=[0, 1], collect_interval_seconds=30)
    fleet.add(Fault("gpu_lost", "node-01", 2, start_seconds=1200))
    lines = backfill(
        fleet, start_seconds=T0, end_seconds=T0 + 2400, step_seconds=scrape
    )
    with backfilled("".join(lines), lookback=lookback) as prometheus:
        outcome = judged(prometheus, Stretch(T0 + 600, T0 + 2400, step, 600.0))
    assert whole(outcome) == [("node-01", 2)]
    (incident,) = [i for i in outcome.incidents if i.merged_into is None]
    assert 0 <= incident.started_at - T0 - 1200 <= 120
