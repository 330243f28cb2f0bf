"""A rule: one named judgement over a window of readings."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gpuwatch.model.duration import Seconds
from gpuwatch.model.severity import Category, Notify, Scope, Severity
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window


class Kind(StrEnum):
    """STATE lasts and is held; EVENT is true at an instant (an XID)."""

    STATE = "state"
    EVENT = "event"


class RuleParams(BaseModel):
    """What every rule can be told; a rule subclasses it with its own thresholds."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    enabled: bool = True
    severity: Severity = Severity.WARNING
    hold: Seconds = Field(15.0, ge=0, description="must be bad this long")
    keep_firing: Seconds = Field(300.0, ge=0, description="must be clean this long")
    notify: Notify = Notify.PAGE

    @field_validator("severity", mode="before")
    @classmethod
    def _severity_from_word(cls, value: object) -> object:
        return Severity.parse(value) if isinstance(value, str) else value


class Rule(ABC):
    """Subclass it in one file of `gpuwatch/rules/`; no list is to be edited.

    The class docstring is the rule's documentation, in four paragraphs headed
    What / Why / First response / Source. Thresholds are fields of a nested
    `class Params(RuleParams)`, named with their unit.

    Class attributes:
        reads: metrics, how far back, and whether it can judge without them.
        yields_to: names of louder rules; on an overlapping subject this rule's
            finding joins theirs, and waits while theirs is pending.
        yields_within_seconds: only to a louder one that began at most this long
            before; None = however long.
        symptom: whatever it finds is only a symptom of what it yields to, also where
            that is quieter (a straggler of its GPU's mild heat). Findings about a job
            as a whole always are.
        statistical: it compares and learns. Added by an upgrade to a site with
            history, it starts in the digest until its `notify` is set.
        load_dependent: recovers only by clean samples under comparable load.
        boot_grace: UNKNOWN for the first 10 minutes after a boot or driver reset.
        slows_job: its GPUs hold up everybody else in their job (victims are counted).
        samples: (K, N): firing needs K bad ones among the last N distinct samples.
        answers: the rule is judged by custom PromQL under its own name.
    """

    name: ClassVar[str]
    category: ClassVar[Category]
    scope: ClassVar[Scope] = Scope.GPU
    kind: ClassVar[Kind] = Kind.STATE
    reads: ClassVar[tuple[Read, ...]] = ()
    yields_to: ClassVar[tuple[str, ...]] = ()
    yields_within_seconds: ClassVar[float | None] = None
    symptom: ClassVar[bool] = False
    statistical: ClassVar[bool] = False
    load_dependent: ClassVar[bool] = False
    boot_grace: ClassVar[bool] = True
    slows_job: ClassVar[bool] = False
    samples: ClassVar[tuple[int, int]] = (2, 3)
    Params: ClassVar[type[RuleParams]] = RuleParams

    params: RuleParams

    def __init__(self, params: RuleParams) -> None:
        self.params = params

    @abstractmethod
    def judge(self, window: Window) -> Verdicts:
        """FIRING, CLEAR or UNKNOWN for every subject; no I/O, no clock."""

    @abstractmethod
    def explain(self, finding: Finding) -> Words:
        """The finding in words for the one who is woken up."""

    def suffers(self, evidence: Mapping[str, float]) -> bool:
        """Whether such a finding may be no more than waiting for somebody else.

        It then joins the incident of a louder culprit (`slows_job`) elsewhere in its
        job that was there before it; alone it is a finding like any other.
        """
        del evidence
        return False

    def expects(self, node: str) -> bool:
        """Whether the configuration says that this node must be there."""
        del node
        return False

    @classmethod
    def documentation(cls) -> str:
        """The docstring, dedented."""
        return inspect.cleandoc(cls.__doc__ or "")

    @classmethod
    def configured(cls, values: dict[str, Any]) -> Rule:
        """The rule with parameters checked; pydantic's error names a wrong key."""
        return cls(cls.Params(**values))
