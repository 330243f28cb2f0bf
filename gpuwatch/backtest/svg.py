"""A chart as inline SVG: no script, no request, colours from the page's variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
from markupsafe import Markup

from gpuwatch.backtest.axis import padded, time_ticks, value_ticks
from gpuwatch.backtest.chart import Chart, Lines, Panel
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.web.words import clean, clipped

WIDTH, HEIGHT = 360, 196
LEFT, RIGHT, TOP, BOTTOM = 46, 350, 40, 174
LINE_CHARACTERS = 46
ROOM_FOR_LABEL = 34


@dataclass(frozen=True)
class Frame:
    """From times and values to places in the picture."""

    start: float
    end: float
    low: float
    high: float

    def x(self, at: Column | float) -> Column:
        """Pixels from the left."""
        share = (np.asarray(at) - self.start) / max(self.end - self.start, 1.0)
        return LEFT + share * (RIGHT - LEFT)

    def y(self, value: Column | float) -> Column:
        """Pixels from the top."""
        share = (np.asarray(value) - self.low) / (self.high - self.low)
        return BOTTOM - share * (BOTTOM - TOP)


def drawn(chart: Chart, key: str) -> Sequence[Markup]:
    """One picture a panel; `key` tells their element ids apart on one page."""
    return [
        _picture(chart, panel, f"{key}-{number}")
        for number, panel in enumerate(chart.panels)
    ]


def _picture(chart: Chart, panel: Panel, key: str) -> Markup:
    title = f"{panel.quantity.title}, {panel.quantity.unit}"
    inner = _plot(chart, panel) if panel.known else _absence(panel)
    told = clean(_told(chart, panel))
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" '
        'aria-labelledby="{k}-t {k}-d"><title id="{k}-t">{}</title>'
        '<desc id="{k}-d">{}</desc><text class="name" x="{}" y="12">{}</text>{}</svg>'
    ).format(WIDTH, HEIGHT, title, told, LEFT, title, inner, k=key)


def _absence(panel: Panel) -> Markup:
    why = panel.missing or "nothing known"
    lines = wrap(clean(clipped(why)), LINE_CHARACTERS)
    said = [
        Markup('<text x="{}" y="{}">{}</text>').format(LEFT, 70 + 18 * n, line)
        for n, line in enumerate(lines)
    ]
    return Markup('<g class="absent">{}</g>').format(_joined(said))


def _plot(chart: Chart, panel: Panel) -> Markup:
    low, high = padded(*panel.limits, panel.quantity.least_span)
    frame = Frame(float(chart.at[0]), float(chart.at[-1]), low, high)
    parts = [
        *_during(chart, frame),
        *_grid(frame),
        _band(frame, chart.at, panel),
        _path("median", frame, chart.at, panel.median),
        *_lines(frame, chart.at, panel.lines),
        *_marks(chart, frame),
    ]
    return _joined(parts)


def _joined(parts: Sequence[Markup]) -> Markup:
    return Markup("").join(parts)


def _grid(frame: Frame) -> Iterator[Markup]:
    for tick in value_ticks(frame.low, frame.high):
        y = float(frame.y(tick.at))
        yield Markup(
            '<path class="grid" d="M{} {y:.1f}H{}"/>'
            '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(LEFT, RIGHT, LEFT - 6, y + 3.5, tick.label, y=y)
    for tick in time_ticks(frame.start, frame.end):
        x = float(frame.x(tick.at))
        yield Markup(
            '<path class="grid" d="M{x:.1f} {}v4"/>'
            '<text class="tick" x="{x:.1f}" y="{}" text-anchor="{}">{}</text>'
        ).format(BOTTOM, HEIGHT - 6, _anchor(x), tick.label, x=x)


def _anchor(x: float) -> str:
    if x > RIGHT - ROOM_FOR_LABEL / 2:
        return "end"
    return "start" if x < LEFT + 4 else "middle"


def _during(chart: Chart, frame: Frame) -> Iterator[Markup]:
    """The time of the incident, as a faint ground."""
    ended = chart.resolved_at if chart.resolved_at is not None else frame.end
    left, right = _inside(frame, chart.started_at), _inside(frame, ended)
    if right > left:
        yield Markup(
            '<rect class="during" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>'
        ).format(left, TOP, right - left, BOTTOM - TOP)


def _inside(frame: Frame, at: float) -> float:
    return float(np.clip(frame.x(at), LEFT, RIGHT))


def _marks(chart: Chart, frame: Frame) -> Iterator[Markup]:
    """Began to the left of its line, told to the right, so that they never collide."""
    told = float(frame.x(chart.detected_at))
    yield from _mark("began", float(frame.x(chart.started_at)), "end")
    yield from _mark("told", told, "start")
    if chart.resolved_at is not None:
        ended = float(frame.x(chart.resolved_at))
        room = ended - told > 2 * ROOM_FOR_LABEL
        yield from _mark("ended", ended, "end" if room else "")


def _mark(name: str, x: float, anchor: str) -> Iterator[Markup]:
    """A line across the panel, with its name where there is room for it."""
    if not LEFT <= x <= RIGHT:
        return
    yield Markup('<path class="mark {}" d="M{:.1f} {}V{}"/>').format(
        name, x, TOP - 4, BOTTOM
    )
    fits = x < RIGHT - ROOM_FOR_LABEL if anchor == "start" else x > ROOM_FOR_LABEL
    if anchor and fits:
        nudge = 3 if anchor == "start" else -3
        yield Markup(
            '<text class="said {}" x="{:.1f}" y="{}" text-anchor="{}">{}</text>'
        ).format(name, x + nudge, TOP - 6, anchor, name)


def _lines(frame: Frame, at: Column, lines: Lines) -> Iterator[Markup]:
    kind = "gpu" if len(lines) <= 1 else "gpu many"
    for line in lines:
        yield _path(kind, frame, at, line)


def _path(kind: str, frame: Frame, at: Column, values: Column) -> Markup:
    """A line that breaks where nothing is known; a lone reading is a dot."""
    known = np.isfinite(values)
    x, y = frame.x(at), frame.y(np.where(known, values, 0.0))
    parts = []
    for begin, end in runs(known):
        points = _points(x[begin:end], y[begin:end])
        parts.append(f"M{points}" if end - begin > 1 else f"M{points}h0")
    return Markup('<path class="{}" d="{}"/>').format(kind, "".join(parts))


def _band(frame: Frame, at: Column, panel: Panel) -> Markup:
    known = np.isfinite(panel.low) & np.isfinite(panel.high)
    x = frame.x(at)
    low, high = (frame.y(np.where(known, v, 0.0)) for v in (panel.low, panel.high))
    parts = [
        f"M{_points(x[a:b], high[a:b])}L{_points(x[a:b][::-1], low[a:b][::-1])}Z"
        for a, b in runs(known)
    ]
    return Markup('<path class="band" d="{}"/>').format("".join(parts))


def _points(x: Column, y: Column) -> str:
    return " ".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def runs(known: Mask) -> list[tuple[int, int]]:
    """Where known readings stand next to one another: [begin, end) of each run."""
    edges = np.flatnonzero(np.diff(known.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _told(chart: Chart, panel: Panel) -> str:
    """The picture in words, for those who cannot see it."""
    if not panel.known:
        return panel.missing
    during = chart.at >= chart.started_at
    if chart.resolved_at is not None:
        during &= chart.at <= chart.resolved_at
    unit = panel.quantity.unit
    words = []
    own = panel.lines[:, during]
    if np.isfinite(own).any():
        low, middle, high = np.nanpercentile(own, (0, 50, 100))
        who = " and ".join(chart.gpus[:2]) if len(chart.gpus) <= 2 else "its GPUs"
        words.append(
            f"{who} during the incident: {low:.0f} to {high:.0f} {unit}, "
            f"median {middle:.0f} {unit}"
        )
    if np.isfinite(panel.median[during]).any():
        middle = float(np.nanmedian(panel.median[during]))
        words.append(f"{chart.peers or 'peers'}: median {middle:.0f} {unit}")
    return "; ".join(words)
