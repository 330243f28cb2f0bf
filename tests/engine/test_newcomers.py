"""Statistical rules that an upgrade brings begin in the digest, and it is said once."""

from typing import Any, ClassVar

import pytest

from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Notify
from gpuwatch.model.verdict import Verdicts
from gpuwatch.model.window import Window
from tests.engine.toys import POLL, Brake, Hot, Site, said


class Guess(Hot):
    """Compares; here it only looks at the heat."""

    name, statistical = "guess", True


class Second(Guess):
    name = "second"


class Blind(Guess):
    """Cannot judge before its day has come."""

    sees: ClassVar[list[bool]] = []

    def judge(self, window: Window) -> Verdicts:
        if not self.sees:
            return Verdicts.none_known(window.now.rows)
        return super().judge(window)


def upgraded(site: Site, *rules: type[Rule]) -> Site:
    site.rules = (*site.rules, *rules)
    site.restarted()
    return site


def hot(site: Site) -> list[str]:
    """One poll without heat, so that it is no arrival; then what is said of it."""
    site.poll()
    site.heat[3] = 92
    return said(site.poll(3))


def test_on_a_new_site_it_is_heard() -> None:
    site = Site(rules=(Brake, Guess))
    assert hot(site) == ["card first"]
    assert [note for step in site.steps for note in step.notes] == []


def test_after_an_upgrade_it_goes_to_the_digest_and_says_so_once() -> None:
    site = upgraded(Site(rules=(Brake,)), Guess, Second)
    assert hot(site) == []
    assert {i.notify for i in site.open} == {Notify.DIGEST}
    upgraded(site)
    site.poll(5)
    (note,) = [note for step in site.steps for note in step.notes]
    assert note == (
        "new here, and for the digest only until you set their `notify` "
        "(rules: {guess: {notify: page}}): guess, second"
    )


def test_a_plain_new_rule_is_heard_after_an_upgrade() -> None:
    site = upgraded(Site(rules=(Guess,)), Brake)
    site.poll()
    site.bits[3] = 0x80
    assert said(site.poll(3)) == ["card first!"]


@pytest.mark.parametrize("values", [{"notify": "page"}, {"enabled": True}])
def test_the_operators_word_ends_it(values: dict[str, Any]) -> None:
    class Known(Guess):
        @classmethod
        def configured(cls, _: dict[str, Any]) -> "Known":
            return cls(cls.Params(**values))

    site = upgraded(Site(rules=(Brake,)), Known)
    assert hot(site) == ["card first"]


def test_a_site_that_is_older_than_this_note_had_what_it_judged_by() -> None:
    site = Site(rules=(Brake, Guess))
    del site.memory.facts["rules_since"]
    site.now += 86_400 - POLL
    upgraded(site, Second)
    site.poll(2)
    (note,) = [note for step in site.steps for note in step.notes]
    assert note.endswith(": second")


def test_a_rule_that_could_not_judge_at_first_is_no_newcomer() -> None:
    site = Site(rules=(Brake, Blind))
    site.poll(200)
    Blind.sees.append(True)
    assert hot(site) == ["card first"]
    Blind.sees.clear()
