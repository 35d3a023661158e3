"""People of events by reference: their keys, and the values beside the chain, made where they are not there yet (ADR 19)."""

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from django.db import connection

from medical_audit.domain.errors import Refused
from medical_audit.domain.personal import Value, token_of
from medical_audit.queries.people import first_opened
from medical_audit.sealing import Unsealable, new_person_key, seal_value

#: Sealed keys as this process knows them, as now and as before: only a saving of look-ups, the database has the word.
_KNOWN: dict[tuple[UUID, str], tuple[str, ...]] = {}
_KNOWN_MOST = 10_000


class People:
    """The references of the events of one round trip."""

    def __init__(self, tenant_id: UUID) -> None:
        self._tenant_id = tenant_id
        self.values: dict[str, Value] = {}

    def refer(self, value: Value) -> str:
        """Raises Refused (no_person_key, person_key_closed): without a key there is no event, nor anything that needs one."""
        token = token_of(self._tenant_id, self._key(value.person), value)
        self.values[token] = value
        return token

    def keep(self, tokens: Iterable[str]) -> None:
        """Put the values behind these references beside the chain."""
        for token in sorted(tokens):
            value = self.values[token]
            sealed = seal_value(self._key(value.person), value, tenant_id=self._tenant_id, token=token)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT ledger.keep_value(%s, %s, %s, %s, %s, %s)",
                    [
                        self._tenant_id, value.person, _KNOWN[self._tenant_id, value.person][0], token, str(value.field),
                        sealed,
                    ],
                )  # fmt: skip

    def forget(self, tokens: Iterable[str]) -> None:
        """These persons' keys are asked for again: they may have been destroyed, and made anew, elsewhere."""
        for token in tokens:
            _KNOWN.pop((self._tenant_id, self.values[token].person), None)

    def _key(self, person: str) -> bytes:
        with suppress(Unsealable):
            return first_opened(
                _KNOWN.get((self._tenant_id, person)) or self._ask(person), self._tenant_id, person
            )
        try:
            # Somebody put another key of the environment in its place meanwhile, or the one it needs is missing.
            return first_opened(self._ask(person), self._tenant_id, person)
        except Unsealable as error:
            raise Refused("person_key_closed", person=person) from error

    def _ask(self, person: str) -> tuple[str, ...]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sealed, former FROM ledger.person_key WHERE tenant_id = %s AND person = %s",
                [self._tenant_id, person],
            )
            row = cursor.fetchone()
            if row is None:
                made = new_person_key(self._tenant_id, person)
                cursor.execute("SELECT ledger.keep_person(%s, %s, %s)", [self._tenant_id, person, made])
                row = (*cursor.fetchone(), [])
        if len(_KNOWN) >= _KNOWN_MOST:
            _KNOWN.clear()
        now, former = row
        _KNOWN[self._tenant_id, person] = (now, *former)
        return _KNOWN[self._tenant_id, person]
