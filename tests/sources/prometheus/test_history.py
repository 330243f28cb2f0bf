"""The same readings of the past, and how they are asked for."""

import numpy as np
import pytest

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.metric import catalogue
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import CustomQuery, Plan
from gpuwatch.sim.backfill import backfill
from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.testing import backfilled
from tests.sources.conftest import EVERYTHING, MakeSite, Site, opened
from tests.sources.refusing import Refusing
from tests.sources.tape import LAST, STEP, T0, UUIDS, Tape, stamps


def told(made: Site, seen: Snapshot) -> dict[str, object]:
    """A snapshot by UUID instead of by row, NaN as None."""
    uuids = [gpu.uuid for gpu in made.fleet.gpus[: seen.rows]]
    columns = dict(seen.columns) | {"sampled_at": seen.sampled_at}
    values = {
        (name, uuid): float(value)
        for name, column in columns.items()
        for uuid, value in zip(uuids, column, strict=True)
        if not np.isnan(value)
    }
    codes = zip(seen.xids.row.tolist(), seen.xids.code.tolist(), strict=True)
    return {
        "values": values,
        "xids": {(uuids[row], code) for row, code in codes},
        "jobs": {uuid: seen.job(row) for row, uuid in enumerate(uuids)},
        "nodes": {
            (name, node): value
            for name, column in seen.node_columns.items()
            for node, value in zip(made.fleet.nodes, column.tolist(), strict=True)
        },
    }


@pytest.mark.parametrize("most_values", [250_000, 64])
def test_history_says_what_readings_said_at_the_time(
    most_values: int,
) -> None:
    """Whole, and in chunks of a few steps."""
    fleet = SimFleet(2, 4, generations={1: "next"})
    fleet.add(Fault("xid", "node-01", 1, code=79, start_seconds=90))
    fleet.add(Fault("ecc", "node-02", 2, start_seconds=120))
    lines = backfill(fleet, start_seconds=T0, end_seconds=LAST, step_seconds=STEP)
    with (
        backfilled("".join(lines), lookback=None) as served,
        opened(served.url) as live,
        opened(served.url, None, most_values) as later,
    ):
        past = later.history(T0 + 60, LAST, 30)
        assert [seen.at for seen in past] == [T0 + 60 + 30 * i for i in range(9)]
        for seen in past:
            assert told(later, seen) == told(live, live.read(seen.at))


def test_a_gpu_is_no_row_before_it_was_seen(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0)
    tape.gpu("a", 1, None, stamps(T0 + 150))
    made = site(tape)
    rows = [seen.rows for seen in made.history(T0 + 120, T0 + 180, 30)]
    assert rows == [1, 2, 2]


def test_a_gap_is_absent_and_not_filled(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, None, [*stamps(T0, T0 + 60), *stamps(T0 + 240)])
    made = site(tape)
    present = [bool(s.present[0]) for s in made.history(T0, LAST, 30)]
    assert present == [True] * 6 + [False] * 2 + [True] * 3


def test_custom_queries_have_a_history(site: MakeSite) -> None:
    tape = Tape()
    temperatures = [50.0 if t < T0 + 150 else 90.0 for t in stamps()]
    tape.gpu("a", 0, {"DCGM_FI_DEV_GPU_TEMP": temperatures})
    tape.add("guard", 1, stamps(T0 + 240))
    made = site(tape)
    expr = "DCGM_FI_DEV_GPU_TEMP > 80"
    queries = (CustomQuery("hot", expr), CustomQuery("wary", expr, present="guard"))
    source = made.source.history(Plan(queries=queries), made.fleet, T0, LAST, 75)
    steps = [dict(seen.answers) for seen in source]
    sizes = [{n: None if a is None else len(a) for n, a in s.items()} for s in steps]
    assert sizes == [
        {"hot": 0, "wary": None},
        {"hot": 0, "wary": None},
        {"hot": 1, "wary": None},
        {"hot": 1, "wary": None},
        {"hot": 1, "wary": 1},
    ]


def test_history_is_quiet_about_the_live_source(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0)
    made = site(tape)
    made.read()
    list(made.source.history(EVERYTHING, Fleet("other"), T0, LAST, 60))
    assert made.read().present.all()


def rich_tape() -> Tape:
    tape = Tape()
    for number in range(2):
        readings = {
            source.name: 5.0
            for metric in catalogue().values()
            if metric.scope == "gpu" and metric.name not in {"xid", "xid_count"}
            for source in metric.names[:1]
        }
        tape.gpu("a", number, readings)
    return tape


def test_a_cycle_asks_at_one_time_and_seldom_for_what_is_slow(site: MakeSite) -> None:
    url = site(rich_tape()).client.settings.addresses[0]
    with Refusing(url, "") as proxy, opened(proxy.url) as behind:
        first = behind.read()
        assert proxy.times == {f"{LAST:.3f}"}
        proxy.queries.clear()
        second = behind.read()
        asked = "\n".join(proxy.queries)
    assert first.unread == second.unread == {}
    slow = [m.names[0].name for m in catalogue().values() if m.pace == "slow"]
    asked_again = [name for name in slow if f"({name} " in asked]
    assert len(asked_again) < len(slow) / 3
    assert "DCGM_FI_DEV_POWER_USAGE" in asked
    assert set(second.columns) == set(first.columns)
    assert second.columns["slowdown_temperature_celsius"].tolist() == [5, 5]


def test_a_heartbeat_sheds_what_churns_and_new_gpus_are_introduced(
    site: MakeSite,
) -> None:
    tape = Tape()
    tape.gpu("a", 0)
    tape.gpu("b", 1, None, stamps(T0 + 150))
    url = site(tape).client.settings.addresses[0]
    with Refusing(url, "") as proxy, opened(proxy.url) as behind:
        behind.read(T0 + 120)
        proxy.queries.clear()
        behind.read(T0 + 135)
        assert not [query for query in proxy.queries if "modelName" in query]
        behind.read(T0 + 150)
        assert [query for query in proxy.queries if "modelName" in query]
        assert [gpu.node for gpu in behind.fleet.gpus] == ["a", "b"]
        assert behind.fleet.gpus[1].uuid == UUIDS[1]
        assert behind.fleet.gpus[1].index == 1


def test_what_is_slow_is_still_followed_within_minutes(site: MakeSite) -> None:
    tape = Tape()
    times = stamps(T0, T0 + 1200)
    width = [16.0 if t < T0 + 600 else 8.0 for t in times]
    tape.gpu("a", 0, None, times)
    tape.gpu("a", 0, {"DCGM_FI_DEV_PCIE_LINK_WIDTH": width}, times)
    past = site(tape).history(T0, T0 + 1200, 60)
    widths = [float(seen.columns["pcie_link_width"][0]) for seen in past]
    assert widths[:10] == [16] * 10
    assert widths[-6:] == [8] * 6


def test_a_new_gpu_has_its_slow_metrics_at_once(site: MakeSite) -> None:
    tape = Tape()
    limit = "DCGM_FI_DEV_SLOWDOWN_TEMP"
    tape.gpu("a", 0, {"DCGM_FI_DEV_GPU_TEMP": 40, limit: 89})
    tape.gpu("a", 1, {"DCGM_FI_DEV_GPU_TEMP": 40, limit: 95}, stamps(T0 + 150))
    made = site(tape)
    made.read(T0 + 120)
    made.read(T0 + 135)
    limits = made.read(T0 + 150).columns["slowdown_temperature_celsius"]
    assert limits.tolist() == [89, 95]
