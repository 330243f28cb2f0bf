"""Play Slack in a process of its own: `python -m gpuwatch.testing.slack`.

Prints the API's URL and the webhook's, and appends the new state of a message to
the log, one JSON line a post or edit, flushed before the caller hears of it.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from gpuwatch.testing.slack.messages import FakeMessage
from gpuwatch.testing.slack.server import FakeSlack


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m gpuwatch.testing.slack")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--channel", default="gpu-alerts")
    options = parser.parse_args()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    slack = FakeSlack(port=options.port, channel_name=options.channel)
    if options.log is not None:
        log = options.log
        slack.workspace.on_store = lambda message: _append(log, message)
    with slack:
        sys.stdout.write(f"{slack.url}\n{slack.webhook_url}\n")
        sys.stdout.flush()
        done.wait()


def _append(log: Path, message: FakeMessage) -> None:
    with log.open("a") as lines:
        lines.write(message.to_json() + "\n")


if __name__ == "__main__":
    main()
