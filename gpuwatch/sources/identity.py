"""Who a series is about: GPU, node and workload, from strangers' labels."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from gpuwatch.errors import ConfigError
from gpuwatch.sources.blocks import Labels

DEFAULT_NODE_LABELS = ("node", "Hostname", "hostname", "instance")
DEFAULT_JOB_LABELS = ("hpc_job", "slurm_job_id", "slurm_jobid", "slurm_job")
KUBERNETES_LABELS = ("exported_pod", "exported_namespace")
TARGET_POD_LABELS = ("pod", "namespace")
UNKNOWN_NODE = "unknown"

# Rejected as node names (dcgm.md 6.3): Docker's container ids, the loopback, and
# the exporter's own pod, which is what Hostname is where NODE_NAME is unset.
_CONTAINER_ID = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")
_LOOPBACK = re.compile(r"localhost(\..*)?|127\..*|::1|0\.0\.0\.0", re.IGNORECASE)
EXPORTER_POD = "dcgm-exporter"
_IDLE = frozenset({"", "0"})
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_GO_GROUP = re.compile(r"\$(?:\{(\w+)\}|(\d+))")
# Pods of one training job differ by role, index and a random end (Kubeflow, JobSet,
# StatefulSet, indexed Job); the alphabet is the one Kubernetes draws from.
_POD_MEMBER = re.compile(
    r"(?P<owner>.+?)(?:-(?:master|worker|launcher|leader|chief))?"
    r"(?:-\d+)+(?:-[bcdfghjklmnpqrstvwxz2456789]{5})?"
)


def uuid_of(labels: Labels) -> str:
    """The GPU's UUID under any of its three label names, or nothing."""
    found = labels.get("UUID") or labels.get("uuid")
    return found or labels.get("gpu_uuid") or ""


def gpu_key(uuid: str, mig: str | None) -> str:
    """UUID and MIG instance as one text."""
    return f"{uuid}\0{mig}" if mig else uuid


def key_of(labels: Labels) -> str:
    """`gpu_key` of a series."""
    return gpu_key(uuid_of(labels), labels.get("GPU_I_ID"))


def index_of(labels: Labels) -> int | None:
    """The exporter's `gpu` label, if it is a number."""
    text = labels.get("gpu", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def host_of(instance: str) -> str:
    """The host part of an `instance` label: `node-01:9400` gives `node-01`."""
    text = instance.partition("://")[2] or instance
    text = text.partition("/")[0]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if text.count(":") == 1 else text


def is_address(name: str) -> bool:
    """Whether a name is an IP address, which a pod does not keep."""
    if ":" not in name and not name[-1:].isdigit():
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class NodeName:
    """A node's name; not `firm`: an address or a last resort, it may change."""

    text: str
    firm: bool = True


@dataclass(frozen=True)
class Naming:
    r"""How a site's labels name nodes and jobs.

    Args:
        node_labels: tried in this order; `instance` counts by its host part.
        node_map: regex (whole name) to name, groups as `\1` or `$1`.
        job_labels: batch job labels, tried before the Kubernetes ones.

    Raises:
        ConfigError: a label that cannot be one, a regex or group that is wrong.
    """

    node_labels: Sequence[str] = DEFAULT_NODE_LABELS
    node_map: Mapping[str, str] = field(default_factory=dict)
    job_labels: Sequence[str] = DEFAULT_JOB_LABELS

    def __post_init__(self) -> None:
        for key, labels in (
            ("node_labels", self.node_labels),
            ("job_labels", self.job_labels),
        ):
            for label in labels:
                if not _LABEL_NAME.fullmatch(label):
                    raise ConfigError(key, f"{label!r} is no label name")
        object.__setattr__(self, "_rewrites", [*map(_rewrite, self.node_map.items())])

    _rewrites: list[tuple[re.Pattern[str], str]] = field(init=False, repr=False)

    @property
    def place_labels(self) -> tuple[str, ...]:
        """All labels that a node's name may come from, `instance` included."""
        return tuple(dict.fromkeys((*self.node_labels, "instance")))

    def node(
        self, labels: Labels, rejected: AbstractSet[tuple[str, str]] = frozenset()
    ) -> NodeName:
        """The name of the node; `rejected`: (label, value) pairs that name nobody."""
        left_over: list[str] = []
        for label in self.node_labels:
            value = labels.get(label, "")
            name = host_of(value) if label == "instance" else value
            mapped = self._mapped(name) if name else None
            if name and (label, value) not in rejected and not _is_nobody(name, mapped):
                return NodeName(
                    mapped or name, firm=mapped is not None or not is_address(name)
                )
            left_over += [value] if name else []
        return NodeName(_last_resort(labels, left_over), firm=False)

    def renamed(self, name: str) -> str:
        """A node's name after `node_map`; as it is where nothing renames it."""
        return self._mapped(name) or name

    def _mapped(self, name: str) -> str | None:
        for pattern, template in self._rewrites:
            if match := pattern.fullmatch(name):
                return match.expand(template)
        return None

    def job(self, labels: Labels, *, pods_are_exporters: bool = False) -> str:
        """The workload, or nothing: a batch job, else Kubernetes' namespace/owner."""
        for label in self.job_labels:
            if (job := labels.get(label, "").strip()) not in _IDLE:
                return job
        if pod := labels.get("exported_pod"):
            return _owner(labels.get("exported_namespace", ""), pod)
        pod = labels.get("pod", "")
        if not pod or pods_are_exporters or EXPORTER_POD in pod:
            return ""
        return _owner(labels.get("namespace", ""), pod)


def _rewrite(item: tuple[str, str]) -> tuple[re.Pattern[str], str]:
    pattern, name = item
    template = _GO_GROUP.sub(lambda m: rf"\g<{m[1] or m[2]}>", name)
    try:
        compiled = re.compile(pattern)
        # A wrong group number shows only when the template meets its pattern.
        re.compile(f"(?:{pattern})|").fullmatch("").expand(template)  # type: ignore[union-attr]
    except (re.error, IndexError) as error:
        remedy = "write a regular expression and a name, groups as $1"
        raise ConfigError(f"node_map.{pattern}", str(error), remedy) from error
    return compiled, template


def _is_nobody(name: str, mapped: str | None) -> bool:
    if mapped is not None:
        return not mapped
    if _CONTAINER_ID.fullmatch(name) or _LOOPBACK.fullmatch(name):
        return True
    return EXPORTER_POD in name


def _last_resort(labels: Labels, left_over: Sequence[str]) -> str:
    """Nothing names the node well: what tells it apart best."""
    named = [text for text in left_over if not _LOOPBACK.fullmatch(host_of(text))]
    return labels.get("instance") or (named or [*left_over, UNKNOWN_NODE])[0]


def _owner(namespace: str, pod: str) -> str:
    match = _POD_MEMBER.fullmatch(pod)
    owner = match["owner"] if match else pod
    return f"{namespace}/{owner}" if namespace else owner
