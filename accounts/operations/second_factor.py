"""The second factor: an authenticator app (RFC 6238) or passkeys, and codes on paper for who lost them."""

import hmac
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import pyotp
from django.contrib.auth.hashers import check_password, make_password

from accounts.domain.passwords import least_length
from accounts.domain.tokens import is_with_factor
from accounts.models import Passkey, RecoveryCode, SecondFactor, User
from accounts.operations import passkeys
from accounts.operations.ending_tokens import end_tokens_made_alone
from accounts.operations.typed import new_code, plain, spelled
from accounts.queries.sign_on import belongs_only_to
from medical_audit.domain.actor import NO_TENANT, Actor, Reauthentication, Subject, system_actor
from medical_audit.domain.errors import NotReauthenticated, Refused
from medical_audit.domain.seats import End
from medical_audit.models import Session
from medical_audit.operations import seats
from medical_audit.operations.authorising import check_proof
from medical_audit.operations.ledger import record
from medical_audit.sealing import is_current, seal, unseal
from medical_audit.tenancy import platform_scope

ISSUER: Final = "Toban"
STEP_S: Final = 30
#: Clocks of telephones may be wrong by so many steps.
TOLERANCE: Final = 1
RECOVERY_CODES: Final = 10
_LENGTH: Final = 12


def new_secret() -> str:
    """A secret to be shared with an app; nothing is kept before a code made with it comes back."""
    return pyotp.random_base32()


def address_of(secret: str, user: User) -> str:
    """What the QR code says: otpauth://..."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=ISSUER)


def is_enrolled(user_id: UUID) -> bool:
    """Whether the person has an app or a passkey. Needs no scope of its own."""
    with platform_scope(user_id=user_id):
        return _has_any(user_id)


def has_app(user_id: UUID) -> bool:
    """Needs no scope of its own."""
    with platform_scope(user_id=user_id):
        return SecondFactor.objects.filter(user_id=user_id).exists()


def codes_left(user_id: UUID) -> int:
    """How many codes on paper are not used yet."""
    with platform_scope(user_id=user_id):
        return RecoveryCode.objects.filter(user_id=user_id, used_at__isnull=True).count()


def enrol(
    user: User, secret: str, code: str, *, actor: Actor, now: datetime, proof: Reauthentication | None
) -> list[str]:
    """Take an app in that has shown its first code; gives the codes on paper, which are shown once, if it is the first factor.

    Every other session of the person, and every token, that a password alone began ends then. `actor`: the person, without a tenant.
    Raises NotReauthenticated, Refused (already_enrolled, wrong_code, sign_on_counts_for_one).
    """
    with _held(user, proof, actor, now):
        step = _step_of(secret, code, now)
        if step is None:
            raise Refused("wrong_code")
        if SecondFactor.objects.filter(user_id=user.id).exists():
            raise Refused("already_enrolled")
        first = not _has_any(user.id)
        SecondFactor(
            user_id=user.id, sealed=seal(secret, tenant_id=NO_TENANT, field=_field(user.id)), last_step=step,
            made_at=now,
        ).save(force_insert=True)  # fmt: skip
        _tell("user.second_factor_set", user, actor, now)
        return _begin(user, actor, now) if first else []


def enrol_passkey(
    user: User, name: str, answer: str, *, actor: Actor, now: datetime, proof: Reauthentication | None
) -> list[str]:
    """Take a passkey in; like an app, the first factor brings codes on paper and ends the person's other sessions.

    Raises NotReauthenticated, and Refused as `passkeys.add` does.
    """
    with _held(user, proof, actor, now):
        first = not _has_any(user.id)
        passkeys.add(user, name, answer, actor=actor, now=now)
        return _begin(user, actor, now) if first else []


def reseal(user_id: UUID, *, actor: Actor, now: datetime) -> bool:
    """Seal the app's secret with the key that seals today; whether it was not yet. Raises Unsealable."""
    with platform_scope(user_id=user_id):
        factor = SecondFactor.objects.filter(user_id=user_id).select_for_update().first()
        if factor is None or is_current(factor.sealed):
            return False
        secret = unseal(factor.sealed, tenant_id=NO_TENANT, field=_field(user_id))
        factor.sealed = seal(secret, tenant_id=NO_TENANT, field=_field(user_id))
        factor.save(update_fields=["sealed"])
        name = User.objects.values_list("name", flat=True).get(id=user_id)
        subject = Subject("user", str(user_id), name)
        record("user.second_factor_resealed", actor=actor, subject=subject, now=now)
    return True


def renew_codes(user: User, *, actor: Actor, now: datetime, proof: Reauthentication | None) -> list[str]:
    """New codes on paper; the old ones are void. Raises NotReauthenticated, Refused (not_enrolled)."""
    with _held(user, proof, actor, now):
        if not _has_any(user.id):
            raise Refused("not_enrolled")
        RecoveryCode.objects.filter(user_id=user.id).delete()
        codes = _new_codes(user.id)
        _tell("user.recovery_codes_made", user, actor, now)
    return codes


def remove(user: User, password: str, *, actor: Actor, now: datetime, proof: Reauthentication | None) -> None:
    """The app goes; with the last factor the codes on paper go too, and the password stands alone from then on.

    `password`: his own, whose length is asked then. Raises NotReauthenticated, Refused (not_enrolled, password_too_short_alone).
    """
    with _held(user, proof, actor, now):
        if not SecondFactor.objects.filter(user_id=user.id).delete()[0]:
            raise Refused("not_enrolled")
        _tell("user.second_factor_removed", user, actor, now)
        _end_if_last(user, password)


def remove_passkey(
    user: User,
    passkey_id: UUID,
    password: str,
    *,
    actor: Actor,
    now: datetime,
    proof: Reauthentication | None,
) -> None:
    """The same for a passkey. Raises NotReauthenticated, NotFound, Refused (password_too_short_alone)."""
    with _held(user, proof, actor, now):
        passkeys.remove(user, passkey_id, actor=actor, now=now)
        _end_if_last(user, password)


def forget(user: User, *, actor: Actor, now: datetime) -> None:
    """All of it goes, because the person has it no more: app, passkeys, codes on paper. A part of what gives him his way in anew;
    needs the platform's scope, bound to him."""
    if SecondFactor.objects.filter(user_id=user.id).delete()[0]:
        _tell("user.second_factor_removed", user, actor, now)
    for key in passkeys.list_own(user.id):
        passkeys.remove(user, key.id, actor=actor, now=now)
    RecoveryCode.objects.filter(user_id=user.id).delete()


def prove(user: User, code: str, *, actor: Actor, now: datetime) -> str:
    """How the code proves the person: "otp", "passkey", "recovery", or "" for not at all. A code proves once.

    `code`: of the app or from paper, or what a browser got from a passkey, as JSON.

    Needs no scope of its own; `actor`: the person, without a tenant.
    """
    given = plain(code)
    with platform_scope(user_id=user.id):
        if code.startswith("{"):
            return "passkey" if passkeys.prove(user, code, now=now) else ""
        factor = SecondFactor.objects.filter(user_id=user.id).first()
        secret = unseal(factor.sealed, tenant_id=NO_TENANT, field=_field(user.id)) if factor else ""
        step = _step_of(secret, given, now) if secret else None
        if step is not None:
            rows = SecondFactor.objects.filter(user_id=user.id, last_step__lt=step)
            return "otp" if rows.update(last_step=step) else ""
        if not _use_from_paper(user.id, given, now):
            return ""
        _tell("user.recovery_code_used", user, actor, now)
        return "recovery"


@contextmanager
def _held(user: User, proof: Reauthentication | None, actor: Actor, now: datetime) -> Iterator[None]:
    """The person's scope, for whoever has just proven that he is the person, with his factor where he has one.

    One at a time for each person: what is the first factor is decided once.
    """
    with platform_scope(user_id=user.id):
        User.objects.select_for_update(no_key=True).get(id=user.id)
        given = check_proof(proof, actor=actor, now=now)
        if actor.id != str(user.id) or not proves_whole(given, user, enrolled=_has_any(user.id)):
            raise NotReauthenticated
        if given.method.startswith("sso"):
            _refuse_elsewhere(user, actor)
        yield


def _refuse_elsewhere(user: User, actor: Actor) -> None:
    """What proves a person opens each of his tenants; the provider of one of them has no say in that where there are others."""
    seat = Session.objects.filter(user_id=user.id, name=actor.session).first()
    if seat is None or seat.via is None or not belongs_only_to(user, seat.via):
        raise Refused("sign_on_counts_for_one")


def proves_whole(proof: Reauthentication, user: User, *, enrolled: bool) -> bool:
    """Whether a proof is enough to change what a person proves himself with: a password that was typed just now, or for who
    has none the fresh word of his identity provider; and of who has a second factor also that, shown here."""
    method = proof.method.partition("+")[0]
    typed = method == "password" or (method == "sso" and not user.has_usable_password())
    return typed and (is_with_factor(proof.method) or not enrolled)


def _has_any(user_id: UUID) -> bool:
    return (
        SecondFactor.objects.filter(user_id=user_id).exists()
        or Passkey.objects.filter(user_id=user_id).exists()
    )


def _begin(user: User, actor: Actor, now: datetime) -> list[str]:
    """The first factor is in use: codes on paper, and what a password alone began is over."""
    for other in Session.objects.filter(user_id=user.id, ended_at__isnull=True).exclude(name=actor.session):
        seats.end(other, End.FORCED, actor=system_actor(NO_TENANT, "sessions"), now=now)
    end_tokens_made_alone(user.id, actor=actor, now=now)
    return _new_codes(user.id)


def _end_if_last(user: User, password: str) -> None:
    if _has_any(user.id):
        return
    if not user.has_usable_password():
        RecoveryCode.objects.filter(user_id=user.id).delete()
        return
    own = User.objects.values_list("password", flat=True).get(id=user.id)
    if len(password) < least_length(second_factor=False) or not check_password(password, own):
        raise Refused("password_too_short_alone")
    RecoveryCode.objects.filter(user_id=user.id).delete()


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Which step's code this is, near this moment; every step is compared, so that no time is told."""
    totp, here, found = pyotp.TOTP(secret), int(now.timestamp()) // STEP_S, None
    for step in range(here - TOLERANCE, here + TOLERANCE + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            found = step
    return found


def _use_from_paper(user_id: UUID, code: str, now: datetime) -> bool:
    """Strike this code off the paper; False where it is not on it, or not any more."""
    if len(code) != _LENGTH:
        return False
    unused = RecoveryCode.objects.filter(user_id=user_id, used_at__isnull=True)
    found = next((row.id for row in unused if check_password(code, row.hashed)), None)
    return bool(unused.filter(id=found).update(used_at=now)) if found else False


def _new_codes(user_id: UUID) -> list[str]:
    codes = [new_code(_LENGTH) for _code in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        [RecoveryCode(id=uuid.uuid4(), user_id=user_id, hashed=make_password(code)) for code in codes]
    )
    return [spelled(code) for code in codes]


def _field(user_id: UUID) -> str:
    return f"second-factor:{user_id}"


def _tell(kind: str, user: User, actor: Actor, now: datetime) -> None:
    record(kind, actor=actor, subject=Subject("user", str(user.id), user.name), now=now)
