"""systemd's notify protocol: one datagram, no dependency."""

from __future__ import annotations

import os
import socket


def sd_notify(message: str) -> bool:
    """Send `READY=1` and the like; False where nobody listens.

    `NOTIFY_SOCKET` may name an abstract socket (`@name`).
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(message.encode(), address)
        except OSError:
            return False
    return True
