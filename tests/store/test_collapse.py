"""Which queued card edits are still worth sending."""

import pytest

from gpuwatch.model.message import Reason
from gpuwatch.model.severity import Severity
from gpuwatch.store.collapse import collapse
from tests.store.builders import card, note, parcel

FIRST, WORSE, UPDATE = Reason.FIRST, Reason.WORSE, Reason.UPDATE
REMINDER, RESOLVED, REOPENED = Reason.REMINDER, Reason.RESOLVED, Reason.REOPENED


def test_an_unsent_first_card_says_what_the_newest_edit_would() -> None:
    found = collapse(
        [
            parcel(1, card("m1", FIRST, mention=True)),
            parcel(2, note("n1")),
            parcel(3, card("m2", UPDATE)),
            parcel(4, card("m3", UPDATE)),
        ]
    )
    assert found is not None
    message = found.parcel.message
    assert (found.parcel.id, message.id, message.reason) == (1, "m1", FIRST)
    assert message.text == "text of m3"
    assert message.card is not None
    assert message.card.headline == "headline of m3"
    assert message.mention is True
    assert found.superseded == (3, 4)


def test_a_mention_that_came_later_is_kept() -> None:
    found = collapse(
        [
            parcel(1, card("m1", FIRST)),
            parcel(2, card("m2", WORSE, mention=True, severity=Severity.CRITICAL)),
            parcel(3, card("m3", UPDATE)),
        ]
    )
    assert found is not None
    assert found.parcel.message.mention is True
    assert found.parcel.message.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    "queue",
    [
        [],
        [parcel(1, card("m1", FIRST))],
        [parcel(1, note("n1")), parcel(2, note("n2"))],
        [parcel(1, card("m1", FIRST)), parcel(2, note("n1"))],
        [parcel(1, card("m1", FIRST), "sending"), parcel(2, card("m2"))],
    ],
    ids=["none", "one", "notes", "card and note", "under way and edit"],
)
def test_nothing_to_collapse(queue: list[object]) -> None:
    assert collapse(queue) is None  # type: ignore[arg-type]


def test_what_is_under_way_stays_as_it_is() -> None:
    found = collapse(
        [
            parcel(1, card("m1", FIRST, mention=True), "sending"),
            parcel(2, card("m2")),
            parcel(3, card("m3")),
        ]
    )
    assert found is not None
    assert (found.parcel.id, found.superseded) == (2, (3,))
    assert found.parcel.message.mention is False
    assert found.parcel.message.reason is UPDATE


@pytest.mark.parametrize(
    ("reasons", "kept"),
    [
        ([WORSE, UPDATE], WORSE),
        ([WORSE, REMINDER], WORSE),
        ([WORSE, RESOLVED], RESOLVED),
        ([RESOLVED, REOPENED, UPDATE], REOPENED),
        ([UPDATE, REMINDER], REMINDER),
        ([FIRST, RESOLVED], FIRST),
    ],
)
def test_the_reason_that_speaks_is_kept(reasons: list[Reason], kept: Reason) -> None:
    queue = [parcel(n, card(f"m{n}", reason)) for n, reason in enumerate(reasons)]
    found = collapse(queue)
    assert found is not None
    assert found.parcel.message.reason is kept
