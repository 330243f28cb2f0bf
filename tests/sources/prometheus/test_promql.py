"""Strangers' texts inside a query match themselves and nothing else."""

import pytest

from gpuwatch.sources.prometheus.promql import any_of, selector
from tests.sources.conftest import MakeSite
from tests.sources.tape import LAST, Tape

STRANGE = ["a.b", ".*", 'x"} or vector(1) #', "back\\slash", "a|b", "$1", "new\nline"]


@pytest.fixture
def tape() -> Tape:
    made = Tape()
    for text in [*STRANGE, "aXb", "a", "b"]:
        made.add("something", 1, label=text)
    return made


def test_each_strange_text_selects_its_own_series(site: MakeSite, tape: Tape) -> None:
    client = site(tape).client
    for text in STRANGE:
        query = selector("something", label=any_of([text]))
        found = [labels["label"] for labels, _ in client.query(query, LAST)]
        assert found == [text]


def test_many_texts_select_just_these(site: MakeSite, tape: Tape) -> None:
    query = selector("something", label=any_of(STRANGE[:3]))
    found = [labels["label"] for labels, _ in site(tape).client.query(query, LAST)]
    assert sorted(found) == sorted(STRANGE[:3])
