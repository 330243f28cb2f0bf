"""`gpuwatch config example`: complete, fresh, and true in every line."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from gpuwatch.cli.example import example_yaml
from gpuwatch.model.rule import Rule
from gpuwatch.rules import builtin_rules
from gpuwatch.settings import Settings, load_settings
from tests.cli.conftest import Run
from tests.settings.test_schema import SECTIONS

ROOT = Path(__file__).parents[2]
EXAMPLE = example_yaml(builtin_rules())
# A commented setting: `#` and the key at once, prose has a blank in between.
COMMENTED = re.compile(r"^( *)#((?:- )?[a-z0-9_]+:|  )")
RULES = EXAMPLE.partition("\nrules:\n")[2].partition("\n\n")[0]


def uncommented(text: str) -> str:
    """Each commented setting set to work; prose stays prose."""
    return "\n".join(COMMENTED.sub(r"\1\2", line) for line in text.splitlines())


def test_the_committed_file_is_fresh() -> None:
    committed = (ROOT / "gpuwatch.example.yaml").read_text("utf-8")
    assert committed == EXAMPLE, "gpuwatch config example > gpuwatch.example.yaml"


def test_the_command_prints_it(run: Run) -> None:
    assert run("config", "example").out == EXAMPLE


def test_it_loads_unchanged_and_says_the_defaults(run: Run) -> None:
    Path("gpuwatch.yaml").write_text(EXAMPLE)
    assert run("config", "check").code == 0
    assert load_settings(Path("gpuwatch.yaml"), {}) == load_settings(None, {})


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_in_it(section: type[BaseModel]) -> None:
    for name, field in section.model_fields.items():
        key = field.alias or name
        assert re.search(rf"^[ #]*(- )?{key}:", EXAMPLE, re.MULTILINE), key


@pytest.mark.parametrize(("name", "rule"), builtin_rules().items())
def test_a_rules_lines_are_its_defaults(name: str, rule: type[Rule]) -> None:
    values = yaml.safe_load(uncommented(RULES))[name]
    assert set(values) == set(rule.Params.model_fields)
    assert rule.configured(values).params == rule.configured({}).params


@pytest.mark.parametrize(
    "section",
    ["poll_interval", "node_labels", "node_map", "jobs", "store",
     "web", "links", "deadman", "log", "custom_rules", "rules"],
)  # fmt: skip
def test_a_section_loads_with_all_its_lines_at_work(
    section: str, tmp_path: Path
) -> None:
    file = tmp_path / "gpuwatch.yaml"
    found = re.search(rf"^#?{section}:.*\n(?:  .*\n)*", EXAMPLE, re.MULTILINE)
    assert found is not None
    file.write_text(uncommented(found[0]))
    loaded = load_settings(file, {"HOME": str(tmp_path)})
    assert section in loaded.model_fields_set


@pytest.mark.parametrize(
    "keys",
    [("url",), ("urls",), ("basic_auth",), ("bearer_token_file",), ("tls",), ("sigv4",),
     ("offset", "drop_labels", "headers", "tenant", "trust_env", "backend")],
)  # fmt: skip
def test_prometheus_loads_with_such_lines_at_work(
    keys: tuple[str, ...], tmp_path: Path
) -> None:
    lines = EXAMPLE.partition("\nprometheus:\n")[2].partition("\n\n")[0].splitlines()
    kept = ["prometheus:", *(["  url: http://p:9090"] if "urls" not in keys else [])]
    inside = False
    for line in lines:
        if not line.startswith("  #  "):
            inside = line.strip(" #").partition(":")[0] in keys and line[3] != " "
        if inside and line != "  #url: http://localhost:9090":
            kept.append(uncommented(line))
    file = tmp_path / "gpuwatch.yaml"
    file.write_text("\n".join(kept))
    loaded = load_settings(file, {"HOME": str(tmp_path)}).prometheus[0]
    assert set(keys) <= loaded.model_fields_set


def test_slack_loads_by_token_or_by_webhook(tmp_path: Path) -> None:
    for keys in (("token", "channel", "app_token", "mention"), ("webhook_url",)):
        lines = [
            uncommented(line)
            for line in EXAMPLE.splitlines()
            if line.strip(" #").partition(":")[0] in keys and line.startswith("  #")
        ]
        block = [line for line in lines if "secret" not in line]
        file = tmp_path / "gpuwatch.yaml"
        file.write_text("\n".join(["slack:", *block]))
        assert load_settings(file, {"HOME": str(tmp_path)}).slack.ready


def test_no_default_is_given_for_what_is_not_set() -> None:
    unset = [
        name
        for name, field in Settings.model_fields.items()
        if not field.is_required() and field.default is None
    ]
    for name in unset:
        assert f"#{name}: null" not in EXAMPLE
    assert ": null" not in EXAMPLE
