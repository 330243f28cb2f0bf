"""`gpuwatch doctor`: is everything set up, and what can gpuwatch not see?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import typer

from gpuwatch.cli.options import ConfigOption, Output, OutputOption, chosen
from gpuwatch.cli.printing import print_json

if TYPE_CHECKING:
    from gpuwatch.doctor import Finding

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
FINE, TO_MEND = 0, 1


@app.command()
def doctor(config: ConfigOption = None, output: OutputOption = None) -> None:
    """Say whether everything is set up, what gpuwatch cannot see, and how to mend it.

    Looks at Prometheus (address, clock, names, intervals), the node names, each
    rule's metrics, the Slack token, scopes and channel, the store and the
    installation. Nothing is changed and nothing is posted.

    Exit 0: all is well. 1: something is to be mended. 2: the configuration is bad.

    Example: gpuwatch doctor --config /etc/gpuwatch/gpuwatch.yaml
    """
    from gpuwatch.doctor import examine  # noqa: PLC0415  slow to import
    from gpuwatch.settings import load_settings  # noqa: PLC0415
    from gpuwatch.settings.places import config_file  # noqa: PLC0415
    from gpuwatch.site_rules import configured_rules  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    configured_rules(settings)
    found = examine(settings, config_file(config, os.environ))
    if chosen(output) is Output.JSON:
        findings = list(found)
        print_json({"findings": [_record(finding) for finding in findings]})
    else:
        from gpuwatch.cli.doctor_report import show  # noqa: PLC0415

        findings = show(found)
    raise typer.Exit(TO_MEND if any(f.wrong for f in findings) else FINE)


def _record(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "state": finding.state.value,
        "cluster": finding.cluster or None,
        "what": finding.what,
        "mend": finding.mend or None,
        "rows": [list(row) for row in finding.rows],
        "csv_lines": list(finding.lines),
    }
