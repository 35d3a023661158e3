"""Entering the same for many things at once: each by itself, so that one that must stay holds back none of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from infra.domain.leftovers import BATCH_MAX
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.models import Operation


@dataclass(frozen=True, slots=True)
class Undone:
    """One of many that was left out, and why (a code); the others were not held back by it."""

    name: str
    code: str


def enter_each(
    ids: Sequence[UUID], enter: Callable[[UUID], Operation]
) -> tuple[list[Operation], list[Undone]]:
    """What was entered, and what was left out. Raises Refused (too_many), and what `enter` raises besides NotFound and Refused."""
    limited(ids)
    done, undone = [], []
    for one in ids:
        try:
            done.append(enter(one))
        except NotFound:
            undone.append(Undone(str(one), "not_found"))
        except Refused as refused:
            undone.append(Undone(str(refused.params.get("target", one)), refused.code))
    return done, undone


def limited(ids: Sequence[UUID]) -> None:
    """Raises Refused (too_many)."""
    if len(ids) > BATCH_MAX:
        raise Refused("too_many", number=len(ids), limit=BATCH_MAX)
