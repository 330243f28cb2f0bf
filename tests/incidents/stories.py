"""Stories as strings: one character a poll, 15 s apart.

Readings: `T` firing, `.` clear, `?` unknown, `_` clear but not under load, `x` gone
(another card in the slot), `=` firing but no new sample, `-` clear but no new sample.
States: `P` pending, `F` firing, `R` resolved, ` ` nothing.
"""

from gpuwatch.incidents.lifecycle import advance, begin
from gpuwatch.model.condition import Change, Condition, Ending, Policy, Reading, State
from gpuwatch.model.identity import Subject
from gpuwatch.model.severity import Severity
from gpuwatch.model.verdict import Verdict

GPU = Subject("c", "node-01", "GPU-1")
POLL = 15.0
FACES = {State.PENDING: "P", State.FIRING: "F", State.RESOLVED: "R"}


def reading(mark: str, poll: int, severity: Severity = Severity.WARNING) -> Reading:
    verdict = {"?": Verdict.UNKNOWN, "x": Verdict.UNKNOWN}.get(
        mark, Verdict.FIRING if mark in "T=" else Verdict.CLEAR
    )
    return Reading(
        verdict,
        sampled_at=poll * POLL,
        loaded=mark != "_",
        gone=Ending.REPLACED if mark == "x" else None,
        severity=severity,
    )


def live(
    story: str, policy: Policy, condition: Condition | None = None, start: int = 1
) -> tuple[str, Condition | None, list[Change]]:
    """The states poll by poll, the condition at the end, and the changes."""
    faces, changes = "", []
    sample = start
    for poll, mark in enumerate(story, start):
        sample = poll if mark in "T._x" else sample
        now, read = poll * POLL, reading(mark, sample)
        if condition is None:
            condition, change = begin("thermal", GPU, read, now, policy)
        else:
            condition, change = advance(condition, read, now, policy)
        faces += FACES[condition.state] if condition else " "
        changes += [change] if change else []
    return faces, condition, changes
