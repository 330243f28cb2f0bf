"""Runs `gpuwatch` in this process, in an empty home and folder of its own."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest

from gpuwatch.cli import main
from tests.web.houses import TOKEN, House, built, served


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run: TypeAlias = Callable[..., Ran]


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """`run("rules", "--output", "table")`; 100 columns wide, no settings but given."""
    for name in [name for name in os.environ if name.startswith("GPUWATCH_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "COLUMNS": "100",
        "USER": "ann",
        "LOGNAME": "ann",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)

    def ran(*words: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main(list(words))
        out, err = capsys.readouterr()
        code = exit_.value.code
        return Ran(code if isinstance(code, int) else 0, out, err)

    return ran


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Two nodes of eight GPUs, polled once; its configuration is ./gpuwatch.yaml."""
    with built(tmp_path) as house:
        configure(tmp_path, "127.0.0.1:9")
        whole = replace(house.site.steps[-1], fleet_changed=True)  # as the cycle says
        house.store.commit(whole, house.site.fleet, [])
        yield house


@pytest.fixture
def daemon(house: House, tmp_path: Path) -> Iterator[House]:
    """The same with its page served, so that the daemon answers."""
    with served(house):
        configure(tmp_path, urlsplit(house.url).netloc)
        yield house


def configure(folder: Path, listen: str, token: str = TOKEN) -> None:
    """Write ./gpuwatch.yaml for the store and page of a house."""
    (folder / "gpuwatch.yaml").write_text(
        "prometheus: {name: c, url: 'http://127.0.0.1:9'}\n"
        f"store: {{url: 'sqlite:///{folder}/gpuwatch.db'}}\n"
        f"web: {{listen: '{listen}', token: '{token}'}}\n"
    )


def braked(house: House) -> str:
    """Brake node n1's GPU 3; the incident's id."""
    house.site.bits[house.site.row(1, 3)] = 0x80
    house.poll(2)
    return house.incident
