"""The only place where concrete classes meet."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gpuwatch.cycle import Cycle, Desk, Outcome
from gpuwatch.delivery import Delivery
from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.engine.view import View
from gpuwatch.errors import ConfigError, StoreError
from gpuwatch.incidents.wording import Links
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.rule import Rule
from gpuwatch.notifiers.console import ConsoleNotifier
from gpuwatch.notifiers.deadman import DeadMan
from gpuwatch.notifiers.slack import SlackNotifier
from gpuwatch.notifiers.slack_webhook import SlackWebhookNotifier
from gpuwatch.ports import Notifier, Plan, Source, Store
from gpuwatch.settings import Settings
from gpuwatch.site_rules import configured_rules, custom_queries
from gpuwatch.sources import exporters_source, prometheus_source
from gpuwatch.store.open import open_store
from gpuwatch.web.server import WebServer

TOKEN_FILE = "api-token"  # noqa: S105  the name of a file


def build_sources(settings: Settings) -> list[Source]:
    """One a cluster."""
    clusters: list[Source] = [
        prometheus_source(c, settings) for c in settings.prometheus
    ]
    if settings.exporters.urls:
        clusters.append(exporters_source(settings.exporters, settings))
    return clusters


def build_notifiers(settings: Settings) -> dict[str, Notifier]:
    """The receivers; without Slack settings the console, which says so."""
    slack = settings.slack
    if slack.webhook_url is not None:
        url = slack.webhook_url.get_secret_value()
        return {"slack": SlackWebhookNotifier(url, slack.mention)}
    if slack.token is not None and slack.channel:
        token = slack.token.get_secret_value()
        bot = SlackNotifier(token, slack.channel, slack.base_url, mention=slack.mention)
        return {"slack": bot}
    return {"console": ConsoleNotifier(sys.stdout)}


def build_links(settings: Settings) -> Links:
    """The site's links, and the incident's own page where people can reach it."""
    templates = dict(settings.links)
    if settings.web.external_url:
        page = settings.web.external_url.rstrip("/")
        templates["Status page"] = f"{page}/incidents/{{incident}}"
    return Links(templates)


@dataclass
class Core:
    """What judges one cluster, with no memory behind it: `check` uses it alone."""

    source: Source
    engine: Engine
    fleet: Fleet
    plan: Plan


def build_core(
    source: Source,
    settings: Settings,
    rules: list[Rule],
    memory: Memory | None = None,
    fleet: Fleet | None = None,
) -> Core:
    """A source, an engine and a fleet that fit together."""
    memory = memory or Memory(source.cluster)
    engine = Engine(rules, memory, build_links(settings))
    plan = Plan(metrics=engine.windows, queries=custom_queries(settings))
    return Core(source, engine, fleet or Fleet(source.cluster), plan)


@dataclass
class Board:
    """What the page reads; it outlives a reload."""

    views: dict[str, View] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    on_view: Callable[[View], None] = lambda _: None

    def show(self, view: View) -> None:
        """Swap in what readers see of one cluster."""
        self.views = {**self.views, view.cluster: view}
        self.on_view(view)


class App:
    """Everything that one daemon is made of."""

    def __init__(self, settings: Settings, *, before: App | None = None) -> None:
        """Build it; `before` lends its store and its page to a reloaded one."""
        self.settings = settings
        self.rules = configured_rules(settings)
        self.sources = build_sources(settings)
        self.notifiers = self.receivers()
        self.board: Board = before.board if before else Board()
        self.store: Store = before.store if before else _open(settings)
        self.web: WebServer = before.web if before else self._web()
        self.delivery = Delivery(self.store, self.notifiers)
        self._deadman = _deadman(settings)
        self._before = before
        self.cycles: list[Cycle] = [] if before else self._cycles()

    def receivers(self) -> dict[str, Notifier]:
        """Who is told, by name."""
        return build_notifiers(self.settings)

    def _web(self) -> WebServer:
        url = self.settings.store.url.get_secret_value()
        return WebServer(
            views=lambda: self.board.views,
            store=self.store,
            settings=self.settings.web,
            rules=lambda: self.board.rules,
            poll_interval_seconds=self.settings.poll_interval,
            api_token=api_token(self.settings, url),
            clusters=[source.cluster for source in self.sources],
        )

    def _cycles(self) -> list[Cycle]:
        desk = Desk(source.cluster for source in self.sources)
        return [self._cycle(source, desk) for source in self.sources]

    def _cycle(self, source: Source, desk: Desk) -> Cycle:
        memory, fleet = self.store.load(source.cluster)
        core = build_core(source, self.settings, self.rules, memory, fleet)
        return Cycle(
            source=source,
            engine=core.engine,
            plan=core.plan,
            store=self.store,
            fleet=core.fleet,
            ways=self.delivery,
            receivers=list(self.notifiers),
            desk=desk,
        )

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"status page at {self.web.url}"

    @property
    def status(self) -> str:
        """One line for `systemctl status`."""
        views = self.board.views.values()
        gpus = sum(view.gpus_present for view in views)
        open_now = sum(i.open for view in views for i in view.incidents)
        return f"{gpus} GPUs seen, {open_now} incidents open"

    def start(self) -> None:
        """Serve the page and empty the outbox; the loops are the daemon's."""
        self._fill_board()
        self.web.start()
        self.delivery.start()
        if self._deadman is not None:
            self._deadman.start()

    def take_over(self) -> None:
        """After a reload, with the old loops at rest: the old parts hand over."""
        before = self._before
        if before is None:
            return
        before.delivery.stop(2.0)
        for source in before.sources:
            source.close()
        self._fill_board()
        self.cycles = self._cycles()
        self.delivery.start()
        self._before = None

    def _fill_board(self) -> None:
        clusters = {source.cluster for source in self.sources}
        self.board.rules = {rule.name: rule for rule in self.rules}
        self.board.views = {
            name: view for name, view in self.board.views.items() if name in clusters
        }

    def ping(self, outcome: Outcome) -> None:
        """Tell the dead man's switch how the cycle went."""
        if self._deadman is None:
            return
        stuck = dict(self.delivery.failing)
        if outcome.good and not stuck:
            self._deadman.good()
        else:
            reasons = outcome.view.health or stuck or {"cycle": "failed"}
            self._deadman.bad("; ".join(f"{k}: {v}" for k, v in reasons.items()))

    def prune(self, now: float) -> int:
        """Forget what is older than the retention."""
        return self.store.prune(now - self.settings.store.retention)

    def stop(self) -> None:
        """Let go of everything, in the order in which it depends on one another."""
        self.delivery.stop(2.0)
        self.web.stop(1.0)
        if self._deadman is not None:
            self._deadman.stop()
        for source in self.sources:
            source.close()
        self.store.close()


def reloaded(settings: Settings, before: App) -> App:
    """A new app on the old store and page, or ConfigError and nothing changed."""
    old, new = before.settings, settings
    if new.store.url.get_secret_value() != old.store.url.get_secret_value():
        raise ConfigError(
            "store.url", "cannot change while running", "restart gpuwatch"
        )
    if new.web.listen != old.web.listen:
        raise ConfigError(
            "web.listen", "cannot change while running", "restart gpuwatch"
        )
    return App(settings, before=before)


def _open(settings: Settings) -> Store:
    url = settings.store.url.get_secret_value()
    try:
        return open_store(url, create=True)
    except StoreError as error:
        raise ConfigError("store.url", str(error)) from error


def _deadman(settings: Settings) -> DeadMan | None:
    url = settings.deadman.url
    if url is None:
        return None
    return DeadMan(url.get_secret_value(), settings.deadman.interval)


def state_folder(store_url: str) -> Path | None:
    """Where a SQLite store lies; None for a database server."""
    scheme, _, path = store_url.partition(":///")
    return Path(path).parent if scheme == "sqlite" and path else None


def api_token(settings: Settings, store_url: str, *, create: bool = True) -> str | None:
    """The page's token: the configured one, else one of our own beside the store.

    The command line on the same host reads it there; only its owner may.
    """
    if settings.web.token is not None:
        return settings.web.token.get_secret_value()
    folder = state_folder(store_url)
    if folder is None:
        return None
    path = folder / TOKEN_FILE
    if not path.exists() and create:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text().strip() if path.exists() else None
