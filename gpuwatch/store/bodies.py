"""Objects to JSON and back, columns to bytes and back.

JSON has no NaN and no infinity. Evidence that is not a finite number is dropped: it
would tell people nothing. A time that is NaN is kept as 0 ("never"); an infinite one
as the largest finite number, so that "for ever" stays for ever.
"""

from __future__ import annotations

import json
import math
import sys
import zlib
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass, replace
from hashlib import sha256
from typing import Any, TypeVar, get_args, get_type_hints

import numpy as np
import orjson
from pydantic import TypeAdapter, ValidationError

from gpuwatch.errors import StoreError
from gpuwatch.model.condition import Condition
from gpuwatch.model.incident import Event, Incident
from gpuwatch.model.message import Message
from gpuwatch.model.request import Request
from gpuwatch.model.silence import Silence
from gpuwatch.model.snapshot import Column

Body = TypeVar("Body")
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_LONGEST_KEY = 400
_FRAGILE: dict[Any, tuple[str, ...]] = {}
_ADAPTERS: dict[Any, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind)
    for kind in (Condition, Incident, Event, Message, Request, Silence)
}


def dump(value: Any) -> str:
    """The JSON of one of the model's dataclasses; a lone surrogate becomes `?`."""
    clean = finite(value)
    try:
        return orjson.dumps(clean, option=_OPTIONS).decode()
    except TypeError:
        text = json.dumps(asdict(clean), ensure_ascii=False, default=float)
        return text.encode("utf-8", "replace").decode()


def load(kind: type[Body], text: str) -> Body:
    """The object again; StoreError when the text is not one."""
    try:
        found: Body = _ADAPTERS[kind].validate_json(text)
    except ValidationError as error:
        what = error.errors(include_url=False, include_input=False)[0]
        raise _unreadable(kind.__name__, str(what["msg"])) from error
    return found


def dump_json(name: str, value: object) -> str:
    """The JSON of a fact (NaN becomes null); StoreError when it is no JSON value."""
    try:
        return orjson.dumps(value, option=_OPTIONS).decode()
    except TypeError as error:
        raise StoreError(f"the fact {name!r} is no JSON value: {error}") from error


def load_json(name: str, text: str) -> object:
    """The fact again; StoreError when the text is damaged."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _unreadable(f"fact {name!r}", str(error)) from error


def pack(column: Column) -> bytes:
    """A float64 column, compressed; NaN survives."""
    return zlib.compress(np.ascontiguousarray(column, dtype="<f8").tobytes(), 1)


def unpack(name: str, body: bytes) -> Column:
    """The column again, writable; StoreError when the bytes are damaged."""
    try:
        return np.frombuffer(zlib.decompress(body), dtype="<f8").astype(np.float64)
    except (zlib.error, ValueError) as error:
        raise _unreadable(f"column {name!r}", str(error)) from error


def short(text: str) -> str:
    """The text itself, or a digest where it is too long for an index.

    PostgreSQL refuses index entries over 2,704 bytes, and labels are strangers' input.
    """
    if len(text) <= _LONGEST_KEY:
        return text
    digest = sha256(text.encode("utf-8", "replace")).hexdigest()
    return f"{text[:_LONGEST_KEY]}#{digest}"


def finite(value: Any) -> Any:
    """The dataclass without numbers that JSON cannot say; itself if it has none."""
    changes = {}
    for name in _fragile(type(value)):
        old = getattr(value, name)
        new = _finite(old)
        if new is not old:
            changes[name] = new
    return replace(value, **changes) if changes else value


def _fragile(kind: Any) -> tuple[str, ...]:
    """The fields that hold floats, or something that does."""
    if kind not in _FRAGILE:
        hints = get_type_hints(kind)
        _FRAGILE[kind] = tuple(n for n, hint in hints.items() if _mentions_float(hint))
    return _FRAGILE[kind]


def _mentions_float(hint: Any) -> bool:
    if is_dataclass(hint):
        return bool(_fragile(hint))
    return hint is float or any(_mentions_float(part) for part in get_args(hint))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else _nearest(value)
    if isinstance(value, Mapping):
        sound = {k: v for k, v in value.items() if math.isfinite(v)}
        return value if len(sound) == len(value) else sound
    return finite(value) if is_dataclass(value) else value


def _nearest(value: float) -> float:
    return 0.0 if math.isnan(value) else math.copysign(sys.float_info.max, value)


def _unreadable(what: str, why: str) -> StoreError:
    return StoreError(
        f"the store holds a {what} that cannot be read ({why}); restore a backup, or "
        "move the store aside and restart",
        permanent=True,
    )
