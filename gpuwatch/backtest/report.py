"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gpuwatch import __version__
from gpuwatch.backtest.chapter import MOST_ROWS, caption, chapter_of
from gpuwatch.backtest.chart import Chart
from gpuwatch.backtest.compare import Comparison
from gpuwatch.backtest.compared import MOST_LISTED, totals
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.incidents.record import iso
from gpuwatch.incidents.wording import place
from gpuwatch.model.duration import say_duration
from gpuwatch.web.words import STYLE, clean, clipped, clock_time


def html_report(
    outcomes: Sequence[Outcome],
    charts: Mapping[str, Chart],
    comparisons: Sequence[Comparison] = (),
) -> str:
    """One page: what was judged, what could not be seen, and every incident.

    `charts` are by incident id. All labels are escaped and clipped, and the page holds
    no script and asks for nothing.
    """
    chapters = [
        chapter_of(outcome, charts, f"c{number}")
        for number, outcome in enumerate(outcomes)
    ]
    text = (
        _environment()
        .get_template("report.html")
        .render(chapters=chapters, comparisons=comparisons)
    )
    return text.encode("utf-8", "replace").decode("utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gpuwatch.backtest"),
        autoescape=True,
        finalize=clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        iso=iso,
        clock_time=clock_time,
        duration=say_duration,
        short=clipped,
        place=place,
        caption=caption,
        totals=totals,
        rate=_rate,
        words=lambda name: name.replace("_", " "),
    )
    environment.globals.update(
        version=__version__,
        style=Markup(STYLE.decode() + _own_style()),  # noqa: S704  our own files
        most_rows=MOST_ROWS,
        most_listed=MOST_LISTED,
    )
    return environment


def _rate(number: float) -> str:
    """Two digits say enough of how often a day."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def _own_style() -> str:
    folder = resources.files("gpuwatch.backtest.templates")
    return folder.joinpath("report.css").read_text("utf-8")
