"""Rules as people read them: the list, and the page of one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from gpuwatch.cli.rule_facts import paragraphs, written
from gpuwatch.cli.tables import FACES, clean, console
from gpuwatch.model.severity import Category, Severity

Record = dict[str, Any]
_ORDER = [category.value for category in Category]


def show_list(rules: Sequence[Record], packs: Sequence[Record] = ()) -> None:
    """All rules by category; one line on what, one on what is read. Then the packs."""
    out = console()
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("rule", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("hold", no_wrap=True)
    table.add_column("what it looks for, and what it reads", overflow="fold")
    ordered = sorted(rules, key=lambda r: (_ORDER.index(r["category"]), r["name"]))
    for category, members in groupby(ordered, key=lambda r: r["category"]):
        table.add_row(f"[bold]{category}[/]", "", "", "")
        for rule in members:
            table.add_row(*_row(rule))
    out.print(table)
    off = sum(not rule["enabled"] for rule in rules)
    tail = f", {off} switched off" if off else ""
    out.print(f"\n{len(rules)} rules{tail}. All about one: gpuwatch rules NAME")
    _show_packs(out, [pack for pack in packs if not pack["listed"]])


def _show_packs(out: Console, packs: Sequence[Record]) -> None:
    """Those that could be switched on."""
    if not packs:
        return
    out.print("\nRule packs that are off. On: rule_packs: [NAME, ...]")
    table = _plain_table("pack", "rules", "what it watches")
    for pack in packs:
        table.add_row(pack["name"], str(len(pack["rules"])), clean(pack["about"]))
    out.print(Padding(table, (0, 0, 0, 2)))


def _row(rule: Record) -> tuple[str, str, str, str]:
    reads = f"[dim]{clean(_reads_in_short(rule))}[/]"
    what = f"{clean(_what(rule))}\n{reads}"
    name = f"  {clean(rule['name'])}"
    if not rule["enabled"]:
        return f"[dim]{name}[/]", "[dim]off[/]", "", f"[dim]{what}[/]"
    return name, _severity(rule["severity"]), rule["hold"], what


def _what(rule: Record) -> str:
    own = rule["expr"] and not rule["pack"]
    return "your own PromQL" if own else str(rule["summary"])


def _severity(word: str) -> str:
    return f"[{FACES[Severity.parse(word)]}]{word}[/]"


def _reads_in_short(rule: Record) -> str:
    """Only what it cannot do without; the page of the rule shows the rest."""
    if rule["pack"]:
        return f"of the rule pack {rule['pack']}"
    if rule["expr"]:
        return f"reads {rule['expr']}"
    needed = [read["metric"] for read in rule["reads"] if read["required"]]
    if needed:
        return f"reads {', '.join(needed)}"
    if rule["reads"]:
        any_of = ", ".join(read["metric"] for read in rule["reads"])
        return f"reads what there is of {any_of}"
    return "reads gpuwatch's own state"


def show_one(rule: Record) -> None:
    """The documentation, the parameters, and the exporter fields that feed it."""
    out = console()
    state = _severity(rule["severity"]) if rule["enabled"] else "switched off"
    about = f"{rule['category']}, about a {rule['scope']}"
    out.print(f"[bold]{clean(rule['name'])}[/]  {state}  [dim]{about}[/]")
    out.print(clean(rule["summary"]))
    for heading, text in paragraphs(rule["documentation"]).items():
        out.print(f"\n[bold]{heading}[/]")
        out.print(Padding(clean(text), (0, 0, 0, 2)))
    _show_parameters(out, rule)
    _show_reads(out, rule)
    if rule["yields_to"]:
        louder = ", ".join(rule["yields_to"])
        out.print(f"\n[bold]Gives way to[/]\n  {clean(louder)}")
    if rule["statistical"]:
        out.print(
            "\n[bold]Compares and learns[/]\n  Added by an upgrade to a site with "
            "history, it goes to the digest only until you set its notify."
        )


def _show_parameters(out: Console, rule: Record) -> None:
    own = rule["expr"] and not rule["pack"]
    key = "custom_rules" if own else f"rules.{rule['name']}"
    out.print(f"\n[bold]Parameters[/] [dim]in gpuwatch.yaml under {clean(key)}[/]")
    table = _plain_table("name", "value", "meaning")
    for parameter in rule["parameters"]:
        value, default = written(parameter["value"]), written(parameter["default"])
        if value != default:
            value = f"[bold]{clean(value)}[/] [dim](default {clean(default)})[/]"
        table.add_row(parameter["name"], value, clean(parameter["description"]))
    out.print(Padding(table, (0, 0, 0, 2)))


def _show_reads(out: Console, rule: Record) -> None:
    out.print("\n[bold]Reads[/]")
    if not rule["reads"]:
        text = rule["expr"] if rule["pack"] else _reads_in_short(rule)
        out.print(Padding(clean(text), (0, 0, 0, 2)))
        return
    table = _plain_table("metric", "exporter fields, any of")
    for read in rule["reads"]:
        fields = "\n".join(clean(field) for field in read["exporter_fields"])
        table.add_row(f"{read['metric']}\n  [dim]{_how(read)}[/]", fields)
    out.print(Padding(table, (0, 0, 0, 2)))


def _how(read: Record) -> str:
    need = "needed" if read["required"] else "helps"
    return need if read["window"] == "0s" else f"{need}, {read['window']} back"


def _plain_table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold")
    return table
