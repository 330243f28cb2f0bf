"""What each backend behind the Prometheus HTTP API does differently.

Read in the backends' sources and, for Prometheus 2.42 and VictoriaMetrics 1.79,
tried out; Mimir and the managed services by their documents only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from urllib.parse import urlsplit

from gpuwatch.settings import Backend, PrometheusSettings


class Freshness(Enum):
    """How an old sample is kept from passing for a fresh one (default: 5 minutes).

    LOOKBACK_DELTA and MAX_LOOKBACK are parameters of a query. WINDOW: the selector
    itself is wrapped, which no proxy can drop.
    """

    WINDOW = "window"
    LOOKBACK_DELTA = "lookback_delta"
    MAX_LOOKBACK = "max_lookback"


@dataclass(frozen=True)
class Profile:
    """How to talk to one backend.

    Args:
        offset_seconds: how far in the past all samples have surely arrived.
        params: form parameters of each query (partial answers refused, caches off).
        takes_timeout: knows the parameter `timeout`.
        name_regex_allowed: `{__name__=~"..."}` works.
        staleness_markers: a vanished series ends at once, not after the look-back.
        max_query_bytes: longest PromQL that is surely accepted.
    """

    name: Backend
    offset_seconds: float = 0.0
    freshness: Freshness = Freshness.WINDOW
    params: Mapping[str, str] = field(default_factory=dict)
    takes_timeout: bool = True
    name_regex_allowed: bool = True
    staleness_markers: bool = True
    max_query_bytes: int = 1_000_000

    def fresh(self, selector: str, max_age_seconds: float) -> str:
        """The selector, as an expression that shows no sample older than that.

        The wrapping drops `__name__` and does not heed staleness markers.
        """
        if self.freshness is not Freshness.WINDOW:
            return selector
        return f"last_over_time({selector}[{_milliseconds(max_age_seconds)}])"

    def form(self, max_age_seconds: float) -> dict[str, str]:
        """The extra form parameters of one query."""
        if self.freshness is Freshness.WINDOW:
            return dict(self.params)
        age = _milliseconds(max_age_seconds)
        return {**self.params, self.freshness.value: age}


def _milliseconds(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"


# Prometheus knows `lookback_delta` since 2.43 (2.42 ignores it without a word, as
# proxies that speak its API may), so the window is the only safe way there.
# Thanos answers partly with 200 unless told not to. VictoriaMetrics hides the newest
# 30 s (-search.latencyOffset) and takes 30 s off `time()`, both undone by `nocache`;
# its -search.maxQueryLen is 16 KiB. Remote-written data is 30 to 60 s late.
PROFILES: Mapping[Backend, Profile] = {
    profile.name: profile
    for profile in (
        Profile(Backend.PROMETHEUS),
        Profile(
            Backend.THANOS,
            freshness=Freshness.LOOKBACK_DELTA,
            params={"partial_response": "false", "dedup": "true"},
        ),
        Profile(Backend.MIMIR, offset_seconds=30.0),
        Profile(
            Backend.VICTORIAMETRICS,
            offset_seconds=30.0,
            freshness=Freshness.MAX_LOOKBACK,
            params={"nocache": "1"},
            max_query_bytes=16_384,
        ),
        Profile(
            Backend.MANAGED,
            offset_seconds=60.0,
            takes_timeout=False,
            name_regex_allowed=False,
            staleness_markers=False,
            max_query_bytes=16_384,
        ),
        Profile(
            Backend.AMAZON,
            offset_seconds=60.0,
            takes_timeout=False,
            max_query_bytes=16_384,
        ),
    )
}
THANOS_LOOKBACK_SINCE = (0, 29)


def told_by_settings(settings: PrometheusSettings) -> Profile | None:
    """The profile that settings name or that the address gives away, if any."""
    if settings.backend is not Backend.AUTO:
        return PROFILES[settings.backend]
    host = urlsplit(settings.addresses[0]).hostname or ""
    if settings.sigv4 is not None or host.startswith("aps-workspaces."):
        return PROFILES[Backend.AMAZON]
    if host == "monitoring.googleapis.com":
        return PROFILES[Backend.MANAGED]
    return None


def told_by_build(build: Mapping[str, object] | None) -> Profile:
    """The profile by the `data` of /api/v1/status/buildinfo; None = no such page.

    VictoriaMetrics answers `{"version": "2.24.0"}`, old ones `{}`; Mimir names its
    application; Thanos has the keys of Prometheus and a version below 1.
    """
    if build is None:
        return PROFILES[Backend.PROMETHEUS]
    application = str(build.get("application", "")).lower()
    if "mimir" in application or "cortex" in application:
        return PROFILES[Backend.MIMIR]
    if dict(build) in ({}, {"version": "2.24.0"}):
        return PROFILES[Backend.VICTORIAMETRICS]
    version = _version(str(build.get("version", "")))
    if version and version[0] == 0:
        return _thanos(version)
    return PROFILES[Backend.PROMETHEUS]


def _thanos(version: tuple[int, ...]) -> Profile:
    known = PROFILES[Backend.THANOS]
    if version >= THANOS_LOOKBACK_SINCE:
        return known
    return replace(known, freshness=Freshness.WINDOW)


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return tuple(int(number) for number in found.groups()) if found else ()
