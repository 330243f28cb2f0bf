"""From pydantic's findings to one line that a person can act on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import AliasChoices, BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from gpuwatch.errors import ConfigError

SECRET_KEY = re.compile(
    r"token|password|passwd|secret|credential|authorization|webhook|headers|cookie"
    r"|(^|_)(key|auth|dsn|pin)$",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(r"xox|xapp-|://[^/\s]*@|Bearer\s|Basic\s", re.IGNORECASE)
MANY = {"dict_type", "tuple_type", "list_type", "model_type", "model_attributes_type"}
Path = tuple[int | str, ...]


def explained(error: ValidationError, model: type[BaseModel]) -> ConfigError:
    """The first finding, and how many more there are; never a secret's value."""
    findings = error.errors(include_url=False)
    first = findings[0]
    path: Path = tuple(first["loc"])
    problem, remedy = _in_words(first, path, model)
    if len(findings) > 1:
        remedy = f"{remedy} (and {len(findings) - 1} more to mend)"
    return ConfigError(dotted(path), problem, remedy)


def dotted(path: Path) -> str:
    """`prometheus[1].url`; the only cluster, or the first, goes without its number."""
    words = ""
    for index, part in enumerate(path):
        if isinstance(part, str):
            words += f".{_plain(part)}"
        elif path[index - 1] != "prometheus" or part:
            words += f"[{part}]"
    return words.lstrip(".") or "configuration"


def _plain(key: str) -> str:
    return "***" if SECRET_VALUE.search(key) else re.sub(r"[^ -~]", "?", key)[:80]


def _in_words(finding: Any, path: Path, model: type[BaseModel]) -> tuple[str, str]:
    kind = finding["type"]
    if kind == "extra_forbidden":
        return "unknown key", suggestion(str(path[-1]), known_keys(model, path[:-1]))
    if kind == "missing":
        return "is missing", f"add it ({_description(model, path)})"
    if kind == "value_error":
        problem, _, remedy = str(finding["ctx"]["error"]).partition("; ")
        return problem, remedy
    if kind in MANY:
        return "has the wrong form", f"write its keys below it ({finding['msg']})"
    shown = shown_value(model, path, finding["input"])
    return f"{shown} cannot be used", finding["msg"].replace(
        "Input should", "it should"
    )


def shown_value(model: type[BaseModel], path: Path, value: object) -> str:
    """The value in quotes, or a placeholder when it is or looks like a secret."""
    text = repr(value)
    keys = [part for part in path if isinstance(part, str)]
    secret = any(SECRET_KEY.search(key) for key in keys) or _is_secret(model, path)
    if secret or SECRET_VALUE.search(text):
        return "the value (withheld)"
    return text if len(text) <= 80 else text[:77] + "..."


def suggestion(key: str, known: list[str]) -> str:
    """What to write instead of an unknown key."""
    close = difflib.get_close_matches(key.lower(), known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"use one of {', '.join(known)}" if known else "remove it"


def known_keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that may stand below a path."""
    found = _model_at(model, path)
    fields = {} if found is None else found.model_fields
    return [_written(name, field) for name, field in fields.items()]


def _written(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    current: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, str):
            field = _field(current, part)
            current = next(_models(field.annotation), None) if field else None
    return current


def _field(model: type[BaseModel] | None, key: str) -> FieldInfo | None:
    fields = {} if model is None else model.model_fields
    return next(
        (field for name, field in fields.items() if key in _names(name, field)), None
    )


def _names(name: str, field: FieldInfo) -> tuple[str, ...]:
    choices = field.validation_alias
    more = choices.choices if isinstance(choices, AliasChoices) else [choices]
    return (name, *(choice for choice in more if isinstance(choice, str)))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _at(model: type[BaseModel], path: Path) -> FieldInfo | None:
    words = [part for part in path if isinstance(part, str)]
    return _field(_model_at(model, tuple(words[:-1])), words[-1]) if words else None


def _is_secret(model: type[BaseModel], path: Path) -> bool:
    field = _at(model, path)
    return field is not None and SecretStr in (
        field.annotation,
        *get_args(field.annotation),
    )


def _description(model: type[BaseModel], path: Path) -> str:
    field = _at(model, path)
    return (field.description if field else None) or "it is required"
