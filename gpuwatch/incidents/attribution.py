"""Which incident a firing condition belongs to: one cause, one incident.

Four steps, in this order: a symptom joins its louder cause, or waits for it; a twin
(the same rule on the same node) widens the incident that is there; a cause takes over
the incidents of its symptoms; what is left opens an incident. Afterwards incidents of
one rule that began together on several nodes become one. The earliest survives, with
its id and its message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from hashlib import blake2b

from gpuwatch.incidents.book import Book
from gpuwatch.model.condition import Condition, Ending, State
from gpuwatch.model.incident import EventKind, Incident
from gpuwatch.model.rule import Rule

TOGETHER_SECONDS = 120.0
FLEET_SECONDS = 600.0
FLEET_SHARE = 0.20
FEWEST_NODES = 3


def attribute(book: Book, now: float, nodes_in_service: int) -> None:
    """House every firing condition in an incident, and merge what is one cause."""
    rank = loudness(book.rules)
    homeless = sorted(
        book.unassigned(),
        key=lambda c: (rank.get(c.rule, 0), c.started_at, c.subject.key),
    )
    for condition in homeless:
        _house(book, book.conditions[condition.key], now)
    if homeless:
        _merge_domains(book, now, nodes_in_service)


def loudness(rules: Mapping[str, Rule]) -> dict[str, int]:
    """Rules in the order in which they are housed: those yielded to come first."""
    graph = {name: set(rule.yields_to) & set(rules) for name, rule in rules.items()}
    order = TopologicalSorter(graph).static_order()
    return {name: place for place, name in enumerate(order)}


def incident_id(condition: Condition) -> str:
    """The same fault at the same time has the same id, wherever it is computed."""
    text = f"{condition.rule}|{condition.subject.key}|{condition.started_at:.0f}"
    raw = text.encode(errors="surrogatepass")
    return "gw-" + blake2b(raw, digest_size=5).hexdigest()


def _house(book: Book, condition: Condition, now: float) -> None:
    before = book.incidents.get(condition.incident_id)
    if before is not None and condition.reopened and before.merged_into is None:
        _reopen(book, condition, before)
        return
    louder = _louder(book, condition)
    if louder and louder.state is State.PENDING:
        return
    home = louder.incident_id if louder else _twin(book, condition)
    if not home:
        home = _take_over(book, condition, now)
    book.assign(condition, home or _open(book, condition, now))


def _reopen(book: Book, condition: Condition, before: Incident) -> None:
    reopened = replace(
        before, state=State.FIRING, ending=None, resolved_at=None,
        reopened=before.reopened + 1,
    )  # fmt: skip
    book.incidents[before.id] = reopened
    book.put(condition)


def _yields(quiet: Condition, loud: Condition, rules: Mapping[str, Rule]) -> bool:
    """Whether `quiet` is a symptom of `loud` by its rule's own word."""
    rule = rules.get(quiet.rule)
    if rule is None or loud.rule not in rule.yields_to:
        return False
    if loud.state is State.RESOLVED or loud.severity < quiet.severity:
        return False
    within = rule.yields_within_seconds
    return within is None or loud.last_bad_at >= quiet.started_at - within


def _louder(book: Book, condition: Condition) -> Condition | None:
    """A firing cause that already has an incident, else a pending one to wait for."""
    found = [
        c for c in book.near(condition.subject) if _yields(condition, c, book.rules)
    ]
    housed = [c for c in found if c.state is State.FIRING and c.incident_id]
    waiting = [c for c in found if c.state is State.PENDING]
    best = housed or waiting
    return min(best, key=lambda c: c.started_at) if best else None


def _same_cause(mine: Condition, theirs: Condition) -> bool:
    same_kind = mine.rule == theirs.rule
    return same_kind and mine.subject.detail == theirs.subject.detail


def _twin(book: Book, condition: Condition) -> str:
    """An open incident led by the same rule (and code) on the same node."""
    node = condition.subject.node
    for other in book.near(replace(condition.subject, uuid="", mig="")):
        if not (node and other.subject.node == node and _same_cause(condition, other)):
            continue
        home = book.incidents.get(other.incident_id)
        if home and home.open and home.lead == condition.rule:
            return home.id
    return ""


def _take_over(book: Book, condition: Condition, now: float) -> str:
    """Become the lead of the incidents that are only symptoms of this condition."""
    symptoms = {
        c.incident_id
        for c in book.near(condition.subject)
        if c.state is State.FIRING and _yields(c, condition, book.rules)
    }
    homes = [
        book.incidents[i]
        for i in symptoms
        if i and _is_led_by_symptom(book, i, condition)
    ]
    if not homes:
        return ""
    survivor, *others = sorted(homes, key=lambda i: (i.detected_at, i.id))
    book.incidents[survivor.id] = replace(survivor, lead=condition.rule)
    absorb(book, survivor.id, others, now)
    return survivor.id


def _is_led_by_symptom(book: Book, incident: str, cause: Condition) -> bool:
    """An open incident may be taken over only if its own lead yields to the cause."""
    home = book.incidents.get(incident)
    if home is None or not home.open:
        return False
    lead = book.rules.get(home.lead)
    return lead is not None and cause.rule in lead.yields_to


def absorb(book: Book, survivor: str, others: Sequence[Incident], now: float) -> None:
    """End `others` as part of `survivor`; their conditions move over."""
    for other in others:
        for condition in book.of(other.id):
            book.assign(condition, survivor)
        ended = replace(
            other, state=State.RESOLVED, ending=Ending.ABSORBED,
            merged_into=survivor, resolved_at=now, updated_at=now,
        )  # fmt: skip
        book.incidents[other.id] = ended
        book.note(other.id, now, EventKind.ABSORBED, f"part of {survivor}")
        book.touched.add(other.id)


def _open(book: Book, condition: Condition, now: float) -> str:
    """A new incident, to be composed by its conditions."""
    rule = book.rules[condition.rule]
    new = Incident(
        id=incident_id(condition),
        cluster=condition.subject.cluster,
        lead=condition.rule,
        category=rule.category,
        state=State.FIRING,
        severity=condition.severity,
        scope=condition.subject.scope,
        started_at=condition.started_at,
        detected_at=condition.detected_at or now,
        updated_at=now,
        notify=rule.params.notify,
        arrival=condition.arrival,
    )
    book.incidents[new.id] = new
    return new.id


def _merge_domains(book: Book, now: float, nodes_in_service: int) -> None:
    """Incidents of one rule that began together on several nodes are one cause.

    Pending conditions are counted too: a rack is scraped node by node, and whoever
    waited for its last node to fire would have told the first ones apart.
    """
    alike: dict[tuple[str, str, str], list[Condition]] = defaultdict(list)
    for condition in _leading(book):
        subject = condition.subject
        alike[subject.cluster, condition.rule, subject.detail].append(condition)
    for conditions in alike.values():
        _merge_together(book, conditions, now, nodes_in_service)


def _leading(book: Book) -> Iterator[Condition]:
    """On nodes: those that lead an open incident, and those that may open one."""
    for condition in book.conditions.values():
        home = book.incidents.get(condition.incident_id)
        leads = home is not None and home.open and home.lead == condition.rule
        begins = condition.state is State.PENDING and not condition.incident_id
        if condition.subject.node and (leads or begins):
            yield condition


def _merge_together(
    book: Book, conditions: list[Condition], now: float, nodes_in_service: int
) -> None:
    fleet = max(FEWEST_NODES, FLEET_SHARE * nodes_in_service)
    for seconds, enough in ((TOGETHER_SECONDS, FEWEST_NODES), (FLEET_SECONDS, fleet)):
        for burst in _bursts(conditions, seconds):
            if len({c.subject.node for c in burst}) >= enough:
                _merge(book, burst, now)


def _bursts(conditions: list[Condition], seconds: float) -> list[list[Condition]]:
    """Split by onset: a burst begins where the one before is `seconds` old."""
    bursts: list[list[Condition]] = []
    for condition in sorted(conditions, key=lambda c: c.started_at):
        if bursts and condition.started_at - bursts[-1][0].started_at <= seconds:
            bursts[-1].append(condition)
        else:
            bursts.append([condition])
    return bursts


def _merge(book: Book, burst: list[Condition], now: float) -> None:
    ids = {book.conditions[c.key].incident_id for c in burst}
    homes = [book.incidents[i] for i in ids if i and book.incidents[i].open]
    if len(homes) < 2:
        return
    survivor, *others = sorted(
        homes, key=lambda i: (i.told is None, i.detected_at, i.started_at, i.id)
    )
    absorb(book, survivor.id, others, now)
