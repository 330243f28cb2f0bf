import io
from dataclasses import replace

import pytest

from gpuwatch.errors import NotifyError
from gpuwatch.model.message import Card, Tone
from gpuwatch.notifiers.console import NOT_CONFIGURED, ConsoleNotifier
from tests.notifiers.messages import CRITICAL, card, note

TYPICAL = """\
08:00:00Z 🔴 CRITICAL: Braked by heat, 91 °C · node-17 GPU 3 · 12 min @here
          Slows job 4711: 383 GPUs wait for it.
          GPU temperature: 91 °C (peers 62 °C)
          SM clock: 1 200 MHz (peers 1 980 MHz)
          Throttle reasons: HW thermal slowdown
          Job: 4711, 383 GPUs wait
          • Also seen: straggler clock
          👉 Do: Drain node-17, then check its fans and coolant: scontrol update ...
          Grafana: https://grafana.example/d/gpu?var-node=node-17&from=1
          gw-1a2b · h100 · rule thermal_slowdown
"""


def test_a_card_reads_as_in_slack_and_the_remark_comes_once() -> None:
    stream = io.StringIO()
    console = ConsoleNotifier(stream)
    first = replace(card(mention=True), card=CRITICAL)
    receipt = console.send(first, None)
    assert stream.getvalue() == f"{NOT_CONFIGURED}\n{TYPICAL}"
    assert console.send(replace(first, mention=False), receipt) == receipt
    console.send(note(text="Worse: x", broadcast=True), receipt)
    later = stream.getvalue().splitlines()[11:]
    assert later[0].endswith("· 12 min (edited)")
    assert later[-1] == "08:00:00Z   ↳ Worse: x (also in the channel)"
    assert console.find("m1", receipt) is None


def test_a_stranger_cannot_speak_to_the_terminal() -> None:
    stream = io.StringIO()
    hostile = Card(Tone.INFO, "[red]x[/red] \x1b]0;title\x07\nsecond :fire:")
    ConsoleNotifier(stream, remark="").send(replace(card(), card=hostile), None)
    assert stream.getvalue() == ("08:00:00Z 🔵 [red]x[/red] ]0;title second :fire:\n")


def test_a_stream_that_is_gone_is_tried_again() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(NotifyError, match=r"cannot print \(ValueError\)"):
        ConsoleNotifier(stream).send(card(), None)
