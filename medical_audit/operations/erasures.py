"""The sealer's part of an erasure: its signature, erasing again what a restore from backup brought back, and forgetting what
nobody known sent (ADR 19)."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection

from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.domain.erasing import Erased
from medical_audit.domain.notes import BadNote, Signer, VerifierKey, open_note
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope, tenant_scope

log = structlog.get_logger(__name__)
#: An erasure that was committed while a seal was made is sent to the anchors with it and with the next.
MARGIN = timedelta(hours=1)


def sign_erasures(signer: Signer) -> int:
    """Sign what was erased and not signed yet; gives how many. Needs the audit role."""
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tenant_id, person, operation, key_id, count, at FROM ledger.unsigned_erasures()"
        )
        rows = [Erased(*row) for row in cursor.fetchall()]
        for one in rows:
            cursor.execute(
                "SELECT ledger.sign_erasure(%s, %s, %s, %s)",
                [one.tenant_id, one.person, one.operation, signer.sign(one.text())],
            )
    return len(rows)


def forget_strangers(*, actor: Actor, now: datetime) -> int:
    """What strangers typed and sent, and who failed to sign in from where, is forgotten a year after that year; gives how many keys.

    Needs the audit role. A tenant that holds its record keeps it; where the database refuses (a hold that came meanwhile, another
    sealer that was first) it is tried again by the next call, and nobody else's waits for it.
    """
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute("SELECT ledger.forget_failures()")
        cursor.execute("SELECT tenant_id, person FROM ledger.overdue_strangers()")
        due = cursor.fetchall()
    done = 0
    for tenant_id, person in due:
        try:
            _forget(tenant_id, person, actor=system_actor(tenant_id, actor.name), now=now)
            done += 1
        except DatabaseError as error:
            log.error("stranger_kept", tenant=str(tenant_id), person=person, why=str(error))
    return done


def _forget(tenant_id: uuid.UUID, person: str, *, actor: Actor, now: datetime) -> None:
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT ledger.forget_stranger(%s, %s, %s)", [tenant_id, person, uuid.uuid4()])
        (count,) = cursor.fetchone() or (0,)
        subject = Subject("person", person)
        record("person.erased_unknown", actor=actor, subject=subject, now=now, detail={"count": count})


def signed_since(at: datetime | None) -> tuple[str, ...]:
    """The signed notes of what was erased since then, a margin before it included; None: of all."""
    with platform_scope(), connection.cursor() as cursor:
        since = None if at is None else at - MARGIN
        cursor.execute("SELECT note FROM ledger.signed_erasures(%s)", [since])
        return tuple(note for (note,) in cursor.fetchall())


def erase_again(notes: Iterable[str], keys: Sequence[VerifierKey], *, actor: Actor, now: datetime) -> int:
    """What these notes say was erased, and is there again, goes again; gives how many erasures were not known here.

    Needs the audit role. A note that no key of ours signed counts for nothing.
    """
    done = 0
    for note in dict.fromkeys(notes):
        try:
            text, _key = open_note(note, keys)
            one = Erased.parse(text)
        except BadNote:
            continue
        with tenant_scope(one.tenant_id), connection.cursor() as cursor:
            cursor.execute(
                "SELECT true FROM ledger.erasure WHERE tenant_id = %s AND person = %s AND operation = %s",
                [one.tenant_id, one.person, one.operation],
            )
            if cursor.fetchone() is not None:
                continue
            cursor.execute(
                "SELECT ledger.erase_again(%s, %s, %s, %s, %s, %s)",
                [one.tenant_id, one.person, one.operation, one.key, one.at, note],
            )
            (count,) = cursor.fetchone() or (0,)
            record(
                "person.erased_again",
                actor=system_actor(one.tenant_id, actor.name),
                subject=Subject("person", one.person),
                now=now,
                operation_id=str(one.operation),
                detail={"count": count},
            )
            done += 1
    return done
