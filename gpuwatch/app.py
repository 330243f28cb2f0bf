"""The only place where concrete classes meet."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

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
from gpuwatch.web.token import api_token

LAST_WORD_SECONDS = 60.0  # more than a call to Slack takes


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
        return WebServer(
            views=lambda: self.board.views,
            store=self.store,
            settings=self.settings.web,
            rules=lambda: self.board.rules,
            poll_interval_seconds=self.settings.poll_interval,
            api_token=api_token(self.settings),
            clusters=self._clusters,
        )

    @property
    def _clusters(self) -> list[str]:
        return [source.cluster for source in self.sources]

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
        self._start_talking()

    def take_over(self) -> None:
        """After a reload, with the old loops at rest: the old parts hand over.

        StoreError while the store refuses, for then only the old parts know what it
        has not got yet: they go on.
        """
        before = self._before
        if before is None:
            return
        try:
            before.refuse_to_forget()
            self.cycles = self._cycles()
        except StoreError:
            self._close_sources()
            raise
        before.retire()
        self._fill_board()
        self.web.reconfigure(
            self.settings.web,
            poll_interval_seconds=self.settings.poll_interval,
            api_token=api_token(self.settings),
            clusters=self._clusters,
        )
        self._start_talking()
        self._before = None

    def refuse_to_forget(self) -> None:
        """StoreError if something is known here and not yet in the store."""
        if any(cycle.is_ahead_of_store for cycle in self.cycles):
            raise StoreError(
                "the store refuses, and what it has not got yet would be forgotten; "
                "reload when it works again"
            )

    def retire(self) -> None:
        """Stop all that a successor brings anew.

        A message under way is waited for: two that tell it would tell it twice.
        """
        self.delivery.stop(LAST_WORD_SECONDS)
        if self._deadman is not None:
            self._deadman.stop()
        self._close_sources()

    def _start_talking(self) -> None:
        self.delivery.start()
        if self._deadman is not None:
            self._deadman.start()

    def _close_sources(self) -> None:
        for source in self.sources:
            source.close()

    def _fill_board(self) -> None:
        self.board.rules = {rule.name: rule for rule in self.rules}
        self.board.views = {
            name: view
            for name, view in self.board.views.items()
            if name in self._clusters
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
        """Let go of everything, in the order in which it depends on one another.

        Within two and a half seconds: what hangs is left behind.
        """
        self.delivery.stop(1.0)
        self.web.stop(1.0)
        if self._deadman is not None:
            self._deadman.stop(0.1)
        closing = threading.Thread(target=self._close_sources, daemon=True)
        closing.start()
        closing.join(0.3)
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
