"""The hard-evidence rules in the real engine: one cause, one incident."""

from gpuwatch.model.condition import Ending
from gpuwatch.model.incident import Incident
from gpuwatch.model.severity import Scope, Severity
from gpuwatch.rules.exporter_down import ExporterDown
from gpuwatch.rules.gpu_missing import GpuMissing
from gpuwatch.rules.node_silent import NodeSilent
from gpuwatch.rules.telemetry_frozen import TelemetryFrozen
from gpuwatch.rules.xid import Xid
from tests.engine.toys import Site

RULES = (Xid, GpuMissing, NodeSilent, ExporterDown, TelemetryFrozen)


def site(nodes: int = 6) -> Site:
    made = Site(nodes=nodes, rules=RULES)
    made.poll(4)
    return made


def incidents(of: Site) -> list[Incident]:
    return list(of.engine.incidents)


def test_a_healthy_site_says_nothing() -> None:
    quiet = site()
    assert quiet.poll(60) == []
    assert incidents(quiet) == []


def test_a_fatal_code_and_the_gpu_that_is_gone_are_one_incident() -> None:
    one = site()
    row = one.row(2, 3)
    one.lost.add(row)
    for _ in range(12):
        one.xids = [(row, 79)]
        one.poll()
    (found,) = incidents(one)
    assert found.lead == "xid"
    assert found.rules == ("xid", "gpu_missing")
    assert found.severity is Severity.CRITICAL
    assert found.summary == "XID 79: GPU has fallen off the bus"
    assert not found.arrival


def test_a_gpu_that_vanishes_without_a_word() -> None:
    one = site()
    one.lost.add(one.row(2, 3))
    one.poll(2)
    assert incidents(one) == []
    one.poll(1)
    (found,) = incidents(one)
    assert (found.lead, found.scope) == ("gpu_missing", Scope.GPU)
    one.lost.clear()
    one.poll(30)
    (found,) = incidents(one)
    assert found.ending is Ending.RECOVERED


def test_a_silent_node_is_one_incident_after_five_minutes() -> None:
    one = site()
    one.down.add(2)
    one.poll(20)
    assert incidents(one) == []
    one.poll(10)
    (found,) = incidents(one)
    assert (found.lead, found.scope, found.nodes) == (
        "node_silent",
        Scope.NODE,
        ("n2",),
    )


def test_an_xid_in_the_minutes_before_owns_the_silence() -> None:
    one = site()
    one.xids = [(one.row(2, 3), 79)]
    one.poll()
    one.down.add(2)
    one.poll(30)
    (found,) = incidents(one)
    assert found.rules == ("xid", "node_silent")


def test_application_codes_expire_and_never_speak() -> None:
    one = site()
    for _ in range(4):
        one.xids = [(one.row(1, 0), 31)]
        assert one.poll() == []
    assert one.poll(130) == []
    (found,) = incidents(one)
    assert found.severity is Severity.INFO
    assert found.ending is Ending.EXPIRED
