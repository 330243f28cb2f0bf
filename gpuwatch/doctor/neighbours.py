"""What else a cluster shows: the nodes' own exporters."""

from __future__ import annotations

import numpy as np

from gpuwatch.doctor.finding import Finding, ok, some, warn
from gpuwatch.doctor.sight import Seen


def node_exporter(seen: Seen) -> Finding:
    """Without it a dead exporter and a dead node look the same."""
    up = seen.snapshot.node_column("node_exporter_up")
    nodes = np.array(seen.fleet.nodes, dtype=object)
    without = sorted(nodes[np.isnan(up)].tolist())
    if not without:
        return ok("node_exporter", f"seen on all {len(nodes)} nodes")
    on = len(nodes) - len(without)
    where = "no node" if not on else f"{on} of {len(nodes)} nodes, not {some(without)}"
    return warn(
        "node_exporter",
        f"seen on {where}: an exporter that fails looks like a node that died",
        "scrape node_exporter there, with the node's name in instance or a node label",
    )
