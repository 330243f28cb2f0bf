"""Incidents, silences and the fleet as people read them, from the API's records."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from gpuwatch.cli.remote import Record
from gpuwatch.cli.tables import FACES, clean, console
from gpuwatch.cli.times import ago, instant
from gpuwatch.model.duration import say_duration
from gpuwatch.model.severity import Severity


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name in ("id", "severity"))
    return table


def _from(out: Console, name: str) -> None:
    out.print(f"from {clean(name)}", style="dim")


def severity(word: str) -> str:
    """The word in its colour."""
    return f"[{FACES[Severity.parse(word)]}]{word}[/]"


def where(incident: Record) -> str:
    """`node-17 GPU 3`, `5 GPUs on node-17`, `9 nodes`, as the messages say it."""
    members, node = incident["members"], incident["node"]
    if not members:
        job, scope = incident["job"], incident["scope"]
        fallback = f"job {job}" if scope == "job" and job else incident["cluster"]
        return str(node or fallback)
    nodes = {member["node"] for member in members}
    gpus = sum(member["uuid"] is not None for member in members)
    if len(nodes) > 1:
        return f"{gpus} GPUs on {len(nodes)} nodes" if gpus else f"{len(nodes)} nodes"
    if len(members) > 1:
        return f"{len(members)} GPUs on {members[0]['node']}"
    slot, uuid = members[0]["gpu"], members[0]["uuid"]
    if uuid is None:
        return str(members[0]["node"])
    return f"{members[0]['node']} {f'GPU {slot}' if slot is not None else uuid[:12]}"


def show_incidents(found: Sequence[Record], name: str, *, every: bool) -> None:
    """One row each."""
    out, now = console(), time.time()
    if not found:
        out.print("no incidents" if every else "[green]no open incidents[/]")
        _from(out, name)
        return
    table = _table("id", "severity", "where", "what", "for")
    for incident in found:
        table.add_row(
            incident["id"],
            severity(incident["severity"]),
            clean(where(incident)),
            clean(incident["summary"]) + _ending(incident),
            _lasted(incident, now),
        )
    out.print(table)
    out.print(f"\n{len(found)} incidents. All about one: gpuwatch incidents show ID")
    _from(out, name)


def _ending(incident: Record) -> str:
    if incident["state"] != "resolved":
        return ""
    return f" [dim]({clean(incident['ending'] or 'resolved')})[/]"


def _lasted(incident: Record, now: float) -> str:
    end = instant(incident["resolved_at"])
    return say_duration((end or now) - (instant(incident["started_at"]) or now))


def show_incident(incident: Record) -> None:
    """What, where, since when, the evidence, what to do, and the story."""
    out, now = console(), time.time()
    face = severity(incident["severity"])
    out.print(f"{face} [bold]{clean(incident['summary'])}[/]{_ending(incident)}")
    out.print(f"[bold]{clean(where(incident))}[/], rule {clean(incident['rule'])}")
    if incident["action"]:
        out.print(f"\n[bold]Do[/]\n  {clean(incident['action'])}")
    table = Table.grid(padding=(0, 2))
    for key, text in _facts(incident, now):
        table.add_row(f"[dim]{key}[/]", clean(text))
    out.print("\n[bold]Facts[/]")
    out.print(Padding(table, (0, 0, 0, 2)))
    _show_members(out, incident)
    _show_story(out, incident["story"])


def _facts(incident: Record, now: float) -> list[tuple[str, str]]:
    facts = [
        ("id", incident["id"]),
        ("cluster", incident["cluster"]),
        ("job", incident["job"]),
        ("GPUs that wait", str(incident["victims"]) if incident["victims"] else None),
        ("merged into", incident["merged_into"]),
    ]
    times = [(n, incident[n]) for n in ("started_at", "detected_at", "resolved_at")]
    facts += [(n, f"{at}, {ago(at, now)}" if at else None) for n, at in times]
    facts += [(k, f"{v:g}") for k, v in sorted(incident["evidence"].items())]
    return [(key, text) for key, text in facts if text]


def _show_members(out: Console, incident: Record) -> None:
    if len(incident["members"]) < 2:
        return
    out.print("\n[bold]Members[/]")
    table = _table("node", "GPU", "UUID")
    for member in incident["members"]:
        slot = "" if member["gpu"] is None else str(member["gpu"])
        table.add_row(clean(member["node"]), slot, clean(member["uuid"] or ""))
    out.print(Padding(table, (0, 0, 0, 2)))


def _show_story(out: Console, story: Sequence[Record]) -> None:
    out.print("\n[bold]Story[/]")
    table = Table.grid(padding=(0, 2))
    for event in story:
        kind, text = clean(event["kind"]), clean(event["text"])
        table.add_row(f"[dim]{event['at']}[/]", kind, text)
    out.print(Padding(table, (0, 0, 0, 2)))


def show_silences(found: Sequence[Record], name: str) -> None:
    """One row each, though every cluster holds it."""
    out, now = console(), time.time()
    if not found:
        out.print("no silences")
        _from(out, name)
        return
    table = _table("id", "mutes", "ends", "by", "why")
    for silence in {one["id"]: one for one in found}.values():
        left = (instant(silence["ends_at"]) or now) - now
        ends = f"in {say_duration(left)}" if left > 0 else "[dim]ended[/]"
        table.add_row(
            silence["id"],
            clean(" ".join(silence["matchers"])),
            ends,
            clean(silence["author"]),
            clean(silence["comment"]),
        )
    out.print(table)
    _from(out, name)


def show_fleet(clusters: Sequence[Record], name: str) -> None:
    """A row a node; the UUIDs are in the JSON."""
    out = console()
    for cluster in clusters:
        nodes = cluster["nodes"]
        gpus = sum(len(node["gpus"]) for node in nodes)
        title = f"{gpus} GPUs on {len(nodes)} nodes"
        out.print(f"[bold]{clean(cluster['cluster'])}[/]: {title}")
        table = _table("node", "GPUs", "model", "open incidents")
        for node in nodes:
            table.add_row(*_node_row(node))
        out.print(table)
    if not clusters:
        out.print("no cluster has been seen yet")
    _from(out, name)


def _node_row(node: Record) -> tuple[str, str, str, str]:
    gpus = node["gpus"]
    gone = sum(gpu["present"] is False for gpu in gpus)
    missing = f" [bold red]({gone} not seen)[/]" if gone else ""
    models = Counter(gpu["model"] for gpu in gpus if gpu["model"])
    of_gpus = [i for gpu in gpus for i in gpu["incidents"]]
    ids = dict.fromkeys([*node["incidents"], *of_gpus])
    face = severity(node["severity"]) + " " if node["severity"] else ""
    return (
        clean(node["node"]),
        f"{len(gpus)}{missing}",
        clean(", ".join(models)),
        face + clean(" ".join(ids)),
    )
