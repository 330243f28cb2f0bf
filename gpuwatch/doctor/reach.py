"""Can Prometheus be asked, and does its clock agree with ours?"""

from __future__ import annotations

from gpuwatch.doctor.finding import Finding, fail, ok, warn
from gpuwatch.doctor.sight import Clock
from gpuwatch.errors import SourceError
from gpuwatch.model.duration import say_duration
from gpuwatch.settings import PrometheusSettings
from gpuwatch.sources.prometheus.client import PrometheusClient

# Times in messages, silences and "since" are read by people beside their own clock.
SKEW_WARN_SECONDS = 5.0
SKEW_FAIL_SECONDS = 60.0
_REMEDIES = (
    ("DNS", "check the host name in prometheus.url, and this host's DNS"),
    (
        "onnection refused",
        "is Prometheus running there? check host and port of prometheus.url",
    ),
    ("TLS", "set prometheus.tls.ca_file (or server_name) to what the server shows"),
    ("HTTP 401", "set prometheus.bearer_token_file or basic_auth"),
    ("HTTP 403", "check credentials and prometheus.tenant"),
    ("HTTP 404", "prometheus.url must end before /api/v1; check its path"),
    ("redirected", "write the final address into prometheus.url"),
    ("in time", "is a firewall in between? else raise prometheus.timeout"),
    ("cannot be read", "check path, owner and mode of that file"),
)


def unreachable(cluster: PrometheusSettings, error: SourceError) -> Finding:
    """The error in the client's words, which name what failed, and its remedy."""
    remedies = (remedy for sign, remedy in _REMEDIES if sign in error.reason)
    remedy = next(remedies, "try the address with curl from this host")
    return fail("Prometheus", f"{_address(cluster)}: {error}", remedy)


def reachable(client: PrometheusClient, clock: Clock) -> Finding:
    """Where it is, what it is, and how quickly it answers."""
    took = f"{clock.round_trip_seconds * 1000:.0f} ms"
    version = client.build().get("version", "")
    kind = " ".join(part for part in (client.profile.name.value, version) if part)
    return ok("Prometheus", f"{_address(client.settings)} answers in {took} ({kind})")


def _address(cluster: PrometheusSettings) -> str:
    return ", ".join(cluster.addresses)


def clock_skew(clock: Clock) -> Finding:
    """Readings are asked by the server's clock, so a skew only misdates the words."""
    ahead = clock.ahead_seconds
    apart = max(0.0, abs(ahead) - clock.round_trip_seconds)
    if apart <= SKEW_WARN_SECONDS:
        return ok("clocks", "this host and Prometheus agree on the time")
    side = "ahead of" if ahead > 0 else "behind"
    what = f"Prometheus is {say_duration(apart)} {side} this host"
    mend = "run an NTP client (chrony) on both"
    return (fail if apart > SKEW_FAIL_SECONDS else warn)("clocks", what, mend)
