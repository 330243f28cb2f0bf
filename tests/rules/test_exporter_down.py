import pytest

from gpuwatch.rules.exporter_down import ExporterDown
from tests.rules.builders import finding, fleet_of, judge, levels, marks, window_of


@pytest.mark.parametrize(
    ("exporter", "node_exporter", "age", "mark"),
    [
        ("1", "1", "0", "."),
        ("1", "_", "0", "."),
        ("1", "0", "0", "."),
        ("1", "1", "_", "F"),
        ("1", "_", "_", "F"),
        ("0", "1", "_", "F"),
        ("0", "0", "_", "?"),
        ("0", "_", "_", "?"),
        ("_", "1", "_", "F"),
        ("_", "0", "_", "?"),
        ("_", "_", "_", "?"),
    ],
)
def test_who_answers(exporter: str, node_exporter: str, age: str, mark: str) -> None:
    window = window_of(
        fleet_of(nodes=2, gpus=1),
        node={
            "exporter_up": f"{exporter} 1",
            "node_exporter_up": f"{node_exporter} 1",
        },
        sample_age_seconds=f"{age} 0",
    )
    assert levels(ExporterDown, judge(ExporterDown, window)) == mark.replace(
        "F", "W"
    ) + (".")


def test_a_node_with_one_gpu_left_still_answers() -> None:
    window = window_of(
        fleet_of(gpus=2), node={"exporter_up": "1"}, sample_age_seconds="_ 0"
    )
    assert marks(judge(ExporterDown, window)) == "."


def test_without_up_the_readings_are_the_answer() -> None:
    window = window_of(
        fleet_of(nodes=2),
        node={"node_exporter_up": "1 1"},
        power_watts="90 _",
        sample_age_seconds="0 _",
    )
    assert marks(judge(ExporterDown, window)) == ".F"


def test_when_nothing_is_heard_anywhere_nobody_is_blamed() -> None:
    window = window_of(
        fleet_of(nodes=2), node={"node_exporter_up": "1 1"}, sample_age_seconds="_"
    )
    assert marks(judge(ExporterDown, window)) == "??"


@pytest.mark.parametrize(("seconds", "mark"), [("599", "?"), ("600", "F"), ("_", "F")])
def test_grace_after_a_boot(seconds: str, mark: str) -> None:
    window = window_of(
        fleet_of(),
        node={"exporter_up": "0", "node_exporter_up": "1"},
        sample_age_seconds="_",
        booted_seconds_ago=seconds,
    )
    assert marks(judge(ExporterDown, window)) == mark


def test_a_node_whose_gpus_were_all_retired() -> None:
    fleet = fleet_of(gpus=2)
    fleet.retire(rows=[0, 1])
    window = window_of(
        fleet,
        node={"exporter_up": "0", "node_exporter_up": "1"},
        sample_age_seconds="_",
    )
    assert not judge(ExporterDown, window).firing.any()


@pytest.mark.parametrize(
    ("exporter", "summary", "action", "answers"),
    [
        ("0", "GPU exporter does not answer, node lives", "Read the log", 0.0),
        ("1", "GPU exporter answers but shows no GPU", "Look for XID 119", 1.0),
    ],
)
def test_words(exporter: str, summary: str, action: str, answers: float) -> None:
    rule = ExporterDown.configured({})
    window = window_of(
        fleet_of(gpus=4),
        node={"exporter_up": exporter, "node_exporter_up": "1"},
        sample_age_seconds="_",
    )
    found = finding(rule, judge(rule, window), window)
    assert found.evidence == {
        "exporter_answers": answers,
        "gpus_without_readings": 4.0,
    }
    words = rule.explain(found)
    assert words.summary == summary
    assert words.action.startswith(action)
