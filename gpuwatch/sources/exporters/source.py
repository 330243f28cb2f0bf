"""The same snapshot without a Prometheus: every exporter scraped in each cycle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gpuwatch.errors import SourceError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.metric import Metric, SourceName, catalogue
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan
from gpuwatch.sources.blocks import Block, Labels, Matrix, gc_paused
from gpuwatch.sources.exporters.page import samples_of, summed_links
from gpuwatch.sources.exporters.scrape import Page, Scraper
from gpuwatch.sources.frame import Frame, Piece
from gpuwatch.sources.identity import Naming, uuid_of
from gpuwatch.sources.jobs.knowledge import JobKnowledge
from gpuwatch.sources.jobs.told import NOTHING
from gpuwatch.sources.register import Register
from gpuwatch.sources.units import Ratios
from gpuwatch.sources.xids import XID, XID_COUNT, XidTable, of_count, of_gauge

MOST_THREADS = 32
TIMEOUT_SECONDS = 10.0
_PULSE_PREFIX = "dcgm_fi_"
_XID_NAMES = frozenset({"dcgm_fi_dev_xid_errors", "dcgm_fi_dev_xid_error"})
_HERTZ = "_hertz"
NO_PROMETHEUS = "there is no Prometheus to ask"

Families = Mapping[str, Sequence[tuple[Labels, float]]]


class ExporterSource:
    """One cluster's exporters. `read` follows `ports.Source`; there is no history.

    `exporter_up` tells who answered; a sample's time is that of the scrape.
    """

    def __init__(
        self,
        cluster: str,
        urls: Sequence[str],
        naming: Naming | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        *,
        jobs: JobKnowledge | None = None,
    ) -> None:
        self.cluster, self._jobs = cluster, jobs
        self._naming, self._timeout_seconds = naming or Naming(), timeout_seconds
        threads = min(MOST_THREADS, max(1, len(urls)))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="gpuwatch-scrape")
        self._scraper = Scraper(urls, threads)
        self._register: Register | None = None
        self._ratios = Ratios()

    def read(self, plan: Plan, fleet: Fleet, at: float | None = None) -> Snapshot:
        """Scrape all; SourceError when none answers. `at`: what to call the time."""
        pages = self._scraper.pages(self._pool, self._timeout_seconds)
        if not any(page.text is not None for page in pages):
            reason = pages[0].reason if pages else "no exporter is configured"
            raise SourceError("exporters", f"none answers: {reason}", retryable=True)
        when = max(page.at for page in pages) if at is None else at
        with gc_paused():
            seen = self._frame(pages, plan, fleet, when).snapshot(0)
        if self._jobs is None:
            return seen
        return self._jobs.completed(seen, NOTHING, live=True)

    def _frame(
        self, pages: Sequence[Page], plan: Plan, fleet: Fleet, at: float
    ) -> Frame:
        if self._register is None or self._register.fleet is not fleet:
            self._register, self._ratios = Register(fleet, self._naming), Ratios()
        frame = Frame(self._register, self._ratios, np.array([at]), np.inf)
        families = _families(pages, frame)
        frame.beat(_pulse(families, {page.instance: page.at for page in pages}, frame))
        frame.retire_moved()
        wanted = [catalogue()[name] for name in plan.metrics if name in catalogue()]
        if {XID, XID_COUNT} & set(plan.metrics):
            frame.xids = _xid_table(families, frame)
        frame.widen()
        _xids_known(families, frame)
        _put_all([m for m in wanted if m.scope != "node"], families, frame)
        frame.node_columns["exporter_up"] = _up(pages, frame)
        for query in plan.queries:
            frame.answers[query.name] = [None]
            frame.unread[query.name] = NO_PROMETHEUS
        return frame

    def history(
        self,
        plan: Plan,  # noqa: ARG002  the port's signature
        fleet: Fleet,  # noqa: ARG002
        start: float,  # noqa: ARG002
        end: float,  # noqa: ARG002
        step: float,  # noqa: ARG002
    ) -> Iterator[Snapshot]:
        """SourceError: exporters know only the present."""
        raise SourceError("history", NO_PROMETHEUS)

    def close(self) -> None:
        """Let go of connections and threads."""
        if self._jobs is not None:
            self._jobs.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._scraper.close()


def _families(pages: Sequence[Page], frame: Frame) -> Families:
    """Samples of all pages by lower-cased name; failures are noted."""
    families: defaultdict[str, list[tuple[Labels, float]]] = defaultdict(list)
    for page in pages:
        if page.text is None:
            frame.unread[f"exporter {page.instance}"] = page.reason
            continue
        samples, broken = samples_of(page.text, page.instance)
        frame.drop("page", np.array([broken]))
        for name, labels, value in samples:
            families[name.lower()].append((labels, value))
    return families


def _pulse(families: Families, scraped: Mapping[str, float], frame: Frame) -> Block:
    """Every GPU with any series but an XID is alive, as of its page's scrape."""
    wanted = frame.register.identity_labels
    seen: dict[tuple[str | None, ...], Labels] = {}
    for name, samples in families.items():
        if not name.startswith(_PULSE_PREFIX) or name in _XID_NAMES:
            continue
        for labels, _ in samples:
            if labels.get("UUID") or labels.get("uuid"):
                seen.setdefault(tuple([labels.get(one) for one in wanted]), labels)
    alive = list(seen.values())
    frame.register.learn(alive)
    return Block.single((one, scraped[one["instance"]]) for one in alive)


def _block(families: Families, source: SourceName, scope: str = "gpu") -> Block:
    samples = families.get(source.name.lower(), ())
    if scope == "link":
        samples = summed_links(samples, source.equals)
    return Block.single(samples)


def _xid_table(families: Families, frame: Frame) -> XidTable:
    tables = []
    for metric, decode in ((XID_COUNT, of_count), (XID, of_gauge)):
        for source in catalogue()[metric].names:
            block = _block(families, source)
            block = block.picked(
                np.array([bool(uuid_of(o)) for o in block.labels], bool)
            )
            if len(block):
                table, wrong = decode(block, frame.register.rows(block.labels))
                frame.drop(metric, wrong)
                tables.append(table)
    return XidTable.joined(tables)


def _xids_known(families: Families, frame: Frame) -> None:
    """See xids.py: the gauge's name anywhere tells that absence of it is health."""
    counted = _exported(XID_COUNT, families, frame)
    gauge = any(families.get(s.name.lower()) for s in catalogue()[XID].names)
    frame.xids_counted = counted & frame.present
    frame.xids_known = frame.present & (counted | gauge)


def _exported(metric: str, families: Families, frame: Frame) -> np.ndarray:
    pieces = _pieces(catalogue()[metric], families, frame)
    found = np.zeros(frame.present.shape, bool)
    for piece in pieces:
        found |= piece.known
    return found


def _pieces(metric: Metric, families: Families, frame: Frame) -> list[Piece]:
    found = [
        Piece(source, frame.spread(_block(families, source, metric.scope)))
        for source in metric.names
    ]
    return [piece for piece in found if piece.speaks]


def _put_all(metrics: Sequence[Metric], families: Families, frame: Frame) -> None:
    for name, samples in families.items():
        if name.endswith(_HERTZ):
            frame.note_base_units(frame.spread(Block.single(samples)))
    for metric in metrics:
        if metric.name not in {XID, XID_COUNT}:
            frame.put(metric, _pieces(metric, families, frame))


def _up(pages: Sequence[Page], frame: Frame) -> Matrix:
    """1 for nodes whose exporter answered, 0 for those whose did not."""
    fleet = frame.register.fleet
    column = np.full((1, len(fleet.nodes)), np.nan)
    for page in pages:
        row = fleet.node_row(fleet.instances.get(page.instance, ""))
        if row is not None:
            answered = float(page.text is not None)
            column[0, row] = np.fmax(column[0, row], answered)
    return column
