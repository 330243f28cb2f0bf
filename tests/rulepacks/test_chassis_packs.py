"""The packs ipmi and redfish: one fault a rule, on a node of its own."""

from tests.rulepacks.nodes import COUNT, NODES, Nodes, told
from tests.sources.conftest import MakeSite

INLET = {"id": "1", "name": "Inlet Temp"}


def ipmi(*, faulty: bool) -> Nodes:
    nodes = Nodes()

    def at(**bad: float) -> dict[str, float]:
        return bad if faulty else {}

    off = {"n09": 0.0}  # switched off: all its fans stand
    for number in range(6):
        fan = {"id": f"{number}", "name": f"FAN{number}"}
        mine = number == 2
        speed = at(n01=0, n02=3000, n11=6000) if mine else {}
        nodes.put(
            "ipmi_fan_speed_rpm", 9000 + 100 * number, {**speed, **off}, labels=fan
        )
        state = at(n03=2, n11=1) if mine else {}
        nodes.put("ipmi_fan_speed_state", 0, {**state, "n09": 2}, labels=fan)
    # an empty bay reads 0 on every node
    empty = {"id": "99", "name": "FAN9"}
    nodes.put("ipmi_fan_speed_rpm", 0, labels=empty)
    nodes.put("ipmi_fan_speed_state", float("nan"), labels=empty)
    supply = {"id": "7", "name": "PS1 Status", "type": "Power Supply"}
    nodes.put("ipmi_sensor_state", 0, at(n04=2, n11=1), labels=supply)
    other = {"id": "8", "name": "Chassis Intrusion", "type": "Physical Security"}
    nodes.put("ipmi_sensor_state", 0, at(n10=2), labels=other)
    nodes.put(
        "ipmi_temperature_celsius", 24, at(n05=36, n06=34.5, n11=33), labels=INLET
    )
    outlet = {"id": "2", "name": "Exhaust Temp"}
    nodes.put("ipmi_temperature_celsius", 60, labels=outlet)
    nodes.put("ipmi_up", 1, at(n07=0), labels={"collector": "ipmi"})
    nodes.put("ipmi_up", 1, at(n08=0), labels={"collector": "sel"})
    return nodes


def test_ipmi(site: MakeSite) -> None:
    found = told(site, ipmi(faulty=True), "ipmi")
    stopped, slow = found.pop("ipmi_fan_stopped"), found.pop("ipmi_fan_slow")
    assert stopped is not None
    assert stopped.keys() == {"n01", "n03"}
    assert slow is not None
    assert slow.keys() == {"n02"}
    assert 30 < slow["n02"] < 36
    assert found == {
        "ipmi_psu_failed": {"n04": 2.0},
        "ipmi_inlet_hot": {"n05": 36.0},
        "ipmi_inlet_above_others": {"n05": 12.0, "n06": 10.5},
        "ipmi_silent": {"n07": 0.0},
    }


def test_sound_fans_supplies_and_air_are_silent(site: MakeSite) -> None:
    found = told(site, ipmi(faulty=False), "ipmi")
    assert set(map(str, found.values())) == {"{}"}


def test_a_hot_room_is_no_odd_node(site: MakeSite) -> None:
    nodes = Nodes()
    nodes.put("ipmi_temperature_celsius", 34, labels=INLET)
    found = told(site, nodes, "ipmi")
    assert (found["ipmi_inlet_hot"], found["ipmi_inlet_above_others"]) == ({}, {})


def test_sensors_and_limit_can_be_set(site: MakeSite) -> None:
    nodes = Nodes()
    nodes.put(
        "ipmi_temperature_celsius",
        24,
        {"n01": 31},
        labels={"id": "1", "name": "Zuluft"},
    )
    values = {"inlet_sensors": "Zuluft", "inlet_celsius": "30"}
    assert told(site, nodes, "ipmi", **values)["ipmi_inlet_hot"] == {"n01": 31.0}
    assert told(site, nodes, "ipmi")["ipmi_inlet_hot"] is None


def test_fans_of_a_few_nodes_have_only_their_own_past(site: MakeSite) -> None:
    nodes = Nodes()
    few = NODES[:3]
    assert len(few) < COUNT
    for number in range(4):
        bad = {"n01": 0.0} if number == 1 else {}
        labels = {"id": str(number), "name": f"FAN{number}"}
        nodes.put("ipmi_fan_speed_rpm", 9000, bad, only=few, labels=labels)
        nodes.put("ipmi_fan_speed_state", 0, only=few, labels=labels)
    found = told(site, nodes, "ipmi")
    assert found["ipmi_fan_stopped"] == {"n01": 0.0}
    assert found["ipmi_fan_slow"] == {}


def redfish(*, faulty: bool) -> Nodes:
    nodes = Nodes()

    def at(**bad: float) -> dict[str, float]:
        return bad if faulty else {}

    fan = {"chassis_id": "1", "fan": "Fan 3", "fan_id": "3"}
    nodes.put("redfish_chassis_fan_health", 1, at(n01=3, n02=3, n11=2), labels=fan)
    nodes.put("redfish_chassis_fan_state", 1, at(n02=7), labels=fan)
    supply = {"chassis_id": "1", "power_supply": "PSU 2", "power_supply_id": "2"}
    name = "redfish_chassis_power_powersupply_"
    nodes.put(f"{name}health", 1, at(n03=3, n04=3, n11=2), labels=supply)
    nodes.put(f"{name}state", 1, at(n04=7), labels=supply)
    sensor = {"chassis_id": "1", "sensor": "System Board Inlet Temp", "sensor_id": "5"}
    nodes.put(
        "redfish_chassis_temperature_celsius", 24, at(n05=36, n11=35), labels=sensor
    )
    nodes.put("redfish_up", 1, at(n06=0))
    return nodes


def test_redfish(site: MakeSite) -> None:
    assert told(site, redfish(faulty=True), "redfish") == {
        "redfish_fan_failed": {"n01": 3.0},
        "redfish_psu_failed": {"n03": 3.0},
        "redfish_inlet_hot": {"n05": 36.0},
        "redfish_silent": {"n06": 0.0},
    }


def test_sound_redfish_is_silent(site: MakeSite) -> None:
    found = told(site, redfish(faulty=False), "redfish")
    assert set(map(str, found.values())) == {"{}"}
