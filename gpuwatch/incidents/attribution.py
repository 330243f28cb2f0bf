"""Which incident a firing condition belongs to: one cause, one incident (ADR 7).

In this order: a symptom joins its louder cause, or waits for it; a twin (the same rule,
or its family, on the same node) widens the incident that is there; a cause takes over
the incidents of its symptoms; what is left opens an incident. Afterwards incidents of
one shared cause become one (groups.py). The earliest survives, with its id and message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b

from gpuwatch.incidents.book import Book
from gpuwatch.incidents.groups import SHARED_SECONDS, merge_groups
from gpuwatch.incidents.jobs import employ, end_with_jobs, release
from gpuwatch.incidents.joining import join
from gpuwatch.incidents.kinship import distance, is_of_job, is_waiting
from gpuwatch.incidents.scene import Scene
from gpuwatch.model.condition import Condition, State
from gpuwatch.model.incident import Incident
from gpuwatch.model.severity import Severity

# In a large job somebody is always pending: what concerns it waits no longer.
PATIENCE_SECONDS = 60.0


def attribute(book: Book, scene: Scene, now: float, nodes_in_service: int) -> None:
    """House every firing condition in an incident, and merge what is one cause."""
    employ(book, scene)
    end_with_jobs(book, scene, now)
    release(book)
    homeless = sorted(
        book.unassigned(),
        key=lambda c: (book.rank.get(c.rule, 0), c.started_at, c.subject.key, c.rule),
    )
    for condition in homeless:
        _house(book, book.conditions[condition.key], now)
    if homeless:
        merge_groups(book, scene, now, nodes_in_service)


def incident_id(condition: Condition, life: int = 0) -> str:
    """The same fault at the same time has the same id, wherever it is computed.

    `life`: how many incidents it has led before without beginning anew.
    """
    text = f"{condition.rule}|{condition.subject.key}|{condition.started_at:.0f}"
    text += f"|{life}" if life else ""
    raw = text.encode(errors="surrogatepass")
    return "gw-" + blake2b(raw, digest_size=5).hexdigest()


def _house(book: Book, condition: Condition, now: float) -> None:
    before = book.incidents.get(condition.incident_id)
    if before is not None and condition.reopened and before.merged_into is None:
        _reopen(book, condition, before)
        return
    louder = _louder(book, condition, now)
    if louder and louder.state is State.PENDING:
        return
    home = louder.incident_id if louder else _twin(book, condition)
    homes = {home, *_led_by_symptoms(book, condition)} - {""}
    if not homes:
        book.assign(condition, _open(book, condition, now))
        return
    lead = _lead(book, home, condition, is_symptom=louder is not None)
    found = [book.incidents[incident] for incident in sorted(homes)]
    book.assign(condition, join(book, found, lead, now))


def _lead(book: Book, home: str, condition: Condition, *, is_symptom: bool) -> str:
    """Whose words head it: those of the cause, in a family those of the louder rule."""
    if not home:
        return condition.rule
    lead = book.incidents[home].lead
    rule = book.rules.get(lead)
    is_louder = rule is not None and condition.rule in rule.yields_to
    return condition.rule if is_louder and not is_symptom else lead


def _reopen(book: Book, condition: Condition, before: Incident) -> None:
    reopened = replace(
        before, state=State.FIRING, ending=None, resolved_at=None,
        reopened=before.reopened + 1,
    )  # fmt: skip
    book.incidents[before.id] = reopened
    book.put(condition)


def _louder(book: Book, condition: Condition, now: float) -> Condition | None:
    """A firing cause that already has an incident, else a pending one to wait for."""
    found = list(book.causes(condition))
    housed = [c for c in found if c.state is State.FIRING and book.is_housed(c)]
    patient = now - (condition.detected_at or now) < PATIENCE_SECONDS
    waits = patient or not (is_of_job(condition) or is_waiting(condition, book.rules))
    waiting = [c for c in found if c.state is State.PENDING and waits]
    best = housed or waiting
    if not best:
        return None
    if is_of_job(condition):
        return min(best, key=lambda c: _blame(book, condition, c))
    return min(best, key=lambda c: (c.started_at, c.rule, c.subject.key))


def _blame(
    book: Book, condition: Condition, culprit: Condition
) -> tuple[int, float, str]:
    """The worst culprit first, then the one that began nearest."""
    gap = distance(condition, culprit, book.rules)
    return -culprit.severity, gap, f"{culprit.subject.key} {culprit.rule}"


def _twin(book: Book, condition: Condition) -> str:
    """An open incident on the same node, led by the same rule (and code), or family."""
    node = condition.subject.node
    if not node:
        return ""
    homes = [
        home
        for other in _on_node(book, condition)
        if (home := book.incidents.get(other.incident_id)) and home.open
        if home.lead == other.rule == condition.rule
        or _is_kin(book, condition, other, home)
    ]
    first = min(homes, key=lambda home: (home.detected_at, home.id), default=None)
    return first.id if first else ""


def _on_node(book: Book, condition: Condition) -> Iterator[Condition]:
    """Other firing conditions on the node, of the same detail."""
    mine = condition.subject
    for other in book.near(replace(mine, uuid="", mig="")):
        theirs = other.subject
        is_there = theirs.node == mine.node and theirs.detail == mine.detail
        if is_there and other.key != condition.key and other.state is State.FIRING:
            yield other


def _is_kin(book: Book, mine: Condition, other: Condition, home: Incident) -> bool:
    """Heat here and there on one node, begun about together, is one cause.

    A note joins nobody.
    """
    family = book.families
    same = family.get(mine.rule) == family.get(other.rule) == family.get(home.lead)
    near = abs(mine.started_at - other.started_at) <= SHARED_SECONDS
    return same and near and min(mine.severity, other.severity) > Severity.INFO


def _led_by_symptoms(book: Book, condition: Condition) -> Sequence[str]:
    """Open incidents that are led by what is only a symptom of this condition."""
    found = []
    for symptom in book.symptoms(condition):
        home = book.incidents.get(symptom.incident_id)
        leads = home is not None and home.open and home.lead == symptom.rule
        if leads and symptom.state is State.FIRING and not book.is_explained(symptom):
            found.append(symptom.incident_id)
    return found


def _open(book: Book, condition: Condition, now: float) -> str:
    """A new incident, to be composed by its conditions."""
    rule = book.rules[condition.rule]
    life = 0
    while incident_id(condition, life) in book.incidents:
        life += 1
    new = Incident(
        id=incident_id(condition, life),
        cluster=condition.subject.cluster,
        lead=condition.rule,
        category=rule.category,
        state=State.FIRING,
        severity=condition.severity,
        scope=condition.subject.scope,
        started_at=condition.started_at,
        detected_at=condition.detected_at or now,
        updated_at=now,
        notify=book.notify(condition.rule),
        arrival=condition.arrival,
    )
    book.incidents[new.id] = new
    return new.id
