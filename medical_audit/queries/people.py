"""What of people can be read: values beside the chain, opened with their keys (ADR 19)."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from medical_audit.domain.personal import ERASED, Field, Value, commitment, salt_of, token_of, tokens_in
from medical_audit.sealing import Unsealable, open_person_key, open_value
from medical_audit.tenancy import within

#: Stands where a value is there but none of the environment's keys opens it: not the same as erased.
UNREADABLE = "読めません (key missing)"
#: Stands where a value opens, but is not what the event was made from: somebody who has the keys exchanged it.
CHANGED = "参照と一致しません (changed)"
_OF_TOKENS = """
SELECT v.token, v.person, v.field, v.sealed, array_prepend(k.sealed, k.former) FROM ledger.person_value v
JOIN ledger.person_key k ON k.tenant_id = v.tenant_id AND k.person = v.person
WHERE v.tenant_id = %s AND v.token = ANY(%s) ORDER BY v.person, v.made_at
"""
_OF_ALL = "SELECT token FROM ledger.person_value WHERE tenant_id = %s ORDER BY person, made_at"
_OF_PERSON = "SELECT token FROM ledger.person_value WHERE tenant_id = %s AND person = %s ORDER BY made_at"
#: What this process has opened, by tenant and reference: opening ten thousand people anew for each search takes seconds. Each
#: look asks which references still have a value, so that what was erased is found by no search and falls out of here.
_OPENED: dict[UUID, dict[str, Value]] = {}
_OPENED_MOST = 200_000


@dataclass(frozen=True, slots=True)
class Known:
    """One readable value with what refers to it, and the salt that proves it."""

    token: str
    value: Value
    salt: bytes


@lru_cache(maxsize=32_768)
def opened_key(sealed: str, tenant_id: UUID, person: str) -> bytes:
    """Raises Unsealable."""
    return open_person_key(sealed, tenant_id=tenant_id, person=person)


def first_opened(sealed: Sequence[str], tenant_id: UUID, person: str) -> bytes:
    """The key as it is sealed now or, where somebody put what opens nowhere in its place, as it was before. Raises Unsealable."""
    for one in sealed:
        with suppress(Unsealable):
            return opened_key(one, tenant_id, person)
    raise Unsealable(f"the key of the person {person} opens with none of TOBAN_SECRETS_KEYS")


def people_in(tenant_id: UUID, bodies: Iterable[str]) -> dict[str, str]:
    """The readable value of each reference in these canonical bodies; what was erased is left out. Binds the tenant itself."""
    tokens = tokens_in(bodies)
    return {one.token: one.value.text for one in known(tenant_id, tokens)} if tokens else {}


def known(tenant_id: UUID, tokens: Iterable[str]) -> list[Known]:
    return _read(tenant_id, _OF_TOKENS, [tenant_id, sorted(tokens)])


def readable_here(tenant_id: UUID, *, person: str = "") -> Mapping[str, Value]:
    """Everything that can be read of the tenant's people, or of one of them, by reference; each one's oldest first."""
    with within(tenant_id), connection.cursor() as cursor:
        if person:
            cursor.execute(_OF_PERSON, [tenant_id, person])
        else:
            cursor.execute(_OF_ALL, [tenant_id])
        tokens = [token for (token,) in cursor.fetchall()]
    before = _OPENED.get(tenant_id, {})
    new = {
        one.token: one.value for one in known(tenant_id, [token for token in tokens if token not in before])
    }
    found = {
        token: before[token] if token in before else new[token]
        for token in tokens
        if token in before or token in new
    }
    kept = {token: value for token, value in found.items() if value.text not in (UNREADABLE, CHANGED)}
    _keep(tenant_id, before | kept if person else kept)
    return found


def _keep(tenant_id: UUID, opened: dict[str, Value]) -> None:
    others = sum(len(one) for other, one in _OPENED.items() if other != tenant_id)
    if others + len(opened) > _OPENED_MOST:
        _OPENED.clear()
    if len(opened) <= _OPENED_MOST:
        _OPENED[tenant_id] = opened


def _read(tenant_id: UUID, query: str, parameters: list[Any]) -> list[Known]:
    with within(tenant_id), connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows = cursor.fetchall()
    found = []
    for token, person, field, sealed, sealed_key in rows:
        try:
            key = first_opened(sealed_key, tenant_id, person)
            text = open_value(key, sealed, tenant_id=tenant_id, person=person, field=field, token=token)
        except Unsealable:
            found.append(Known(token, Value(person, Field(field), UNREADABLE), b""))
            continue
        value = Value(person, Field(field), text)
        salt = salt_of(key, value)
        if commitment(tenant_id, value, salt) != token:
            value = replace(value, text=CHANGED)
        found.append(Known(token, value, salt))
    return found


def references_to(tenant_id: UUID, field: Field, text: str) -> list[str]:
    """What refers to exactly this value of anybody: computed with each person's key, so that no index outlives the keys."""
    with within(tenant_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT person, array_prepend(sealed, former) FROM ledger.person_key WHERE tenant_id = %s",
            [tenant_id],
        )
        keys = cursor.fetchall()
        found = []
        for person, sealed in keys:
            try:
                found.append(
                    token_of(tenant_id, first_opened(sealed, tenant_id, person), Value(person, field, text))
                )
            except Unsealable:
                continue
        cursor.execute(
            "SELECT token FROM ledger.person_value WHERE tenant_id = %s AND token = ANY(%s)",
            [tenant_id, found],
        )
        return [token for (token,) in cursor.fetchall()]


def references_holding(tenant_id: UUID, part: str) -> list[str]:
    """What refers to a value that contains this text, in any case of letters."""
    wanted = part.casefold()
    return [token for token, value in readable_here(tenant_id).items() if wanted in value.text.casefold()]


def name_or_erased(text: str, values: Mapping[str, str]) -> str:
    """A name as a column of the ledger holds it, for reading."""
    return values.get(text, ERASED) if text in values or tokens_in([text]) == {text} else text
