"""How often values are collected, scraped and asked for, and whether that fits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from gpuwatch.doctor.finding import Finding, fail, ok, skip, warn
from gpuwatch.doctor.sight import Server
from gpuwatch.model.duration import spell_duration
from gpuwatch.model.metric import catalogue
from gpuwatch.sources.blocks import Labels
from gpuwatch.sources.identity import uuid_of
from gpuwatch.sources.prometheus.promql import any_of, selector

BACK_SECONDS, STEP_SECONDS = 300.0, 1.0
MOST_GPUS = 20
JITTER = 0.9
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Pace:
    """Seconds between scrapes, and between new values of the energy counter.

    None: fewer than two were seen in the last five minutes.
    """

    scrape_seconds: float | None
    collect_seconds: float | None


@dataclass(frozen=True)
class _Sample:
    """One scrape: when, and the energy counter's value in it (NaN: not known)."""

    at: float
    value: float


def measured(server: Server) -> Pace:
    """From the timestamps and the energy counter of a few GPUs; SourceError."""
    energy = [name for _, name in server.book.of_metric(catalogue()["energy_joules"])]
    names = energy or [name for group in server.book.pulses() for name in group]
    if not names or not server.series:
        return Pace(None, None)
    chosen = _chosen(server.series, names[0])
    at = _range(server, f"timestamp({chosen})")
    values = _range(server, chosen) if energy else {}
    scrapes = [_scrapes(times, values.get(gpu, ())) for gpu, times in at.items()]
    return Pace(
        _typical([_gap([scrape.at for scrape in one]) for one in scrapes]),
        _typical([_gap(_new_values(one)) for one in scrapes]),
    )


def _chosen(series: Sequence[Labels], name: str) -> str:
    """One GPU each of a few exporters."""
    label = next((each for each in ("UUID", "uuid") if each in series[0]), "")
    one_each = {one.get("instance", ""): one.get(label, "") for one in series}
    uuids = [uuid for uuid in one_each.values() if uuid][:MOST_GPUS]
    return selector(name, **{label: any_of(uuids)}) if uuids else name


def _range(server: Server, expr: str) -> Mapping[str, Points]:
    start = server.at - BACK_SECONDS
    found = server.client.query_range(
        expr, start, server.at, STEP_SECONDS, name="scrape times"
    )
    return {f"{one.get('instance')} {uuid_of(one)}": points for one, points in found}


def _scrapes(times: Points, values: Points) -> list[_Sample]:
    """Each scrape once: the grid shows every one many times over."""
    value_at = dict(values)
    seen: dict[float, _Sample] = {}
    for grid, scraped in times:
        seen.setdefault(scraped, _Sample(scraped, value_at.get(grid, math.nan)))
    return list(seen.values())


def _new_values(scrapes: Sequence[_Sample]) -> list[float]:
    pairs = pairwise(scrapes)
    return [later.at for earlier, later in pairs if later.value > earlier.value]


def _gap(times: Sequence[float]) -> float | None:
    """The mean gap; None with fewer than two times."""
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else None


def _typical(gaps: Sequence[float | None]) -> float | None:
    known = [gap for gap in gaps if gap is not None]
    return median(known) if known else None


def pace(server: Server, found: Pace) -> Finding:
    """Scraping and collecting against poll_interval and max_sample_age."""
    scrape, collect = found.scrape_seconds, found.collect_seconds
    if scrape is None:
        why = "fewer than two samples in the last 5 minutes"
        return skip("intervals", why, "run it again when Prometheus has been up longer")
    poll = server.settings.poll_interval
    what = f"scraped every {_say(scrape)}, {_collected(scrape, collect)}"
    oldest = server.cluster.max_sample_age
    if oldest < 2 * scrape:
        return _too_young(what, scrape, oldest)
    if poll < JITTER * scrape:
        mend = f"set poll_interval: {_say(scrape)}, or scrape as often as it asks"
        told = f"{what}; asking every {_say(poll)} sees most samples twice"
        return warn("intervals", told, mend)
    if collect is not None and collect > scrape / JITTER:
        return ok("intervals", what, _collect_hint(scrape))
    return ok("intervals", f"{what}, asked every {_say(poll)}")


def _too_young(what: str, scrape: float, oldest: float) -> Finding:
    """A sample is as old as the scrape interval just before the next one comes."""
    told = f"{what}; prometheus.max_sample_age {_say(oldest)} is too short for that"
    mend = f"set max_sample_age: {_say(4 * scrape)}, or scrape more often"
    return (fail if oldest <= scrape else warn)("intervals", told, mend)


def _collected(scrape: float, collect: float | None) -> str:
    if collect is None:
        return "collect interval not known (no energy counter that moves)"
    if collect <= scrape / JITTER:
        return "each time with new values"
    return f"with new values every {_say(collect)}"


def _collect_hint(scrape: float) -> str:
    milliseconds = round(scrape) * 1000
    return (
        "rules count distinct values, so faults are seen later; start dcgm-exporter "
        f"with --collect-interval={milliseconds}"
    )


def _say(seconds: float) -> str:
    return spell_duration(round(seconds) if seconds >= 1 else seconds)
