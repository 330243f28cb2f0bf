"""What `config example` writes where a setting has no default worth showing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXAMPLES: Mapping[str, Any] = {
    "prometheus.url": "http://localhost:9090",
    "prometheus.urls": ["http://prometheus-a:9090", "http://prometheus-b:9090"],
    "prometheus.offset": "30s",
    "prometheus.drop_labels": ["replica", "prometheus"],
    "prometheus.headers": {"X-Example": "value"},
    "prometheus.bearer_token": "secret",
    "prometheus.bearer_token_file": "/etc/gpuwatch/prometheus.token",
    "prometheus.basic_auth.username": "gpuwatch",
    "prometheus.basic_auth.password": "secret",
    "prometheus.basic_auth.password_file": "/etc/gpuwatch/prometheus.password",
    "prometheus.tls.ca_file": "/etc/gpuwatch/ca.pem",
    "prometheus.tls.cert_file": "/etc/gpuwatch/client.pem",
    "prometheus.tls.key_file": "/etc/gpuwatch/client.key",
    "prometheus.tls.server_name": "prometheus.example.com",
    "prometheus.tenant": "gpu-cluster",
    "prometheus.sigv4.region": "us-east-1",
    "prometheus.sigv4.access_key": "AKIAEXAMPLE",
    "prometheus.sigv4.secret_key": "secret",
    "prometheus.sigv4.profile": "monitoring",
    "exporters.urls": ["http://node-01:9400/metrics", "http://node-02:9400/metrics"],
    "exporters.interval": "15s",
    "node_map": {"(gpu-.*)-mgmt": "$1"},
    "jobs.slurm.cluster": "training",
    "jobs.expr": "max by (node, job_id) (slurm_job_node)",
    "jobs.node_label": "node",
    "jobs.file": "/etc/gpuwatch/jobs.yaml",
    "jobs.throughput_expr": "sum by (job_id) (rate(train_tokens_total[2m]))",
    "topology.file": "/etc/gpuwatch/topology.yaml",
    "slack.token": "xoxb-...",
    "slack.channel": "#gpu-alerts",
    "slack.app_token": "xapp-...",
    "slack.webhook_url": "https://hooks.slack.com/services/T000/B000/XXXX",
    "store.url": "sqlite:////var/lib/gpuwatch/gpuwatch.db",
    "web.token": "secret",
    "web.external_url": "https://gpuwatch.example.com",
    "links": {
        "Grafana": "https://grafana.example.com/d/gpu?var-node={node}&from={start_ms}",
    },
    "deadman.url": "https://hc-ping.com/your-check",
    "rule_packs.name": "checkpoint",
    "rule_packs.set": {"mountpoint": "/ckpt"},
    "custom_rules.name": "checkpoint_space_low",
    "custom_rules.expr": "node_filesystem_avail_bytes{mountpoint='/ckpt'} < 1e12",
    "custom_rules.present": "node_filesystem_avail_bytes{mountpoint='/ckpt'}",
    "custom_rules.summary": "{node}: less than 1 TB left for checkpoints",
    "custom_rules.action": "Delete old checkpoints.",
}

# Keys that exclude the one above them stay comments inside their block.
ALTERNATIVES = frozenset({"prometheus.basic_auth.password_file"})

# Shown as an example, since their default is made elsewhere, and is the same.
DEFAULTS = frozenset({"prometheus.url"})
