"""Charts and report of history that a real Prometheus holds."""

import numpy as np
import pytest

from gpuwatch.backtest.chart import Chart
from gpuwatch.backtest.charts import of_incidents
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.backtest.report import html_report
from gpuwatch.backtest.run import backtest
from gpuwatch.backtest.stretch import Stretch
from gpuwatch.model.fleet import Fleet
from gpuwatch.ports import Plan
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.sources import prometheus_source
from gpuwatch.testing import RealPrometheus
from tests.backtest.conftest import BROKE, LAST, MENDED, STANDING
from tests.backtest.page import Page


@pytest.fixture(scope="module")
def found(past: RealPrometheus) -> tuple[Outcome, Chart]:
    """The outcome of the hour, and the chart of its one incident."""
    settings = Settings(prometheus=(PrometheusSettings(url=past.url),))
    stretch = Stretch(STANDING, LAST, 15.0, 900.0)
    ((outcome,),) = backtest([settings], stretch, lambda _cluster, _at: None)
    source = prometheus_source(settings.prometheus[0], settings)
    try:
        fleet = Fleet(outcome.cluster)
        charts = of_incidents(source, Plan(), fleet, outcome)
    finally:
        source.close()
    (only,) = [i for i in outcome.incidents if i.merged_into is None]
    return outcome, charts[only.id]


def test_the_hot_gpu_stands_out_from_its_job(found: tuple[Outcome, Chart]) -> None:
    chart = found[1]
    clock, heat, _ = chart.panels
    assert chart.gpus == ("node-02 GPU 3",)
    assert chart.peers.startswith("7 GPUs of job ")
    ill = (chart.at > BROKE + 60) & (chart.at < MENDED)
    well = chart.at < BROKE
    assert (clock.lines[0, ill] < 0.9 * clock.median[ill]).all()
    assert (heat.lines[0, ill] > heat.high[ill]).all()
    assert np.median(clock.lines[0, well] / clock.median[well]) > 0.97
    assert chart.at[0] >= STANDING - 900


def test_its_report_is_whole(found: tuple[Outcome, Chart]) -> None:
    outcome, chart = found
    page = Page(html_report([outcome], {chart.incident_id: chart}))
    assert page.tags.count("svg") == 3
    assert "1 incident (1 critical)" in page.words
    assert "node-02 GPU 3, beside 7 GPUs of job" in page.words
