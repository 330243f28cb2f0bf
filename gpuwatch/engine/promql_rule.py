"""A site's own rule: PromQL says who is at fault."""

from __future__ import annotations

import math
import string
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope
from gpuwatch.model.snapshot import Series
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window

# Filled in from the subject, which `explain` knows better than a label.
OWN_NAMES = frozenset({"cluster", "node", "uuid", "job", "value"})


class PromqlRule(Rule):
    """Fires for each series that the expression returns.

    What: the expression of a `custom_rules` entry returned a series.

    Why: the site said so.

    First response: see the rule's own `action`.

    Source: the configuration. A query that worked and does not list a subject means
    CLEAR; one that failed, or whose `present` guard is empty, means UNKNOWN.
    """

    name = "promql"
    category = Category.CUSTOM
    scope = Scope.CLUSTER
    boot_grace = False
    summary: str = ""
    action: str = ""

    def judge(self, window: Window) -> Verdicts:
        """The subjects of the answer fire, all others are clear.

        The words are the summary with the series' own labels filled in; names of the
        subject are left to `explain`.
        """
        answer = window.now.answers.get(self.name)
        if answer is None:
            return Verdicts.none_known(0)
        firing = np.ones(len(answer), bool)
        labels = window.now.answer_labels.get(self.name, {})
        words = [self._worded(value, labels.get(s, {})) for s, value in answer.items()]
        return Verdicts(
            firing=firing,
            known=firing,
            subjects=tuple(answer),
            evidence={"value": np.array(list(answer.values()), float)},
            elsewhere=True,
            words=tuple(words),
        )

    def _worded(self, value: float, labels: Series) -> str:
        others = {name: text for name, text in labels.items() if name not in OWN_NAMES}
        return _filled(self.summary, {**others, "value": _number(value)})

    def explain(self, finding: Finding) -> Words:
        """The site's own words, with the subject's names filled in."""
        names = {
            "cluster": finding.subject.cluster,
            "node": finding.subject.node,
            "uuid": finding.subject.uuid,
            "job": finding.subject.job or finding.job,
            "value": _number(finding.value("value")),
        }
        template = finding.words or self.summary or self.name
        return Words(_filled(template, names), self.action)


def _filled(template: str, names: Mapping[str, str]) -> str:
    """Known names filled in; anything else in braces stays as it is written."""
    dollars = template.replace("$", "$$").replace("{", "${")
    return string.Template(dollars).safe_substitute(names).replace("${", "{")


def _number(value: float) -> str:
    """Three digits of a small number, all of a large one."""
    if math.isfinite(value) and abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


@dataclass(frozen=True)
class Spoken:
    """What a PromQL rule says of itself; `documentation` as a rule's docstring."""

    name: str
    summary: str = ""
    action: str = ""
    documentation: str = ""
    category: Category = Category.CUSTOM


def promql_rule(spoken: Spoken, params: type[RuleParams]) -> type[PromqlRule]:
    """The rule of one entry of `custom_rules` or of a rule pack."""
    own: dict[str, object] = {
        "name": spoken.name,
        "summary": spoken.summary,
        "action": spoken.action,
        "category": spoken.category,
        "Params": params,
    }
    if spoken.documentation:
        own["__doc__"] = spoken.documentation
    return type(f"Promql_{spoken.name}", (PromqlRule,), own)
