"""What an issue and its journals say to what Toban wants of it: who moved it last, and so who has the word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class JournalLike(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def author_id(self) -> int: ...
    @property
    def status(self) -> int | None: ...
    @property
    def at(self) -> datetime: ...
    @property
    def notes(self) -> str: ...


class Do(StrEnum):
    """nothing: it stands as wished, or a person closed it for now."""

    MOVE = "move"
    NOTE = "note"
    SNOOZE = "snooze"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`diverged`: the code for the page where people decide, or ""; `until`: how long it is left alone."""

    do: Do
    diverged: str = ""
    until: datetime | None = None


def moved_by_a_person(journals: Iterable[JournalLike], *, bot: int, settled: int) -> JournalLike | None:
    """The last change of the status, if it was somebody else's and came after the one up to which all is settled."""
    moves = [one for one in journals if one.status is not None and one.id > settled]
    return moves[-1] if moves and moves[-1].author_id != bot else None


def to_open(
    *,
    closed: bool,
    journals: Sequence[JournalLike],
    bot: int,
    settled: int,
    was_over: bool,
    snooze: timedelta,
    now: datetime,
    closed_on: datetime | None,
) -> Judgement:
    """There is trouble (again). Open already: a note. Closed by a person while the trouble went on: left alone for a while,
    then opened again. Closed because it was over: opened again."""
    if not closed:
        return Judgement(Do.NOTE)
    human = moved_by_a_person(journals, bot=bot, settled=settled)
    if human is not None and not was_over:
        until = (closed_on or human.at) + snooze
        if now < until:
            return Judgement(Do.SNOOZE, until=until)
    return Judgement(Do.MOVE)


def to_close(*, closed: bool, journals: Sequence[JournalLike], bot: int, settled: int) -> Judgement:
    """The trouble is over. A person who moved the issue meanwhile has the word: a note, and people decide."""
    if closed:
        return Judgement(Do.NOTHING)
    if moved_by_a_person(journals, bot=bot, settled=settled) is not None:
        return Judgement(Do.NOTE, diverged="moved_by_a_person")
    return Judgement(Do.MOVE)


def is_told(journals: Iterable[JournalLike], mark: str, *, bot: int) -> bool:
    """Whether Toban's own note with this mark is there; a quotation by somebody else does not count."""
    return any(mark in one.notes and one.author_id == bot for one in journals)
