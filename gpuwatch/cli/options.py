"""Options that many commands share."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gpuwatch.errors import ConfigError
from gpuwatch.settings import (
    ExportersSettings,
    PrometheusSettings,
    Settings,
    load_settings,
)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Configuration file; else $GPUWATCH_CONFIG, ./gpuwatch.yaml, "
        "/etc/gpuwatch/gpuwatch.yaml.",
    ),
]


class Output(StrEnum):
    """How a command prints."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[
    Output | None,
    typer.Option("--output", help="Default: a table on a terminal, JSON in a pipe."),
]


def chosen(output: Output | None) -> Output:
    """What was asked for, else what suits the reader."""
    if output is not None:
        return output
    return Output.TABLE if sys.stdout.isatty() else Output.JSON


def settings_from(config: Path | None, prometheus_url: str | None = None) -> Settings:
    """The settings, with the Prometheus of the command line if one is given."""
    settings = load_settings(config, os.environ)
    if prometheus_url is None:
        return settings
    if not prometheus_url.startswith(("http://", "https://")):
        raise ConfigError(
            "--prometheus-url",
            f"{prometheus_url!r} is no web address",
            "write it like http://localhost:9090",
        )
    known = {s.url: s for s in settings.prometheus}
    one = known.get(prometheus_url) or PrometheusSettings(url=prometheus_url)
    return settings.model_copy(
        update={"prometheus": (one,), "exporters": ExportersSettings()}
    )
