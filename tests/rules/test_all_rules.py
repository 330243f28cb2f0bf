"""What every rule must keep to, whoever wrote it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import gpuwatch.rules
from gpuwatch.errors import GpuwatchError
from gpuwatch.model.identity import Subject
from gpuwatch.model.metric import catalogue
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Severity
from gpuwatch.model.verdict import Finding
from gpuwatch.rules import builtin_rules, rules_in
from tests.rules.builders import fleet_of, judge, window_of

HEADINGS = ("What: ", "Why: ", "First response: ", "Source: ")
PLANNED = {
    "xid",
    "ecc_uncorrectable",
    "row_remap",
    "ecc_correctable_rate",
    "nvlink_errors",
    "nvlink_down",
    "pcie_degraded",
    "pcie_replays",
    "gpu_missing",
    "node_silent",
    "exporter_down",
    "telemetry_frozen",
}
UNITS = re.compile(
    r"_(celsius|percent|megahertz|seconds|watts|count|ratio|gpus|readings)$"
)
RULES = [pytest.param(rule, id=name) for name, rule in builtin_rules().items()]
# that nothing at all is known is the fault that it looks for
JUDGES_ABSENCE = {"prometheus_unreachable"}
every_rule = pytest.mark.parametrize("rule", RULES)
every_rule_that_reads = pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, id=name)
        for name, rule in builtin_rules().items()
        if rule.reads and name not in JUDGES_ABSENCE
    ],
)


def test_discovery_finds_one_rule_a_file() -> None:
    folder = Path(gpuwatch.rules.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert set(builtin_rules()) == files
    assert {"thermal_slowdown", "power_brake", "hw_slowdown"} < files


@every_rule
def test_docstring_is_the_documentation(rule: type[Rule]) -> None:
    first, *paragraphs = rule.documentation().split("\n\n")
    assert first
    for heading in HEADINGS:
        found = [text for text in paragraphs if text.startswith(heading)]
        assert len(found) == 1, heading
        assert len(found[0]) > len(heading) + 10


@every_rule
def test_reads_only_catalogued_metrics(rule: type[Rule]) -> None:
    reads = [read.metric for read in rule.reads]
    assert set(reads) <= set(catalogue())
    assert len(set(reads)) == len(reads)


@every_rule
def test_yields_to_rules_that_exist(rule: type[Rule]) -> None:
    assert set(rule.yields_to) <= set(builtin_rules()) | PLANNED
    assert rule.name not in rule.yields_to


def test_nobody_yields_in_a_circle() -> None:
    louder = {name: set(rule.yields_to) for name, rule in builtin_rules().items()}
    for name, direct in louder.items():
        reached: set[str] = set()
        ahead = set(direct)
        while ahead:
            reached |= ahead
            ahead = set().union(*(louder.get(n, set()) for n in ahead)) - reached
        assert name not in reached


@every_rule
def test_params_say_what_they_mean(rule: type[Rule]) -> None:
    assert issubclass(rule.Params, RuleParams)
    for name, field in rule.Params.model_fields.items():
        if name not in RuleParams.model_fields:
            assert field.description or UNITS.search(name), name


@every_rule
def test_defaults_are_valid_and_strangers_are_refused(rule: type[Rule]) -> None:
    assert rule.configured({}).params.enabled
    with pytest.raises(ValueError, match="no_such_key"):
        rule.configured({"no_such_key": 1})


@every_rule
def test_durations_are_written_as_in_prometheus(rule: type[Rule]) -> None:
    made = rule.configured({"hold": "90s", "keep_firing": "10m"})
    assert (made.params.hold, made.params.keep_firing) == (90.0, 600.0)


@every_rule
@pytest.mark.parametrize("severity", list(Severity))
def test_explains_without_any_evidence(rule: type[Rule], severity: Severity) -> None:
    found = Finding(Subject("train", "n0", "GPU-0-0"), severity, {})
    words = rule.configured({}).explain(found)
    assert 1 <= len(words.summary.split()) <= 8
    assert words.action
    assert "nan" not in f"{words.summary} {words.action}".lower().split()
    assert "n0" not in words.summary


@every_rule_that_reads
@pytest.mark.parametrize("gpus", [0, 3])
def test_nothing_known_is_unknown_for_all(rule: type[Rule], gpus: int) -> None:
    known = " ".join(["0"] * gpus)
    window = window_of(fleet_of(nodes=2, gpus=gpus), xids_known=f"{known} {known}")
    with np.errstate(all="raise"):
        verdicts = judge(rule, window)
    assert not verdicts.known.any()
    assert not verdicts.firing.any()


@every_rule_that_reads
def test_all_absent_is_unknown_for_all(rule: type[Rule]) -> None:
    window = window_of(
        fleet_of(gpus=2),
        {read.metric: ["_", "_", "_"] for read in rule.reads},
        xids_known="0",
        sample_age_seconds="_",
    )
    with np.errstate(all="raise"):
        assert not judge(rule, window).known.any()


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "strange_rules"
    folder.mkdir()
    (folder / "__init__.py").touch()
    sys.path.insert(0, str(tmp_path))
    yield folder
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("strange_rules")]:
        del sys.modules[name]


GOOD = """
from gpuwatch.rules.power_brake import PowerBrake
from gpuwatch.model.rule import Rule

class {cls}(Rule):
    name = "{name}"
"""


def _found(folder: Path) -> dict[str, type[Rule]]:
    sys.modules.pop("strange_rules", None)
    return rules_in(__import__(folder.name))


def test_an_imported_rule_is_not_the_modules_own(package: Path) -> None:
    (package / "mine.py").write_text(GOOD.format(cls="Mine", name="mine"))
    assert list(_found(package)) == ["mine"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds 0 rules instead of one"),
        (
            GOOD.format(cls="A", name="bad") + GOOD.format(cls="B", name="bad"),
            "holds 2",
        ),
        (GOOD.format(cls="A", name="power_brake"), "named 'power_brake', not 'bad'"),
        ("from gpuwatch.rules.power_brake import PowerBrake", "holds 0"),
    ],
)
def test_a_module_must_hold_its_own_rule(
    package: Path, text: str, message: str
) -> None:
    (package / "bad.py").write_text(text)
    with pytest.raises(GpuwatchError, match=message):
        _found(package)
