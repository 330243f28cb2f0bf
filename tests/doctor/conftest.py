"""What the doctor's tests look at."""

from collections.abc import Iterable, Mapping

from gpuwatch.doctor.finding import Finding

Label = Mapping[str, str]


def states(findings: Iterable[Finding]) -> dict[str, str]:
    """State by name."""
    return {finding.name: finding.state.value for finding in findings}


def named(findings: Iterable[Finding], name: str) -> Finding:
    """The one finding of that name."""
    (found,) = [finding for finding in findings if finding.name == name]
    return found
