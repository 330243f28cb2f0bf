"""The budgets hold, and whoever breaks one is told where."""

import ast

import pytest

from tools.budgets import body_lines, comment_percent, file_findings, findings

LONG_BODY = "def f():\n    '''Say.'''\n" + "    x = 1\n" * 41
FITTING_BODY = (
    "def f(\n    a,\n):\n    '''Say.\n\n    More.\n    '''\n" + "    x = 1\n" * 40
)
TO_DO = "TO" + "DO"


def test_the_tree_keeps_its_budgets() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("x = 1\n" * 301, "a.py", id="long file"),
        pytest.param(LONG_BODY, "a.py::f", id="long function"),
        pytest.param(
            "try:\n    f()\nexcept Exception:\n    g()\n", "a.py::", id="broad"
        ),
        pytest.param("try:\n    f()\nexcept:\n    g()\n", "a.py::", id="bare"),
        pytest.param(
            "try:\n    f()\nexcept (OSError, Exception):\n    g()\n",
            "a.py::",
            id="broad in company",
        ),
        pytest.param("with suppress(Exception):\n    f()\n", "a.py::", id="suppressed"),
        pytest.param(f"x = 1  # {TO_DO}: more\n", "a.py:1", id="unfinished"),
        pytest.param("from unittest import mock\n", "a.py:1", id="mock"),
        pytest.param(
            "def f(monkeypatch):\n    monkeypatch.setattr(a, 'b', 1)\n",
            "a.py:2",
            id="patch",
        ),
    ],
)
def test_finds(text: str, place: str) -> None:
    assert [found for found, _ in file_findings("a.py", text)] == [place]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x = 1\n" * 300, id="file at the limit"),
        pytest.param(FITTING_BODY, id="function at the limit"),
        pytest.param("try:\n    f()\nexcept OSError:\n    g()\n", id="narrow except"),
        pytest.param(
            "try:\n    f()\nexcept BaseException:\n    g()\n    raise\n", id="passes on"
        ),
        pytest.param(
            "def f(monkeypatch):\n    monkeypatch.setenv('A', 'b')\n", id="env"
        ),
    ],
)
def test_lets_pass(text: str) -> None:
    assert list(file_findings("a.py", text)) == []


def test_a_function_of_words_only_has_no_lines() -> None:
    function = ast.parse("def f():\n    '''Say.'''\n").body[0]
    assert isinstance(function, ast.FunctionDef)
    assert body_lines(function) == 0


def test_pragmas_and_blank_lines_are_no_comments() -> None:
    text = "# why\n\nx = 1  # noqa: E501\ny = '# not one'\nz = 3\n"
    assert comment_percent([text]) == 25.0
