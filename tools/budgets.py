"""The budgets of design.md, section 9, measured on the tree: `make budgets`."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
ROOMS = ("gpuwatch", "tests", "tools", "bench")
PRODUCT = "gpuwatch"
MOST_FILE_LINES = 300
MOST_FUNCTION_LINES = 40
MOST_MEDIAN_LINES = 100
MOST_COMMENT_PERCENT = 6.0
GUARD = "gpuwatch/errors.py::guarded"
MOCK, PATCH = "unittest.mock", "monkeypatch.setattr"

# What may be over its budget, and why. One that no longer is must go.
ALLOWED = {
    GUARD: "the one broad except (design.md, section 9)",
    "gpuwatch/store/migrations/versions/0001_initial.py::_stories": (
        "a migration is a list of columns, and frozen"
    ),
    "tests/engine/test_engine.py": "the engine's stories are read side by side",
}

UNFINISHED = re.compile(
    r"\b(?:TO" r"DO|FIX" r"ME|HA" r"CK|NotImplemented" r"Error)\b|#.*\bX" r"XX\b"
)
PRAGMA = re.compile(r"#\s*(?:noqa|type:|fmt:|pragma:|!)")
Function = ast.FunctionDef | ast.AsyncFunctionDef
Finding = tuple[str, str]


def python_files(root: Path = ROOT) -> list[Path]:
    """Every Python file of the rooms."""
    found = (path for room in ROOMS for path in (root / room).rglob("*.py"))
    return sorted(path for path in found if "__pycache__" not in path.parts)


def findings(root: Path = ROOT) -> list[str]:
    """Everything that is over its budget, one line each; an unused allowance too."""
    texts = {
        path.relative_to(root).as_posix(): path.read_text("utf-8")
        for path in python_files(root)
    }
    over = [found for name in texts for found in file_findings(name, texts[name])]
    product = [text for name, text in texts.items() if name.startswith(PRODUCT)]
    return [*_not_allowed(over), *_whole_tree(product)]


def _not_allowed(over: list[Finding]) -> Iterator[str]:
    for place, what in over:
        if place not in ALLOWED:
            yield f"{place}: {what}"
    for place in ALLOWED.keys() - {place for place, _ in over}:
        yield f"{place}: is within its budget; drop its allowance"


def file_findings(name: str, text: str) -> Iterator[Finding]:
    """What is over its budget in one file, by place: `path` or `path::function`."""
    tree = ast.parse(text)
    if (lines := len(text.splitlines())) > MOST_FILE_LINES:
        yield name, f"{lines} lines, {MOST_FILE_LINES} at most"
    yield from _long_functions(name, tree)
    yield from _broad_excepts(name, tree)
    yield from _mocks(name, tree)
    for number, line in enumerate(text.splitlines(), 1):
        if mark := UNFINISHED.search(line):
            yield f"{name}:{number}", f"unfinished: {mark[0]}"


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """Lines of a function's body, without signature and docstring."""
    first, *rest = function.body
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    body = rest if is_text else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def _long_functions(name: str, tree: ast.Module) -> Iterator[Finding]:
    for function in _functions(tree):
        if (lines := body_lines(function)) > MOST_FUNCTION_LINES:
            what = f"{lines} lines of body, {MOST_FUNCTION_LINES} at most"
            yield f"{name}::{function.name}", what


def _broad_excepts(name: str, tree: ast.Module) -> Iterator[Finding]:
    owners = {
        id(node): owner.name for owner in _functions(tree) for node in ast.walk(owner)
    }
    for node in ast.walk(tree):
        if _is_broad(node):
            yield f"{name}::{owners.get(id(node), '')}", "a broad except; use guarded()"


def _is_broad(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        everything = node.type is None or _names_everything(node.type)
        return everything and not _passes_on(node)
    if isinstance(node, ast.Call) and _called(node) == "suppress":
        return any(_names_everything(argument) for argument in node.args)
    return False


def _passes_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _names_everything(node: ast.expr) -> bool:
    everything = {"Exception", "BaseException"}
    return any(isinstance(n, ast.Name) and n.id in everything for n in ast.walk(node))


def _called(node: ast.Call) -> str:
    target = node.func
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else ""


def _mocks(name: str, tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in {"unittest", MOCK}:
            yield f"{name}:{node.lineno}", "a mock; use a small real one"
        if isinstance(node, ast.Attribute) and ast.unparse(node) == PATCH:
            yield f"{name}:{node.lineno}", "patches code; pass what it needs"


def _whole_tree(texts: list[str]) -> Iterator[str]:
    middle = median(len(text.splitlines()) for text in texts)
    if middle > MOST_MEDIAN_LINES:
        yield f"{PRODUCT}: median file of {middle:g} lines, {MOST_MEDIAN_LINES} at most"
    share = comment_percent(texts)
    if share > MOST_COMMENT_PERCENT:
        yield f"{PRODUCT}: {share:.1f} % comments, {MOST_COMMENT_PERCENT:g} % at most"


def comment_percent(texts: Iterable[str]) -> float:
    """Comments (pragmas apart) per hundred lines that are not blank."""
    comments = lines = 0
    for text in texts:
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        found = (t.string for t in tokens if t.type == tokenize.COMMENT)
        comments += sum(not PRAGMA.match(comment) for comment in found)
        lines += sum(bool(line.strip()) for line in text.splitlines())
    return 100 * comments / max(lines, 1)


def main() -> int:
    """Print what is over its budget; exit 1 if anything is."""
    over = findings()
    for line in over:
        print(line)
    print(f"budgets: {len(over)} over" if over else "budgets: kept")
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
