"""The rows of a fleet, as they differ from what is stored."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, select

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.store.bodies import short
from gpuwatch.store.place import Place
from gpuwatch.store.schema import gpus, instances, nodes
from gpuwatch.store.trouble import Trouble
from gpuwatch.store.writing import Row, upsert

_JUMBLED = Trouble(
    "its fleet rows are incomplete",
    "restore a backup, or move it aside and restart",
    permanent=True,
)


def write_fleet(connection: Connection, fleet: Fleet) -> None:
    """Write rows that are new or differ; forget rows that the fleet has not."""
    cluster = fleet.cluster
    upsert(connection, gpus, _changed_gpus(connection, fleet))
    upsert(connection, nodes, _changed_nodes(connection, fleet))
    connection.execute(
        delete(gpus).where(gpus.c.cluster == cluster, gpus.c.row >= len(fleet))
    )
    connection.execute(
        delete(nodes).where(nodes.c.cluster == cluster, nodes.c.row >= len(fleet.nodes))
    )
    _write_instances(connection, fleet)


def read_fleet(connection: Connection, cluster: str, place: Place) -> Fleet:
    """The fleet as committed; StoreError where rows are missing."""
    stored_gpus = _stored_gpus(connection, cluster)
    stored_nodes = _stored_nodes(connection, cluster)
    fleet = Fleet(
        cluster,
        gpus=[gpu for _, (gpu, _) in sorted(stored_gpus.items())],
        nodes=[name for row, (name, _) in sorted(stored_nodes.items()) if row >= 0],
        retired={row for row, (_, retired) in stored_gpus.items() if retired},
        retired_nodes={name for name, retired in stored_nodes.values() if retired},
        instances=_stored_instances(connection, cluster),
    )
    whole = len(fleet.nodes) == sum(row >= 0 for row in stored_nodes)
    if not whole or set(stored_gpus) != set(range(len(fleet))):
        raise _JUMBLED.error(place)
    return fleet


def _changed_gpus(connection: Connection, fleet: Fleet) -> list[Row]:
    stored = _stored_gpus(connection, fleet.cluster)
    return [
        _gpu_row(fleet.cluster, row, gpu, retired=row in fleet.retired)
        for row, gpu in enumerate(fleet.gpus)
        if stored.get(row) != (gpu, row in fleet.retired)
    ]


def _gpu_row(cluster: str, row: int, gpu: Gpu, *, retired: bool) -> Row:
    return {
        "cluster": cluster,
        "row": row,
        "node": gpu.node,
        "uuid": gpu.uuid,
        "mig": gpu.mig,
        "idx": gpu.index,
        "model": gpu.model,
        "retired": retired,
    }


def _changed_nodes(connection: Connection, fleet: Fleet) -> list[Row]:
    unseen = sorted(fleet.retired_nodes.difference(fleet.nodes))
    wanted = dict(enumerate(fleet.nodes)) | {-1 - n: s for n, s in enumerate(unseen)}
    mine = nodes.c.cluster == fleet.cluster
    connection.execute(delete(nodes).where(mine, nodes.c.row < -len(unseen)))
    stored = _stored_nodes(connection, fleet.cluster)
    return [
        {"cluster": fleet.cluster, "row": row, "name": name, "retired": retired}
        for row, name in wanted.items()
        for retired in (name in fleet.retired_nodes,)
        if stored.get(row) != (name, retired)
    ]


def _write_instances(connection: Connection, fleet: Fleet) -> None:
    stored = _stored_instances(connection, fleet.cluster)
    changed = [
        {
            "cluster": fleet.cluster,
            "key": short(instance),
            "instance": instance,
            "node": node,
        }
        for instance, node in fleet.instances.items()
        if stored.get(instance) != node
    ]
    upsert(connection, instances, changed)
    gone = [{"old": short(name)} for name in stored.keys() - fleet.instances.keys()]
    if gone:
        mine = instances.c.cluster == fleet.cluster
        connection.execute(
            delete(instances).where(mine, instances.c.key == bindparam("old")), gone
        )


def _stored_gpus(connection: Connection, cluster: str) -> dict[int, tuple[Gpu, bool]]:
    c = gpus.c
    rows = connection.execute(
        select(c.row, c.node, c.uuid, c.mig, c.idx, c.model, c.retired).where(
            c.cluster == cluster
        )
    )
    return {row: (Gpu(*fields), retired) for row, *fields, retired in rows}


def _stored_nodes(connection: Connection, cluster: str) -> dict[int, tuple[str, bool]]:
    c = nodes.c
    query = select(c.row, c.name, c.retired).where(c.cluster == cluster)
    return {row: (name, retired) for row, name, retired in connection.execute(query)}


def _stored_instances(connection: Connection, cluster: str) -> dict[str, str]:
    c = instances.c
    query = select(c.instance, c.node).where(c.cluster == cluster)
    return {row.instance: row.node for row in connection.execute(query)}
