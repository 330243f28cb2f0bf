"""A site's own rule: PromQL says who is at fault."""

from __future__ import annotations

import string
from collections.abc import Mapping

import numpy as np

from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window


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
        """The subjects of the answer fire, all others are clear."""
        answer = window.now.answers.get(self.name)
        if answer is None:
            return Verdicts.none_known(0)
        firing = np.ones(len(answer), bool)
        return Verdicts(
            firing=firing,
            known=firing,
            subjects=tuple(answer),
            evidence={"value": np.array(list(answer.values()), float)},
            elsewhere=True,
        )

    def explain(self, finding: Finding) -> Words:
        """The site's own words, with the subject's names filled in."""
        names = {
            "cluster": finding.subject.cluster,
            "node": finding.subject.node,
            "uuid": finding.subject.uuid,
            "job": finding.subject.job or finding.job,
            "value": f"{finding.value('value'):g}",
        }
        return Words(_filled(self.summary or self.name, names), self.action)


def _filled(template: str, names: Mapping[str, str]) -> str:
    """Known names filled in; anything else in braces stays as it is written."""
    dollars = template.replace("$", "$$").replace("{", "${")
    return string.Template(dollars).safe_substitute(names).replace("${", "{")


def promql_rule(name: str, summary: str, action: str, params: RuleParams) -> Rule:
    """The rule of one `custom_rules` entry."""
    own = {"name": name, "summary": summary, "action": action}
    kind: type[PromqlRule] = type(f"Promql_{name}", (PromqlRule,), own)
    return kind(params)
