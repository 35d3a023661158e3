"""Passkeys: taken in, taken away, and asked for as the second factor (W3C Web Authentication Level 2, by py_webauthn).

A device signs a question that was asked of this person at this address of the portal, minutes ago; each question is
answered once. Whoever shows a page of another address gets nothing that works here.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.db import IntegrityError, transaction
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.models import Passkey, PasskeyQuestion, User
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.seats import CODE_MAX
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope

NAME: Final = "Toban"
ADD: Final = "add"
PROVE: Final = "prove"
HOLDS: Final = timedelta(minutes=5)
#: Somebody has a telephone, a computer and two security keys, and keeps an old one for a while.
MOST: Final = 10
#: Windows in which somebody may be asked at once; the oldest question gives way.
MOST_ASKED: Final = 20
#: What reading somebody's answer may raise: the library's own, and what it lets through of what it stumbles over.
MALFORMED: Final = (
    WebAuthnException, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError,
)  # fmt: skip


def host_of(origin: str) -> str:
    """The relying party id for an origin such as "https://toban.example.jp"; "" where browsers allow none (an IP address)."""
    host = urlsplit(origin).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host
    return ""


def list_own(user_id: UUID) -> list[Passkey]:
    """The person's own, oldest first. Needs no scope of its own."""
    with platform_scope(user_id=user_id):
        return list(Passkey.objects.filter(user_id=user_id).order_by("made_at", "id"))


def count_here(user_id: UUID, origin: str) -> int:
    """How many of the person's passkeys work at this address. Needs no scope of its own."""
    host = host_of(origin)
    with platform_scope(user_id=user_id):
        return Passkey.objects.filter(user_id=user_id, host=host).count() if host else 0


def ask_to_add(user: User, origin: str, *, now: datetime) -> str:
    """What the browser gives to `navigator.credentials.create`, as JSON. Raises Refused (no_passkeys_here, too_many_passkeys)."""
    host, own = _host(origin), list_own(user.id)
    if len(own) >= MOST:
        raise Refused("too_many_passkeys")
    options = generate_registration_options(
        rp_id=host,
        rp_name=NAME,
        user_id=user.id.bytes,
        user_name=user.username,
        user_display_name=user.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_named(own, host),
    )
    _keep(options.challenge, user, ADD, origin, now)
    return str(options_to_json(options))


def ask_to_prove(user: User, origin: str, *, now: datetime) -> str:
    """What the browser gives to `navigator.credentials.get`, as JSON. Raises Refused (no_passkeys_here, no_passkey_of_yours)."""
    host = _host(origin)
    named = _named(list_own(user.id), host)
    if not named:
        raise Refused("no_passkey_of_yours")
    options = generate_authentication_options(
        rp_id=host, allow_credentials=named, user_verification=UserVerificationRequirement.PREFERRED
    )
    _keep(options.challenge, user, PROVE, origin, now)
    return str(options_to_json(options))


def add(user: User, name: str, answer: str, *, actor: Actor, now: datetime) -> Passkey:
    """Take in the key that a device made; `answer`: what the browser got from it, as JSON; `actor`: the person, without a tenant.

    Raises Refused (passkey_not_right, passkey_known, too_many_passkeys). The caller has proven who sits there.
    """
    with platform_scope(user_id=user.id):
        question = _take(user.id, ADD, answer, now)
        if question is None:
            raise Refused("passkey_not_right")
        if Passkey.objects.filter(user_id=user.id).count() >= MOST:
            raise Refused("too_many_passkeys")
        host = host_of(question.origin)
        try:
            made = verify_registration_response(
                credential=answer,
                expected_challenge=bytes(question.challenge),
                expected_rp_id=host,
                expected_origin=question.origin,
            )
        except MALFORMED as wrong:
            raise Refused("passkey_not_right") from wrong
        row = Passkey(
            user_id=user.id, name=name, host=host, credential=made.credential_id,
            public_key=made.credential_public_key, sign_count=made.sign_count, made_at=now,
        )  # fmt: skip
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as known:
            raise Refused("passkey_known") from known
        _tell("user.passkey_added", user, row, actor, now)
    return row


def remove(user: User, passkey_id: UUID, *, actor: Actor, now: datetime) -> None:
    """The key opens nothing any more. Raises NotFound."""
    with platform_scope(user_id=user.id):
        row = Passkey.objects.filter(user_id=user.id, id=passkey_id).first()
        if row is None or not Passkey.objects.filter(id=row.id).delete()[0]:
            raise NotFound(type="passkey")
        _tell("user.passkey_removed", user, row, actor, now)


def prove(user: User, answer: str, *, now: datetime) -> bool:
    """Whether one of the person's keys signed a question of his, which is used up by it. Runs in the person's scope."""
    question = _take(user.id, PROVE, answer, now)
    if question is None:
        return False
    host = host_of(question.origin)
    row = Passkey.objects.filter(user_id=user.id, host=host, credential=_credential(answer)).first()
    if row is None:
        return False
    try:
        signed = verify_authentication_response(
            credential=answer,
            expected_challenge=bytes(question.challenge),
            expected_rp_id=host,
            expected_origin=question.origin,
            credential_public_key=bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
        )
    except MALFORMED:
        return False
    rows = Passkey.objects.filter(id=row.id, sign_count=row.sign_count)
    return bool(rows.update(sign_count=signed.new_sign_count, used_at=now))


def _host(origin: str) -> str:
    host = host_of(origin)
    if not host:
        raise Refused("no_passkeys_here")
    return host


def _named(own: Sequence[Passkey], host: str) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=bytes(one.credential)) for one in own if one.host == host]


def _keep(challenge: bytes, user: User, purpose: str, origin: str, now: datetime) -> None:
    with platform_scope(user_id=user.id):
        asked = PasskeyQuestion.objects.filter(user_id=user.id)
        kept = asked.filter(asked_at__gte=now - HOLDS).order_by("-asked_at")[: MOST_ASKED - 1]
        asked.exclude(challenge__in=[bytes(one.challenge) for one in kept]).delete()
        PasskeyQuestion(challenge=challenge, user_id=user.id, purpose=purpose, origin=origin, asked_at=now).save(
            force_insert=True
        )  # fmt: skip


def _take(user_id: UUID, purpose: str, answer: str, now: datetime) -> PasskeyQuestion | None:
    """The question that this answers, used up; None where it was not asked, is too old or was answered before."""
    challenge = _challenge(answer)
    asked = PasskeyQuestion.objects.filter(
        challenge=challenge, user_id=user_id, purpose=purpose, asked_at__gte=now - HOLDS
    )
    question = asked.first() if challenge else None
    return question if question is not None and asked.delete()[0] else None


def _challenge(answer: str) -> bytes:
    try:
        told = json.loads(base64url_to_bytes(_read(answer)["response"]["clientDataJSON"]))
        return base64url_to_bytes(told["challenge"])
    except MALFORMED:
        return b""


def _credential(answer: str) -> bytes:
    try:
        return base64url_to_bytes(_read(answer)["id"])
    except MALFORMED:
        return b""


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > CODE_MAX:
        raise ValueError("longer than any answer")
    return dict(json.loads(answer))


def _tell(kind: str, user: User, row: Passkey, actor: Actor, now: datetime) -> None:
    record(
        kind,
        actor=actor,
        subject=Subject("user", str(user.id), user.name),
        now=now,
        detail={"passkey": row.name, "host": row.host},
    )
