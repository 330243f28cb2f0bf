"""Slurm's short form for many hosts: `node[01-48,50],login1`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product

MOST_HOSTS = 100_000
LONGEST_TEXT = 4_000_000
_PIECE = re.compile(r"\[([^\[\]]*)\]|([^\[\]]+)")
_RANGE = re.compile(r"(\d{1,12})(?:-(\d{1,12}))?", re.ASCII)
_NAME = re.compile(r"[^\s\[\],]+")


class HostlistError(ValueError):
    """A list that cannot be expanded; the text says what is wrong with it."""


def expanded(text: str, most: int = MOST_HOSTS) -> list[str]:
    """All hosts in order; HostlistError for a wrong form or more than `most`.

    Counted before anything is made, so `n[1-99999999]` costs nothing.
    """
    if len(text) > LONGEST_TEXT:
        raise HostlistError(f"a host list of {len(text)} letters is too long")
    names: list[str] = []
    for part in _split(text):
        pieces = [*_pieces(part)]
        total = len(names) + _size(pieces)
        if total > most:
            raise HostlistError(f"{_short(part)} has {total} hosts, {most} at most")
        names += map("".join, product(*map(_words, pieces)))
    return names


def _split(text: str) -> Iterator[str]:
    """At commas outside brackets."""
    depth, start = 0, 0
    for place, letter in enumerate(text):
        if letter == "," and depth == 0:
            yield from filter(None, [text[start:place].strip()])
            start = place + 1
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if depth not in (0, 1):
            raise HostlistError(f"{_short(text)} has a bracket too many")
    if depth:
        raise HostlistError(f"{_short(text)} lacks a closing bracket")
    yield from filter(None, [text[start:].strip()])


Piece = str | Sequence[tuple[int, int, int]]


def _pieces(part: str) -> Iterator[Piece]:
    """Plain text, and for each bracket its (first, last, width) ranges."""
    for match in _PIECE.finditer(part):
        inside, plain = match.groups()
        if plain is None:
            yield [_range(one.strip(), part) for one in inside.split(",")]
        elif _NAME.fullmatch(plain):
            yield plain
        else:
            raise HostlistError(f"{_short(part)} is no host name")


def _range(text: str, part: str) -> tuple[int, int, int]:
    match = _RANGE.fullmatch(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if match is None or last < first:
        raise HostlistError(f"{_short(part)} holds {_short(text)}, which is no range")
    return first, last, len(match[1])


def _size(pieces: Sequence[Piece]) -> int:
    size = 1
    for piece in pieces:
        if not isinstance(piece, str):
            size *= sum(last - first + 1 for first, last, _ in piece)
    return size


def _words(piece: Piece) -> Sequence[str]:
    if isinstance(piece, str):
        return (piece,)
    return [
        f"{number:0{width}d}"
        for first, last, width in piece
        for number in range(first, last + 1)
    ]


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
