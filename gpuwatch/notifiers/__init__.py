"""Words out, to people: one file a channel, found by a scan of this folder."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType


def discovered() -> Mapping[str, type]:
    """The notifier classes of this folder by their `name`.

    A notifier is a class with `name`, `edits`, `send` and `find`; files without one
    are helpers. Two of one name are an error of ours and raise ValueError.
    """
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(__path__):
        here = importlib.import_module(f"{__name__}.{module.name}")
        for notifier in _notifiers(here):
            name = vars(notifier)["name"]
            if name in found:
                raise ValueError(f"two notifiers are called {name!r}")
            found[name] = notifier
    return found


def _notifiers(module: ModuleType) -> Iterator[type]:
    for _, member in inspect.getmembers(module, inspect.isclass):
        own = vars(member)
        fits = isinstance(own.get("name"), str) and "edits" in own and "send" in own
        if member.__module__ == module.__name__ and fits:
            yield member
