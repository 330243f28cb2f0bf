"""A rule of the site's own, in PromQL."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from gpuwatch.model.severity import Notify, Severity
from gpuwatch.settings.base import Duration, Section


def _severity(value: object) -> object:
    return Severity.parse(value) if isinstance(value, str) else value


SeverityWord = Annotated[
    Severity, BeforeValidator(_severity, json_schema_input_type=str)
]


class CustomRuleSettings(Section):
    """Fires for each series that `expr` returns.

    A query that worked and does not list a subject means clear; one that failed, or
    whose `present` guard is empty, means unknown.
    """

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$", description="small letters, digits, underscores"
    )
    expr: str = Field(min_length=1, description="PromQL; each series is a subject")
    present: str = Field(
        "", description="PromQL that must not be empty, else the rule is unknown"
    )
    hold: Duration = Field(
        15.0, alias="for", ge=0, description="must be true this long"
    )
    keep_firing: Duration = Field(
        300.0, ge=0, description="must be clear this long to recover"
    )
    severity: SeverityWord = Field(
        Severity.WARNING, description="info, warning or critical"
    )
    summary: str = Field(
        "", description="one line for people; {node} and other labels are filled in"
    )
    action: str = Field("", description="what to do about it")
    notify: Notify = Field(
        Notify.PAGE, description="how loud: off, digest, channel, page"
    )
