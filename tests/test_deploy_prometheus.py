"""Prometheus takes our configuration, and the alerts on gpuwatch itself fire."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpuwatch.telemetry import REGISTRY

FOLDER = Path(__file__).parents[1] / "deploy/prometheus"
ALERTS = FOLDER / "gpuwatch-alerts.yml"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool"
)


def loaded(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))


def promtool(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and all output."""
    done = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@needs_promtool
def test_prometheus_takes_the_configuration() -> None:
    code, output = promtool("check", "config", FOLDER / "prometheus.yml")
    assert code == 0, output


def test_both_exporters_get_the_same_node_name() -> None:
    jobs = {job["job_name"]: job for job in loaded("prometheus.yml")["scrape_configs"]}
    dcgm, node = jobs["dcgm-exporter"], jobs["node-exporter"]
    assert dcgm["relabel_configs"] == node["relabel_configs"]
    relabel = dcgm["relabel_configs"][0]
    assert relabel["target_label"] == "node"
    name = re.fullmatch(relabel["regex"], "gpu-node-01:9400")
    assert name is not None
    assert name[1] == "gpu-node-01"


def test_alerts_read_metrics_that_exist() -> None:
    exported = {s.name for family in REGISTRY.collect() for s in family.samples}
    exported |= {f"{f.name}_total" for f in REGISTRY.collect() if f.type == "counter"}
    exported |= {family.name for family in REGISTRY.collect()}
    rules = loaded("gpuwatch-alerts.yml")["groups"][0]["rules"]
    read = {n for rule in rules for n in re.findall(r"\bgpuwatch_\w+", rule["expr"])}
    assert len(read) == 5
    assert read <= exported


STORY = """
rule_files: [{alerts}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'up{{job="gpuwatch",instance="a"}}'
        values: '{up}'
      - series: 'gpuwatch_last_good_cycle_timestamp_seconds{{cluster="train"}}'
        values: '{good}'
      - series: gpuwatch_outbox_oldest_seconds
        values: '{oldest}'
      - series: gpuwatch_outbox_messages
        values: '{messages}'
      - series: 'gpuwatch_failures_total{{what="cycle"}}'
        values: '{failures}'
      - series: gpuwatch_config_last_reload_successful
        values: '{reload}'
    promql_expr_test:
      - expr: count by (alertname) (ALERTS{{alertstate="firing"}})
        eval_time: 12m
        exp_samples: {expected}
"""
SILENT_STORE = "0x5" + " NaN" * 7
HEALTHY = {
    "up": "1x12",
    "good": "0+60x12",
    "oldest": "0 40 0 290x10",
    "messages": "0 3 0 1x10",
    "failures": "0x9 1x3",
    "reload": "1x12",
}


@needs_promtool
@pytest.mark.parametrize(
    ("change", "alert"),
    [
        pytest.param({}, None, id="healthy"),
        pytest.param({"up": "1x5 0x7"}, "GpuwatchDown", id="down"),
        pytest.param({"up": "1x5 stale"}, "GpuwatchDown", id="gone"),
        pytest.param({"good": "0+60x4 240x8"}, "GpuwatchBlind", id="blind"),
        pytest.param({"oldest": "310x12"}, "GpuwatchNotDelivering", id="stuck"),
        pytest.param(
            {"messages": SILENT_STORE, "oldest": SILENT_STORE},
            "GpuwatchStoreFailing",
            id="store",
        ),
        pytest.param({"failures": "0+1x12"}, "GpuwatchFailing", id="failing"),
        pytest.param({"reload": "1x3 0x9"}, "GpuwatchReloadRefused", id="reload"),
    ],
)
def test_alerts(tmp_path: Path, change: dict[str, str], alert: str | None) -> None:
    labels = f"[{{labels: '{{alertname=\"{alert}\"}}', value: 1}}]" if alert else "[]"
    story = STORY.format(alerts=ALERTS, expected=labels, **{**HEALTHY, **change})
    path = tmp_path / "story.yml"
    path.write_text(story)
    code, output = promtool("test", "rules", path)
    assert code == 0, output
