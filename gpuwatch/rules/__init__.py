"""One file a rule, found by scanning this folder; no list is to be edited."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

from gpuwatch.errors import GpuwatchError
from gpuwatch.model.rule import Rule


def builtin_rules() -> dict[str, type[Rule]]:
    """Every rule of this folder by name, in alphabetical order.

    GpuwatchError when a module does not hold exactly one rule of its own name.
    """
    return rules_in(importlib.import_module(__name__))


def rules_in(package: ModuleType) -> dict[str, type[Rule]]:
    """The rules of a package's modules by name; errors as in `builtin_rules`."""
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    return {name: _rule_of(f"{package.__name__}.{name}", name) for name in names}


def _rule_of(module_name: str, name: str) -> type[Rule]:
    module = importlib.import_module(module_name)
    rules = [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, Rule) and cls.__module__ == module_name
    ]
    if len(rules) != 1:
        raise GpuwatchError(f"{module_name}: holds {len(rules)} rules instead of one")
    found = getattr(rules[0], "name", None)
    if found != name:
        raise GpuwatchError(f"{module_name}: its rule is named {found!r}, not {name!r}")
    return rules[0]
