"""A node_exporter's page, as far as a GPU monitor reads one."""

from __future__ import annotations

from gpuwatch.sim.fleet import SimFleet

_FAMILIES = (
    ("node_boot_time_seconds", "Node boot time, in unixtime."),
    ("node_time_seconds", "System time in seconds since epoch (1970)."),
    ("node_uname_info", "Labeled system information as provided by the uname call."),
)


def host_samples(
    fleet: SimFleet, node_index: int, epoch_seconds: float
) -> list[tuple[str, str, str]]:
    """Name, labels and value of each sample; the epoch is the fleet's second 0."""
    name = fleet.node_names[node_index]
    boot = epoch_seconds + fleet.boot_seconds(node_index)
    now = epoch_seconds + fleet.now_seconds
    uname = f'domainname="(none)",machine="x86_64",nodename="{name}",sysname="Linux"'
    return [
        (_FAMILIES[0][0], "", f"{boot:.0f}"),
        (_FAMILIES[1][0], "", f"{now:.3f}"),
        (_FAMILIES[2][0], uname, "1"),
    ]


def host_page(fleet: SimFleet, node_index: int, epoch_seconds: float) -> str:
    """The page; it knows nothing of the GPU exporter's troubles."""
    samples = host_samples(fleet, node_index, epoch_seconds)
    return "".join(
        f"# HELP {name} {text}\n# TYPE {name} gauge\n"
        f"{name}{f'{{{labels}}}' if labels else ''} {value}\n"
        for (name, text), (_, labels, value) in zip(_FAMILIES, samples, strict=True)
    )
