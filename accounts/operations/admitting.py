"""Somebody who has an account already comes in for some days: two people decide it, and he himself agrees before it counts.

An account is one for all tenants of its person. Whoever could make a stranger a member would be told of his sign-ins, vote on his
way in anew, and keep his own house from closing him (ADR 22).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from accounts.domain.admitting import GUEST_LONGEST, Answer
from accounts.domain.permissions import Permission, Role
from accounts.domain.terms import AccountKind, Terms
from accounts.models import Admission, Membership, MemberTerms, User
from accounts.operations import second_factor
from accounts.operations.own_rights import refuse_own
from accounts.operations.terms import keep_terms, parameters_of
from accounts.queries.terms import is_ones_own, outside
from medical_audit.domain.actor import Actor, Reauthentication, Subject
from medical_audit.domain.errors import AlreadyMoved, NotFound, NotReauthenticated, Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.authorising import check_proof
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope, tenant_scope

GRANT = "member.grant"


def enter_admit(
    username: str, role: str, company: str, last: date, *, actor: Actor, now: datetime, reason: str
) -> Operation:
    """Enter that somebody who has an account already, of the platform's staff or of a vendor, comes in for some days.

    He is a member like every other once he has agreed, seen in the list, ended by its last day or before. Raises NotPermitted,
    Refused (no_such_person, nothing_changed, guest_too_long, own_rights, bad_role, and the codes of `domain.terms.faults`).
    """
    actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
    user = User.objects.filter(username__iexact=username.strip(), is_active=True).first()
    if user is None or not is_ones_own(user):
        raise Refused("no_such_person", name=username.strip()[:60])
    refuse_own(user.id, actor=actor)
    if last - now.date() > GUEST_LONGEST:
        raise Refused("guest_too_long", days=GUEST_LONGEST.days)
    if role not in set(Role):
        raise Refused("bad_role")
    with tenant_scope(actor.tenant_id):
        before = sorted(Membership.objects.filter(user=user).values_list("role", flat=True))
        if before and not outside().filter(user=user).exists():
            raise Refused("nothing_changed")
        terms = Terms(kind=AccountKind.VENDOR, company=company.strip(), last=last)
        given = parameters_of(terms, frozenset({*before, role}), actor.tenant_id, now=now)
    parameters = {
        "role": role, "company": given["company"], "ends_at": given["ends_at"], "agrees": "yes", "roles_before": before,
        "roles_after": sorted({*before, role}), "terms": given,
    }  # fmt: skip
    # What whoever enters it typed: how somebody is called in his own house is told once he is let in here.
    target = OperationTarget("user", str(user.id), user.username)
    return entry.enter(GRANT, target, parameters, actor=actor, now=now, reason=reason)


def accept(
    admission_id: UUID, user: User, *, actor: Actor, now: datetime, proof: Reauthentication | None
) -> Admission:
    """The person agrees: from now on he is a member on these terms. `actor`: he himself, without a tenant.

    Raises NotFound (also for what waits no more), NotReauthenticated, Refused (no_such_person).
    """
    given = check_proof(proof, actor=actor, now=now)
    enrolled = second_factor.is_enrolled(user.id)
    if actor.id != str(user.id) or not second_factor.proves_whole(given, user, enrolled=enrolled):
        raise NotReauthenticated
    if not is_ones_own(user):
        raise Refused("no_such_person", name=user.username)
    row = _own(admission_id, user, now)
    with tenant_scope(row.tenant_id, user_id=user.id):
        if User.objects.select_for_update().filter(id=user.id, is_active=True).first() is None:
            raise NotFound(type="admission", id=str(admission_id))
        _answer(row, Answer.ACCEPTED, now)
        operation = Operation.objects.get(id=UUID(row.operation))
        held = MemberTerms.objects.filter(user=user).select_for_update(of=("self",)).first()
        terms = operation.parameters.get("terms", operation.parameters)
        keep_terms(operation, terms, user.id, now, row=held)
        before = sorted(Membership.objects.filter(user=user).values_list("role", flat=True))
        if row.role and row.role not in before:
            Membership(tenant_id=row.tenant_id, user=user, role=row.role, granted_at=now).save(
                force_insert=True
            )
        detail: dict[str, object] = {}
        if row.role:
            detail = {"role": row.role, "roles_before": before, "roles_after": sorted({*before, row.role})}
        _tell("member.admitted", row, replace(actor, tenant_id=row.tenant_id), now, detail)
    return row


def refuse(admission_id: UUID, user: User, *, actor: Actor, now: datetime) -> Admission:
    """The person does not want to. The tenant is told so, not from where he said it. Raises NotFound, as `accept`."""
    row = _own(admission_id, user, now)
    if actor.id != str(user.id):
        raise NotFound(type="admission", id=str(admission_id))
    with tenant_scope(row.tenant_id, user_id=user.id):
        _answer(row, Answer.REFUSED, now)
        here = replace(actor, tenant_id=row.tenant_id, name=user.username, session="", address="")
        _tell("member.admission_refused", row, here, now)
    return row


def take_back(admission_id: UUID, *, actor: Actor, now: datetime) -> None:
    """The tenant asks no more; one person is enough to let nobody in. Raises NotFound, NotPermitted, AlreadyMoved."""
    with tenant_scope(actor.tenant_id):
        row: Admission | None = Admission.objects.filter(id=admission_id).select_related("user").first()
        if row is None:
            raise NotFound(type="admission", id=str(admission_id))
        actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
        if row.answer != Answer.OPEN:
            raise AlreadyMoved(state=row.answer)
        _answer(row, Answer.TAKEN_BACK, now)
        _tell("member.admission_taken_back", row, actor, now)


def _own(admission_id: UUID, user: User, now: datetime) -> Admission:
    with platform_scope(user_id=user.id):
        row: Admission | None = Admission.own.filter(
            id=admission_id, user_id=user.id, answer=Answer.OPEN
        ).first()
    if row is None or (row.ends_at is not None and row.ends_at <= now):
        raise NotFound(type="admission", id=str(admission_id))
    return row


def _answer(row: Admission, answer: Answer, now: datetime) -> None:
    """Once, whoever was first."""
    rows = Admission.objects.filter(id=row.id, answer=Answer.OPEN)
    if not rows.update(answer=answer, answered_at=now):
        raise NotFound(type="admission", id=str(row.id))


def _tell(
    kind: str, row: Admission, actor: Actor, now: datetime, detail: dict[str, object] | None = None
) -> None:
    user = User.objects.get(id=row.user_id)
    # How he is called in his own house the tenant learns with his agreement.
    name = user.name if kind == "member.admitted" else user.username
    subject = Subject("user", str(user.id), name)
    record(kind, actor=actor, subject=subject, now=now, operation_id=row.operation, detail=detail)
