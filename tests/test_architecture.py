"""What the whole tree keeps to."""

import ast
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from gpuwatch import __version__
from tools.docs import generated

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
REGISTRIES = re.compile(
    r"py[p]i\.org|python[h]osted|conda-[f]orge\.org|npm[j]s\.|proxy\.go[l]ang|"
    r"quay\.[i]o|gcr\.[i]o|cra[t]es\.io"
)
# A home, a root's home or a workspace, as in a path copied from somebody's machine.
MACHINE = re.compile(r"(?<![\w.~}])/(?:work|root|home/\w+|Users/\w+)/\w")
OTHERS_PACKAGE = re.compile(r"pip install (?:-\S+ )*gpuwatch(?![-\w])")


def tracked() -> list[Path]:
    """What is or would be committed."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listing.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def texts() -> dict[str, str]:
    """Tracked files that are text, by name."""
    found = {}
    for path in tracked():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
    return found


def test_imports_point_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "0 broken" in done.stdout


def test_every_rule_has_a_test_file() -> None:
    rules = {path.stem for path in (ROOT / "gpuwatch/rules").glob("[a-z]*.py")}
    tests = {path.stem for path in (ROOT / "tests/rules").glob("test_*.py")}
    assert {f"test_{name}" for name in rules} - tests == set()


def test_every_module_says_what_it_is() -> None:
    modules = [p for room in ("gpuwatch", "tools") for p in (ROOT / room).rglob("*.py")]
    mute = [
        path.relative_to(ROOT).as_posix()
        for path in modules
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert mute == []
    assert len(modules) > 50


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(REGISTRIES, id="a package registry"),
        pytest.param(MACHINE, id="a path of somebody's machine"),
        pytest.param(OTHERS_PACKAGE, id="another project's package of our name"),
    ],
)
def test_nothing_committed_names(wrong: re.Pattern[str]) -> None:
    named = {
        f"{name}: {found[0]}"
        for name, text in texts().items()
        if (found := wrong.search(text))
    }
    assert named == set()


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (REGISTRIES, "https://py" + "pi.org/simple"),
        (MACHINE, "in /wo" + "rk/main"),
        (MACHINE, "/ho" + "me/ann/gpuwatch"),
        (OTHERS_PACKAGE, "pip install " + "gpuwatch"),
        (OTHERS_PACKAGE, "pip install -U " + "gpuwatch\n"),
    ],
)
def test_the_patterns_catch(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


def test_version_is_the_same_everywhere_and_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## \[(\S+)\]", changelog, re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__ == PROJECT["project"]["version"]


def test_constraints_are_exact_versions_without_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pin = re.compile(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*")
    assert [line for line in lines if not pin.fullmatch(line)] == []


def test_everything_that_we_ask_for_is_pinned() -> None:
    project = PROJECT["project"]
    asked = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        asked += extra
    pinned = {
        normal(line.partition("==")[0])
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    }
    names = {normal(re.split(r"[\[<>=~! ]", requirement)[0]) for requirement in asked}
    assert names - pinned == set()


def normal(name: str) -> str:
    """A distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_data_file_is_packaged() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    left_out = [
        name
        for name in texts()
        if name.startswith("gpuwatch/") and not name.endswith(".py")
        if not any(fnmatch(Path(name).name, pattern) for pattern in patterns)
    ]
    assert left_out == []


@pytest.mark.parametrize("name", sorted(generated()))
def test_generated_file_is_fresh(name: str) -> None:
    """`make docs` rewrites them."""
    assert (ROOT / name).read_text("utf-8") == generated()[name]
