"""The first thing to read: is gpuwatch itself in order, and is anything wrong?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gpuwatch.engine.view import View
from gpuwatch.model.incident import Incident
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Severity
from gpuwatch.model.snapshot import SOURCE
from gpuwatch.web.readiness import laggards
from gpuwatch.web.sight import unwatched
from gpuwatch.web.site import Site


@dataclass(frozen=True)
class Banner:
    """`blind`: what is below cannot be trusted; else something to mend."""

    blind: bool
    text: str


@dataclass(frozen=True)
class Standing:
    """The page in a few words; `state` colours the tab."""

    state: str
    text: str


def banners(site: Site) -> list[Banner]:
    """The blinding ones first."""
    found = [*_late(site), *_ill(site), *_partly_blind(site)]
    return sorted(found, key=lambda banner: not banner.blind)


def _late(site: Site) -> Iterator[Banner]:
    views = site.views()
    if not views and not site.clusters:
        yield Banner(blind=True, text="No cycle has finished yet: nothing is known.")
    for late in laggards(site):
        view = views.get(late.cluster)
        if view is None or not view.health:
            yield Banner(blind=True, text=f"{late.cluster}: {late.reason}.")


def _ill(site: Site) -> Iterator[Banner]:
    for view in site.views().values():
        for part, why in view.health.items():
            if part == SOURCE:
                text = f"{view.cluster} cannot be read, so no fault can be seen: {why}"
                yield Banner(blind=True, text=text)
            else:
                yield Banner(blind=False, text=f"{view.cluster}, {part}: {why}")


def _partly_blind(site: Site) -> Iterator[Banner]:
    rules = site.rules()
    for view in site.views().values():
        if SOURCE in view.health:
            continue
        if view.gpus == 0:
            yield Banner(blind=True, text=f"{view.cluster}: no GPU has been seen.")
        elif areas := _areas(view, rules):
            text = f"{view.cluster}: nobody watches {areas}; metrics are missing."
            yield Banner(blind=False, text=text)


def _areas(view: View, rules: Mapping[str, Rule]) -> str:
    return ", ".join(category.value for category in unwatched(view, rules))


def standing(
    opened: Sequence[Incident], told: Sequence[Banner], missing_gpus: int
) -> Standing:
    """The worst open severity; without open ones, well only as far as eyes reach."""
    blind = any(banner.blind for banner in told)
    if opened:
        worst = max(incident.severity for incident in opened)
        return Standing(worst.word, _counted(opened) + (", and blind" * blind))
    if blind:
        return Standing("unknown", "Blind: nothing is known to be well")
    if missing_gpus:
        text = f"Nothing found wrong, but {missing_gpus} GPUs do not report"
        return Standing("unknown", text)
    if told:
        return Standing("unknown", "Nothing found wrong where gpuwatch can see")
    return Standing("ok", "Nothing found wrong")


def _counted(opened: Sequence[Incident]) -> str:
    count = Counter(incident.severity for incident in opened)
    return ", ".join(
        f"{count[severity]} {severity.word}"
        for severity in reversed(Severity)
        if count[severity]
    )
