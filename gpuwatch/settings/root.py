"""The whole configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from gpuwatch.settings.base import Names, PositiveDuration
from gpuwatch.settings.custom_rule import CustomRuleSettings
from gpuwatch.settings.jobs import JobSettings, TopologySettings
from gpuwatch.settings.prometheus import ExportersSettings, PrometheusSettings
from gpuwatch.settings.rule_packs import RulePacks
from gpuwatch.settings.sections import (
    DeadmanSettings,
    LogSettings,
    SlackSettings,
    StoreSettings,
    WebSettings,
)

LINK_FIELDS = ("cluster", "node", "gpu", "uuid", "job", "rule", "incident", "start_ms")


def _listed(value: object) -> object:
    return [value] if isinstance(value, Mapping) else value


Clusters = Annotated[
    tuple[PrometheusSettings, ...],
    BeforeValidator(
        _listed,
        json_schema_input_type=PrometheusSettings | list[PrometheusSettings],
    ),
]


class Settings(BaseSettings):
    """Everything that can be set; `load_settings` fills it from file and environment.

    Constructed directly it reads neither, so tests and the demo are hermetic. What
    stands under `rules` is checked against each rule's own parameters by `app`.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True
    )

    prometheus: Clusters = Field(
        (PrometheusSettings(url="http://localhost:9090"),),
        description="where metrics are read: one mapping, or a list, one a cluster",
    )
    exporters: ExportersSettings = Field(
        default_factory=ExportersSettings,
        description="scrape exporters directly, instead of a Prometheus",
    )
    poll_interval: PositiveDuration = Field(
        15.0, ge=1, le=3600, description="how often to look"
    )
    node_labels: Names = Field(
        ("node", "Hostname", "hostname", "instance"),
        min_length=1,
        description="labels that name the node, the first sensible one wins",
    )
    node_map: dict[str, str] = Field(
        default_factory=dict,
        description="regex: name; the first that matches a whole node name renames it",
    )
    jobs: JobSettings = Field(
        default_factory=JobSettings, description="which job a GPU works for"
    )
    topology: TopologySettings = Field(
        default_factory=TopologySettings, description="what nodes share"
    )
    slack: SlackSettings = Field(
        default_factory=SlackSettings, description="where messages go"
    )
    store: StoreSettings = Field(
        default_factory=StoreSettings, description="the memory"
    )
    web: WebSettings = Field(
        default_factory=WebSettings, description="status page and API"
    )
    links: dict[str, str] = Field(
        default_factory=dict,
        description="link text: URL template, such as grafana and runbook; "
        + ", ".join(f"{{{name}}}" for name in LINK_FIELDS)
        + " are filled in",
    )
    deadman: DeadmanSettings = Field(
        default_factory=DeadmanSettings, description="dead man's switch"
    )
    log: LogSettings = Field(default_factory=LogSettings, description="logging")
    rules: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="rule: {enabled, severity, hold, keep_firing, notify, its own}",
    )
    rule_packs: RulePacks = Field(
        (),
        description="sets of rules that are off unless listed, such as [infiniband]",
    )
    custom_rules: tuple[CustomRuleSettings, ...] = Field(
        (), description="rules of your own, in PromQL"
    )

    @field_validator("node_map")
    @classmethod
    def _node_names(cls, value: dict[str, str]) -> dict[str, str]:
        for pattern, name in value.items():
            _check_template(_compiled(pattern), name)
        return value

    @field_validator("links")
    @classmethod
    def _known_fields(cls, links: dict[str, str]) -> dict[str, str]:
        for template in links.values():
            _check_link(template)
        return links

    @model_validator(mode="before")
    @classmethod
    def _exporters_instead(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("exporters"):
            return {"prometheus": (), **values}
        return values

    @model_validator(mode="after")
    def _sources(self) -> Self:
        names = [cluster.name for cluster in self.prometheus]
        if self.exporters.urls:
            names.append(self.exporters.name)
        if not names:
            raise ValueError("nothing to read; give prometheus.url or exporters.urls")
        if twice := _repeated(names):
            raise ValueError(f"two clusters named {twice!r}; give each its own name")
        return self

    @model_validator(mode="after")
    def _distinct_custom_rules(self) -> Self:
        if twice := _repeated([rule.name for rule in self.custom_rules]):
            raise ValueError(f"two custom_rules named {twice!r}; rename one")
        if twice := _repeated([pack.name for pack in self.rule_packs]):
            raise ValueError(f"rule_packs lists {twice!r} twice; keep one")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in; `load_settings` adds file and environment."""
        return (init_settings,)


def _repeated(names: Sequence[str]) -> str | None:
    return next((name for name in names if names.count(name) > 1), None)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"{pattern!r} is no regular expression ({error}); mend or escape it"
        ) from error


def _check_template(pattern: re.Pattern[str], name: str) -> None:
    groups = [int(number) for number in re.findall(r"\\(\d+)", name)]
    if any(group > pattern.groups for group in groups):
        raise ValueError(f"{name!r} names a group that its regex lacks; add brackets")


def _check_link(template: str) -> None:
    if not template.startswith(("http://", "https://")):
        raise ValueError(f"{template!r} is no web address; begin it with https://")
    try:
        fields = {name for _, name, _, _ in Formatter().parse(template) if name}
    except ValueError as error:
        raise ValueError(f"{template!r} is no template ({error}); mend it") from error
    if unknown := fields - set(LINK_FIELDS):
        known = ", ".join(LINK_FIELDS)
        raise ValueError(f"{{{min(unknown)}}} is not known; use one of {known}")
