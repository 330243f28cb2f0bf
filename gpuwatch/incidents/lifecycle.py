"""How a condition lives: pending, firing, resolved (ADR 1 has the truth table).

Time counts in distinct samples: a poll that brings no new sample changes nothing,
and UNKNOWN pauses every timer.
"""

from __future__ import annotations

from dataclasses import replace

from gpuwatch.model.condition import (
    Change,
    Condition,
    Ending,
    Policy,
    Reading,
    State,
)
from gpuwatch.model.identity import Subject
from gpuwatch.model.rule import Kind
from gpuwatch.model.verdict import Verdict

Advance = tuple[Condition | None, Change | None]
BAD, CLEAN = "B", "C"


def advance(
    condition: Condition | None, reading: Reading, now: float, policy: Policy
) -> Advance:
    """The condition after one cycle, and what changed; None = nothing to remember.

    A subject without a condition has none until `begin` is called for it.
    """
    if condition is None:
        return None, None
    if reading.gone is not None:
        return _end(condition, reading.gone, now)
    step = {
        State.PENDING: _advance_pending,
        State.FIRING: _advance_firing,
        State.RESOLVED: _advance_resolved,
    }[condition.state]
    return step(condition, reading, now, policy)


def begin(
    rule: str, subject: Subject, reading: Reading, now: float, policy: Policy
) -> Advance:
    """The first FIRING reading of a subject; anything else begins nothing."""
    if reading.verdict is not Verdict.FIRING or reading.gone is not None:
        return None, None
    started = reading.since if reading.since is not None else reading.sampled_at
    fresh = Condition(
        rule=rule,
        subject=subject,
        state=State.PENDING,
        started_at=min(started, reading.sampled_at),
        severity=reading.severity,
        sampled_at=reading.sampled_at,
        last_bad_at=reading.sampled_at,
        samples=BAD,
        evidence=reading.evidence,
        words=reading.words,
    )
    return _maybe_fire(fresh, now, policy)


def close(condition: Condition, now: float, ending: Ending = Ending.CLOSED) -> Advance:
    """End it by somebody's word; a firing one stays closed until it was clean once."""
    return _end(condition, ending, now)


def _end(condition: Condition, ending: Ending, now: float) -> Advance:
    if condition.state is State.FIRING:
        ended = replace(condition, state=State.RESOLVED, ending=ending, resolved_at=now)
        return ended, Change.RESOLVED
    return _drop(condition) if condition.state is State.PENDING else (None, None)


def _drop(condition: Condition) -> Advance:
    """A pending one that came to nothing; a reopening falls back to resolved."""
    if condition.resolved_at is None:
        return None, Change.DROPPED
    return replace(condition, state=State.RESOLVED, samples=""), None


def _is_fresh(condition: Condition, reading: Reading) -> bool:
    return reading.sampled_at > condition.sampled_at


def _gap(condition: Condition, reading: Reading, policy: Policy) -> float:
    """Known seconds since the last sample: none after an UNKNOWN, bounded by a hole."""
    if condition.last_verdict is Verdict.UNKNOWN:
        return 0.0
    passed = reading.sampled_at - condition.sampled_at
    return passed if passed <= policy.longest_gap_seconds else 0.0


def _counted(condition: Condition, reading: Reading, policy: Policy) -> Condition:
    """With the new sample noted."""
    bad = reading.verdict is Verdict.FIRING
    samples = (condition.samples + (BAD if bad else CLEAN))[-policy.samples_window :]
    return replace(
        condition,
        samples=samples,
        sampled_at=reading.sampled_at,
        last_bad_at=reading.sampled_at if bad else condition.last_bad_at,
        last_verdict=reading.verdict,
        unknown_since=None,
        evidence=reading.evidence if bad else condition.evidence,
        words=reading.words if bad else condition.words,
    )


def _unknown(condition: Condition, now: float) -> Condition:
    if condition.unknown_since is not None:
        return condition
    return replace(condition, last_verdict=Verdict.UNKNOWN, unknown_since=now)


def _advance_pending(
    condition: Condition, reading: Reading, now: float, policy: Policy
) -> Advance:
    unproven = policy.load_dependent and not reading.loaded
    clear = reading.verdict is Verdict.CLEAR
    if reading.verdict is Verdict.UNKNOWN or (clear and unproven):
        waiting = _unknown(condition, now)
        too_long = (
            now - (waiting.unknown_since or now) >= policy.pending_unknown_seconds
        )
        return _drop(waiting) if too_long else (waiting, None)
    if not _is_fresh(condition, reading):
        return condition, None
    held = condition.held_seconds + _gap(condition, reading, policy)
    counted = replace(_counted(condition, reading, policy), held_seconds=held)
    if reading.verdict is Verdict.FIRING:
        louder = max(condition.severity, reading.severity)
        return _maybe_fire(replace(counted, severity=louder), now, policy)
    hopeless = CLEAN * (policy.samples_window - policy.samples_needed + 1)
    return _drop(counted) if counted.samples.endswith(hopeless) else (counted, None)


def _maybe_fire(condition: Condition, now: float, policy: Policy) -> Advance:
    enough = condition.samples.count(BAD) >= policy.samples_needed
    held = condition.held_seconds >= policy.hold_seconds
    if policy.kind is not Kind.EVENT and not (enough and held):
        return condition, None
    again = condition.resolved_at is not None
    fired = replace(
        condition,
        state=State.FIRING,
        detected_at=condition.detected_at if again else now,
        resolved_at=None,
        ending=None,
        clean_seconds=0.0,
        unloaded_since=None,
        reopened=condition.reopened + (1 if again else 0),
    )
    return fired, Change.REOPENED if again else Change.FIRED


def _advance_firing(
    condition: Condition, reading: Reading, now: float, policy: Policy
) -> Advance:
    if reading.verdict is Verdict.UNKNOWN:
        return _unknown(condition, now), None
    if reading.verdict is Verdict.FIRING:
        return _still_firing(condition, reading, policy)
    if policy.kind is Kind.EVENT:
        return _event_clear(condition, reading, now, policy)
    if policy.load_dependent and not reading.loaded:
        return _unloaded(condition, reading), None
    if not _is_fresh(condition, reading):
        return replace(condition, unknown_since=None), None
    return _clean(condition, reading, now, policy)


def _still_firing(condition: Condition, reading: Reading, policy: Policy) -> Advance:
    fresh = _is_fresh(condition, reading) or policy.kind is Kind.EVENT
    if not fresh:
        return condition, None
    counted = _counted(condition, reading, policy)
    now_firing = replace(
        counted,
        clean_seconds=0.0,
        unloaded_since=None,
        severity=max(condition.severity, reading.severity),
        occurrences=condition.occurrences + (policy.kind is Kind.EVENT),
    )
    if reading.severity > condition.severity:
        return now_firing, Change.WORSE
    return now_firing, Change.REFIRED if policy.kind is Kind.EVENT else None


def _unloaded(condition: Condition, reading: Reading) -> Condition:
    """Clean, but under no load that could show the fault: the timer stands still."""
    since = condition.unloaded_since
    return replace(
        condition,
        unloaded_since=reading.sampled_at if since is None else since,
        sampled_at=max(condition.sampled_at, reading.sampled_at),
        last_verdict=Verdict.UNKNOWN,
        unknown_since=None,
    )


def _clean(
    condition: Condition, reading: Reading, now: float, policy: Policy
) -> Advance:
    was_clean = condition.last_verdict is Verdict.CLEAR
    gap = _gap(condition, reading, policy) if was_clean else 0.0
    counted = replace(
        _counted(condition, reading, policy),
        clean_seconds=condition.clean_seconds + gap,
        unloaded_since=None,
    )
    if counted.clean_seconds >= policy.keep_firing_seconds:
        return _end(counted, Ending.RECOVERED, now)
    return counted, None


def _event_clear(
    condition: Condition, reading: Reading, now: float, policy: Policy
) -> Advance:
    """An event does not clear by itself: a remedy must be seen, or it expires."""
    expires = policy.expire_seconds
    if expires is not None and now - condition.last_bad_at >= expires:
        return _end(condition, Ending.EXPIRED, now)
    remedied = reading.remedied_at is not None
    if not remedied or (reading.remedied_at or 0.0) <= condition.last_bad_at:
        return replace(condition, unknown_since=None), None
    if not _is_fresh(condition, reading):
        return condition, None
    remedy = replace(policy, keep_firing_seconds=policy.clean_after_remedy_seconds)
    return _clean(condition, reading, now, remedy)


def _advance_resolved(
    condition: Condition, reading: Reading, now: float, policy: Policy
) -> Advance:
    firing = reading.verdict is Verdict.FIRING
    if condition.ending is Ending.CLOSED and policy.kind is not Kind.EVENT:
        return (None, None) if reading.verdict is Verdict.CLEAR else (condition, None)
    recent = now - (condition.resolved_at or 0.0) <= policy.reopen_seconds
    if not firing:
        return (condition, None) if recent else (None, None)
    if not (recent and condition.ending is Ending.RECOVERED):
        return begin(condition.rule, condition.subject, reading, now, policy)
    again = replace(
        _counted(replace(condition, samples=""), reading, policy),
        state=State.PENDING,
        held_seconds=0.0,
        severity=reading.severity,
    )
    return _maybe_fire(again, now, policy)
