"""A scenario as Prometheus would have it: names, labels, stamps, gaps."""

import itertools
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from gpuwatch.sim.openmetrics import openmetrics
from gpuwatch.sim.scenario import Scenario
from tests.sim.scenes import CULPRIT_NODE, culprit, scene

T0 = 1_700_000_000.0
PROMTOOL = shutil.which("promtool")
SAMPLE = re.compile(r"(\w+)\{(.*)\} (\S+) (\d+\.\d{3})")
Series = dict[tuple[str, str], list[tuple[float, float]]]


def series(scenario: Scenario, **rest: object) -> Series:
    """Name and labels to (seconds after the start, value), in the order written."""
    blocks = "".join(openmetrics(scenario, start_seconds=T0, **rest))  # type: ignore[arg-type]
    *lines, last = blocks.splitlines()
    assert last == "# EOF"
    found: Series = defaultdict(list)
    for line in lines:
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value, stamp = match.groups()
        found[name, labels].append((round(float(stamp) - T0, 3), float(value)))
    return found


def short(**rest: object) -> Scenario:
    return scene(nodes=2, **({"duration_seconds": 300.0} | rest))  # type: ignore[arg-type]


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
@pytest.mark.parametrize("generation", ["legacy", "current", "next"])
def test_promtool_takes_every_line(tmp_path: Path, generation: str) -> None:
    source, blocks = tmp_path / "history.om", tmp_path / "data"
    fallen = scene(
        culprit("xid", code=79), nodes=3, duration_seconds=600.0, gap_share=0.05,
        generation=generation, sticky_xids=((0, 31),),
    )  # fmt: skip
    lines = "".join(openmetrics(fallen, start_seconds=T0, job_series=True))
    source.write_text(lines)
    assert PROMTOOL is not None
    tsdb = [PROMTOOL, "tsdb"]
    make = [*tsdb, "create-blocks-from", "openmetrics", str(source), str(blocks)]
    done = subprocess.run(make, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (blocks / "wal").mkdir()
    dump = [*tsdb, "dump", str(blocks)]
    dumped = subprocess.run(dump, capture_output=True, text=True, check=True)
    assert len(dumped.stdout.splitlines()) == len(lines.splitlines()) - 1


def test_every_target_is_scraped_at_a_moment_of_its_own() -> None:
    found = series(short())
    ups = [points for (name, _), points in found.items() if name == "up"]
    assert len(ups) == 4
    phases = {round(points[0][0], 1) for points in ups}
    assert len(phases) == 4
    for points in ups:
        steps = [b[0] - a[0] for a, b in itertools.pairwise(points)]
        assert all(14.95 < step < 15.05 for step in steps)
        assert len(set(steps)) > 5


def test_a_collect_interval_of_two_scrapes_shows_each_sample_twice() -> None:
    found = series(short(collect_seconds=30.0))
    for (name, _), points in found.items():
        if name == "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION":
            values = [value for _, value in points]
            assert values[0:20:2] == values[1:20:2]
            assert len(set(values)) == 11


@pytest.mark.parametrize(
    ("generation", "clock", "host", "mhz"),
    [
        ("legacy", "DCGM_FI_DEV_SM_CLOCK", "Hostname", 1980),
        ("current", "DCGM_FI_DEV_SM_CLOCK", "Hostname", 1980),
        ("next", "DCGM_FI_DEV_SM_CLOCK_HERTZ", "hostname", 1.98e9),
    ],
)
def test_each_generation_has_its_names_and_units(
    generation: str, clock: str, host: str, mhz: float
) -> None:
    found = series(short(generation=generation))
    clocks = {key: points for key, points in found.items() if key[0] == clock}
    assert len(clocks) == 16
    assert all(f',{host}="node-0' in labels for _, labels in clocks)
    assert max(value for points in clocks.values() for _, value in points) == mhz
    old = "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS"
    assert (old in {name for name, _ in found}) == (generation == "legacy")


def test_the_stock_csv_is_short() -> None:
    names = {name for name, _ in series(short(csv="stock"))}
    assert "DCGM_FI_DEV_CLOCKS_EVENT_REASONS" not in names
    assert "DCGM_FI_PROF_SM_ACTIVE" not in names
    assert "DCGM_EXP_XID_ERRORS_COUNT" not in names
    assert "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE" in names


def test_only_the_wanted_keys_are_written() -> None:
    names = {name for name, _ in series(short(), keys={"sm_clock", "power"})}
    assert {name for name in names if name.startswith("DCGM")} == {
        "DCGM_FI_DEV_SM_CLOCK",
        "DCGM_FI_DEV_POWER_USAGE",
    }


def test_the_job_label_is_there_or_not_and_a_slurm_exporter_may_tell() -> None:
    labelled, bare = series(short()), series(short(labels=False), job_series=True)
    assert sum('hpc_job="4211"' in labels for _, labels in labelled) > 100
    assert not any("hpc_job" in labels for _, labels in bare)
    told = [labels for name, labels in bare if name == "slurm_node_job"]
    assert len(told) == 2
    assert 'job_id="4211",node_name="node-01"' in told[0]
    (rate,) = [p for (name, _), p in bare.items() if name == "train_tokens_per_second"]
    assert rate[-1][1] > 16 * 4000


def test_a_failed_scrape_leaves_up_0_and_nothing_else() -> None:
    found = series(short(gap_share=0.3, duration_seconds=900.0))
    up = dict(found["up", 'instance="node-01:9400",job="dcgm"'])
    failed = {stamp for stamp, value in up.items() if value == 0}
    assert 5 < len(failed) < 40
    for (name, labels), points in found.items():
        if name.startswith("DCGM") and 'Hostname="node-01"' in labels:
            assert {stamp for stamp, _ in points} <= set(up) - failed


def test_while_prometheus_is_away_there_is_nothing() -> None:
    found = series(short(prometheus_restarts=(120.0,)))
    stamps = {stamp for points in found.values() for stamp, _ in points}
    assert not any(135 <= stamp < 180 for stamp in stamps)
    assert any(180 <= stamp < 195 for stamp in stamps)


def test_a_lost_gpu_leaves_its_xid_only() -> None:
    found = series(scene(culprit("xid", code=79), nodes=3, duration_seconds=600.0))
    late = Counter(
        name
        for (name, labels), points in found.items()
        if 'gpu="1"' in labels and CULPRIT_NODE in labels and points[-1][0] > 400
    )
    assert late == {"DCGM_FI_DEV_XID_ERRORS": 1, "DCGM_EXP_XID_ERRORS_COUNT": 1}


def test_boot_times_are_unix_times() -> None:
    found = series(short())
    boots = [p for (name, _), p in found.items() if name == "node_boot_time_seconds"]
    assert len(boots) == 2
    assert all(T0 - 30 * 86_400 < points[0][1] < T0 for points in boots)
