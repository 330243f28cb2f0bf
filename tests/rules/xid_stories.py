"""Stories of XIDs: a line of codes a poll for the first GPU, and what is told of it."""

from collections.abc import Sequence

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.severity import Severity
from gpuwatch.model.verdict import Verdicts
from gpuwatch.model.window import Window
from gpuwatch.rules.xid import Xid
from tests.rules.builders import AT, fleet_of, in_turn, window_of

POLL = 15.0
LETTER = {Severity.INFO: "I", Severity.WARNING: "W", Severity.CRITICAL: "C"}
Shown = Sequence[tuple[int, int] | tuple[int, int, float]]


def read(text: str, row: int = 0) -> Shown:
    """`79` gauge only, `79:2` counted twice, `0` healthy; several words = several."""
    entries: list[tuple[int, int] | tuple[int, int, float]] = []
    for word in text.split():
        code, _, count = word.partition(":")
        entry = (row, int(code))
        entries.append((*entry, float(count)) if count else entry)
    return entries


def poll(text: str, number: int, fleet: Fleet | None = None, **more: object) -> Window:
    fleet = fleet or fleet_of(gpus=2)
    return window_of(fleet, xids=read(text), at=AT + number * POLL, **more)  # type: ignore[arg-type]


def told(verdicts: Verdicts) -> str:
    """`79C` for news by code and severity, in order; `-` for none."""
    assert verdicts.subjects is not None
    assert verdicts.severity is not None
    news = [
        subject.detail + LETTER[Severity(int(severity))]
        for subject, fires, severity in zip(
            verdicts.subjects, verdicts.firing, verdicts.severity, strict=True
        )
        if fires
    ]
    return " ".join(news) or "-"


def tell(*polls: str | Window) -> list[str]:
    windows = [
        poll(one, number) if isinstance(one, str) else one
        for number, one in enumerate(polls)
    ]
    return [told(verdicts) for verdicts in in_turn(Xid, windows)]
