"""Finding the configuration: environment over secrets over the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from gpuwatch.errors import ConfigError
from gpuwatch.settings.explain import explained, known_keys, suggestion
from gpuwatch.settings.places import (
    CONFIG_VARIABLE,
    config_file,
    default_store_url,
)
from gpuwatch.settings.root import Settings
from gpuwatch.settings.secrets import SECRETS_VARIABLE, secret_files
from gpuwatch.settings.yaml_file import read_yaml

PREFIX = "GPUWATCH_"
DELIMITER = "__"
NOT_SETTINGS = {CONFIG_VARIABLE, SECRETS_VARIABLE}
Tree = dict[str, Any]

__all__ = ["default_store_url", "load_settings"]


def load_settings(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The whole configuration, checked; ConfigError is one line: key, value, remedy.

    Args:
        path: the file of `--config`; else GPUWATCH_CONFIG, ./gpuwatch.yaml,
            /etc/gpuwatch/gpuwatch.yaml; no file at all means defaults.
        environ: the environment (`os.environ`).
    """
    environ = environ or {}
    tree: Tree = {"store": {"url": default_store_url(environ)}}
    file = config_file(path, environ)
    if file is not None:
        tree = _over(tree, read_yaml(file))
    tree = _over(tree, _from_names(secret_files(environ)))
    tree = _over(tree, _from_names(_variables(environ)))
    try:
        return Settings(**tree)
    except ValidationError as error:
        raise explained(error, Settings) from None


def _over(below: Tree, above: Tree, key: str = "") -> Tree:
    merged = dict(below)
    for name, value in above.items():
        place = f"{key}.{name}" if key else name
        old = below.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = _over(old, value, place)
        elif isinstance(old, list) and isinstance(value, dict):
            raise ConfigError(
                place,
                "is a list in the file; one variable cannot change a part of it",
                "give all of it as JSON, or use a *_file key in the file",
            )
        elif value is not None:
            merged[name] = value
    return merged


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name.upper().startswith(PREFIX) and value and name not in NOT_SETTINGS
    }


class _NamesSource(EnvSettingsSource):
    """pydantic-settings' reading of `GPUWATCH_A__B`, over names that are given."""

    def decode_complex_value(
        self, field_name: str, field: FieldInfo, value: Any
    ) -> Any:
        """JSON where it is JSON; otherwise the field's own validator decides."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


def _from_names(variables: Mapping[str, str]) -> Tree:
    _refuse_unknown(variables)
    source = _NamesSource(Settings, env_prefix=PREFIX, env_nested_delimiter=DELIMITER)
    source.env_vars = {name.lower(): value for name, value in variables.items()}
    return source()


def _refuse_unknown(names: Mapping[str, str]) -> None:
    known = known_keys(Settings, ())
    for name in sorted(names):
        section = name[len(PREFIX) :].partition(DELIMITER)[0].lower()
        if section not in known:
            variables = [f"{PREFIX}{key.upper()}" for key in known]
            close = suggestion(section, known).replace("did you mean ", "")
            hint = f"did you mean {PREFIX}{close.strip(chr(39) + '?').upper()}?"
            remedy = hint if "'" in close else f"use one of {', '.join(variables)}"
            raise ConfigError(name, "unknown setting", remedy)
