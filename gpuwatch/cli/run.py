"""`gpuwatch run`: the daemon."""

from __future__ import annotations

import logging
import os
import sys
import threading

import typer

from gpuwatch.cli.options import ConfigOption

app = typer.Typer()


@app.command()
def run(config: ConfigOption = None) -> None:
    """Run the daemon: read, judge, and tell people, until SIGTERM.

    Exit 0 on SIGTERM, 2 on a bad configuration. SIGHUP reloads the configuration
    (all but `store` and `web.listen`) between two cycles, or refuses and goes on.
    """
    from gpuwatch.app import App, reloaded  # noqa: PLC0415  slow to import
    from gpuwatch.daemon import Daemon  # noqa: PLC0415
    from gpuwatch.settings import load_settings  # noqa: PLC0415
    from gpuwatch.telemetry import set_up_logging  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    set_up_logging(settings.log.level.upper(), settings.log.format)
    app = App(settings)
    Daemon(app, lambda old: reloaded(load_settings(config, os.environ), old)).run()
    _leave()


def _leave() -> None:
    """Python itself would wait for every question to a Prometheus that hangs."""
    if any(not thread.daemon for thread in threading.enumerate()[1:]):
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)
