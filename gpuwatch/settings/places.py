"""Where files are looked for and kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gpuwatch.errors import ConfigError

CONFIG_VARIABLE = "GPUWATCH_CONFIG"
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
SEARCHED = (Path("gpuwatch.yaml"), Path("/etc/gpuwatch/gpuwatch.yaml"))


def config_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """--config, else GPUWATCH_CONFIG, else the first usual place; None = defaults.

    ConfigError when a file that was named is not there.
    """
    named = environ.get(CONFIG_VARIABLE)
    if path is not None:
        return _existing("--config", path)
    if named:
        return _existing(CONFIG_VARIABLE, Path(named))
    return next((place for place in SEARCHED if place.exists()), None)


def _existing(key: str, path: Path) -> Path:
    if not path.exists():
        raise ConfigError(key, f"there is no file {str(path)!r}", "check the path")
    return path


def default_store_url(environ: Mapping[str, str]) -> str:
    """SQLite in systemd's $STATE_DIRECTORY, else in the user's state folder."""
    folder = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if folder:
        return f"sqlite:///{Path(folder).absolute() / 'gpuwatch.db'}"
    state = environ.get("XDG_STATE_HOME", "")
    home = environ.get("HOME") or str(Path("~").expanduser())
    base = Path(state) if Path(state).is_absolute() else Path(home, ".local", "state")
    return f"sqlite:///{base.absolute() / 'gpuwatch' / 'gpuwatch.db'}"
