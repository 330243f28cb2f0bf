"""Messages on a terminal or in the journal, for want of Slack."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Console
from rich.text import Text

from gpuwatch.errors import NotifyError
from gpuwatch.model.message import Card, Message, MessageKind, Receipt
from gpuwatch.notifiers.blocks import emoji
from gpuwatch.notifiers.mrkdwn import clean

NOT_CONFIGURED = (
    "Slack is not configured: messages are printed here. Set slack.token and"
    " slack.channel, or slack.webhook_url."
)


class ConsoleNotifier:
    """Prints to a stream; colours on a terminal, plain lines elsewhere.

    `remark` is printed once, before the first message; empty for none.
    """

    name = "console"
    edits = True
    pace_seconds = 0.0

    def __init__(self, stream: TextIO, remark: str = NOT_CONFIGURED) -> None:
        self._console = Console(
            file=stream, highlight=False, emoji=False, markup=False, soft_wrap=True
        )
        self._remark = remark

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        """Print it; NotifyError when the stream is gone."""
        try:
            self._say_remark()
            for line in _lines(message, edited=previous is not None):
                self._console.print(line)
        except (OSError, ValueError) as error:
            raise NotifyError(f"cannot print ({type(error).__name__})") from error
        return previous or Receipt(self.name, message.id)

    def find(self, message_id: str, previous: Receipt | None) -> Receipt | None:
        """None: what was printed cannot be looked up."""
        del message_id, previous
        return None

    def _say_remark(self) -> None:
        if self._remark:
            self._console.print(Text(self._remark, style="yellow"))
            self._remark = ""


def _lines(message: Message, *, edited: bool) -> Iterator[Text]:
    at = datetime.fromtimestamp(message.at, UTC).strftime("%H:%M:%SZ")
    if message.kind is MessageKind.NOTE or message.card is None:
        shown = " (also in the channel)" if message.broadcast else ""
        yield Text(f"{at}   ↳ {clean(message.text)}{shown}")
        return
    card = message.card
    how = " (edited)" if edited else ""
    called = " @here" if message.mention else ""
    headline = f"{emoji(card.tone)} {clean(card.headline)}"
    yield Text(f"{at} {headline}{how}{called}", style="bold")
    for line in _body(card):
        yield Text(f"          {line}")


def _body(card: Card) -> Iterator[str]:
    if card.summary:
        yield clean(card.summary)
    yield from (f"{clean(name)}: {clean(value)}" for name, value in card.facts)
    yield from (f"• {clean(row)}" for row in (*card.lines, *card.items))
    if card.action:
        yield f"👉 Do: {clean(card.action)}"
    yield from (f"{clean(link.text)}: {clean(link.url)}" for link in card.links)
    if card.footer:
        yield clean(card.footer)
