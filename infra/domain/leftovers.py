"""Volumes that serve nothing: what is to be done with one, and how long it may be left alone. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

#: So many volumes are decided on at once.
BATCH_MAX = 50
SNOOZE_MAX_DAYS = 365
#: Nobody has missed it for so long that a snapshot of it is enough.
LONG = timedelta(days=90)


class Advice(StrEnum):
    """delete: a snapshot is enough; ask: somebody may still want it; keep: it says that it must stay."""

    DELETE = "delete"
    ASK = "ask"
    KEEP = "keep"


def advice(unattached: timedelta, refusal: str) -> Advice:
    """What to do, before anybody has looked."""
    if refusal in ("never_touch", "toban_value"):
        return Advice.KEEP
    return Advice.DELETE if unattached >= LONG else Advice.ASK
