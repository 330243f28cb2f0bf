"""Shared causes: many GPUs that began alike, in one job, one rack, or at one time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from gpuwatch.incidents.book import Book
from gpuwatch.incidents.joining import join
from gpuwatch.incidents.scene import Scene
from gpuwatch.model.condition import Condition, State
from gpuwatch.model.severity import Severity

# Three nodes within this have one cause, wherever they stand.
TOGETHER_SECONDS = 120.0
FEWEST_NODES = 3
# More than this share of a fleet, a job or a rack does within this.
SHARED_SECONDS = 600.0
SHARE = 0.20
# Of a rack with fewer nodes than this two may be enough, if enough GPUs are meant.
PAIR = 2

Group = Sequence[Condition]


def merge_groups(book: Book, scene: Scene, now: float, nodes_in_service: int) -> None:
    """Incidents of one kind that began together, or in one place, are one cause.

    Pending conditions are counted too: a rack is scraped node by node, and whoever
    waited for its last node to fire would have told the first ones apart.
    """
    for alike in _alike(book):
        if len(_nodes(alike)) < PAIR:
            continue
        for group in (
            *_together(alike),
            *_of_fleet(alike, nodes_in_service),
            *_of_jobs(alike, scene),
            *_of_places(alike, scene),
        ):
            _merge(book, group, now)


def _alike(book: Book) -> Iterable[list[Condition]]:
    """Conditions that may have one cause: of one family, one code, one loudness.

    Notes never widen what is louder, so they are kept apart.
    """
    found: dict[tuple[str, str, str, bool], list[Condition]] = defaultdict(list)
    for condition in book.conditions.values():
        family = book.families.get(condition.rule)
        if family is None or not _counts(book, condition):
            continue
        subject, is_note = condition.subject, condition.severity is Severity.INFO
        found[subject.cluster, family, subject.detail, is_note].append(condition)
    return found.values()


def _counts(book: Book, condition: Condition) -> bool:
    """On nodes: those that lead an open incident, and those that may open one."""
    if not condition.subject.node:
        return False
    if condition.state is State.PENDING and not condition.incident_id:
        return True
    home = book.incidents.get(condition.incident_id)
    if home is None or not home.open:
        return False
    if condition.severity is Severity.INFO and home.severity > Severity.INFO:
        return False
    family = book.families
    is_kin = family.get(home.lead) == family[condition.rule]
    return is_kin and not book.is_explained(condition)


def _nodes(conditions: Group) -> set[str]:
    return {condition.subject.node for condition in conditions}


def _bursts(conditions: Group, seconds: float) -> Iterator[list[Condition]]:
    """Split by onset: a burst begins where the one before is `seconds` old."""
    burst: list[Condition] = []
    for condition in sorted(conditions, key=lambda c: c.started_at):
        if burst and condition.started_at - burst[0].started_at > seconds:
            yield burst
            burst = []
        burst.append(condition)
    if burst:
        yield burst


def _chains(conditions: Group, seconds: float) -> Iterator[list[Condition]]:
    """Split by onset: each began at most `seconds` after the one before it."""
    chain: list[Condition] = []
    for condition in sorted(conditions, key=lambda c: c.started_at):
        if chain and condition.started_at - chain[-1].started_at > seconds:
            yield chain
            chain = []
        chain.append(condition)
    if chain:
        yield chain


def _together(alike: Group) -> Iterator[Group]:
    """Three nodes within two minutes, and whoever follows at that pace."""
    for chain in _chains(alike, TOGETHER_SECONDS):
        bursts = _bursts(chain, TOGETHER_SECONDS)
        if any(len(_nodes(burst)) >= FEWEST_NODES for burst in bursts):
            yield chain


def _of_fleet(alike: Group, nodes_in_service: int) -> Iterator[Group]:
    enough = max(FEWEST_NODES, SHARE * nodes_in_service)
    for burst in _bursts(alike, SHARED_SECONDS):
        if len(_nodes(burst)) >= enough:
            yield burst


def _of_jobs(alike: Group, scene: Scene) -> Iterator[Group]:
    """More than a fifth of a job's GPUs, on three nodes at least."""
    by_job: dict[str, list[Condition]] = defaultdict(list)
    for condition in alike:
        for job in condition.jobs:
            by_job[job].append(condition)
    for job, conditions in by_job.items():
        for burst in _bursts(conditions, SHARED_SECONDS):
            if len(_nodes(burst)) < FEWEST_NODES:
                continue
            size = len(scene.rows_of_job(job))
            if len(scene.rows(c.subject for c in burst)) > SHARE * size:
                yield burst


def _of_places(alike: Group, scene: Scene) -> Iterator[Group]:
    """A rack, a switch, a PDU, where it takes ten minutes from one node to the next.

    Three nodes of it (a fifth, where it is large), or two with a fifth of its GPUs.
    """
    by_place: dict[tuple[str, str], list[Condition]] = defaultdict(list)
    for condition in alike:
        for place in scene.places_of(condition.subject.node):
            by_place[place].append(condition)
    for place, conditions in by_place.items():
        size = scene.place_sizes[place]
        for chain in _chains(conditions, SHARED_SECONDS):
            nodes = len(_nodes(chain))
            if nodes >= max(FEWEST_NODES, SHARE * size):
                yield chain
            elif nodes >= max(PAIR, SHARE * size):
                hit = len(scene.rows(c.subject for c in chain))
                if hit > SHARE * scene.gpus_of(place):
                    yield chain


def _merge(book: Book, group: Group, now: float) -> None:
    """The louder rule of the family speaks for all."""
    ids = {book.conditions[c.key].incident_id for c in group}
    homes = [book.incidents[i] for i in sorted(ids) if i and book.incidents[i].open]
    if len(homes) < PAIR:
        return
    lead = min((home.lead for home in homes), key=lambda rule: book.rank.get(rule, 0))
    join(book, homes, lead, now)
