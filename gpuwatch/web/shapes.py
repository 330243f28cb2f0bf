"""The API's bodies, for OpenAPI and for checking what comes in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gpuwatch.model.request import RequestKind


class ErrorBody(BaseModel):
    """One line that says what is wrong."""

    error: str


class MemberBody(BaseModel):
    """One GPU, or one node (uuid null)."""

    node: str
    gpu: int | None
    uuid: str | None


class IncidentBody(BaseModel):
    """One cause, one story. node, gpu and uuid are null unless exactly one."""

    id: str
    rule: str
    category: str
    severity: str
    state: str
    ending: str | None
    scope: str
    cluster: str
    node: str | None
    gpu: int | None
    uuid: str | None
    job: str | None
    place: str | None
    members: list[MemberBody]
    summary: str
    action: str
    evidence: dict[str, float]
    victims: int
    merged_into: str | None
    started_at: datetime
    detected_at: datetime
    resolved_at: datetime | None


class IncidentsBody(BaseModel):
    """Newest detection first."""

    incidents: list[IncidentBody]


class EventBody(BaseModel):
    """One line of a story."""

    at: datetime
    kind: str
    text: str
    by: str | None


class StoryBody(IncidentBody):
    """An incident with its story, oldest event first."""

    story: list[EventBody]


class GpuBody(BaseModel):
    """`severity`: of the worst open incident; `present`: it has a live series."""

    uuid: str
    mig: str | None
    index: int | None
    model: str | None
    present: bool
    severity: str | None
    incidents: list[str]


class NodeBody(BaseModel):
    """`severity`: the worst of the node and its GPUs; `incidents`: the node's own."""

    node: str
    severity: str | None
    incidents: list[str]
    gpus: list[GpuBody]


class ClusterBody(BaseModel):
    """`at`: when its newest readings were taken."""

    cluster: str
    at: datetime | None
    nodes: list[NodeBody]


class FleetBody(BaseModel):
    """Everything in service."""

    clusters: list[ClusterBody]


class MissingBody(BaseModel):
    """A metric a rule cannot do without; `reason`: why it could not be read."""

    metric: str
    names: list[str]
    reason: str | None


class RuleBody(BaseModel):
    """`known`: subjects it could judge in the last cycle; 0 = it sees nothing."""

    rule: str
    category: str | None
    known: int
    firing: int
    missing: list[MissingBody]
    failed: str | None


class ClusterCoverageBody(BaseModel):
    """`health`: what is wrong with gpuwatch itself, by part."""

    cluster: str
    health: dict[str, str]
    unwatched_categories: list[str]
    rules: list[RuleBody]


class CoverageBody(BaseModel):
    """What gpuwatch can see, rule by rule."""

    clusters: list[ClusterCoverageBody]


class SilenceBody(BaseModel):
    """It mutes words, never states."""

    id: str
    cluster: str
    matchers: list[str]
    starts_at: datetime
    ends_at: datetime
    active: bool
    author: str
    comment: str


class SilencesBody(BaseModel):
    """Current, coming, and lately ended ones."""

    silences: list[SilenceBody]


class AskedBody(BaseModel):
    """`request`: its number in the store; `silence`: the new silence's id."""

    request: int
    silence: str | None


class Asked(BaseModel):
    """Something asked of gpuwatch; the next cycle takes it up.

    `target`: an incident id (ack, close), a silence id (unsilence), a node name or a
    GPU UUID (forget). `matchers` and `ends_at` (ISO 8601 with a zone, or Unix
    seconds) belong to silence.
    """

    model_config = ConfigDict(extra="forbid")

    kind: RequestKind
    by: str = Field(min_length=1, max_length=200, pattern=r"\S")
    target: str = Field("", max_length=500)
    comment: str = Field("", max_length=2000)
    matchers: list[Annotated[str, Field(max_length=500)]] = Field([], max_length=20)
    ends_at: AwareDatetime | None = None
