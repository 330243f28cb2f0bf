"""The cycle's own promises: requests, a broken store, a blind source."""

import pytest

from gpuwatch.cycle import Desk
from gpuwatch.model.request import Request, RequestKind


def asked(*ids: int) -> list[Request]:
    return [Request(RequestKind.ACK, 0.0, "ann", id=i) for i in ids]


def test_a_request_is_done_when_every_cluster_took_it_up() -> None:
    desk = Desk(["a", "b"])
    assert desk.taken("a", [1, 2]) == ()
    assert [r.id for r in desk.untaken("a", asked(1, 2, 3))] == [3]
    assert [r.id for r in desk.untaken("b", asked(1, 2, 3))] == [1, 2, 3]
    assert desk.taken("b", [2]) == (2,)
    assert desk.taken("b", [1]) == (1,)


@pytest.mark.parametrize("ids", [(), (5,)])
def test_one_cluster_needs_nobody_else(ids: tuple[int, ...]) -> None:
    assert Desk(["a"]).taken("a", ids) == ids
