"""Who runs with whom: by labels, and by coming and going together."""

import numpy as np
import pytest

from gpuwatch.engine.company import Companions, company_of, with_inferred_jobs
from gpuwatch.model.bands import Bands
from gpuwatch.model.company import Company
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.snapshot import Snapshot
from tests.engine.walks import GPUS, Walk, at_last, groups
from tests.rules.builders import AT, H100, Written, fleet_of, window_of
from tests.rules.crews import several


def busy(fleet: Fleet, jobs: str = "", **readings: Written) -> Snapshot:
    metrics: dict[str, Written] = {"utilization_percent": "100", "power_watts": "600"}
    age = str(readings.pop("sample_age_seconds", "0"))
    return window_of(
        fleet, {**metrics, **readings}, jobs=jobs, sample_age_seconds=age
    ).now


def known(snapshot: Snapshot) -> Company:
    """By labels alone: no node is known to work with another."""
    return company_of(snapshot, Bands(np.full(len(snapshot.fleet.nodes), -1)))


def test_jobs_by_label() -> None:
    company = known(busy(fleet_of(2, 2), "4211 4212 4211 4212"))
    assert groups(company) == "abab"
    assert company.names == ("4211", "4212")
    assert company.source == "labels"


def test_who_has_no_job_is_alone() -> None:
    assert groups(known(busy(fleet_of(2, 2), "4211 4211 _ _"))) == "aa__"


def test_without_any_label_nobody_is_known() -> None:
    company = known(busy(fleet_of(2, 2)))
    assert (groups(company), company.names) == ("____", ())


def test_labelled_and_unlabelled_mixed() -> None:
    snapshot = busy(fleet_of(3, 2), "4211 _ _ _ _ _")
    company = company_of(snapshot, Bands(np.array([0, 0, -1]), (0,)))
    # the unlabelled ones of a band are no part of the labelled job
    assert groups(company) == "abbb__"
    assert company.names == ("4211", "(inferred) n0")
    assert company.inferred.tolist() == [False, True]


def test_models_are_compared_apart() -> None:
    fleet = fleet_of(1, 4, model=[H100, "NVIDIA A100-SXM4-80GB"] * 2)
    company = known(busy(fleet, "4211 4211 4211 4211"))
    assert groups(company) == "abab"
    assert company.names == ("4211", "4211")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (several((6, "600"), (6, "700")), "aaaaaabbbbbb"),
        # who is one of a few with its limit is held to the others
        (several((5, "600"), (7, "700")), "aaaaaaaaaaaa"),
        (several((1, "300"), (5, "600"), (6, "700")), "aaaaaaaaaaaa"),
        (several((6, "701"), (6, "709")), "aaaaaaaaaaaa"),
        (several((6, "_"), (6, "700")), "aaaaaaaaaaaa"),
        (several((6, "_"), (6, "600")), "aaaaaabbbbbb"),
        (several((4, "500"), (4, "600"), (4, "700")), "aaaaaaaaaaaa"),
    ],
)
def test_power_limits(limits: str, expected: str) -> None:
    snapshot = busy(fleet_of(1, 12), "4211 " * 12, power_limit_watts=limits)
    assert groups(known(snapshot)) == expected


def test_a_minority_stays_in_its_own_job() -> None:
    jobs = several((8, "4211"), (8, "4212"))
    limits = several((7, "600"), (1, "500"), (1, "500"), (7, "700"))
    snapshot = busy(fleet_of(2, 8), jobs, power_limit_watts=limits)
    assert groups(known(snapshot)) == "a" * 8 + "b" * 8


def test_absent_ones_do_not_lead_a_minority_away() -> None:
    # sixteen of the job answer not, and their limit is taken to be 700 W
    snapshot = busy(
        fleet_of(3, 8),
        "4211 " * 24,
        power_limit_watts=several((7, "600"), (1, "500"), (16, "_")),
        sample_age_seconds=several((8, "0"), (16, "_")),
    )
    assert groups(known(snapshot)) == "a" * 8 + "_" * 16


def test_absent_rows_are_in_no_group() -> None:
    snapshot = busy(fleet_of(1, 4), "4211 " * 4, sample_age_seconds="0 _ 0 0")
    assert groups(known(snapshot)) == "a_aa"


def test_mig_instances_are_alone() -> None:
    snapshot = busy(fleet_of(1, 2, mig="1"), "4211 4211")
    assert groups(known(snapshot)) == "__"


def test_retired_ones_are_alone() -> None:
    fleet = fleet_of(2, 2)
    fleet.retire(rows=[0], nodes=["n1"])
    assert groups(known(busy(fleet, "4211 " * 4))) == "_a__"


# By coming and going together

WORKS = "#" * 40


def test_who_starts_together_runs_together() -> None:
    companies = Walk(["..###", "..###", "....."]).companies()
    assert [groups(company, GPUS) for company in companies] == [
        "___", "___", "aa_", "aa_", "aa_",
    ]  # fmt: skip
    assert companies[-1].names == ("(inferred) n0",)
    assert companies[-1].source == "co-movement"


@pytest.mark.parametrize(
    ("late", "expected"), [("....######", "aaa"), (".....#####", "aab")]
)
def test_a_start_more_than_a_minute_later_is_another_job(
    late: str, expected: str
) -> None:
    assert at_last(Walk(["#" * 10, "#" * 10, late])) == expected


def test_two_jobs_are_told_apart_once_their_checkpoints_differ() -> None:
    first = "#" * 10 + ".." + "#" * 28
    other = "#" * 30 + ".." + "#" * 8
    told = [groups(c, GPUS) for c in Walk([first] * 2 + [other] * 2).companies()]
    assert told[9] == "aaaa"
    assert told[10] == "__aa"
    assert told[12] == "aabb"
    assert told[39] == "aabb"


def test_a_job_comes_back_from_its_checkpoint_as_one() -> None:
    lines = ["####..######", "####...#####", "####....####", "####....####"]
    assert at_last(Walk(lines)) == "aaaa"


@pytest.mark.parametrize(
    ("idle", "expected"), [(2, "aaaa"), (12, "aaaa"), (13, "abbb")]
)
def test_a_break_of_one_node_alone_up_to_three_minutes(
    idle: int, expected: str
) -> None:
    alone = ("#" * 10 + "." * idle).ljust(40, "#")
    assert at_last(Walk([alone, WORKS, WORKS, WORKS])) == expected


@pytest.mark.parametrize(
    ("nodes", "left", "expected"),
    [
        # of a job of two, one is few
        (2, 1, "aa"),
        (10, 1, "a" * 10),
        # two of ten are a fifth: another job
        (10, 2, "aabbbbbbbb"),
        (20, 3, "a" * 20),
        (20, 4, "aaaa" + "b" * 16),
    ],
)
def test_how_many_must_leave_together(nodes: int, left: int, expected: str) -> None:
    paused = ("#" * 6 + "..").ljust(14, "#")
    lines = [paused] * left + ["#" * 14] * (nodes - left)
    assert at_last(Walk(lines)) == expected


@pytest.mark.parametrize("blank", [1, 4, 20])
def test_a_scrape_gap_changes_nothing(blank: int) -> None:
    gap = ("#" * 6 + " " * blank).ljust(40, "#")
    told = [groups(c, GPUS) for c in Walk([gap, gap, WORKS, WORKS]).companies()]
    assert told[5] == told[39] == "aaaa"
    assert told[6] == "__aa"


def test_a_gap_may_hide_the_checkpoint_that_the_others_took() -> None:
    hidden = "####..".ljust(24, "#") + "  ######"
    seen = "####..".ljust(24, "#") + "..######"
    assert at_last(Walk([hidden, *[seen] * 3, *["#" * 32] * 4])) == "aaaabbbb"


def test_a_gap_hides_no_break_that_half_of_the_others_did_not_take() -> None:
    hidden, seen, worked = "##########  ########", "##########..########", "#" * 20
    assert at_last(Walk([hidden, seen, seen, worked])) == "abba"


def test_a_gap_of_everybody_changes_nothing() -> None:
    first = "#" * 4 + ".." + "#" * 4 + " " * 30 + "#" * 2
    other = "#" * 10 + " " * 30 + "#" * 2
    assert at_last(Walk([first] * 2 + [other] * 2)) == "aabb"


@pytest.mark.parametrize(
    ("clock", "power", "expected"),
    [
        # clocks that differ by 5 %, powers by 10 %
        ("2000 2000 1910 1910", "600", "aaaa"),
        ("2000 2000 1890 1890", "600", "aabb"),
        ("2000", "600 600 550 550", "aaaa"),
        ("2000", "600 600 540 540", "aabb"),
        ("2000 2000 1890 1890", "600 540 600 540", "aabb"),
        # a lone odd node may be the one that is at fault
        ("1000 2000 2000 2000", "600", "aaaa"),
        ("2000", "300 600 600 600", "aaaa"),
    ],
)
def test_kinds_of_work(clock: str, power: str, expected: str) -> None:
    # at work for 60 s, and judged by what they were like then
    told = Walk(["#####"] * 4, clock, power).companies()
    assert groups(told[3], GPUS) == "aaaa"
    assert groups(told[4], GPUS) == expected


def test_kinds_of_one_start_bear_one_name() -> None:
    walk = Walk(["#####"] * 4, "2000 2000 1500 1500")
    assert walk.companies()[-1].names == ("(inferred) n0", "(inferred) n0")


def test_two_that_slow_down_later_are_not_split_off() -> None:
    slower = "2000 2000 1000 1000"
    assert at_last(Walk([WORKS] * 4, later=slower, later_from=10)) == "aaaa"


@pytest.mark.parametrize(("idle", "expected"), [(40, "aabb"), (41, "aaaa")])
def test_what_it_was_like_is_forgotten_after_ten_minutes(
    idle: int, expected: str
) -> None:
    line = "#" * 10 + "." * idle + "#" * 10
    split = "2000 2000 1500 1500"
    assert at_last(Walk([line] * 4, split, later="2000", later_from=10)) == expected


@pytest.mark.parametrize("restart_at", [3, 8, 11, 12, 20])
def test_a_restart_forgets_nobody(restart_at: int) -> None:
    first = "#" * 10 + ".." + "#" * 18
    lines = [first, first, "#" * 30, "#" * 30]
    assert at_last(Walk(lines, restart_at=restart_at)) == "aabb"


@pytest.mark.parametrize(("at_work", "expected"), [(3, "_"), (4, "a")])
def test_half_of_a_node_at_work_is_a_node_at_work(at_work: int, expected: str) -> None:
    rest = 8 - at_work
    snapshot = busy(
        fleet_of(1, 8),
        utilization_percent=several((at_work, "100"), (rest, "0")),
        power_watts=several((at_work, "600"), (rest, "80")),
    )
    assert groups(Companions({}).after(snapshot).company) == expected * 8


def test_a_node_that_comes_later_finds_its_place() -> None:
    companions = Companions({}).after(busy(fleet_of(2, 2)))
    assert groups(companions.after(busy(fleet_of(3, 2))).company) == "aaaaaa"


def test_what_was_is_not_changed_by_what_follows() -> None:
    before = Companions({}).after(busy(fleet_of(2, 2)))
    idle = window_of(
        fleet_of(2, 2), at=AT + 15, utilization_percent="0", power_watts="80"
    ).now
    before.after(idle)
    assert groups(before.after(busy(fleet_of(2, 2))).company) == "aaaa"


# Jobs that were guessed


def test_guessed_jobs_are_added_to_the_known_ones() -> None:
    snapshot = busy(fleet_of(3, 2), "4211 _ _ _ _ _")
    company = company_of(snapshot, Bands(np.array([0, 0, -1]), (0,)))
    told = with_inferred_jobs(snapshot, company)
    assert told.jobs == ("4211", "(inferred) n0")
    assert [told.job(row) for row in range(6)] == [
        "4211", "(inferred) n0", "(inferred) n0", "(inferred) n0", "", "",
    ]  # fmt: skip


def test_stages_of_a_guessed_job_are_one_job() -> None:
    snapshot = busy(fleet_of(4, 2))
    company = company_of(snapshot, Bands(np.array([0, 0, 1, 1]), (0, 0)))
    told = with_inferred_jobs(snapshot, company)
    assert (told.jobs, told.job_source) == (("(inferred) n0",), "co-movement")
    assert {told.job(row) for row in range(8)} == {"(inferred) n0"}


def test_with_labels_alone_nothing_is_added() -> None:
    snapshot = busy(fleet_of(2, 2), "4211 " * 4)
    assert with_inferred_jobs(snapshot, known(snapshot)) is snapshot
