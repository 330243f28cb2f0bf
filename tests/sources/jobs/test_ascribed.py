"""Who gets which GPU of a node."""

import pytest

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.jobs.ascribed import ascribed
from gpuwatch.sources.jobs.finder import NodeIndex
from gpuwatch.sources.jobs.roster import Claim, Roster


def gpus(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


def shared(
    *claims: Claim, nodes: tuple[str, ...] = ("n1", "n2"), per_node: int = 4,
    numbered: bool = True, mig: str = "", naming: Naming | None = None,
) -> str:  # fmt: skip
    """A letter a GPU, node by node: the last letter of its job, `.` = none."""
    fleet = Fleet("c", nodes=list(nodes))
    for node in nodes:
        for slot in range(per_node):
            number = slot if numbered else None
            fleet.add(Gpu(node, f"{node}-{slot}", mig, number))
    index = NodeIndex(fleet, naming or Naming())
    found = ascribed(Roster(claims), fleet, len(fleet), index)
    marks = ["." if n < 0 else found.jobs[n][-1] for n in found.job_of.tolist()]
    text = "".join(marks)
    step = per_node
    return " ".join(text[i : i + step] for i in range(0, len(text), step))


@pytest.mark.parametrize(
    ("claims", "seen"),
    [
        pytest.param([], ".... ....", id="nobody"),
        pytest.param([Claim("a", "n2")], ".... aaaa", id="whole node"),
        pytest.param(
            [Claim("a", "n1", gpus(0, 1), 2), Claim("b", "n1", gpus(3), 1)],
            "aa.b ....",
            id="by number",
        ),
        pytest.param(
            [Claim("a", "n1", gpus(0, 1), 2), Claim("b", "n1")],
            "aa.. ....",
            id="a job without GPUs beside one with",
        ),
        pytest.param(
            [Claim("a", "n1", gpus(0), 1), Claim("b", "n1", None, 3)],
            "abbb ....",
            id="the rest to the one whose GPUs were not named",
        ),
        pytest.param(
            [Claim("a", "n1", None, 2), Claim("b", "n1", None, 2)],
            ".... ....",
            id="two that might",
        ),
        pytest.param([Claim("a", "n1"), Claim("b", "n1")], ".... ....", id="unclear"),
        pytest.param(
            [Claim("a", "n1", None, 4), Claim("b", "n1")], "aaaa ....", id="GPUs win"
        ),
        pytest.param([Claim("a", "n1", None, 0)], ".... ....", id="holds no GPU"),
        pytest.param([Claim("a", "n1"), Claim("a", "n1")], "aaaa ....", id="twice"),
        pytest.param(
            [Claim("a", "n1", gpus(0, 9), 2)], "a... ....", id="a number nobody has"
        ),
        pytest.param([Claim("a", "elsewhere")], ".... ....", id="a stranger"),
    ],
)
def test_a_node_is_shared_out(claims: list[Claim], seen: str) -> None:
    assert shared(*claims) == seen


def test_numbers_say_nothing_where_gpus_have_none() -> None:
    one = Claim("a", "n1", gpus(0, 1), 2)
    two = Claim("b", "n1", gpus(2), 1)
    assert shared(one, numbered=False) == "aaaa ...."
    assert shared(one, two, numbered=False) == ".... ...."
    assert shared(one, two, mig="1") == ".... ...."


@pytest.mark.parametrize(
    ("called", "nodes", "found"),
    [
        ("n1", ("n1.site.example", "n2.site.example"), True),
        ("n1.other.example", ("n1", "n2"), True),
        ("N1", ("n1", "n2"), True),
        ("gpu-1-mgmt", ("n1", "n2"), True),
        ("n1", ("n1.a.example", "n1.b.example"), False),
        ("10.0.0.9", ("10.0.0.1", "10.0.0.2"), False),
    ],
)
def test_a_node_by_any_of_its_names(
    called: str, nodes: tuple[str, str], found: bool
) -> None:
    naming = Naming(node_map={r"gpu-(\d+)-mgmt": "n$1"})
    seen = shared(Claim("a", called), nodes=nodes, naming=naming)
    assert seen == ("aaaa ...." if found else ".... ....")
