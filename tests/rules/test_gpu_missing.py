import pytest

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.severity import Severity
from gpuwatch.model.verdict import Finding
from gpuwatch.rules.gpu_missing import GpuMissing
from tests.rules.builders import finding, fleet_of, judge, levels, marks, window_of

UP = {"exporter_up": "1"}


@pytest.mark.parametrize(
    ("ages", "node", "power", "expected"),
    [
        ("0 0 0", {"exporter_up": "1"}, "_", "..."),
        ("0 _ 0", {"exporter_up": "1"}, "_", ".F."),
        ("_ _ 0", {"exporter_up": "1"}, "_", "FF."),
        ("_ _ _", {"exporter_up": "1"}, "_", "???"),
        ("_ _ _", {"exporter_up": "0"}, "_", "???"),
        ("0 _ 0", {}, "90 _ 90", ".F."),
        ("0 _ 0", {"exporter_up": "_"}, "90 _ 90", ".F."),
        ("0 _ 0", {"exporter_up": "0"}, "_", "???"),
        ("0 _ 0", {}, "_", "???"),
    ],
)
def test_gone_while_others_are_there(
    ages: str, node: dict[str, str], power: str, expected: str
) -> None:
    window = window_of(
        fleet_of(gpus=3), sample_age_seconds=ages, node=node, power_watts=power
    )
    assert marks(judge(GpuMissing, window)) == expected


def test_another_node_proves_nothing() -> None:
    window = window_of(
        fleet_of(nodes=2, gpus=2),
        sample_age_seconds="_ _ 0 _",
        node={"exporter_up": "1 1"},
    )
    assert levels(GpuMissing, judge(GpuMissing, window)) == "??.C"


def with_card(uuid: str, index: int | None, mig: str = "", node: str = "n0") -> Fleet:
    fleet = fleet_of(gpus=2)
    fleet.add(Gpu(node, uuid, mig, index))
    return fleet


@pytest.mark.parametrize(
    ("fleet", "ages", "expected"),
    [
        (with_card("GPU-new", 1), "0 _ 0", ".?."),
        (with_card("GPU-new", 2), "0 _ 0", ".F."),
        (with_card("GPU-new", None), "0 _ 0", ".F."),
        (with_card("GPU-new", 1), "0 _ _", ".FF"),
        (with_card("GPU-0-1", 1, mig="3"), "0 _ 0", ".?."),
        (with_card("GPU-new", 1, node="n1"), "0 _ 0", ".F."),
    ],
)
def test_a_new_card_in_the_slot_is_a_replacement(
    fleet: Fleet, ages: str, expected: str
) -> None:
    node = {"exporter_up": " ".join("1" for _ in fleet.nodes)}
    window = window_of(fleet, sample_age_seconds=ages, node=node)
    assert marks(judge(GpuMissing, window)) == expected


def test_a_retired_gpu_is_not_missing() -> None:
    fleet = fleet_of(gpus=3)
    fleet.retire(rows=[1])
    window = window_of(fleet, sample_age_seconds="0 _ 0", node=UP)
    assert marks(judge(GpuMissing, window)) == ".?."
    fleet.retire(nodes=["n0"])
    assert marks(judge(GpuMissing, window)) == "???"


@pytest.mark.parametrize(
    ("ages", "missing", "mark"),
    [
        ("0 0 0 0", 0.0, "."),
        ("0 _ 0 0", 1.0, "F"),
        ("0 _ _ _", 3.0, "F"),
        ("_ _ _ _", 4.0, "?"),
    ],
)
def test_an_expected_number_is_counted_by_node(
    ages: str, missing: float, mark: str
) -> None:
    rule = GpuMissing.configured({"expected_gpus": 4})
    verdicts = judge(
        rule, window_of(fleet_of(gpus=4), sample_age_seconds=ages, node=UP)
    )
    assert marks(verdicts) == mark
    assert verdicts.evidence["missing_gpus"].tolist() == [missing]
    assert verdicts.subjects is not None
    assert [subject.key for subject in verdicts.subjects] == ["train|n0||||"]


def test_a_gpu_that_was_never_seen_is_missed_only_where_a_number_is_expected() -> None:
    window = window_of(fleet_of(gpus=7), node=UP)
    assert marks(judge(GpuMissing, window)) == "......."
    rule = GpuMissing.configured({"expected_gpus": 8})
    assert levels(rule, judge(rule, window)) == "C"
    assert marks(judge(GpuMissing.configured({"expected_gpus": 7}), window)) == "."


def test_mig_instances_of_one_board_count_once() -> None:
    fleet = Fleet("train", [Gpu("n0", "GPU-a", mig, 0) for mig in "123"], ["n0"])
    rule = GpuMissing.configured({"expected_gpus": 2})
    verdicts = judge(rule, window_of(fleet, node=UP))
    assert verdicts.evidence["missing_gpus"].tolist() == [1.0]


@pytest.mark.parametrize(("seconds", "mark"), [("599", "?"), ("600", "F"), ("_", "F")])
def test_an_expected_number_waits_for_the_boot(seconds: str, mark: str) -> None:
    rule = GpuMissing.configured({"expected_gpus": 8})
    window = window_of(fleet_of(gpus=7), node=UP, booted_seconds_ago=seconds)
    assert marks(judge(rule, window)) == mark


def test_a_retired_node_misses_nothing() -> None:
    fleet = fleet_of(gpus=7)
    fleet.retire(nodes=["n0"])
    rule = GpuMissing.configured({"expected_gpus": 8})
    assert marks(judge(rule, window_of(fleet, node=UP))) == "?"


def test_three_polls_and_half_a_minute_outlast_a_hot_reload() -> None:
    assert GpuMissing.samples == (3, 3)
    assert GpuMissing.configured({}).params.hold == 30.0


def test_words_for_one() -> None:
    rule = GpuMissing.configured({})
    window = window_of(fleet_of(gpus=3), sample_age_seconds="0 _ 0", node=UP)
    found = finding(rule, judge(rule, window), window, 1)
    assert found.evidence == {"gpus_present_on_node": 2.0, "gpus_known_on_node": 3.0}
    assert rule.explain(found).summary == "GPU is missing"


def test_words_for_several() -> None:
    gpus = tuple(fleet_of(gpus=2).gpus)
    found = Finding(fleet_of().subject(0), Severity.CRITICAL, {}, members=gpus)
    assert GpuMissing.configured({}).explain(found).summary == "2 GPUs missing"


def test_words_for_a_node_name_the_lost_slot() -> None:
    rule = GpuMissing.configured({"expected_gpus": 4})
    window = window_of(fleet_of(gpus=3), sample_age_seconds="0 _ 0", node=UP)
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == "2 GPUs missing"
    assert words.action.startswith("Last seen there: GPU 1 (GPU-0-1). Look for an XID")
