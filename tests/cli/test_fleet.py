"""`gpuwatch fleet`, with a daemon and without one."""

import pytest

from gpuwatch.model.request import RequestKind
from tests.cli.conftest import Run, braked
from tests.web.houses import House


@pytest.fixture(params=["daemon", "house"])
def place(request: pytest.FixtureRequest) -> House:
    """Both ways."""
    found: House = request.getfixturevalue(request.param)
    return found


@pytest.mark.usefixtures("place")
def test_nodes_and_gpus_are_listed(run: Run) -> None:
    for words in (("fleet",), ("fleet", "list")):
        (cluster,) = run(*words).json["clusters"]
        assert cluster["cluster"] == "c"
        assert [node["node"] for node in cluster["nodes"]] == ["n1", "n2"]
        gpu = cluster["nodes"][1]["gpus"][3]
        assert (gpu["uuid"], gpu["index"], gpu["model"]) == ("GPU-n2-3", 3, "H100")
    table = run("fleet", "--output", "table").out
    assert "c: 16 GPUs on 2 nodes" in table


def test_who_is_present_only_the_daemon_knows(run: Run, daemon: House) -> None:
    daemon.site.lost.add(0)
    incident = braked(daemon)
    (cluster,) = run("fleet").json["clusters"]
    assert [g["present"] for g in cluster["nodes"][0]["gpus"][:2]] == [False, True]
    table = run("fleet", "--output", "table").out
    assert "8 (1 not seen)" in table
    assert f"critical {incident}" in table


def test_the_store_does_not_guess_it(run: Run, house: House) -> None:
    house.site.lost.add(0)
    house.poll()
    (cluster,) = run("fleet").json["clusters"]
    assert {g["present"] for g in cluster["nodes"][0]["gpus"]} == {None}


@pytest.mark.parametrize("target", ["n2", "GPU-n1-5"])
def test_forget(run: Run, place: House, target: str) -> None:
    ran = run("fleet", "forget", target, "--comment", "sent back")
    assert ran.code == 0
    (asked,) = place.store.requests()
    told = (asked.kind, asked.target, asked.by, asked.comment)
    assert told == (RequestKind.FORGET, target, "ann", "sent back")
    place.poll(requests=place.store.requests())
    (cluster,) = run("fleet").json["clusters"]
    gpus = [gpu["uuid"] for node in cluster["nodes"] for gpu in node["gpus"]]
    names = [node["node"] for node in cluster["nodes"]]
    assert target not in [*gpus, *names]


def test_forget_the_unknown(run: Run, place: House) -> None:
    ran = run("fleet", "forget", "n22")
    assert ran.code == 2
    assert ran.err == (
        "gpuwatch: n22: there is no such node or GPU; did you mean n2?\n"
    )
    assert place.store.requests() == []


def test_options_before_the_command_are_not_lost(run: Run) -> None:
    ran = run("fleet", "--output", "json", "forget", "n1")
    assert ran.code == 2
    assert "--output: stands too early; write it after `forget`" in ran.err
