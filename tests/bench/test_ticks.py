"""The in-memory snapshots against what a real Prometheus gives of the same scenario."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from bench.accuracy.detectors import Site, site_settings
from bench.accuracy.serve import served
from bench.ticks import START, Reader, columns_of, judge
from gpuwatch.app import build_core
from gpuwatch.model.metric import Pace, catalogue
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.settings import Settings
from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fields import Generation
from gpuwatch.sim.plan import JobPlan
from gpuwatch.sim.scenario import Csv, Scenario
from gpuwatch.site_rules import configured_rules
from gpuwatch.sources import prometheus_source
from gpuwatch.testing import prometheus_available

JOB = JobPlan("4211", (0, 1), checkpoint_period_seconds=0)


def small(generation: Generation = "current", csv: Csv = "full") -> Scenario:
    return Scenario(
        "thermal-1",
        1,
        nodes=3,
        gpus_per_node=4,
        duration_seconds=180.0,
        collect_seconds=30.0,
        generation=generation,
        csv=csv,
        jobs=(JOB,),
        faults=(
            Fault("xid", "node-01", 2, 60.0, code=94),
            Fault("gpu_lost", "node-03", 1, 75.0, 1000.0),
        ),
        sticky_xids=((8, 43),),
    )


def through_server(scenario: Scenario, folder: str) -> Iterator[Snapshot]:
    with served(scenario, folder) as server:
        settings = site_settings(server.url, Site(throughput=True, jobs=True))
        source = prometheus_source(settings.prometheus[0], settings)
        core = build_core(source, settings, configured_rules(settings))
        end = START + scenario.duration_seconds
        yield from source.history(core.plan, core.fleet, START, end, 15.0)
        source.close()


def by_place(snapshot: Snapshot, column: np.ndarray) -> dict[tuple[str, int], float]:
    gpus = snapshot.fleet.gpus[: snapshot.rows]
    found = zip(gpus, column.tolist(), strict=True)
    return {(g.node, g.index or 0): v for g, v in found if not np.isnan(v)}


def ports(snapshot: Snapshot, metric: str) -> list[float]:
    found: list[float] = snapshot.node_column(metric).tolist()
    return found


def xids(snapshot: Snapshot) -> set[tuple[str, int | None, int]]:
    gpus = [snapshot.fleet.gpus[row] for row in snapshot.xids.row]
    codes = snapshot.xids.code.tolist()
    return {(g.node, g.index, code) for g, code in zip(gpus, codes, strict=True)}


@pytest.mark.skipif(not prometheus_available(), reason="needs prometheus, promtool")
@pytest.mark.parametrize(
    ("generation", "csv"),
    [("legacy", "full"), ("current", "stock"), ("next", "full")],
)
def test_the_same_readings_as_prometheus_gives(
    generation: Generation, csv: Csv, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A poll sees the scrape before it, so Prometheus is one step later.

    Without job labels: backfilled history has no staleness markers, so that a series
    whose label changed would be seen beside its successor for 45 s.
    """
    scenario = replace(small(generation, csv), labels=False)
    mine = list(Reader(scenario, throughput=True, jobs=True).snapshots())
    folder = str(tmp_path_factory.mktemp("history"))
    theirs = list(through_server(scenario, folder))[1:]
    assert len(theirs) == len(mine) - 1 == 12
    for ours, real in zip(mine, theirs, strict=False):
        for name, column in real.columns.items():
            shown = by_place(real, column)
            expected = by_place(ours, ours.column(name))
            lost = {("node-03", 1)}  # no staleness marker: gone 45 s later
            assert shown.keys() - lost == expected.keys() - lost, name
            seldom = catalogue()[name].pace is Pace.SLOW
            for place in () if seldom else expected:
                assert shown[place] == pytest.approx(
                    expected[place], rel=1e-4, abs=0.51
                )
        assert xids(ours) == xids(real)
        going = {job: real.throughput.get(job) for job in ours.throughput}
        assert ours.throughput == pytest.approx(going, rel=1e-3)


@pytest.mark.skipif(not prometheus_available(), reason="needs prometheus, promtool")
def test_every_column_that_a_rule_reads_is_there(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    scenario = small()
    folder = str(tmp_path_factory.mktemp("history"))
    *_, real = through_server(scenario, folder)
    *_, ours = Reader(scenario).snapshots()
    assert ours.columns.keys() >= real.columns.keys()
    assert ours.node_columns.keys() >= real.node_columns.keys()


def test_a_port_that_goes_down_is_counted_beside_its_namesakes() -> None:
    down = Fault("rail_down", "node-02", 3, 60.0, 150.0)
    seen = list(Reader(replace(small(), nodes=5, faults=(down,))).snapshots())
    counts = {s.at - START: ports(s, "rails_down_count") for s in seen}
    assert counts[45] == [0, 0, 0, 0, 0]
    assert counts[60] == [0, 1, 0, 0, 0]
    assert counts[165] == [0, 0, 0, 0, 0]
    (worst,) = [s for s in seen if s.at - START == 60]
    assert ports(worst, "down_rail_number")[1] == 3


def test_a_slow_rail_is_seen_beside_its_siblings() -> None:
    slow = Fault("rail_slow", "node-02", 3, 30.0, 1000.0, percent=40.0)
    job = replace(JOB, nodes=tuple(range(6)))
    scenario = replace(
        small(), nodes=6, gpus_per_node=8, jobs=(job,), faults=(slow,), seed=3
    )
    *_, last = Reader(scenario).snapshots()
    assert ports(last, "rail_share_ratio")[1] < 0.8
    assert ports(last, "slowest_rail_number")[1] == 3
    others = np.delete(last.node_column("rail_share_ratio"), 1)
    assert (others > 0.95).all()


def test_a_slow_exporter_is_seen_twice() -> None:
    seen = list(Reader(small()).snapshots())
    energy = [s.column("energy_joules")[0] for s in seen]
    assert [s.at - START for s in seen[:3]] == [0, 15, 30]
    assert energy[0] == energy[1] < energy[2] == energy[3]


def test_a_failed_scrape_takes_the_whole_node() -> None:
    seen = list(Reader(replace(small(), gap_share=0.5, faults=())).snapshots())
    present = np.array([s.present for s in seen]).reshape(len(seen), 3, 4)
    up = np.array([s.node_column("exporter_up") for s in seen])
    assert (present.all(axis=2) == present.any(axis=2)).all()
    assert (present.any(axis=2) == (up == 1)).all()
    assert 0 < up.mean() < 1


def test_while_prometheus_is_away_nothing_is_known() -> None:
    seen = list(Reader(replace(small(), prometheus_restarts=(60.0,))).snapshots())
    away = [s for s in seen if 60 <= s.at - START < 120]
    assert len(away) == 4
    assert not any(s.present.any() for s in away)
    assert np.isnan([s.node_column("exporter_up") for s in away]).all()
    assert all(s.present.any() for s in seen if s.at - START >= 120)


def test_jobs_are_known_only_where_somebody_tells() -> None:
    unlabelled = replace(small(), labels=False)
    nobody, *_ = Reader(unlabelled).snapshots()
    told, *_ = Reader(unlabelled, jobs=True).snapshots()
    labels, *_ = Reader(small()).snapshots()
    assert [s.job_source for s in (nobody, told, labels)] == ["", "expr", "labels"]
    assert nobody.job(0) == ""
    assert (told.job(0), told.job(8)) == ("4211", "")


def test_stock_exporters_tell_no_reasons() -> None:
    full, stock = (next(small(csv=csv).ticks()) for csv in ("full", "stock"))
    assert "throttle_reasons" in columns_of(full)
    assert "throttle_reasons" not in columns_of(stock)
    assert "sm_clock_megahertz" in columns_of(stock)


def test_a_fault_becomes_an_incident() -> None:
    scenario = replace(
        small(),
        duration_seconds=1200.0,
        faults=(Fault("xid", "node-01", 2, 900.0, code=94),),
    )
    told = [(i.lead, i.nodes) for i in judge(scenario).incidents if not i.arrival]
    assert told == [("xid", ("node-01",))]


def test_settings_reach_the_engine() -> None:
    scenario = replace(
        small(),
        duration_seconds=1200.0,
        faults=(Fault("xid", "node-01", 2, 900.0, code=94),),
    )
    silent = Settings.model_validate({"rules": {"xid": {"enabled": False}}})
    assert [i.lead for i in judge(scenario, silent).incidents if not i.arrival] == []
