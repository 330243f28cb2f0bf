"""Readings written compactly, and verdicts read back as a line of marks.

    fleet = fleet_of(nodes=1, gpus=4)
    window = window_of(fleet, gpu_temperature_celsius="80 88 _ 90")
    assert marks(judge(MyRule, window)) == ".F?F"

A metric is written as one of
    80                     every GPU, at every step
    "80 88 _ 90"           one word a GPU (`_` = absent), at every step
    ["80 80", "88 _"]      one such line a step, oldest first; one word = every GPU
Words may be hexadecimal (`0x40`). `over_time("80 88 _")` is `["80", "88", "_"]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Scope, Severity
from gpuwatch.model.snapshot import Column, Snapshot, Xids
from gpuwatch.model.verdict import Finding, Verdicts
from gpuwatch.model.window import Window

AT = 1_700_000_000.0
H100 = "NVIDIA H100 80GB HBM3"
Written = float | str | Sequence[str] | NDArray[np.float64]


def fleet_of(
    nodes: int = 1, gpus: int = 1, *, model: str | Sequence[str] = H100, mig: str = ""
) -> Fleet:
    """Nodes n0, n1, ... of GPUs GPU-<node>-<slot>; `model` for all, or one a row."""
    names = [f"n{n}" for n in range(nodes)]
    models = [model] * (nodes * gpus) if isinstance(model, str) else list(model)
    rows = [(node, slot) for node in range(nodes) for slot in range(gpus)]
    cards = [
        Gpu(names[node], f"GPU-{node}-{slot}", mig, slot, kind)
        for (node, slot), kind in zip(rows, models, strict=True)
    ]
    return Fleet("train", cards, names)


def over_time(text: str) -> list[str]:
    """One word a step, the same for every GPU."""
    return text.split()


def window_of(
    fleet: Fleet,
    written: Mapping[str, Written] | None = None,
    *,
    steps: int = 0,
    step_seconds: float = 15.0,
    at: float = AT,
    node: Mapping[str, str] | None = None,
    jobs: str = "",
    xids: Sequence[tuple[int, int] | tuple[int, int, float]] = (),
    xids_known: str = "",
    sample_age_seconds: str = "0",
    booted_seconds_ago: str = "",
    kept: Mapping[str, str] | None = None,
    **metrics: Written,
) -> Window:
    """A window whose last step is `at`.

    Args:
        fleet: whose rows the words stand for.
        written: metrics as a mapping, where keywords do not suit.
        steps: length of the past; 0 = as many as the longest metric has (else 1).
        step_seconds: from one step to the next.
        at: evaluation time of the last step.
        node: node metrics now, one word a node: `{"exporter_up": "1 0"}`.
        jobs: one job name a GPU, `_` = none.
        xids: (row, code) or (row, code, count).
        xids_known: `1` or `0` a GPU; default: known everywhere.
        sample_age_seconds: age of each GPU's newest sample, `_` = no live series.
        booted_seconds_ago: one word a node, `_` = never seen to boot.
        kept: what the rule kept, one word a row: `{"baseline": "1980 _"}`.
        metrics: logical metric names and what they read.
    """
    reads = {**(written or {}), **metrics}
    length = max([steps, 1, *map(_length, reads.values())])
    rows = len(fleet)
    past = {name: _history(text, length, rows) for name, text in reads.items()}
    now = Snapshot(
        cluster=fleet.cluster,
        at=at,
        fleet=fleet,
        columns={name: values[-1] for name, values in past.items()},
        sampled_at=at - column(sample_age_seconds, rows),
        node_columns={k: column(v, len(fleet.nodes)) for k, v in (node or {}).items()},
        xids=_xids(xids),
        xids_known=column(xids_known or "1", rows) == 1,
        job_of=_job_of(jobs),
        jobs=_job_names(jobs),
    )
    booted = column(booted_seconds_ago or "_", len(fleet.nodes))
    return Window(
        now=now,
        past=past,
        past_at=at - step_seconds * np.arange(length - 1, -1, -1, dtype=np.float64),
        kept={k: column(v, len(v.split())) for k, v in (kept or {}).items()},
        booted_at=at - booted if booted_seconds_ago else None,
    )


def column(text: str, rows: int) -> Column:
    """One word a row; a single word stands for every row."""
    words = text.split()
    words = words * rows if len(words) == 1 else words
    assert len(words) == rows, f"{text!r} has {len(words)} words for {rows} rows"
    return np.array([_number(word) for word in words], dtype=np.float64)


def judge(rule: type[Rule] | Rule, window: Window) -> Verdicts:
    """The rule's verdicts, given only what its `reads` ask for, as the engine does."""
    made = rule.configured({}) if isinstance(rule, type) else rule
    verdicts = made.judge(_as_asked(made, window))
    assert len(verdicts.firing) == len(verdicts.known), "one verdict a subject"
    assert not (verdicts.firing & ~verdicts.known).any(), "fires where unknown"
    return verdicts


def story(rule: type[Rule] | Rule, window: Window) -> list[str]:
    """Marks at every step of the window in turn; what is kept is given back."""
    steps = range(1, len(window.past_at) + 1)
    return [marks(v) for v in in_turn(rule, [_until(window, step) for step in steps])]


def in_turn(rule: type[Rule] | Rule, windows: Sequence[Window]) -> list[Verdicts]:
    """Verdicts of windows judged one after another, each given what was kept before."""
    kept: dict[str, Column] = {}
    told = []
    for window in windows:
        told.append(judge(rule, replace(window, kept={**window.kept, **kept})))
        kept |= told[-1].keep
    return told


def marks(verdicts: Verdicts) -> str:
    """`F` firing, `.` clear, `?` unknown, one a subject."""
    pairs = zip(verdicts.firing, verdicts.known, strict=True)
    return "".join(("F" if fires else ".") if known else "?" for fires, known in pairs)


def levels(rule: type[Rule] | Rule, verdicts: Verdicts) -> str:
    """As `marks`, with `I`, `W` or `C` by severity for the firing ones."""
    made = rule.configured({}) if isinstance(rule, type) else rule
    own = int(made.params.severity)
    given = verdicts.severity
    letters = [
        Severity(own if given is None else int(given[i])).name[0]
        if mark == "F"
        else mark
        for i, mark in enumerate(marks(verdicts))
    ]
    return "".join(letters)


def finding(
    rule: type[Rule] | Rule,
    verdicts: Verdicts,
    window: Window,
    index: int = 0,
    **peers: float,
) -> Finding:
    """The finding that the engine would hand to `explain` for one subject."""
    made = rule.configured({}) if isinstance(rule, type) else rule
    given = verdicts.severity
    level = made.params.severity if given is None else Severity(int(given[index]))
    fleet, words = window.now.fleet, verdicts.words
    on_gpu = verdicts.subjects is None and made.scope is Scope.GPU
    if verdicts.subjects is not None:
        subject = verdicts.subjects[index]
    else:
        subject = fleet.subject(index) if on_gpu else fleet.node_subject(index)
    shown = {name: float(values[index]) for name, values in verdicts.evidence.items()}
    return Finding(
        subject=subject,
        severity=level,
        evidence={name: value for name, value in shown.items() if np.isfinite(value)},
        gpu=fleet.gpus[index] if on_gpu else None,
        members=(fleet.gpus[index],) if on_gpu else (),
        peers=peers,
        words=words[index] if words else "",
    )


def _as_asked(rule: Rule, window: Window) -> Window:
    asked = {read.metric: read.window_seconds for read in rule.reads}
    columns = {k: v for k, v in window.now.columns.items() if k in asked}
    nodes = {k: v for k, v in window.now.node_columns.items() if k in asked}
    longest = max(asked.values(), default=0.0)
    inside = window.past_at >= window.now.at - longest - 0.5
    past = {k: v[inside] for k, v in window.past.items() if asked.get(k, 0.0) > 0}
    now = replace(window.now, columns=columns, node_columns=nodes)
    return replace(window, now=now, past=past, past_at=window.past_at[inside])


def _until(window: Window, step: int) -> Window:
    past = {name: values[:step] for name, values in window.past.items()}
    at = float(window.past_at[step - 1])
    columns = {name: values[-1] for name, values in past.items()}
    sampled_at = window.now.sampled_at - window.now.at + at
    now = replace(window.now, at=at, columns=columns, sampled_at=sampled_at)
    return replace(window, now=now, past=past, past_at=window.past_at[:step])


def _number(word: str) -> float:
    if word in ("_", "nan"):
        return float("nan")
    return float(int(word, 16)) if word.startswith("0x") else float(word)


def _length(written: Written) -> int:
    if isinstance(written, np.ndarray):
        return len(written) if written.ndim == 2 else 1
    return 1 if isinstance(written, str | float | int) else len(written)


def _history(written: Written, length: int, rows: int) -> NDArray[np.float64]:
    if isinstance(written, np.ndarray):
        return np.array(np.broadcast_to(written, (length, rows)), dtype=np.float64)
    if isinstance(written, float | int):
        return np.full((length, rows), float(written))
    lines = [written] * length if isinstance(written, str) else list(written)
    assert len(lines) == length, f"{len(lines)} lines for {length} steps"
    return np.stack([column(line, rows) for line in lines])


def _xids(shown: Sequence[tuple[int, int] | tuple[int, int, float]]) -> Xids:
    return Xids(
        row=np.array([entry[0] for entry in shown], dtype=np.int64),
        code=np.array([entry[1] for entry in shown], dtype=np.int64),
        count=np.array([entry[2] if len(entry) > 2 else np.nan for entry in shown]),
    )


def _job_names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in text.split() if name != "_"))


def _job_of(text: str) -> NDArray[np.int64] | None:
    names, jobs = text.split(), _job_names(text)
    index = [jobs.index(name) if name != "_" else -1 for name in names]
    return np.array(index, dtype=np.int64) if names else None
