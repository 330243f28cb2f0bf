"""Windows of GPUs that run together: a company and its stride, written in words.

    clocks = first("1740", "1980", 8)
    window = crewed(window_of(fleet_of(gpus=8), sm_clock_megahertz=clocks))

puts all rows into one job that is at its stride. Groups are numbered,
`groups="0 0 1 _"` (`_` = alone); what is said of groups has one word a group, or one
for all of them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gpuwatch.model.company import ALONE, Company
from gpuwatch.model.snapshot import Mask
from gpuwatch.model.stride import Stride
from gpuwatch.model.window import Window
from tests.rules.builders import column


def crewed(
    window: Window,
    groups: str = "0",
    *,
    names: str = "",
    reached: str = "1",
    steady: str = "1",
    settled: str = "1",
    together: str = "1",
    calm: str = "1",
    pace: str = "1",
    kept_watts: str = "_",
    kept_megahertz: str = "_",
    recent_watts: str = "",
    worked_seconds: float = 3600.0,
) -> Window:
    """The window with a crew.

    Args:
        window: whose rows are meant.
        groups: the group of each row.
        names: of their jobs, `/` between them; default `job-0/job-1`.
        reached: 1 or 0 a group, as are `steady`, `settled` and `together`.
        steady: whether readings may be scored.
        settled: whether means may be scored.
        together: whether they wax and wane as one.
        calm: 1 or 0 a row, whether it does not wander off by itself.
        pace: a group's work as a share of its stride, `_` = not known.
        kept_watts: each row's usual power.
        kept_megahertz: its usual SM clock.
        recent_watts: its mean power lately; default: its power now.
    """
    rows = window.now.rows
    written = column(groups, rows)
    group_of = np.where(np.isnan(written), ALONE, np.nan_to_num(written)).astype(int)
    count = int(group_of.max(initial=-1)) + 1
    called = (
        tuple(names.split("/")) if names else tuple(map("job-{}".format, range(count)))
    )
    power = window.get("power_watts")
    stride = Stride(
        reached=_mask(reached, count),
        steady=_mask(steady, count),
        settled=_mask(settled, count),
        together=_mask(together, count),
        calm=_mask(calm, rows),
        work=column(pace, count),
        dipped_seconds=np.zeros(count),
        kept_watts=column(kept_watts, rows),
        worked_seconds=np.full(rows, worked_seconds),
        kept_megahertz=column(kept_megahertz, rows),
        recent_watts=column(recent_watts, rows) if recent_watts else power,
    )
    return replace(window, company=Company(group_of, called, "labels"), stride=stride)


def first(value: str, others: str, rows: int) -> str:
    """One word for the first row, another for all the rest."""
    return " ".join([value] + [others] * (rows - 1))


def several(*runs: tuple[int, str]) -> str:
    """So many rows of one word, then so many of another."""
    return " ".join(word for count, word in runs for _ in range(count))


def _mask(text: str, groups: int) -> Mask:
    said: Mask = column(text, groups) == 1
    return said
