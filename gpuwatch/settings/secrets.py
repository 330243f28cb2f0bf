"""Secrets as files: systemd credentials, or any folder of GPUWATCH_SECRETS_DIR."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gpuwatch.errors import ConfigError
from gpuwatch.settings.places import CREDENTIALS_VARIABLE

SECRETS_VARIABLE = "GPUWATCH_SECRETS_DIR"
PREFIX = "GPUWATCH_"
LARGEST_BYTES = 1 << 20  # systemd's own limit for one credential


def secret_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Settings by variable name, from files called like `slack__token`.

    A file whose name holds no `__` is none of ours (a certificate, a password file).
    """
    found: dict[str, str] = {}
    for variable in (CREDENTIALS_VARIABLE, SECRETS_VARIABLE):
        folder = environ.get(variable)
        if folder:
            found |= _read_folder(variable, Path(folder))
    return found


def _read_folder(variable: str, folder: Path) -> dict[str, str]:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(
            variable, f"cannot list {str(folder)!r}: {reason}", "check path and mode"
        ) from error
    ours = [name for name in names if "__" in name and not name.startswith(".")]
    return {_variable(name): _read(folder / name) for name in ours}


def _variable(name: str) -> str:
    return PREFIX + name.upper().removeprefix(PREFIX)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ConfigError(str(path), "is too large for a secret", "check the file")
        return path.read_text("utf-8").strip()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(
            str(path), f"cannot be read: {reason}", "check owner and mode"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "is not UTF-8 text", "check the file") from error
