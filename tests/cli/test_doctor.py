"""`gpuwatch doctor`: exits and both outputs. Its checks are in tests/doctor."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run

NOWHERE = "prometheus: {url: 'http://127.0.0.1:9'}\nweb: {listen: '127.0.0.1:9'}\n"


def test_what_is_to_be_mended_is_exit_1(run: Run) -> None:
    Path("gpuwatch.yaml").write_text(NOWHERE)
    ran = run("doctor")
    assert ran.code == 1
    found = {finding["name"]: finding for finding in ran.json["findings"]}
    assert found["Prometheus"]["state"] == "fail"
    assert found["Prometheus"]["mend"]
    assert found["Prometheus"]["cluster"] == "default"
    assert found["Slack"]["state"] == "warn"
    assert found["daemon"]["state"] == "skip"
    assert found["configuration"]["what"] == str(Path("gpuwatch.yaml").absolute())


@pytest.mark.parametrize(
    "text",
    ["poll_intervall: 15s", "rules: {nonsense: {}}", "rules: {power_brake: {hold: x}}"],
)
def test_a_bad_configuration_is_exit_2_and_one_line(run: Run, text: str) -> None:
    Path("gpuwatch.yaml").write_text(text)
    ran = run("doctor")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("columns", ["80", "100"])
def test_the_table_fits_and_says_how_to_mend(
    run: Run, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    Path("gpuwatch.yaml").write_text(NOWHERE)
    ran = run("doctor", "--output", "table")
    assert ran.code == 1
    assert max(map(len, ran.out.splitlines())) <= int(columns)
    assert "FAIL Prometheus" in ran.out
    assert "-> is Prometheus running there?" in ran.out
    assert "2 to mend" in ran.out


def test_nothing_is_made(run: Run, tmp_path: Path) -> None:
    Path("gpuwatch.yaml").write_text(NOWHERE)
    run("doctor")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gpuwatch.yaml"]
