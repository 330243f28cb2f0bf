"""What any detector said: alerts, whoever raised them, on the scenario's clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

# An alert that comes back within this time on the same node is the same incident,
# as Alertmanager's grouping would show it.
REJOIN_SECONDS = 300.0
NEVER = float("inf")


@dataclass(frozen=True)
class Named:
    """One place that an alert blames; `gpu` None = the node. `at`: since when."""

    node: str
    gpu: int | None
    at: float


@dataclass(frozen=True)
class Alert:
    """One incident of warning or above. Times are seconds of the scenario.

    Args:
        rule: what raised it.
        told_at: when it was first warning or above.
        ended_at: when it was over, NEVER = not within the scenario.
        places: whom it blames; none for a whole job.
        whole_node: nodes of which it names every GPU, or which it names as such.
        about_job: it says that a job is slow or hung, whoever is to blame.
        messages: what a person had to read.
        absorbed: it ended in another incident, so that it is not one of its own.
    """

    rule: str
    told_at: float
    ended_at: float = NEVER
    places: tuple[Named, ...] = ()
    whole_nodes: frozenset[str] = frozenset()
    about_job: bool = False
    messages: int = 0
    absorbed: bool = False

    @property
    def nodes(self) -> frozenset[str]:
        """The nodes that it blames."""
        return frozenset(place.node for place in self.places)


@dataclass(frozen=True)
class Firing:
    """One series of one hand-written rule, from when to when it was firing."""

    rule: str
    node: str
    gpu: int | None
    since: float
    until: float


@dataclass
class _Open:
    alert: Alert
    last: float


def as_alerts(firings: Iterable[Firing], gpus_per_node: int) -> list[Alert]:
    """Firings as Alertmanager shows them grouped: one alert a rule and node.

    What overlaps, or comes back within five minutes, is one alert, which is kinder
    than Alertmanager. A firing without a node is about the job.
    """
    done: list[_Open] = []
    going: dict[tuple[str, str], _Open] = {}
    for one in sorted(firings, key=lambda firing: firing.since):
        known = going.get((one.rule, one.node))
        if known is None or one.since > known.last + REJOIN_SECONDS:
            fresh = Alert(one.rule, one.since, about_job=not one.node)
            known = going[one.rule, one.node] = _Open(fresh, one.until)
            done.append(known)
        _take(known, one)
    return [_closed(entry, gpus_per_node) for entry in done]


def _take(entry: _Open, one: Firing) -> None:
    entry.last = max(entry.last, one.until)
    known = {(place.node, place.gpu) for place in entry.alert.places}
    if one.node and (one.node, one.gpu) not in known:
        place = Named(one.node, one.gpu, one.since)
        entry.alert = replace(entry.alert, places=(*entry.alert.places, place))


def _closed(entry: _Open, gpus_per_node: int) -> Alert:
    """One message when it begins, one when it is over."""
    ended = entry.last
    messages = 1 + (ended < NEVER)
    whole = whole_nodes(entry.alert.places, gpus_per_node)
    return replace(entry.alert, ended_at=ended, messages=messages, whole_nodes=whole)


def whole_nodes(places: Iterable[Named], gpus_per_node: int) -> frozenset[str]:
    """Nodes that are named as such, or of which every GPU is."""
    named: dict[str, set[int | None]] = {}
    for place in places:
        named.setdefault(place.node, set()).add(place.gpu)
    return frozenset(
        node
        for node, gpus in named.items()
        if gpus == {None} or len(gpus - {None}) >= gpus_per_node
    )
