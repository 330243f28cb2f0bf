"""A receiver that refuses is one subject; the others are clear."""

from dataclasses import replace

from gpuwatch.model.window import Window
from gpuwatch.rules.delivery_failing import DeliveryFailing
from tests.rules.builders import finding, fleet_of, judge, window_of


def ill(**health: str) -> Window:
    window = window_of(fleet_of())
    parts = {name.replace("_", " "): why for name, why in health.items()}
    return replace(window, now=replace(window.now, health=parts))


def test_only_receivers_in_trouble_fire() -> None:
    verdicts = judge(DeliveryFailing, ill(delivery_slack="token_revoked", store="full"))
    assert verdicts.subjects is not None
    assert [subject.detail for subject in verdicts.subjects] == ["slack"]
    assert verdicts.firing.tolist() == [True]
    assert verdicts.words == ("token_revoked",)


def test_all_well_is_clear_for_everybody() -> None:
    verdicts = judge(DeliveryFailing, ill())
    assert verdicts.subjects == ()
    assert verdicts.elsewhere is True


def test_it_says_why() -> None:
    rule = DeliveryFailing.configured({})
    window = ill(delivery_slack="token_revoked")
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == "messages to slack are refused"
    assert "token_revoked" in words.action
