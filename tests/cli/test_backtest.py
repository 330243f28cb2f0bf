"""`gpuwatch backtest`: what it prints, and every line that says what is wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gpuwatch.sim.backfill import backfill
from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.testing import (
    RealPrometheus,
    backfilled,
    prometheus_available,
)
from tests.cli.conftest import Ran, Run

T0 = 1_790_000_000
STANDING, BROKE, LAST = T0 + 600, T0 + 1200, T0 + 1800
URL = "http://127.0.0.1:9"
COMMAND = str(Path(sys.executable).with_name("gpuwatch"))
WINDOW = ("--start", str(STANDING), "--end", str(LAST), "--warm-up", "10m")


@pytest.fixture(scope="module")
def past() -> Iterator[RealPrometheus]:
    """Half an hour of two nodes; node-01's GPU 2 is braked by power from 1200 s on."""
    if not prometheus_available():
        pytest.skip("needs prometheus and promtool")
    fleet = SimFleet(2, 4, job_nodes=[0, 1], collect_interval_seconds=15)
    fleet.add(Fault("thermal", "node-01", 2, start_seconds=BROKE - T0))
    lines = backfill(fleet, start_seconds=T0, end_seconds=LAST, step_seconds=15)
    with backfilled("".join(lines)) as prometheus:
        yield prometheus


def judged(run: Run, past: RealPrometheus, *words: str) -> Ran:
    return run("backtest", "--prometheus-url", past.url, *WINDOW, *words)


def test_json_has_every_field_that_outsiders_rely_on(
    run: Run, past: RealPrometheus
) -> None:
    ran = judged(run, past, "--output", "json")
    assert (ran.code, ran.err) == (1, "")
    assert set(ran.json) == {"incidents", "summary", "window"}
    (incident,) = [i for i in ran.json["incidents"] if i["merged_into"] is None]
    assert {key: kinds(incident[key]) for key in FIELDS} == FIELDS
    assert (incident["node"], incident["gpu"], incident["scope"]) == (
        "node-01",
        2,
        "gpu",
    )
    assert incident["members"] == [
        {"node": "node-01", "gpu": 2, "uuid": incident["uuid"]}
    ]
    began = datetime.fromisoformat(incident["started_at"]).timestamp()
    assert 0 <= began - BROKE <= 15
    assert "NaN" not in ran.out


FIELDS = {
    **dict.fromkeys(
        ("id", "rule", "category", "severity", "state", "scope", "cluster"), "str"
    ),
    **dict.fromkeys(("node", "uuid", "job", "summary", "action"), "str"),
    **dict.fromkeys(("started_at", "detected_at"), "time"),
    **dict.fromkeys(("ending", "merged_into", "resolved_at"), "NoneType"),
    **dict.fromkeys(("gpu", "victims"), "int"),
    **dict.fromkeys(("evidence", "traffic"), "dict"),
    "members": "list",
}


def kinds(value: Any) -> str:
    """The JSON type's name; `time` for a UTC time with a Z."""
    is_time = isinstance(value, str) and value[:2] == "20" and value[-1:] == "Z"
    return "time" if is_time else type(value).__name__


def test_the_summary_counts_incidents_pages_and_messages(
    run: Run, past: RealPrometheus
) -> None:
    document = judged(run, past, "--output", "json").json
    summary = document["summary"]
    traffic = [i["traffic"] for i in document["incidents"]]
    for kind in ("posts", "edits", "notes", "broadcasts", "pages"):
        assert summary[kind] == sum(one[kind] for one in traffic)
    assert summary["messages"] == summary["posts"] + summary["notes"] >= 1
    assert summary["incidents"] == 1
    assert summary["days"] == pytest.approx(1200 / 86_400, abs=1e-6)
    assert summary["pages_per_day"] == pytest.approx(summary["pages"] * 72, abs=0.01)
    (cluster,) = summary["clusters"]
    assert (cluster["gpus"], cluster["nodes"], cluster["unread"]) == (8, 2, {})
    assert document["window"] == {
        "start": "2026-09-21T14:23:20Z",
        "end": "2026-09-21T14:43:20Z",
        "step_seconds": 15.0,
        "warm_up_seconds": 600.0,
    }


def test_the_same_run_twice_prints_the_same_document(
    past: RealPrometheus, tmp_path: Path
) -> None:
    """In processes of their own, which hash in different orders."""
    command = [COMMAND, "backtest", *WINDOW]
    command += ["--prometheus-url", past.url, "--output", "json"]
    documents = [
        subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=tmp_path,
            capture_output=True,
            check=False,
        ).stdout
        for seed in ("1", "2")
    ]
    assert documents[0] == documents[1]
    assert json.loads(documents[0])["incidents"]


def test_a_healthy_time_is_exit_0_and_says_so(run: Run, past: RealPrometheus) -> None:
    ran = run(
        *("backtest", "--prometheus-url", past.url, "--warm-up", "0"),
        *("--start", str(T0), "--end", str(STANDING), "--output", "table"),
    )
    assert (ran.code, ran.err) == (0, "")
    assert "8 GPUs on 2 nodes, 2026-09-21T14:13:20Z to 2026-09-21T14:23:20Z" in ran.out
    assert "nothing wrong" in ran.out
    assert "0 incidents, 0 pages (0 per day), 0 messages over 0.00694 days" in ran.out


def test_a_table_tells_where_what_and_how_often(run: Run, past: RealPrometheus) -> None:
    ran = judged(run, past, "--output", "table")
    assert ran.code == 1
    assert "node-01 GPU 2" in " ".join(ran.out.split())
    assert "1 incident, " in ran.out


def test_a_rule_filters_what_is_printed(run: Run, past: RealPrometheus) -> None:
    ran = judged(run, past, "--output", "json", "--rule", "nvlink_errors")
    assert ran.code == 0
    assert ran.json["incidents"] == []
    ran = judged(run, past, "--output", "json", "--rule", "thermal_slowdown")
    assert [i["node"] for i in ran.json["incidents"]] == ["node-01"]


def test_each_cluster_of_the_configuration_is_judged(
    run: Run, past: RealPrometheus, tmp_path: Path
) -> None:
    clusters = ", ".join(f"{{name: {n}, url: '{past.url}'}}" for n in ("east", "west"))
    (tmp_path / "gpuwatch.yaml").write_text(f"prometheus: [{clusters}]\n")
    words = ("backtest", *WINDOW, "--output", "json")
    both = run(*words).json
    assert [one["cluster"] for one in both["incidents"]] == ["east", "west"]
    assert [one["cluster"] for one in both["summary"]["clusters"]] == ["east", "west"]
    assert both["summary"]["incidents"] == 2
    one = run(*words, "--cluster", "west").json
    assert one["incidents"] == both["incidents"][1:]


def test_a_file_takes_the_report(
    run: Run, past: RealPrometheus, tmp_path: Path
) -> None:
    ran = judged(run, past, "--output", "html", "--file", "report.html")
    assert (ran.code, ran.out, ran.err) == (1, "", "written to report.html\n")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "node-01" in page


def test_another_configuration_is_compared(
    run: Run, past: RealPrometheus, tmp_path: Path
) -> None:
    (tmp_path / "other.yaml").write_text(
        f"prometheus: {{url: '{URL}'}}\n"
        "rules: {thermal_slowdown: {enabled: false}, straggler: {enabled: false}}\n"
    )
    ran = judged(run, past, "--output", "json", "--compare", "other.yaml")
    assert ran.code == 1
    assert "comparisons" in ran.json
    ran = judged(run, past, "--output", "table", "--compare", "other.yaml")
    assert "this configuration" in ran.out


def test_a_range_without_samples_is_exit_2(run: Run, past: RealPrometheus) -> None:
    ran = run(
        *("backtest", "--prometheus-url", past.url, "--warm-up", "0"),
        *("--start", str(T0 - 900), "--end", str(T0 - 300)),
    )
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "gpuwatch: default: no GPU has a sample from 2026-09-21T13:58:20Z to "
        "2026-09-21T14:08:20Z; check --start, --end and the retention\n"
    )


def test_a_file_that_cannot_be_written(run: Run, past: RealPrometheus) -> None:
    ran = judged(run, past, "--output", "json", "--file", "nowhere/report.json")
    assert ran.code == 2
    assert ran.err == (
        "gpuwatch: --file: 'nowhere/report.json' cannot be written: No such file or "
        "directory; give another path\n"
    )


def test_ctrl_c_ends_it_and_says_how_far_it_got(
    past: RealPrometheus, tmp_path: Path
) -> None:
    command = [COMMAND, "backtest", *WINDOW, "--step", "1s"]
    command += ["--prometheus-url", past.url]
    asked = 'prometheus_http_requests_total{code="200",handler="/api/v1/query_range"}'
    before = served(past, asked)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True
    ) as started:
        deadline = time.monotonic() + 60
        while served(past, asked) < before + 2 and time.monotonic() < deadline:
            assert started.poll() is None
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (130, "")
    assert err.startswith("gpuwatch: stopped ")
    assert err.count("\n") == 1


def served(prometheus: RealPrometheus, line: str) -> float:
    """A counter of the server's own."""
    status, body = prometheus._ask("GET", "/metrics")
    assert status == 200
    found = [text for text in body.decode().splitlines() if text.startswith(line)]
    return float(found[0].rpartition(" ")[2]) if found else 0.0
