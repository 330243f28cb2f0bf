"""What it costs the job: how slow, for how long, how many GPU-hours, for whom it waits.

Rules about a job say it in their evidence, under the names below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gpuwatch.incidents.kinship import is_of_job
from gpuwatch.model.company import INFERRED_PREFIX
from gpuwatch.model.condition import Condition
from gpuwatch.model.duration import say_duration
from gpuwatch.model.lost import lost_gpu_hours

PACE = "job_pace_percent"
SLOW = "job_slow_seconds"
LOST = "lost_gpu_hours"
BELOW = "lost_percent"
ESTIMATED = "lost_gpu_hours_is_estimate"
TOLD_HERE = frozenset({PACE, SLOW, LOST, ESTIMATED})


def plight(
    rank: Mapping[str, int], firing: Iterable[Condition], now: float, gpus: int
) -> Mapping[str, float]:
    """The evidence of the job's own findings; the louder rule has the last word.

    `gpus`: how many the job has. Where no rule measured what was lost, it is estimated
    by the pace of now for as long as the job is slow.
    """
    of_job = [c for c in firing if is_of_job(c)]
    if not of_job:
        return {}
    found = {SLOW: now - min(c.started_at for c in of_job)}
    for condition in sorted(of_job, key=lambda c: -rank.get(c.rule, 0)):
        said = condition.evidence
        found.update({n: said[n] for n in (PACE, LOST) if n in said})
        if BELOW in said:
            found[PACE] = 100.0 - said[BELOW]
    if LOST not in found and PACE in found and gpus:
        found[LOST] = lost_gpu_hours(gpus, found[SLOW], found[PACE] / 100)
        found[ESTIMATED] = 1.0
    return found


def say_job(job: str) -> str:
    """`job 4211`; one that was only inferred is named by its first node."""
    if job.startswith(INFERRED_PREFIX):
        return f"the job on {job.removeprefix(INFERRED_PREFIX)} (inferred)"
    return f"job {job}"


def told_plight(job: str, evidence: Mapping[str, float], waits_for: str) -> str:
    """`Job 4211 at 62 % for 7 min, waiting for node-17 GPU 3; 41 GPU-hours lost`."""
    if SLOW not in evidence or not job:
        return ""
    pace = evidence.get(PACE)
    how = "is held up" if pace is None else f"at {pace:.0f} %"
    text = f"{say_job(job)} {how} for {say_duration(evidence[SLOW])}"
    text += f", waiting for {waits_for}" if waits_for else ""
    return text[:1].upper() + text[1:] + _told_lost(evidence)


def _told_lost(evidence: Mapping[str, float]) -> str:
    lost = evidence.get(LOST)
    if lost is None:
        return ""
    hours = f"{lost:.0f}" if lost >= 10 else f"{lost:.1f}"
    about = " (estimated)" if evidence.get(ESTIMATED) else ""
    return f"; {hours} GPU-hours lost{about}"
