"""How somebody answers a tenant that wants to let him in."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

from accounts.domain.terms import AccountKind

#: Who comes in to lend a hand is let in anew after that.
GUEST_LONGEST: Final = timedelta(days=30)
#: A guest is somebody's own person: nobody may make of his account what several share, a program uses or an envelope holds.
NOT_FOR_GUESTS: Final = frozenset({AccountKind.SHARED, AccountKind.EMERGENCY, AccountKind.MACHINE})


class Answer(StrEnum):
    """replaced: a newer one took its place; taken_back: by the tenant, before he answered."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPLACED = "replaced"
    TAKEN_BACK = "taken_back"
