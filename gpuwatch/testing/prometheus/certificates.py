"""Throw-away certificates for loopback, made by the `openssl` command."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate and its key; it is its own authority."""

    cert_file: Path
    key_file: Path

    @classmethod
    def create(cls, folder: Path, name: str) -> Self:
        """Make one for 127.0.0.1 and localhost, valid for two days."""
        made = cls(folder / f"{name}.pem", folder / f"{name}.key")
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]
        command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={name}"]
        command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
        command += ["-keyout", str(made.key_file), "-out", str(made.cert_file)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 (fixed words)
        return made

    def server_context(self, client_ca: Path | None = None) -> ssl.SSLContext:
        """Serve with it; with `client_ca`, only to clients that it vouches for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert_file, self.key_file)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context
