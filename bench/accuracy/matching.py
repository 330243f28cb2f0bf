"""Which alert told which fault: the protocol of one scenario, pure.

An event is a `Truth`. It is found by the first alert that names its culprit within ten
minutes of its onset: node and GPU where the truth has one, any of its nodes where it is
a group's, the job where the job itself is at fault. Whatever else blames somebody is a
false alarm, and the fault still needs its own alert. Alerts of severity info are not
given to this at all, so they count neither way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.accuracy.alerts import NEVER, Alert, Named
from gpuwatch.sim.scenario import Scenario, Truth

MATCH_SECONDS = 600.0
# What a fault leaves behind (a crashed job, a reboot) may still be told after it.
AFTERMATH_SECONDS = 900.0
# Slow drifts are told when they are told, warning of a throttle hours away.
EARLY_KINDS = frozenset({"drift"})


@dataclass(frozen=True)
class Found:
    """One event's fate.

    Args:
        delay_seconds: from the onset to the alert that named it; None = missed.
        delay_samples: collected samples that carried the fault by then, the first
            counts 1.
        node_named, gpu_named: whether the first alert about it in time named the
            right node, and the right GPU (None: no alert in time, or no such thing).
        alerts, messages: all that were about it, absorbed ones not counted as alerts.
    """

    kind: str
    truth: Truth
    delay_seconds: float | None = None
    delay_samples: int | None = None
    node_named: bool | None = None
    gpu_named: bool | None = None
    alerts: int = 0
    messages: int = 0


@dataclass(frozen=True)
class Result:
    """One scenario judged by one detector.

    `false_alerts`: alerts that blame somebody wrongly; `calm_alerts` those of them
    that came while nothing was wrong, in `calm_gpu_days` of such time. `victims`:
    places blamed during a fault that only suffered.
    """

    scenario: str
    csv: str
    collect_seconds: float
    events: tuple[Found, ...] = ()
    false_alerts: tuple[Alert, ...] = ()
    calm_alerts: tuple[Alert, ...] = ()
    calm_gpu_days: float = 0.0
    victims: int = 0


@dataclass
class _Ledger:
    """The alerts of one scenario, sorted.

    `about`: by event, those that are about it. `suspects`: the same, and false ones
    that were told during it.
    """

    about: dict[int, list[Alert]] = field(default_factory=dict)
    suspects: dict[int, list[Alert]] = field(default_factory=dict)
    false: list[Alert] = field(default_factory=list)
    calm: list[Alert] = field(default_factory=list)
    victims: int = 0


def kind_of(scenario: Scenario) -> str:
    """The recipe's name, without the seed."""
    return scenario.name.rsplit("-", 1)[0]


def score(
    scenario: Scenario, alerts: Iterable[Alert], first_second: float, lag: float
) -> Result:
    """Match one detector's alerts with the scenario's truths.

    `first_second`: when judging began; what was told before does not count. `lag`: how
    long after its collection a sample can be seen at the earliest (seconds).
    """
    ledger = _sorted(scenario.truths, [a for a in alerts if a.told_at >= first_second])
    events = tuple(
        _found(scenario, number, ledger, lag) for number in range(len(scenario.truths))
    )
    return Result(
        scenario=scenario.name,
        csv=scenario.csv,
        collect_seconds=scenario.collect_seconds,
        events=events,
        false_alerts=tuple(ledger.false),
        calm_alerts=tuple(ledger.calm),
        calm_gpu_days=_calm_gpu_days(scenario, first_second),
        victims=ledger.victims,
    )


def _sorted(truths: Sequence[Truth], alerts: Iterable[Alert]) -> _Ledger:
    ledger = _Ledger()
    for alert in alerts:
        during = [n for n, truth in enumerate(truths) if is_during(truth, alert)]
        mine = [n for n in during if is_about(truths[n], alert)]
        for number in mine:
            ledger.about.setdefault(number, []).append(alert)
        for number in mine or during:
            ledger.suspects.setdefault(number, []).append(alert)
        if not mine:
            ledger.false.append(alert)
        if not during:
            ledger.calm.append(alert)
        else:
            guilty = [truths[number] for number in during]
            ledger.victims += sum(not _is_guilty(p, guilty) for p in alert.places)
    return ledger


def is_during(truth: Truth, alert: Alert) -> bool:
    """Whether it was told while the fault was there, or just after."""
    end = NEVER if truth.end_seconds is None else truth.end_seconds + AFTERMATH_SECONDS
    return truth.onset_seconds <= alert.told_at <= end or (
        alert.told_at < truth.onset_seconds and named_at(truth, alert) is not None
    )


def is_about(truth: Truth, alert: Alert) -> bool:
    """Whether it speaks of the fault and blames, if anybody, the culprit.

    "The job is slow" is true during any fault and blames nobody. An alert about the
    right node as a whole is about a GPU's fault too, though it does not find it.
    """
    if alert.about_job and not alert.places:
        return True
    if not truth.node and not truth.nodes:
        return alert.about_job
    if truth.nodes:
        return bool(alert.nodes & set(truth.nodes))
    if truth.gpu is None or truth.node in alert.whole_nodes:
        return truth.node in alert.nodes
    return any(_is_place(truth, place) for place in alert.places)


def named_at(truth: Truth, alert: Alert) -> float | None:
    """When it first named the culprit, after the onset; None = it did not."""
    if not truth.node and not truth.nodes:
        times = [alert.told_at] if alert.about_job else []
    elif truth.nodes:
        times = [p.at for p in alert.places if p.node in truth.nodes]
    elif truth.gpu is None:
        times = [p.at for p in alert.places if p.node == truth.node]
    elif truth.node in alert.whole_nodes:
        times = []
    else:
        times = [p.at for p in alert.places if _is_place(truth, p)]
    later = [max(at, alert.told_at) for at in times]
    return min((at for at in later if at >= truth.onset_seconds), default=None)


def _is_place(truth: Truth, place: Named) -> bool:
    return (place.node, place.gpu) == (truth.node, truth.gpu)


def _is_guilty(place: Named, truths: Sequence[Truth]) -> bool:
    """Nobody is a culprit where the job itself is at fault."""
    for truth in truths:
        alike = place.node == truth.node or place.node in truth.nodes
        if alike and (truth.gpu is None or place.gpu in (None, truth.gpu)):
            return True
    return False


def _found(scenario: Scenario, number: int, ledger: _Ledger, lag: float) -> Found:
    truth, alerts = scenario.truths[number], ledger.about.get(number, [])
    named = [at for alert in alerts if (at := named_at(truth, alert)) is not None]
    limit = NEVER if truth.kind in EARLY_KINDS else truth.onset_seconds + MATCH_SECONDS
    first = min((at for at in named if at <= limit), default=None)
    told = sum(not alert.absorbed for alert in alerts)
    spoken = sum(alert.messages for alert in alerts)
    node, gpu = _attribution(truth, ledger.suspects.get(number, []), limit)
    delay = None if first is None else first - truth.onset_seconds
    samples = None if first is None else _samples(scenario, truth, first - lag)
    return Found(kind_of(scenario), truth, delay, samples, node, gpu, told, spoken)


def _attribution(
    truth: Truth, alerts: Sequence[Alert], limit: float
) -> tuple[bool | None, bool | None]:
    """Whether the first alert in time that blames anybody blames the right one."""
    in_time = [a for a in alerts if a.places and a.told_at <= limit]
    if not in_time or not truth.node:
        return None, None
    first = min(in_time, key=lambda alert: alert.told_at)
    node = truth.node in first.nodes
    return node, None if truth.gpu is None else named_at(truth, first) is not None


def _samples(scenario: Scenario, truth: Truth, until: float) -> int:
    """Ticks from the onset to a time; what was told was seen in one at least."""
    step = scenario.collect_seconds
    first = -(-truth.onset_seconds // step)
    return max(1, int(until // step - first) + 1)


def _calm_gpu_days(scenario: Scenario, first_second: float) -> float:
    onsets = [truth.onset_seconds for truth in scenario.truths]
    end = min([scenario.duration_seconds, *onsets])
    gpus = scenario.nodes * scenario.gpus_per_node
    return max(0.0, end - first_second) * gpus / 86_400
