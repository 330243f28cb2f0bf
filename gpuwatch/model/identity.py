"""Who is meant: a GPU, a node, a job, a cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gpuwatch.model.severity import Scope


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device as a row of the fleet: (node, UUID, MIG instance) is its identity.

    `index` is the exporter's `gpu` label (None where unknown): it tells people which
    slot, and tells us when another card took the same slot. It is never identity.
    """

    node: str
    uuid: str
    mig: str = ""
    index: int | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a verdict is about; the fields that are set say how wide it is.

    `detail` tells several conditions of one rule on one subject apart, such as the
    XID code.
    """

    cluster: str
    node: str = ""
    uuid: str = ""
    mig: str = ""
    job: str = ""
    detail: str = ""

    @property
    def scope(self) -> Scope:
        """The narrowest thing that it names."""
        if self.uuid:
            return Scope.GPU
        if self.node:
            return Scope.NODE
        return Scope.JOB if self.job else Scope.CLUSTER

    @property
    def key(self) -> str:
        """A stable text form, for stores and for ids."""
        parts = (self.cluster, self.node, self.uuid, self.mig, self.job, self.detail)
        return "|".join(part.replace("%", "%25").replace("|", "%7C") for part in parts)

    @property
    def place(self) -> Subject:
        """The same subject without its detail."""
        return replace(self, detail="")

    def overlaps(self, other: Subject) -> bool:
        """Whether one is the other, or holds it (a node holds its GPUs)."""
        if self.cluster != other.cluster:
            return False
        if self.node and other.node:
            return self.node == other.node and _agree(self.gpu_key, other.gpu_key)
        if self.job or other.job:
            return _agree(self.job, other.job) and bool(self.job and other.job)
        return True

    @property
    def gpu_key(self) -> str:
        """UUID and MIG instance, or nothing."""
        return f"{self.uuid}/{self.mig}" if self.uuid else ""


def _agree(mine: str, theirs: str) -> bool:
    return not mine or not theirs or mine == theirs
