"""What a person proves himself with changes only for a fresh proof of his own, whoever calls the operation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from accounts.models import RecoveryCode, User
from accounts.operations import passkeys, second_factor, signing
from medical_audit import clock
from medical_audit.domain.actor import Reauthentication
from medical_audit.domain.errors import NotReauthenticated, Refused
from medical_audit.tenancy import platform_scope
from tests.accounts.device import Device
from tests.accounts.test_second_factor import code_at, enrolled, person, proven
from tests.factories import PASSWORD, Cast
from tests.medical_audit.threads import race

HERE = "http://testserver"
Change = Callable[[Reauthentication | None], object]


def changes_of(user: User) -> dict[str, Change]:
    """Everything that changes how somebody with an app and a passkey proves himself."""
    now, me, device = clock.now(), person(user), Device()
    answer = device.make(passkeys.ask_to_add(user, HERE, now=now))
    secret = second_factor.new_secret()
    key = passkeys.list_own(user.id)[0].id
    return {
        "enrol": lambda proof: second_factor.enrol(
            user, secret, code_at(secret, now), actor=me, now=now, proof=proof
        ),
        "enrol_passkey": lambda proof: second_factor.enrol_passkey(
            user, "x", answer, actor=me, now=now, proof=proof
        ),
        "renew_codes": lambda proof: second_factor.renew_codes(user, actor=me, now=now, proof=proof),
        "remove": lambda proof: second_factor.remove(user, PASSWORD, actor=me, now=now, proof=proof),
        "remove_passkey": lambda proof: second_factor.remove_passkey(
            user, key, PASSWORD, actor=me, now=now, proof=proof
        ),
        "change_password": lambda proof: signing.change_password(
            user, "ein ganz anderes 42", PASSWORD, actor=me, now=now, proof=proof
        ),
    }


def is_refused(change: Change, proof: Reauthentication | None) -> bool:
    try:
        change(proof)
    except NotReauthenticated:
        return True
    return False


def test_no_change_without_a_fresh_proof_of_the_person_with_his_factor(cast: Cast) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    enrolled(user)
    device = Device()
    answer = device.make(passkeys.ask_to_add(user, HERE, now=now))
    second_factor.enrol_passkey(
        user, "k", answer, actor=person(user), now=now, proof=proven(user, now, "otp")
    )
    mine, stale = str(user.id), timedelta(minutes=3)
    worthless = {
        "none": None,
        "of somebody else": Reauthentication(str(cast.stranger.id), "password+otp", now),
        "too old": Reauthentication(mine, "password+otp", now - stale),
        "without his factor": Reauthentication(mine, "password", now),
        "by the tenant's grace": Reauthentication(mine, "recent", now),
    }
    before = second_factor.codes_left(user.id)
    taken = [
        f"{name} took a proof {what}"
        for name, change in changes_of(user).items()
        for what, proof in worthless.items()
        if not is_refused(change, proof)
    ]
    assert not taken
    user.refresh_from_db()
    assert (second_factor.codes_left(user.id), user.check_password(PASSWORD)) == (before, True)


def test_two_first_factors_at_one_moment_give_one_set_of_codes(cast: Cast) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    proof = proven(user, now)

    def take_in(number: int) -> list[str]:
        me = person(user)
        if number % 2:
            secret = second_factor.new_secret()
            return second_factor.enrol(user, secret, code_at(secret, now), actor=me, now=now, proof=proof)
        answer = Device().make(passkeys.ask_to_add(user, HERE, now=now))
        return second_factor.enrol_passkey(user, "k", answer, actor=me, now=now, proof=proof)

    race(4, take_in)
    with platform_scope(user_id=user.id):
        assert RecoveryCode.objects.filter(user_id=user.id).count() == second_factor.RECOVERY_CODES


@pytest.mark.parametrize("weak", ["kurz42", "password12345", "hospital-toban-2026"])
def test_a_weak_password_is_refused_by_the_operation_itself(cast: Cast, weak: str) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    with pytest.raises(Refused, match="weak_password"):
        signing.change_password(user, weak, PASSWORD, actor=person(user), now=now, proof=proven(user, now))


def test_the_password_that_stands_alone_afterwards_is_the_persons_own(cast: Cast) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    enrolled(user)
    with pytest.raises(Refused, match="password_too_short_alone"):
        second_factor.remove(
            user, "long enough and not his", actor=person(user), now=now, proof=proven(user, now, "otp")
        )
    assert second_factor.is_enrolled(user.id)
