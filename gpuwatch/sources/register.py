"""What one source has learned of a fleet: rows, node names, exporters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.sources.blocks import Indices, Labels
from gpuwatch.sources.identity import (
    EXPORTER_POD,
    KUBERNETES_LABELS,
    TARGET_POD_LABELS,
    Naming,
    NodeName,
    host_of,
    index_of,
    is_address,
    uuid_of,
)
from gpuwatch.sources.places import Places

Key = tuple[str | None, ...]


class Register:
    """Turns labels into rows; knows which names are nobody's, and who exports.

    `learn` wants series with all identity labels; `rows` is content with the few
    of the heartbeat.
    """

    def __init__(self, fleet: Fleet, naming: Naming) -> None:
        self.fleet, self.naming = fleet, naming
        self.places = Places()
        self.places.follow(fleet)
        self.pods_are_exporters = False
        self.targets: dict[tuple[str, str], str] = {}
        self.ambiguous: set[tuple[str, str]] = set()
        self._rejected: set[tuple[str, str]] = set()
        self._aliases: dict[str, str] = {}
        self._row_of: dict[Key, int] = {}
        self._node_of: dict[Key, str] = {}
        self._place_labels = naming.place_labels
        self._key_labels = ("UUID", "uuid", "GPU_I_ID", *self._place_labels)

    @property
    def beat_labels(self) -> tuple[str, ...]:
        """What a heartbeat is grouped by: identity and job, nothing that churns."""
        pods = () if self.pods_are_exporters else TARGET_POD_LABELS
        jobs = (*self.naming.job_labels, *KUBERNETES_LABELS, *pods)
        return tuple(dict.fromkeys((*self._key_labels, *jobs)))

    @property
    def identity_labels(self) -> tuple[str, ...]:
        """What a new GPU is introduced by."""
        more = (*self.beat_labels, *TARGET_POD_LABELS, "gpu", "modelName", "job")
        return tuple(dict.fromkeys(more))

    def _key(self, labels: Labels) -> Key:
        return tuple([labels.get(name) for name in self._key_labels])

    def _place(self, labels: Labels) -> Key:
        return tuple([labels.get(name) for name in self._place_labels])

    def unknown(self, labels: Iterable[Labels]) -> bool:
        """Whether any series with a UUID was never introduced."""
        known = self._row_of
        return any(self._key(one) not in known and uuid_of(one) for one in labels)

    def node(self, labels: Labels) -> str:
        """The name of a series' node; remembered by its label values."""
        key = self._place(labels)
        name = self._node_of.get(key)
        if name is None:
            found = self.naming.node(labels, self._rejected)
            name = found.text if found.firm else self._known_as(found)
            self._node_of[key] = name
        return name

    def _known_as(self, name: NodeName) -> str:
        return self._aliases.get(name.text, name.text)

    def job(self, labels: Labels) -> str:
        """The workload, or nothing."""
        return self.naming.job(labels, pods_are_exporters=self.pods_are_exporters)

    def rows(self, labels: Sequence[Labels]) -> Indices:
        """The row of each series, appended if new; -1 without a UUID. int64[n]."""
        found = [self._row(one) for one in labels]
        self.places.follow(self.fleet)
        return np.array(found, np.int64)

    def _row(self, labels: Labels) -> int:
        key = self._key(labels)
        row = self._row_of.get(key)
        if row is not None:
            return row
        uuid = uuid_of(labels)
        if not uuid:
            return -1
        row = self.fleet.add(self._gpu(labels, uuid))
        self._row_of[key] = row
        return row

    def _gpu(self, labels: Labels, uuid: str) -> Gpu:
        return Gpu(
            node=self.node(labels),
            uuid=uuid,
            mig=labels.get("GPU_I_ID", ""),
            index=index_of(labels),
            model=_model_of(labels),
        )

    def learn(self, labels: Sequence[Labels]) -> None:
        """Take up series with all their identity labels, all of them alive now."""
        if any(_shows_exporter_pods(one) for one in labels):
            self.pods_are_exporters = True
        worthless = _names_of_pods(labels, self.naming) | _shared(labels, self.naming)
        aliases = self._renamed(labels, worthless | self._rejected)
        if not worthless <= self._rejected or aliases != self._aliases:
            self._rejected |= worthless
            self._aliases = aliases
            self._row_of.clear()
        self._node_of.clear()
        self._row_of = {self._key(one): self._introduced(one) for one in labels}
        self.places.follow(self.fleet)
        self._note_targets(labels)

    def _introduced(self, labels: Labels) -> int:
        """The row; what is known of its GPU is completed or put right."""
        row = self._row_of.get(self._key(labels))
        uuid = uuid_of(labels)
        if not uuid or (row is not None and _agrees(self.fleet.gpus[row], labels)):
            return -1 if row is None else row
        return self.fleet.add(self._gpu(labels, uuid))

    def _renamed(
        self, labels: Sequence[Labels], rejected: set[tuple[str, str]]
    ) -> dict[str, str]:
        """Addresses that took over the GPUs of a known node: a pod that restarted."""
        cards: defaultdict[str, set[str]] = defaultdict(set)
        names: dict[Key, NodeName] = {}
        for one in labels:
            place = self._place(one)
            name = names.get(place)
            if name is None:
                name = names[place] = self.naming.node(one, rejected)
            if not name.firm:
                cards[name.text].add(uuid_of(one))
        aliases = {}
        for address, uuids in cards.items():
            node, count = self._home_of(uuids)
            if 2 * count > len(uuids) and node != address:
                aliases[address] = node
        return aliases

    def _home_of(self, uuids: Iterable[str]) -> tuple[str, int]:
        rows = [self.places.last_row(uuid) for uuid in uuids]
        homes = Counter(self.fleet.gpus[row].node for row in rows if row is not None)
        return homes.most_common(1)[0] if homes else ("", 0)

    def _note_targets(self, labels: Sequence[Labels]) -> None:
        """Remember whose exporter each scrape target is."""
        nodes: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for one in labels:
            if uuid_of(one) and (instance := one.get("instance")):
                nodes[one.get("job", ""), instance].add(self.node(one))
        for target, names in nodes.items():
            if len(names) == 1:
                self.targets[target] = self.fleet.instances[target[1]] = min(names)
                self.ambiguous.discard(target)
            else:  # one address for many nodes: it tells nothing of any
                self.ambiguous.add(target)
                self.targets.pop(target, None)
                self.fleet.instances.pop(target[1], None)
        self._forget_pods({instance for _, instance in nodes})

    def _forget_pods(self, alive: set[str]) -> None:
        """Addresses that a node's exporter had before its pod was restarted."""
        instances = self.fleet.instances
        served = {instances[one] for one in alive if one in instances}
        for instance, node in list(instances.items()):
            gone = instance not in alive and node in served
            if gone and is_address(host_of(instance)):
                del instances[instance]
        self.targets = {t: n for t, n in self.targets.items() if t[1] in instances}


def _agrees(gpu: Gpu, labels: Labels) -> bool:
    return gpu.index == index_of(labels) and gpu.model == _model_of(labels)


def _model_of(labels: Labels) -> str:
    return labels.get("modelName") or labels.get("model_name") or ""


def _shows_exporter_pods(labels: Labels) -> bool:
    return "exported_pod" in labels or EXPORTER_POD in labels.get("pod", "")


def _names_of_pods(labels: Sequence[Labels], naming: Naming) -> set[tuple[str, str]]:
    """Node labels that repeat the target's own pod (NODE_NAME was unset)."""
    return {
        (label, pod)
        for one in labels
        if (pod := one.get("pod"))
        for label in naming.node_labels
        if one.get(label) == pod
    }


def _shared(labels: Sequence[Labels], naming: Naming) -> set[tuple[str, str]]:
    """Values that name several machines at once.

    Proof: the same slot (`gpu`) under one name holds different cards on different
    hosts. A restarted pod shows the same cards, a second exporter other slots.
    """
    cards: dict[tuple[str, str, str], tuple[str, str]] = {}
    shared = set()
    for one in labels:
        who = (host_of(one.get("instance", "")), uuid_of(one))
        for label in naming.node_labels:
            value = one.get(label)
            if not value or label == "instance" or "gpu" not in one:
                continue
            first = cards.setdefault((label, value, one["gpu"]), who)
            if first[0] != who[0] and first[1] != who[1]:
                shared.add((label, value))
    return shared
