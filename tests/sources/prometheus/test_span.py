"""History says what a live look at that time would have said, old samples absent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest

from gpuwatch.errors import SourceError
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.sources.prometheus.lift import lifted
from gpuwatch.testing import backfilled
from tests.sources.conftest import EVERYTHING, Site, opened
from tests.sources.refusing import Refusing
from tests.sources.tape import LAST, T0, Tape, stamps

POWER, TEMPERATURE = "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_GPU_TEMP"
REPLAYS = "DCGM_FI_DEV_PCIE_REPLAY_COUNTER"
STEPS = [5.0, 15.0, 30.0, 60.0]


@contextmanager
def served(tape: Tape, lookback: str | None = None, *flags: str) -> Iterator[Site]:
    with (
        backfilled(tape.text(), lookback=lookback, extra_flags=flags) as prometheus,
        opened(prometheus.url) as site,
    ):
        yield site


def column(snapshots: Sequence[Snapshot], metric: str) -> dict[float, float | None]:
    """The first GPU's values by seconds since the beginning, NaN as None."""
    found = {s.at - T0: float(s.column(metric)[0]) for s in snapshots if s.rows}
    return {at: None if np.isnan(value) else value for at, value in found.items()}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("lookback", [None, "45s"])
def test_a_gpu_whose_samples_are_old_is_absent_at_any_step(
    step: float, lookback: str | None
) -> None:
    """Collected and scraped every 30 s until second 120, then never again."""
    tape = Tape()
    tape.gpu("a", 0, None, stamps(T0, T0 + 120, 30))
    tape.gpu("a", 1, None, stamps(T0, LAST, 30))
    longest = 45.0 if lookback else 90.0
    with served(tape, lookback) as site:
        past = site.history(T0, LAST, step)
    present = {seen.at - T0: bool(seen.present[0]) for seen in past}
    assert present == {at: at <= 120 + longest for at in present}
    assert len(present) == 300 / step + 1
    assert all(seen.present[1] for seen in past)


@pytest.mark.parametrize("step", STEPS)
def test_a_metric_that_ended_is_absent_although_its_gpu_lives(step: float) -> None:
    tape = Tape()
    tape.gpu("a", 0, {TEMPERATURE: 40.0})
    tape.gpu("a", 0, {POWER: 600.0, REPLAYS: 0.0}, stamps(T0, T0 + 120))
    with served(tape) as site:
        past = site.history(T0, LAST, step)
    assert all(seen.present[0] for seen in past)
    power = column(past, "power_watts")
    assert power == {at: 600.0 if at <= 210 else None for at in power}
    replays = column(past, "pcie_replays")
    assert replays == {at: 0.0 if at <= 210 else None for at in replays}


def test_zero_is_known_only_where_it_is_exported() -> None:
    tape = Tape()
    tape.gpu("a", 0, {TEMPERATURE: 40.0, REPLAYS: [0.0] * 10 + [7.0] * 11})
    tape.gpu("a", 1, {TEMPERATURE: 40.0})
    with served(tape) as site:
        past = site.history(T0, LAST, 30)
    seen = [s.column("pcie_replays").tolist() for s in past]
    assert [pair[0] for pair in seen] == [0.0] * 5 + [7.0] * 6
    assert all(np.isnan(pair[1]) for pair in seen)


def test_a_change_of_job_shows_the_new_series_alone() -> None:
    tape = Tape()
    for job, first, last, watts in (("1", 0, 135, 700.0), ("2", 150, 300, 300.0)):
        at = stamps(T0 + first, T0 + last)
        tape.gpu("a", 0, {TEMPERATURE: 40.0, POWER: watts}, at, hpc_job=job)
    with served(tape) as site:
        past = list(site.history(T0, LAST, 15))
    assert [seen.job(0) for seen in past] == ["1"] * 10 + ["2"] * 11
    assert [s.sampled_at[0] for s in past] == stamps()


def test_history_does_not_ask_for_timestamps_step_by_step() -> None:
    """They cost Prometheus twenty times what the values cost."""
    tape = Tape()
    for number in range(2):
        tape.gpu("a", number, {TEMPERATURE: 40.0, POWER: 600.0, REPLAYS: 0.0})
    with served(tape) as site:
        url = site.client.settings.addresses[0]
        with Refusing(url, "") as proxy, opened(proxy.url) as behind:
            list(behind.source.history(EVERYTHING, behind.fleet, T0, T0, 15))
            proxy.queries.clear()
            list(behind.source.history(EVERYTHING, behind.fleet, T0 + 15, LAST, 15))
            dear = [q for q in proxy.queries if "timestamp(" in q and "unless" not in q]
    assert dear == []


def values(past: Sequence[Snapshot]) -> list[tuple[float, list[float]]]:
    return [(seen.at, seen.column("power_watts").tolist()) for seen in past]


def test_what_is_too_much_for_the_server_is_asked_in_smaller_parts() -> None:
    tape = Tape()
    for number in range(4):
        watts = [600.0 + i for i in range(21)]
        tape.gpu("a", number, {TEMPERATURE: 40.0, POWER: watts})
    with served(tape) as site:
        whole = values(site.history(T0, LAST, 15))
    with served(tape, None, "--query.max-samples=60") as site:
        parts = list(site.history(T0, LAST, 15))
    assert values(parts) == whole
    assert {reason for seen in parts for reason in seen.unread.values()} == set()


def test_where_even_one_step_is_too_much_the_server_says_so() -> None:
    tape = Tape()
    for number in range(4):
        tape.gpu("a", number)
    said = pytest.raises(SourceError, match=r"HTTP 422: .*too many samples")
    with served(tape, None, "--query.max-samples=1") as site, said:
        site.history(T0, LAST, 15)


def test_before_the_first_gpu_history_is_empty_and_goes_on() -> None:
    tape = Tape()
    tape.gpu("a", 0, None, stamps(T0 + 150))
    tape.add("something", 1)
    with served(tape) as site:
        past = site.history(T0 - 600, LAST, 15)
    assert [seen.at for seen in past] == stamps(T0 - 600)
    assert [seen.rows for seen in past] == [0] * 50 + [1] * 11


BODY = b'{"data":{"result":[{"metric":{"a":"x"},"values":%b}]}}'


@pytest.mark.parametrize(
    ("values", "pairs"),
    [
        (b'[[1,"2"]]', [[1.0, 2.0]]),
        (b'[[1.5,"-2e+07"],[3,"+Inf"],[4,"-Inf"]]', [[1.5, -2e7], [3, np.inf],
         [4, -np.inf]]),
        (b'[[1,"NaN"]]', [[1.0, np.nan]]),
    ],
)  # fmt: skip
def test_samples_are_lifted(values: bytes, pairs: list[list[float]]) -> None:
    skeleton, (found,) = lifted(BODY % values)
    assert skeleton == BODY % b"0"
    np.testing.assert_array_equal(found, pairs)


@pytest.mark.parametrize(
    "values",
    [b"[]", b'[[1,"two"]]', b'[[1,"2"],[3]]', b'[[1,"2"]', b"[[1,null]]", b"[[]]"],
)
def test_what_looks_unusual_is_left_to_the_json_reader(values: bytes) -> None:
    assert lifted(BODY % values) == (BODY % values, [])


def test_a_label_that_looks_like_samples_is_none() -> None:
    body = rb'{"metric":{"a":"\"values\":[[1,2]]"},"values":[[1,"2"]]}'
    skeleton, found = lifted(body)
    assert skeleton == rb'{"metric":{"a":"\"values\":[[1,2]]"},"values":0}'
    assert len(found) == 1
