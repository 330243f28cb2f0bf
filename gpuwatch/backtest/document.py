"""A backtest as the JSON that outsiders rely on (design.md, section 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gpuwatch.backtest.outcome import NOTHING_SAID, Outcome, Traffic
from gpuwatch.incidents.record import as_record, iso
from gpuwatch.model.condition import State
from gpuwatch.model.incident import Incident
from gpuwatch.model.severity import Severity


def as_document(outcomes: Sequence[Outcome], warm_up_seconds: float) -> dict[str, Any]:
    """`{"incidents": [...], "summary": {...}, "window": {...}}` of some clusters.

    An incident's record also has its `traffic`. The same history and configuration
    give the same document.
    """
    first = outcomes[0]
    return {
        "incidents": [record for outcome in outcomes for record in _records(outcome)],
        "summary": summary_of(outcomes),
        "window": {
            "start": iso(first.start),
            "end": iso(first.end),
            "step_seconds": first.step,
            "warm_up_seconds": warm_up_seconds,
        },
    }


def _records(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        {**as_record(incident), "traffic": asdict(outcome.traffic_of(incident.id))}
        for incident in listed(outcome)
    ]


def listed(outcome: Outcome) -> list[Incident]:
    """Its incidents less those that never came to fire."""
    return [i for i in outcome.incidents if i.state is not State.PENDING]


def summary_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts; an incident that was absorbed into another counts as that other."""
    found = [i for outcome in outcomes for i in listed(outcome)]
    whole = [incident for incident in found if incident.merged_into is None]
    severities = Counter(incident.severity.word for incident in whole)
    traffic = total_of(outcomes)
    days = outcomes[0].days
    return {
        "incidents": len(whole),
        "absorbed": len(found) - len(whole),
        **{severity.word: severities[severity.word] for severity in Severity},
        "days": round(days, 6),
        "pages": traffic.pages,
        "pages_per_day": round(traffic.pages / days, 3),
        "messages": traffic.messages,
        "posts": traffic.posts,
        "edits": traffic.edits,
        "notes": traffic.notes,
        "broadcasts": traffic.broadcasts,
        "clusters": [_cluster(outcome) for outcome in outcomes],
    }


def total_of(outcomes: Sequence[Outcome]) -> Traffic:
    """All messages of some clusters."""
    return sum((outcome.total for outcome in outcomes), NOTHING_SAID)


def _cluster(outcome: Outcome) -> dict[str, Any]:
    coverage = outcome.coverage
    return {
        "cluster": outcome.cluster,
        "gpus": outcome.gpus,
        "nodes": outcome.nodes,
        "blind": {rule: list(names) for rule, names in coverage.missing.items()},
        "failed": dict(coverage.failed),
        "unread": dict(outcome.unread),
    }


def summary_line(outcomes: Sequence[Outcome]) -> str:
    """`3 incidents, 2 pages (0.7 per day), 9 messages over 3 days`."""
    told = summary_of(outcomes)
    per_day = f"{told['pages_per_day']:.2g}" if told["pages"] else "0"
    return (
        f"{_many(told['incidents'], 'incident')}, {_many(told['pages'], 'page')} "
        f"({per_day} per day), {_many(told['messages'], 'message')} "
        f"over {told['days']:.3g} days"
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
