"""The sections `jobs` and `topology`."""

from pathlib import Path

import pytest

from gpuwatch.errors import ConfigError
from gpuwatch.settings import load_settings
from gpuwatch.sources import jobs_of


def loaded(folder: Path, text: str) -> Path:
    path = folder / "gpuwatch.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("jobs: {sourc: a}", "jobs.sourc: unknown key; did you mean 'source'?"),
        (
            "jobs: {slurm: {comand: x}}",
            "jobs.slurm.comand: unknown key; did you mean 'command'?",
        ),
        (
            "jobs: {source: expr}",
            "jobs: source is expr, but nothing says where; add jobs.expr",
        ),
        (
            "jobs: {source: file}",
            "jobs: source is file, but nothing says where; add jobs.file",
        ),
        (
            "jobs: {slurm: {command: --json}}",
            "jobs.slurm.command: '--json' is no program; write its name or path alone",
        ),
        (
            "jobs: {slurm: {interval: soon}}",
            (
                "jobs.slurm.interval: 'soon' is not a duration; "
                "write it like 15s, 5m or 1h30m"
            ),
        ),
        (
            "topology: {label: [a]}",
            "topology.label: unknown key; did you mean 'labels'?",
        ),
    ],
)
def test_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(loaded(tmp_path, text), {})
    assert str(caught.value) == line


@pytest.mark.parametrize("value", ["-x", "a b", "a,b"])
def test_a_cluster_is_one_plain_word(tmp_path: Path, value: str) -> None:
    path = loaded(tmp_path, f"jobs: {{slurm: {{cluster: '{value}'}}}}")
    with pytest.raises(ConfigError, match=r"jobs\.slurm\.cluster"):
        load_settings(path, {})


@pytest.mark.parametrize("section", ["jobs", "topology"])
def test_a_missing_file_is_one_line(tmp_path: Path, section: str) -> None:
    path = loaded(tmp_path, f"{section}: {{file: {tmp_path}/none.yaml}}")
    with pytest.raises(ConfigError) as caught:
        jobs_of(load_settings(path, {}))
    line = str(caught.value)
    assert line.startswith(f"{section}.file: '{tmp_path}/none.yaml': cannot be read: ")
    assert "\n" not in line


def test_by_environment(tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "GPUWATCH_JOBS__SOURCE": "slurm",
        "GPUWATCH_JOBS__SLURM__COMMAND": "/opt/slurm/bin/squeue",
        "GPUWATCH_JOBS__SLURM__INTERVAL": "1m",
        "GPUWATCH_TOPOLOGY__LABELS": "rack,row",
    }
    settings = load_settings(None, environ)
    assert settings.jobs.slurm.command == "/opt/slurm/bin/squeue"
    assert (settings.jobs.source, settings.jobs.slurm.interval) == ("slurm", 60.0)
    assert settings.topology.labels == ("rack", "row")
