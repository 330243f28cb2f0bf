"""A configuration in a few lines: what it watches, whom it tells, where it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from gpuwatch.model.rule import Rule
from gpuwatch.settings import Settings, SlackSettings
from gpuwatch.store.place import find_place


def summary(settings: Settings, rules: Sequence[Rule]) -> list[tuple[str, str]]:
    """Names and texts, no secrets in them; StoreError when the store has no place."""
    lines = [("cluster", text) for text in _clusters(settings)]
    lines.append(("poll", f"every {settings.poll_interval:g} s"))
    lines.append(("receiver", told(settings.slack)))
    lines.append(("rules", _rules(settings, rules)))
    lines.append(("store", find_place(settings.store.url.get_secret_value()).shown))
    lines.append(("page", f"http://{settings.web.listen}/"))
    if settings.deadman.url is not None:
        host = urlsplit(settings.deadman.url.get_secret_value()).hostname
        lines.append(("deadman", f"pings {host}"))
    return lines


def _clusters(settings: Settings) -> list[str]:
    found = [
        f"{cluster.name}: {', '.join(cluster.addresses)}"
        for cluster in settings.prometheus
    ]
    exporters = settings.exporters
    if exporters.urls:
        found.append(f"{exporters.name}: {len(exporters.urls)} exporters, directly")
    return found


def told(slack: SlackSettings) -> str:
    """Who hears of incidents."""
    if slack.webhook_url is not None:
        return "Slack by webhook (cannot edit: news are posted anew)"
    if slack.token is not None:
        return f"Slack {slack.channel} by bot token"
    return "nobody: no slack settings, messages go to the console"


def _rules(settings: Settings, rules: Sequence[Rule]) -> str:
    on = sum(rule.params.enabled for rule in rules)
    parts = [f"{on} of {len(rules)} on"]
    if settings.rules:
        parts.append(f"{len(settings.rules)} changed")
    if settings.rule_packs:
        names = ", ".join(pack.name for pack in settings.rule_packs)
        parts.append(f"with the rule packs {names}")
    if settings.custom_rules:
        parts.append(f"{len(settings.custom_rules)} of your own")
    return ", ".join(parts)
