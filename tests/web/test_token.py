"""The token that the daemon makes for the command line on its own host."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from gpuwatch.settings import Settings, StoreSettings, WebSettings
from gpuwatch.web.token import api_token


def settings_in(folder: Path, token: str | None = None) -> Settings:
    own = SecretStr(token) if token else None
    return Settings(
        store=StoreSettings(url=SecretStr(f"sqlite:///{folder}/gpuwatch.db")),
        web=WebSettings(token=own),
    )


def test_it_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert api_token(settings, create=False) is None
    made = api_token(settings)
    assert made
    assert len(made) > 20
    assert api_token(settings) == api_token(settings, create=False) == made
    assert (tmp_path / "api-token").stat().st_mode & 0o777 == 0o600


def test_an_empty_one_that_a_full_disk_left_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "api-token").write_text("")
    assert api_token(settings_in(tmp_path), create=False) is None
    assert api_token(settings_in(tmp_path))


def test_a_configured_one_is_never_written(tmp_path: Path) -> None:
    assert api_token(settings_in(tmp_path, "s3cret")) == "s3cret"
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written_there_is_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert api_token(settings_in(tmp_path / "absent")) is None
    assert "no token for the page" in caplog.text
