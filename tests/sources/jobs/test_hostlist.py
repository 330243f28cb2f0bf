import tracemalloc

import pytest

from gpuwatch.sources.jobs.hostlist import HostlistError, expanded


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", []),
        ("login1", ["login1"]),
        ("node[1-3]", ["node1", "node2", "node3"]),
        ("node[08-11]", ["node08", "node09", "node10", "node11"]),
        ("node[01-02,5],x, y.z", ["node01", "node02", "node5", "x", "y.z"]),
        ("r[1-2]n[1-2]-ib", ["r1n1-ib", "r1n2-ib", "r2n1-ib", "r2n2-ib"]),
        ("n[7]", ["n7"]),
    ],
)
def test_expands(text: str, hosts: list[str]) -> None:
    assert expanded(text) == hosts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("n[1-3", "lacks a closing bracket"),
        ("n1-3]", "a bracket too many"),
        ("n[[1-3]]", "a bracket too many"),
        ("n[3-1]", "'3-1', which is no range"),
        ("n[a-b]", "'a-b', which is no range"),
        ("n[]", "'', which is no range"),
        ("n[1-2-3]", "no range"),
        ("n[\u0661-\u0663]", "no range"),
        ("two words", "is no host name"),
        ("x" * 5_000_000, "too long"),
    ],
)
def test_what_is_no_list_is_refused(text: str, said: str) -> None:
    with pytest.raises(HostlistError, match=said) as caught:
        expanded(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text", ["n[1-99999999]", "n[1-999]x[1-999]", "n[1-90000],m[1-90000]"]
)
def test_a_hostile_list_is_refused_before_it_eats_memory(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(HostlistError, match="100000 at most"):
            expanded(text)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
