import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gpuwatch.sim.backfill import backfill
from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fleet import SimFleet

T0 = 1_700_000_000.0
PROMTOOL = shutil.which("promtool")


def history(fleet: SimFleet, seconds: float = 300, **rest: object) -> list[str]:
    lines = backfill(
        fleet,
        start_seconds=T0,
        end_seconds=T0 + seconds,
        step_seconds=15,
        **rest,  # type: ignore[arg-type]
    )
    return list(lines)


def fleet_of_two(*faults: Fault) -> SimFleet:
    return SimFleet(
        2, 2, collect_interval_seconds=15, generations={1: "next"}, faults=faults
    )


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_makes_blocks_of_it(tmp_path: Path) -> None:
    source, blocks = tmp_path / "history.om", tmp_path / "data"
    lines = history(fleet_of_two(Fault("node_down", "node-02", None, 60, 120)))
    source.write_text("".join(lines))
    assert PROMTOOL is not None
    tsdb = [PROMTOOL, "tsdb"]
    make = [*tsdb, "create-blocks-from", "openmetrics", str(source), str(blocks)]
    done = subprocess.run(make, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(blocks.glob("*/meta.json"))
    # promtool dumps no database without a write-ahead log.
    (blocks / "wal").mkdir()
    dump = [*tsdb, "dump", str(blocks)]
    dumped = subprocess.run(dump, capture_output=True, text=True, check=True)
    assert len(dumped.stdout.splitlines()) == len(lines) - 1


def test_every_line_is_a_sample_with_a_time() -> None:
    *lines, last = history(fleet_of_two())
    assert last == "# EOF\n"
    sample = re.compile(r"\w+\{.*\} [-\d.]+ (\d+\.\d{3})\n")
    stamps = [float(found[1]) for line in lines if (found := sample.fullmatch(line))]
    assert len(stamps) == len(lines)
    assert stamps == sorted(stamps)
    assert (stamps[0], stamps[-1]) == (T0, T0 + 300)
    assert len(set(stamps)) == 21


def test_a_failed_scrape_leaves_only_up() -> None:
    lines = history(fleet_of_two(Fault("node_down", "node-02", None, 60, 120)))
    stamp = f"{T0 + 75:.3f}\n"
    from_node = [x for x in lines if "node-02" in x and x.endswith(stamp)]
    assert from_node == [
        f'up{{instance="node-02:9400",job="dcgm"}} 0 {stamp}',
        f'up{{instance="node-02:9100",job="node",node="node-02"}} 0 {stamp}',
    ]
    ups = [x.split()[1] for x in lines if x.startswith('up{instance="node-02:9400"')]
    assert "".join(ups) == "1111" + "0000" + "1" * 13


def test_the_timetable_counts_from_the_start() -> None:
    fleet = fleet_of_two(Fault("xid", "node-01", 0, 30, code=94))
    first = next(line for line in history(fleet) if 'err_code="94"' in line)
    assert first.endswith(f" {T0 + 30:.3f}\n")
    assert 'instance="node-01:9400",job="dcgm"' in first


def test_nodes_and_jobs_can_be_chosen() -> None:
    lines = history(fleet_of_two(), 15, nodes=[1], node_exporter=False)
    assert not [x for x in lines if "node-01" in x or 'job="node"' in x]
    assert [x for x in lines if "node-02" in x]
