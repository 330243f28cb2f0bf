"""Reading the YAML file, without YAML's traps."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from gpuwatch.errors import ConfigError

BOOL_TAG = "tag:yaml.org,2002:bool"


class _Loader(yaml.SafeLoader):
    """YAML 1.1 less two traps: `off` is a word, and a repeated key is an error."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, "a key is there twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    kept = {
        first: [(tag, regex) for tag, regex in pairs if tag != BOOL_TAG]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    words = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
    for first in "tTfF":
        kept[first] = [(BOOL_TAG, words), *kept.get(first, [])]
    return kept


_Loader.yaml_implicit_resolvers = _resolvers()


def read_yaml(path: Path) -> dict[str, Any]:
    """The file's mapping; empty for an empty file; ConfigError with the line number."""
    place = str(path)
    try:
        document = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 (a SafeLoader)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(
            place, f"cannot be read: {reason}", "check path, owner and mode"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(place, "is not UTF-8 text", "save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise _syntax_error(place, error) from None
    if document is None:
        return {}
    if not isinstance(document, dict) or not all(isinstance(k, str) for k in document):
        raise ConfigError(place, "is not a mapping of keys", "write lines `key: value`")
    return document


def _syntax_error(place: str, error: yaml.YAMLError) -> ConfigError:
    """Without YAML's own text: that quotes the line, which may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "holds a character YAML forbids"
    where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return ConfigError(
        place + where, f"YAML: {problem}", "mend the indentation, quotes or key there"
    )
