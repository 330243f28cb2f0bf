"""XIDs: sticky gauge, windowed count, and what their absence means."""

import numpy as np
import pytest

from gpuwatch.model.snapshot import Snapshot
from tests.sources.conftest import MakeSite, Site, opened
from tests.sources.refusing import Refusing
from tests.sources.tape import LAST, T0, UUIDS, Tape, stamps

GAUGE, NEW_GAUGE = "DCGM_FI_DEV_XID_ERRORS", "DCGM_FI_DEV_XID_ERROR"
COUNT = "DCGM_EXP_XID_ERRORS_COUNT"
NAN = float("nan")


def entries(made: Site, seen: Snapshot) -> dict[tuple[str, int], float]:
    """(UUID, code) to count; the gauge's count is NaN."""
    uuids = [made.fleet.gpus[row].uuid for row in seen.xids.row.tolist()]
    pairs = zip(uuids, seen.xids.code.tolist(), strict=True)
    return dict(zip(pairs, seen.xids.count.tolist(), strict=True))


def known(made: Site, seen: Snapshot) -> dict[str, bool]:
    assert seen.xids_known is not None
    return {
        gpu.uuid: bool(flag)
        for gpu, flag in zip(made.fleet.gpus, seen.xids_known, strict=True)
    }


@pytest.mark.parametrize("name", [GAUGE, NEW_GAUGE])
def test_the_gauge_shows_its_last_code_and_zero_is_none(
    site: MakeSite, name: str
) -> None:
    tape = Tape()
    for number, code in enumerate((0, 79)):
        tape.gpu("a", number)
        tape.gpu("a", number, {name: code}, err_code=str(code), err_msg="x")
    made = site(tape)
    seen = made.read()
    assert list(entries(made, seen)) == [(UUIDS[1], 79)]
    assert np.isnan(seen.xids.count).all()
    assert known(made, seen) == {UUIDS[0]: True, UUIDS[1]: True}


def test_the_count_is_the_source_where_it_is_exported(site: MakeSite) -> None:
    tape = Tape()
    for node, number in (("a", 0), ("a", 1), ("b", 2)):
        tape.gpu(node, number)
        tape.gpu(node, number, {GAUGE: 31}, err_code="31")
    tape.gpu("a", 0, {COUNT: 0}, window_size_in_ms="300000")
    tape.gpu("a", 1, {COUNT: 4}, xid="31")
    tape.gpu("a", 1, {COUNT: 1}, xid="43")
    made = site(tape)
    found = entries(made, made.read())
    expected = {(UUIDS[1], 31): 4.0, (UUIDS[1], 43): 1.0, (UUIDS[2], 31): NAN}
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("code", ["9223372036854775792", "", "-1", "٣", "1e3", "<b>"])
def test_a_count_without_a_real_code_is_dropped(site: MakeSite, code: str) -> None:
    tape = Tape()
    tape.gpu("a", 0)
    tape.gpu("a", 0, {COUNT: 2}, xid=code)
    made = site(tape)
    seen = made.read()
    assert entries(made, seen) == {}
    assert seen.dropped == {"xid_count": 1}


@pytest.mark.parametrize("value", [2.0**63, -5.0, 31.5, 1e6])
def test_a_gauge_that_is_no_code_is_dropped(site: MakeSite, value: float) -> None:
    tape = Tape()
    tape.gpu("a", 0, {"DCGM_FI_DEV_GPU_TEMP": 40.0, GAUGE: value})
    made = site(tape)
    seen = made.read()
    assert entries(made, seen) == {}
    assert seen.dropped == {"xid": 1}


def test_an_xid_that_is_all_that_is_left_finds_its_row_and_no_life(
    site: MakeSite,
) -> None:
    tape = Tape()
    tape.gpu("a", 0)
    tape.gpu("a", 1, {GAUGE: 79}, err_code="79")
    made = site(tape)
    seen = made.read()
    row = made.fleet.row("a", UUIDS[1])
    assert row is not None
    assert made.fleet.gpus[row].index == 1
    assert not seen.present[row]
    assert list(entries(made, seen)) == [(UUIDS[1], 79)]
    assert known(made, seen)[UUIDS[1]]
    assert np.isnan(seen.columns["gpu_temperature_celsius"][row])


def test_a_lost_gpus_sticky_code_stays_though_its_node_counts(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, {"DCGM_FI_DEV_GPU_TEMP": 40, COUNT: 0})
    early = stamps(T0, T0 + 150)
    tape.gpu("a", 1, {"DCGM_FI_DEV_GPU_TEMP": 40, COUNT: 0}, early)
    tape.gpu("a", 1, {GAUGE: 79}, err_code="79")
    made = site(tape)
    assert entries(made, made.read(T0 + 150)) == {}
    assert list(entries(made, made.read(LAST))) == [(UUIDS[1], 79)]


def test_without_any_xid_name_nobody_is_known_to_be_well(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0)
    made = site(tape)
    assert known(made, made.read()) == {UUIDS[0]: False}


def test_current_exporters_show_no_series_in_health(site: MakeSite) -> None:
    """The name is known from another GPU's trouble long ago: absence is health."""
    tape = Tape()
    tape.gpu("a", 0)
    tape.gpu("b", 1, {GAUGE: 31}, stamps(T0, T0 + 30), err_code="31")
    made = site(tape)
    seen = made.read(LAST)
    assert entries(made, seen) == {}
    assert known(made, seen)[UUIDS[0]]


def test_a_gauge_that_cannot_be_read_makes_nobody_known(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, {"DCGM_FI_DEV_GPU_TEMP": 40, GAUGE: 0})
    url = site(tape).client.settings.addresses[0]
    with Refusing(url, GAUGE) as proxy, opened(proxy.url) as behind:
        seen = behind.read()
        assert "refused" in seen.unread["xid"]
        assert known(behind, seen) == {UUIDS[0]: False}
