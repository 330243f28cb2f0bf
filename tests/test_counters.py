"""The counters files: dcgm-exporter starts with them, and no rule is left blind."""

import csv
import re
from pathlib import Path

import pytest

from gpuwatch.model.metric import by_source_name, catalogue
from gpuwatch.model.rule import Rule
from gpuwatch.rules import builtin_rules

FOLDER = Path(__file__).parents[1] / "deploy/dcgm-exporter"
NEWEST = "gpuwatch-counters.csv"
DCGM_4_1 = "gpuwatch-counters-dcgm-4.1.csv"
DCGM_3_3 = "gpuwatch-counters-dcgm-3.3.csv"
NEW_NAMES = "gpuwatch-counters-new-names.csv"
ALL = (NEWEST, DCGM_4_1, DCGM_3_3, NEW_NAMES)
every_file = pytest.mark.parametrize("name", ALL)

# etc/default-counters.csv of the exporter 4.5.3-4.8.2
STOCK = """
DCGM_FI_DEV_SM_CLOCK DCGM_FI_DEV_MEM_CLOCK DCGM_FI_DEV_MEMORY_TEMP
DCGM_FI_DEV_GPU_TEMP DCGM_FI_DEV_POWER_USAGE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION
DCGM_FI_DEV_PCIE_REPLAY_COUNTER DCGM_FI_DEV_GPU_UTIL DCGM_FI_DEV_MEM_COPY_UTIL
DCGM_FI_DEV_ENC_UTIL DCGM_FI_DEV_DEC_UTIL DCGM_FI_DEV_XID_ERRORS
DCGM_FI_DEV_FB_FREE DCGM_FI_DEV_FB_USED DCGM_FI_DEV_FB_RESERVED
DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL DCGM_FI_DEV_VGPU_LICENSE_STATUS
DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS
DCGM_FI_DEV_ROW_REMAP_FAILURE DCGM_FI_DRIVER_VERSION
DCGM_FI_PROF_GR_ENGINE_ACTIVE DCGM_FI_PROF_PIPE_TENSOR_ACTIVE
DCGM_FI_PROF_DRAM_ACTIVE DCGM_FI_PROF_PCIE_TX_BYTES DCGM_FI_PROF_PCIE_RX_BYTES
"""


def records(name: str) -> list[list[str]]:
    """The file as Go's encoding/csv with '#' comments reads it."""
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    return [line.split(",") for line in lines if line and not line.startswith("#")]


def fields(name: str) -> set[str]:
    return {record[0] for record in records(name)}


def metrics(name: str) -> set[str]:
    """The catalogue's metrics that such an exporter gives."""
    known = by_source_name()
    return {known[f.lower()][0].name for f in fields(name) if f.lower() in known}


@every_file
def test_go_reads_it(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    assert text.isascii()
    assert '"' not in text
    for record in records(name):
        assert len(record) == 3, record
        field, kind, help_text = (part.strip(" ") for part in record)
        assert re.fullmatch(r"DCGM_(FI|EXP)_[A-Z0-9_]+", field)
        assert kind in {"gauge", "counter", "label"}
        assert help_text


@every_file
def test_no_field_twice(name: str) -> None:
    assert len(records(name)) == len(fields(name))


@pytest.mark.parametrize("name", [NEWEST, DCGM_4_1, DCGM_3_3])
def test_takes_nothing_away_that_the_exporter_gives_by_itself(name: str) -> None:
    assert set(STOCK.split()) - fields(name) == set()


@pytest.mark.parametrize("name", [NEWEST, NEW_NAMES])
def test_no_metric_of_the_catalogue_is_missing(name: str) -> None:
    from_exporter = {m.name for m in catalogue().values() if m.scope != "node"}
    assert from_exporter - metrics(name) == set()


@pytest.mark.parametrize("name", [NEWEST, NEW_NAMES])
@pytest.mark.parametrize("rule", builtin_rules().values(), ids=list(builtin_rules()))
def test_no_rule_is_blind(name: str, rule: type[Rule]) -> None:
    of_nodes = {m.name for m in catalogue().values() if m.scope == "node"}
    reads = {read.metric for read in rule.reads}
    assert reads - of_nodes - metrics(name) == set()


@pytest.mark.parametrize(
    ("name", "unknown_there"),
    [
        pytest.param(
            NEWEST,
            # gone in the exporters 4.4.2-4.7.1 to 4.5.2-4.8.1
            {"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "DCGM_FI_DEV_GPU_TEMP_CELSIUS"},
            id="DCGM 4.5",
        ),
        pytest.param(
            DCGM_4_1,
            {
                "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS",
                "DCGM_FI_DEV_THRESHOLD_SRM",
                "DCGM_FI_DEV_MEMORY_UNREPAIRABLE_FLAG",
                "DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION",
                "DCGM_FI_DEV_NVLINK_GET_STATE",
            },
            id="DCGM 4.1",
        ),
        pytest.param(
            DCGM_3_3,
            {
                "DCGM_FI_DEV_CLOCKS_EVENT_REASONS",
                "DCGM_FI_DEV_GPU_TEMP_LIMIT",
                "DCGM_FI_DEV_NVLINK_ERROR_DL_CRC",
                "DCGM_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS",
                "DCGM_FI_DEV_FABRIC_MANAGER_STATUS",
                "DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION",
            },
            id="DCGM 3.3",
        ),
    ],
)
def test_an_exporter_of_that_time_can_start(name: str, unknown_there: set[str]) -> None:
    """It ends at once on a field name that it does not know."""
    assert fields(name) & unknown_there == set()


@every_file
def test_throttling_and_xids_are_seen_whatever_the_version(name: str) -> None:
    assert {"throttle_reasons", "xid", "xid_count", "row_remap_pending"} < metrics(name)
    assert "DCGM_EXP_XID_ERRORS_COUNT" in fields(name)


@pytest.mark.parametrize("name", [DCGM_4_1, DCGM_3_3])
def test_a_later_field_waits_in_a_comment(name: str) -> None:
    waiting = {
        line.split(": ", 1)[1].split(",")[0]
        for line in (FOLDER / name).read_text("utf-8").splitlines()
        if line.startswith("# from DCGM ")
    }
    same = {"DCGM_FI_DEV_CLOCKS_EVENT_REASONS"} & (fields(NEWEST) - fields(name))
    assert fields(NEWEST) - fields(name) - same == waiting


def test_types_agree_with_the_catalogue() -> None:
    """`rate` of a gauge and a counter's reset are told apart by type."""
    known = by_source_name()
    for field, kind, _ in records(NEWEST):
        if field.lower() in known:
            is_counter = known[field.lower()][0].kind == "counter"
            assert (kind.strip() == "counter") is is_counter, field


def test_the_table_behind_the_files_is_read_whole() -> None:
    table = Path(__file__).parents[1] / "tools/exporter_fields.csv"
    with table.open(encoding="utf-8", newline="") as lines:
        listed = {row["field"] for row in csv.DictReader(lines)}
    assert listed == fields(NEWEST)
