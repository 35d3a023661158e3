"""Secrets at rest: AES-256-GCM under keys that only the environment holds, bound to their tenant and their field.

A sealed text copied to another tenant's row, or to another field, opens nowhere. It names the key that sealed it, so
that keys can be exchanged: put the new one first, run `manage.py reseal`, then take the old one away.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from medical_audit.domain.errors import Refused
from medical_audit.domain.personal import KEY_BYTES, Value, sealing_key

FORM = "v1"
NONCE_BYTES = 12


class Unsealable(Exception):
    """A sealed secret cannot be opened: its key is not among the keys, or the text is not what was sealed here."""


def seal(secret: str, *, tenant_id: UUID, field: str) -> str:
    """The secret as text for a column: 'v1:<key id>:<base64>'. Raises Refused (no_seal_key) where no key is set."""
    key_id, key = _first()
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, secret.encode("utf-8"), _bound_to(tenant_id, field))
    return f"{FORM}:{key_id}:{base64.b64encode(nonce + sealed).decode('ascii')}"


def unseal(sealed: str, *, tenant_id: UUID, field: str) -> str:
    """The secret. Raises Unsealable."""
    form, _, rest = sealed.partition(":")
    key_id, _, text = rest.partition(":")
    key = _keys().get(key_id)
    if form != FORM or key is None:
        raise Unsealable(f"sealed with the key {key_id!r}, which is not among TOBAN_SECRETS_KEYS")
    try:
        raw = base64.b64decode(text, validate=True)
        opened = AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound_to(tenant_id, field))
    except (InvalidTag, ValueError) as error:
        raise Unsealable("the sealed text was not sealed here, or was changed") from error
    return opened.decode("utf-8")


def is_current(sealed: str) -> bool:
    """Whether it was sealed with the key that seals today."""
    return sealed.startswith(f"{FORM}:{_first()[0]}:")


def new_person_key(tenant_id: UUID, person: str) -> str:
    """A new key for one person, sealed. Raises Refused (no_person_key) where no key is set that could seal it."""
    if not _keys():
        raise Refused("no_person_key")
    return seal_person_key(os.urandom(KEY_BYTES), tenant_id=tenant_id, person=person)


def open_person_key(sealed: str, *, tenant_id: UUID, person: str) -> bytes:
    """Raises Unsealable."""
    return base64.b64decode(unseal(sealed, tenant_id=tenant_id, field=_person_field(person)))


def seal_person_key(key: bytes, *, tenant_id: UUID, person: str) -> str:
    """Raises Refused (no_seal_key)."""
    secret = base64.b64encode(key).decode("ascii")
    return seal(secret, tenant_id=tenant_id, field=_person_field(person))


def seal_value(key: bytes, value: Value, *, tenant_id: UUID, token: str) -> str:
    """A readable value under its person's key, bound to what refers to it."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = _cipher(key).encrypt(
        nonce, value.text.encode("utf-8"), _bound_to(tenant_id, f"{value.person}:{value.field}:{token}")
    )
    return base64.b64encode(nonce + sealed).decode("ascii")


def open_value(key: bytes, sealed: str, *, tenant_id: UUID, person: str, field: str, token: str) -> str:
    """Raises Unsealable."""
    try:
        raw = base64.b64decode(sealed, validate=True)
        opened = _cipher(key).decrypt(
            raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound_to(tenant_id, f"{person}:{field}:{token}")
        )
    except (InvalidTag, ValueError) as error:
        raise Unsealable("the sealed value is not this person's, or was changed") from error
    return opened.decode("utf-8")


@lru_cache(maxsize=256)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(sealing_key(key))


def _person_field(person: str) -> str:
    return f"person:{person}"


def _keys() -> Mapping[str, bytes]:
    keys: Mapping[str, bytes] = settings.SECRETS_KEYS
    return keys


def _first() -> tuple[str, bytes]:
    for key_id, key in _keys().items():
        return key_id, key
    raise Refused("no_seal_key")


def _bound_to(tenant_id: UUID, field: str) -> bytes:
    return f"toban:{tenant_id}:{field}".encode()
