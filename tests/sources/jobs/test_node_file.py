import os
from pathlib import Path

import pytest

from gpuwatch.errors import ConfigError
from gpuwatch.settings import JobSettings, TopologySettings
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.jobs.knowledge import JobKnowledge
from gpuwatch.sources.jobs.node_file import WatchedFile, jobs_in, places_in


def pairs(path: Path) -> list[tuple[str, str]]:
    return [(claim.job, claim.node) for claim in jobs_in(path).claims]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("j.yaml", "4211_3: node[01-02]\nllm: [a, 'b[1-2]']"),
        ("j.json", '{"4211_3": "node[01-02]", "llm": ["a", "b[1-2]"]}'),
        ("j.csv", 'job,nodes\n4211_3,node[01-02]\nllm,"a,b[1-2]"\n'),
        ("j.csv", "\ufeffnode, job\nnode01,4211_3\nnode02,4211_3\na,llm\nb[1-2],llm\n"),
    ],
)
def test_jobs_of_every_form(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    assert pairs(path) == [
        ("4211_3", "node01"), ("4211_3", "node02"),
        ("llm", "a"), ("llm", "b1"), ("llm", "b2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.yaml", "rack: {r1: 'n[1-2]', r2: n3}\nswitch: {s1: [n1, n2, n3]}"),
        ("t.csv", "node,rack,switch\nn[1-2],r1,s1\nn3,r2,s1\n"),
    ],
)
def test_places_of_every_form(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert places_in(path) == {
        "n1": {"rack": "r1", "switch": "s1"},
        "n2": {"rack": "r1", "switch": "s1"},
        "n3": {"rack": "r2", "switch": "s1"},
    }


def test_places_of_slurms_own_file(tmp_path: Path) -> None:
    path = tmp_path / "topology.conf"
    path.write_text(
        "# SwitchName=no Nodes=n9\nSwitchName=leaf1 Nodes=n[1-2]\n"
        "switchname=leaf2 nodes=n3 LinkSpeed=1\nSwitchName=top Switches=leaf[1-2]\n"
    )
    assert places_in(path) == {
        "n1": {"switch": "leaf1"},
        "n2": {"switch": "leaf1"},
        "n3": {"switch": "leaf2"},
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("j.yaml", "a: 'n[1-'", "'a': 'n[1-' lacks a closing bracket"),
        ("j.yaml", "a: {b: c}", "'a' has no list of nodes"),
        ("j.yaml", "- a", "is not a mapping"),
        ("j.yaml", "a: n1\na: n2", "line 1: a key is there twice"),
        ("j.yaml", "a: [", "line 1: "),
        ("j.json", "{", "line 1: "),
        ("j.csv", "a,b\n1,2\n", "its first line has no column `node`"),
        ("j.csv", "node,b\n1,2\n", "its first line has no column `job`"),
        ("j.csv", "", "its first line has no column `node`"),
        ("j.yaml", None, "cannot be read: No such file or directory"),
        ("j.yaml", "a: n[1-99999999]", "100000 at most"),
    ],
)
def test_a_bad_file_is_one_line_with_key_file_and_remedy(
    tmp_path: Path, name: str, text: str | None, said: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    jobs = JobSettings(file=path)
    with pytest.raises(ConfigError) as caught:
        JobKnowledge(jobs, TopologySettings(), Naming())
    line = str(caught.value)
    assert line.startswith(f"jobs.file: '{path}': ")
    assert said in line
    assert line.endswith(
        "; write lines like `4211: node[01-48,50]`, or CSV with job,node"
    )
    assert "\n" not in line


def test_a_bad_topology_is_one_line_too(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text("rack: r1")
    with pytest.raises(ConfigError, match=r"topology\.file: .*'rack' is no mapping"):
        JobKnowledge(JobSettings(), TopologySettings(file=path), Naming())


def test_a_file_is_read_again_when_it_changes_and_kept_when_it_breaks(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.yaml"
    path.write_text("a: n1")
    watched = WatchedFile("jobs.file", path, pairs, "")
    path.write_text("b: n22")
    assert watched.current() == ([("b", "n22")], "")
    path.write_text("b: 'n['")
    for _ in range(2):
        jobs, trouble = watched.current()
        assert jobs == [("b", "n22")]
        assert "lacks a closing bracket; what it said before still holds" in trouble
    path.unlink()
    assert watched.current()[0] == [("b", "n22")]
    path.write_text("c: n3")
    os.utime(path, ns=(1, 1))
    assert watched.current() == ([("c", "n3")], "")


def test_a_file_that_nobody_asks_for_is_not_read(tmp_path: Path) -> None:
    jobs = JobSettings(source="labels", file=tmp_path / "none.yaml")
    JobKnowledge(jobs, TopologySettings(), Naming()).close()
