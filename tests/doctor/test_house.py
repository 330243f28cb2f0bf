"""Configuration, installation, daemon, dead man's switch."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from gpuwatch.doctor.house import configuration, daemon, deadman, installation
from gpuwatch.settings import DeadmanSettings, WebSettings
from gpuwatch.testing import FakePrometheus, Reply, claimed_port
from tests.web.houses import built, served


def dist(folder: Path, name: str, top_level: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "top_level.txt").write_text(f"{top_level}\n")


def test_ours_is_alone_here() -> None:
    assert installation().state == "ok"


@pytest.mark.parametrize(
    ("name", "top_level"),
    [("gpuwatch", "gpuwatch"), ("gpuwatch", "other"), ("Gpu-Tools", "gpuwatch")],
)
def test_another_distribution_in_the_way(
    tmp_path: Path, name: str, top_level: str
) -> None:
    dist(tmp_path, "gpuwatch-fleet", "gpuwatch")
    dist(tmp_path, name, top_level)
    found = installation([str(tmp_path)])
    assert found.state == "fail"
    assert found.mend == (
        f"pip uninstall {name.lower()}, then reinstall gpuwatch-fleet"
    )


def test_ours_under_its_other_spelling_is_not_in_the_way(tmp_path: Path) -> None:
    dist(tmp_path, "gpuwatch_fleet", "gpuwatch")
    dist(tmp_path, "numpy", "numpy")
    assert installation([str(tmp_path)]).state == "ok"


def test_which_file_is_read(tmp_path: Path) -> None:
    assert configuration(tmp_path / "a.yaml").what == str(tmp_path / "a.yaml")
    assert configuration(None).what.startswith("no file")


def test_no_daemon_is_no_fault() -> None:
    with claimed_port() as port:
        found = daemon(WebSettings(listen=f"127.0.0.1:{port}"))
    assert found.state == "skip"


def test_a_daemon_that_is_ready(tmp_path: Path) -> None:
    with built(tmp_path) as house, served(house):
        listen = house.url.removeprefix("http://")
        assert daemon(WebSettings(listen=listen)).state == "ok"
        assert daemon(WebSettings(listen=f"0.0.0.0:{listen[10:]}")).state == "ok"
        house.late_seconds = 600
        late = daemon(WebSettings(listen=listen))
    assert late.state == "warn"
    assert "no good cycle lately" in late.what


def test_something_else_on_the_port() -> None:
    with FakePrometheus() as other:
        other.pages["/readyz"] = Reply(404)
        found = daemon(WebSettings(listen=other.url.removeprefix("http://")))
    assert found.state == "warn"
    assert "something else answers" in found.what


def test_the_dead_mans_switch_is_reached_but_not_pinged() -> None:
    with FakePrometheus() as server:
        url = f"{server.url}/ping/hush"
        found = deadman(DeadmanSettings(url=SecretStr(url)))
        assert server.requests == []
    assert found.state == "ok"
    assert "hush" not in repr(found)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/hush", "http://x.invalid/hush"])
def test_a_switch_that_cannot_be_reached(url: str) -> None:
    found = deadman(DeadmanSettings(url=SecretStr(url)))
    assert found.state == "warn"
    assert "hush" not in repr(found)


@pytest.mark.parametrize("url", ["hush", "ftp://x/hush", "http://x:port/hush"])
def test_a_switch_that_is_no_address(url: str) -> None:
    found = deadman(DeadmanSettings(url=SecretStr(url)))
    assert found.state in ("fail", "warn")
    assert "hush" not in repr(found)


def test_no_switch_is_a_hint() -> None:
    found = deadman(DeadmanSettings())
    assert (found.state, found.what) == ("skip", "not set")
