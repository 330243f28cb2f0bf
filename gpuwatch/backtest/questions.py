"""One plan for several configurations, and each one's answers out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpuwatch.engine.engine import Engine
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import CustomQuery, Plan
from gpuwatch.settings import Settings
from gpuwatch.site_rules import custom_queries


class Questions:
    """What all configurations want read.

    Two may have custom rules of one name and different PromQL; then the later one's
    query goes by another name while it is asked.
    """

    def __init__(
        self, configurations: Sequence[Settings], engines: Sequence[Engine]
    ) -> None:
        self._asked: dict[str, CustomQuery] = {}
        self._names = [
            {query.name: self._ask(query) for query in custom_queries(settings)}
            for settings in configurations
        ]
        longest: dict[str, float] = {}
        for engine in engines:
            for metric, window in engine.windows.items():
                longest[metric] = max(longest.get(metric, 0.0), window)
        self.plan = Plan(metrics=longest, queries=tuple(self._asked.values()))

    def _ask(self, query: CustomQuery) -> str:
        """The name under which it is asked."""
        name = query.name
        while name in self._asked and self._asked[name] != replace(query, name=name):
            name += "'"
        self._asked[name] = replace(query, name=name)
        return name

    def answered(self, snapshot: Snapshot, place: int) -> Snapshot:
        """The snapshot as the configuration at that place would have read it."""
        mine = self._names[place]
        if all(name == asked for name, asked in mine.items()):
            return snapshot
        answers = {name: snapshot.answers.get(asked) for name, asked in mine.items()}
        told = snapshot.answer_labels
        labels = {name: told.get(asked, {}) for name, asked in mine.items()}
        return replace(snapshot, answers=answers, answer_labels=labels)
