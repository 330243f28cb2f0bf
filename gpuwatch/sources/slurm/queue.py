"""Asking `squeue`: as JSON, or as plain text where this build cannot print JSON."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

from gpuwatch.errors import SourceError
from gpuwatch.settings import SlurmSettings
from gpuwatch.sources.jobs.roster import Roster
from gpuwatch.sources.slurm.answer import (
    TEXT_FORMAT,
    roster_of_json,
    roster_of_text,
)
from gpuwatch.sources.slurm.command import output_of

# What a squeue says that was built without a JSON library, or before 21.08.
NO_JSON = ("unrecognized option", "unknown option", "serializer", "openapi", "json",
           "data_parser")  # fmt: skip


class SlurmQueue:
    """One Slurm cluster's running jobs, asked through the site's own client."""

    def __init__(self, settings: SlurmSettings) -> None:
        self._settings = settings
        self._speaks_json = True

    def ask(self, stop: Event | None = None) -> Roster:
        """All running jobs; SourceError when Slurm does not answer."""
        if self._speaks_json:
            try:
                return roster_of_json(self._run(("--json",), stop))
            except SourceError as error:
                if not _lacks_json(error):
                    raise
                self._speaks_json = False
        words = ("--noheader", "--states=RUNNING,COMPLETING", f"--format={TEXT_FORMAT}")
        return roster_of_text(self._run(words, stop))

    def _run(self, words: Sequence[str], stop: Event | None) -> bytes:
        cluster = self._settings.cluster
        where = (f"--clusters={cluster}",) if cluster else ()
        argv = (self._settings.command, *words, *where)
        return output_of(argv, self._settings.timeout, stop)


def _lacks_json(error: SourceError) -> bool:
    refused = error.reason.startswith("ended with")
    return refused and any(word in error.reason.lower() for word in NO_JSON)
