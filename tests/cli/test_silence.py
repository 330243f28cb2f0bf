"""`gpuwatch silence`, with a daemon and without one."""

import time

import pytest

from gpuwatch.model.request import RequestKind
from tests.cli.conftest import Run
from tests.web.houses import House


@pytest.fixture(params=["daemon", "house"])
def place(request: pytest.FixtureRequest) -> House:
    """Both ways."""
    found: House = request.getfixturevalue(request.param)
    return found


def taken_up(place: House) -> None:
    """The next cycle takes up what was asked, on today's clock."""
    place.site.now = time.time()
    place.poll(requests=place.store.requests())


def test_add_asks_for_a_silence(run: Run, place: House) -> None:
    before = time.time()
    ran = run(
        "silence", "add", "node=~n[12]", "category=thermal",
        "--for", "4h", "--comment", "new fans",
    )  # fmt: skip
    assert ran.code == 0
    (asked,) = place.store.requests()
    silence = asked.silence
    assert asked.kind is RequestKind.SILENCE
    assert silence is not None
    assert [str(m) for m in silence.matchers] == ["node=~n[12]", "category=thermal"]
    assert (silence.author, silence.comment) == ("ann", "new fans")
    assert before + 14_400 <= silence.ends_at <= time.time() + 14_400
    assert ran.out.startswith(f"{silence.id}: node=~n[12] category=thermal for 4 h ")


def test_until_a_time(run: Run, place: House) -> None:
    words = ("silence", "add", "node=n1", "--comment", "x")
    run(*words, "--until", "2100-01-01T00:00Z")
    (asked,) = place.store.requests()
    assert asked.silence is not None
    assert asked.silence.ends_at == 4_102_444_800.0


def test_list_and_expire(run: Run, place: House) -> None:
    run("silence", "add", "node=n1", "--for", "1h", "--comment", "fans", "--by", "bob")
    taken_up(place)
    (found,) = run("silence", "list").json["silences"]
    told = (found["matchers"], found["author"], found["comment"], found["active"])
    assert told == (["node=n1"], "bob", "fans", True)
    table = run("silence", "list", "--output", "table").out
    assert "node=n1" in table
    assert "in 60 min" in table
    assert run("silence", "expire", found["id"]).code == 0
    taken_up(place)
    assert run("silence", "list").json == {"silences": []}
    (ended,) = run("silence", "list", "--expired").json["silences"]
    assert ended["id"] == found["id"]


def test_expire_an_unknown_one(run: Run, place: House) -> None:
    ran = run("silence", "expire", "sl-nothing")
    assert ran.code == 2
    assert "there is no such silence; `gpuwatch silence list` shows them" in ran.err
    assert place.store.requests() == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["host=n1", "--for", "1h", "--comment", "x"], "'host' cannot be matched"),
        (["node", "--for", "1h", "--comment", "x"], "'node' is no matcher"),
        (["node=~[", "--for", "1h", "--comment", "x"], "'[' is no regular expression"),
        (["node=n1", "--comment", "x"], "how long?; give one of --for and --until"),
        (
            ["node=n1", "--comment", "x", "--for", "1h", "--until", "2100-01-01"],
            "how long?; give one of --for and --until",
        ),
        (["node=n1", "--for", "1h", "--comment", " "], "--comment: is empty"),
        (["node=n1", "--for", "0s", "--comment", "x"], "--for: '0s' is out of reach"),
        (["node=n1", "--until", "2020-01-01T00:00Z", "--comment", "x"], "ago; give"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    run: Run, place: House, words: list[str], told: str
) -> None:
    ran = run("silence", "add", *words)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1
    assert place.store.requests() == []


def test_a_comment_is_required(run: Run, place: House) -> None:
    ran = run("silence", "add", "node=n1", "--for", "1h")
    assert ran.code == 2
    assert "--comment" in ran.err
    assert place.store.requests() == []
