"""What is given anew to somebody who cannot come in any more, and which tenants have to agree to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

#: The kinds of operations by which somebody is shown a way into an account: the first one, and one given anew.
INVITE: Final = "member.invite"
REISSUE: Final = "member.reissue"
WAYS_IN: Final = (INVITE, REISSUE)


class Reissue(StrEnum):
    """password: he has his second factor still and is asked for it. everything: app, passkeys, codes on paper and tokens are
    void, too."""

    PASSWORD = "password"  # noqa: S105
    EVERYTHING = "everything"


def agreed(belongs_to: Iterable[UUID], open_links: Mapping[UUID, str]) -> Reissue | None:
    """What all tenants of a person agree on, as little as any of them says; None while one of them has not.

    `open_links`: tenant -> what its unused link gives anew. An account is one for all tenants: whoever could open it alone
    would work in the others under somebody's name.
    """
    said = [open_links.get(tenant) for tenant in set(belongs_to)]
    if not said or not all(said):
        return None
    return Reissue.EVERYTHING if set(said) == {Reissue.EVERYTHING} else Reissue.PASSWORD
