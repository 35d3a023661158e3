"""API tokens as text: what a client presents, and what of it may be kept."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from accounts.domain.addresses import read_networks
from medical_audit.domain.actor import NO_TENANT

#: The tenant stands in the token, so that its row is looked for inside that tenant's walls only.
_FORM: Final = re.compile(r"toban_(?P<tenant>[0-9a-f]{32})_(?P<secret>[A-Za-z0-9_-]{43})")
#: The kinds of operations by which a person makes one for himself, and two people issue one for a program.
MAKE: Final = "token.make"
ISSUE: Final = "token.issue"
#: What a person shows by himself besides his password, and no provider on his behalf.
OWN_FACTORS: Final = ("otp", "passkey", "recovery")
SECRET_BYTES: Final = 32
NAME_MAX: Final = 60
NETWORKS_MAX: Final = 20
#: A token is renewed by a person once a year at least.
LIFE_LONGEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Presented:
    tenant_id: UUID
    hashed: str


def token_text(tenant_id: UUID, secret: str) -> str:
    """What the client sends as `Authorization: Bearer ...`; secret: 43 characters of base64url."""
    return f"toban_{tenant_id.hex}_{secret}"


def read_token(text: str) -> Presented | None:
    """A token's tenant and the hash under which it is kept, or None for what is no token.

    The secret has 256 random bits: a plain hash of it can be neither guessed nor inverted.
    """
    found = _FORM.fullmatch(text)
    if not found or found["tenant"] == NO_TENANT.hex:
        return None
    return Presented(UUID(hex=found["tenant"]), hash_of(found["secret"]))


def hash_of(secret: str) -> str:
    return hashlib.sha256(f"toban-token:{secret}".encode()).hexdigest()


def is_with_factor(method: str) -> bool:
    """Whether a proof ("password+otp") showed a factor of the person's own besides what he knows."""
    return method.partition("+")[2] in OWN_FACTORS


def clean_networks(texts: Sequence[str]) -> list[str]:
    """Networks in their one spelling, each once. Raises ValueError that names what is none, or is too many."""
    found = list(dict.fromkeys(str(one) for one in read_networks(texts)))
    if len(found) > NETWORKS_MAX:
        raise ValueError(f"more than {NETWORKS_MAX} networks")
    return found
