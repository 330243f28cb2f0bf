"""Loopback ports that stay ours while nothing listens on them."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LOOPBACK = "127.0.0.1"


@contextmanager
def claimed_port(port: int = 0) -> Iterator[int]:
    """Hold a loopback port without listening on it, and yield its number.

    A server that sets SO_REUSEADDR (Python's, Go's, uvicorn) can listen on it,
    stop and listen again; meanwhile the kernel gives it to nobody else, so that
    parallel tests cannot steal it. While nobody listens, connecting is refused.
    """
    with socket.socket() as claim:
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        claim.bind((LOOPBACK, port))
        number: int = claim.getsockname()[1]
        if sys.platform != "linux":  # BSD lets nobody share even an idle claim
            claim.close()
        yield number
