"""A backtest of every cluster, under one configuration or several."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial

from gpuwatch.app import build_links
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.backtest.questions import Questions
from gpuwatch.backtest.reading import Errand, read_ahead
from gpuwatch.backtest.replay import Trial
from gpuwatch.backtest.stretch import Stretch
from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.errors import ConfigError, SourceError
from gpuwatch.incidents.record import iso
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.settings import Settings
from gpuwatch.site_rules import configured_rules
from gpuwatch.sources import prometheus_source

# Told the cluster and the time of each reading, warm-up included.
Progress = Callable[[str, float], None]
Reader = Callable[[Errand], Generator[Snapshot, None, None]]
# Below so many steps another process costs more (a second of imports) than it saves.
FEWEST_STEPS = 1_000


def horizon(settings: Settings) -> float:
    """The newest time at which every cluster's samples have surely arrived.

    ConfigError where no cluster has a Prometheus; SourceError where one is not there.
    """
    if not settings.prometheus:
        raise ConfigError(
            "prometheus", "no cluster has one", "history needs a Prometheus: give url"
        )
    newest = []
    for cluster in settings.prometheus:
        source = prometheus_source(cluster, settings)
        try:
            newest.append(source.now())
        finally:
            source.close()
    return min(newest)


def backtest(
    configurations: Sequence[Settings],
    stretch: Stretch,
    progress: Progress,
    *,
    alone_below_steps: int = FEWEST_STEPS,
) -> list[list[Outcome]]:
    """By cluster of the first configuration, one outcome a configuration.

    All are judged over one reading; where to read, names and jobs are the first's.
    Shorter walks than `alone_below_steps` are read without another process.
    SourceError where history cannot be read or holds no GPU.
    """
    steps = (stretch.end - stretch.begin) / stretch.step
    read = read_ahead if steps >= alone_below_steps else Errand.read
    clusters = range(len(configurations[0].prometheus))
    return [
        _of_cluster(configurations, index, stretch, partial(_walk, read, progress))
        for index in clusters
    ]


def _walk(read: Reader, progress: Progress, errand: Errand) -> Iterator[Snapshot]:
    """The errand's snapshots; each is told of once it was judged."""
    name = errand.settings.prometheus[errand.cluster].name
    with closing(read(errand)) as snapshots:
        for snapshot in snapshots:
            yield snapshot
            progress(name, snapshot.at)


def _of_cluster(
    configurations: Sequence[Settings],
    index: int,
    stretch: Stretch,
    walk: Callable[[Errand], Iterator[Snapshot]],
) -> list[Outcome]:
    name = configurations[0].prometheus[index].name
    engines = [_engine(settings, name) for settings in configurations]
    questions = Questions(configurations, engines)
    start, end, step = stretch.start, stretch.end, stretch.step
    trials = [Trial(engine, start, end, step) for engine in engines]
    errand = Errand(configurations[0], index, questions.plan, stretch)
    for snapshot in walk(errand):
        for place, trial in enumerate(trials):
            trial.take(questions.answered(snapshot, place))
    return [_seen(trial.outcome()) for trial in trials]


def _engine(settings: Settings, cluster: str) -> Engine:
    rules = configured_rules(settings)
    return Engine(rules, Memory(cluster), build_links(settings))


def _seen(outcome: Outcome) -> Outcome:
    """SourceError where nobody was there: no incidents would then mean nothing."""
    if outcome.gpus:
        return outcome
    span = f"from {iso(outcome.start)} to {iso(outcome.end)}"
    raise SourceError(
        outcome.cluster,
        f"no GPU has a sample {span}; check --start, --end and the retention",
    )
