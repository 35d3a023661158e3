"""On what terms somebody belongs to a tenant: decided by two people, ended by the clock with everything that hangs on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.domain.admitting import NOT_FOR_GUESTS
from accounts.domain.permissions import Permission, Role
from accounts.domain.terms import AccountKind, Terms, faults, instants
from accounts.models import Membership, MemberTerms, Tenant, User
from accounts.operations.asking import ask, lay_aside, must_agree
from accounts.operations.ending_tokens import end_tokens_of
from accounts.operations.own_rights import refuse_own
from medical_audit.domain.actor import Actor, ActorType, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import NotFound, NotPermitted, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.seats import End
from medical_audit.models import Operation, Session, Visit
from medical_audit.operations import entry, seats
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope, tenant_scope

TERMS = "member.terms"


def enter_terms(user_id: UUID, wanted: Terms, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter on what terms a member belongs here from now on.

    Raises NotPermitted, NotFound, Refused (own_rights, nothing_changed, the codes of `must_agree` and of `domain.terms.faults`).
    """
    with tenant_scope(actor.tenant_id):
        rows = list(Membership.objects.filter(user_id=user_id).select_related("user"))
        if not rows:
            raise NotFound(type="user", id=str(user_id))
        actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
        refuse_own(user_id, actor=actor)
        parameters = parameters_of(wanted, frozenset(row.role for row in rows), actor.tenant_id, now=now)
        held = MemberTerms.objects.filter(user_id=user_id).first()
        if held is not None and all(_text(getattr(held, name)) == parameters[name] for name in _FIELDS):
            raise Refused("nothing_changed")
        parameters["before"] = held.operation if held else ""
        if must_agree(user_id, parameters, now):
            parameters["agrees"] = "yes"
        target = OperationTarget("user", str(user_id), rows[0].user.name)
        return entry.enter(TERMS, target, parameters, actor=actor, now=now, reason=reason)


_FIELDS = ("kind", "begins_at", "ends_at", "email", "company", "holder_id", "holder_name")


def parameters_of(wanted: Terms, roles: frozenset[str], tenant_id: UUID, *, now: datetime) -> dict[str, Any]:
    """Terms as an operation holds them. Raises Refused. Needs the tenant bound."""
    zone = ZoneInfo(Tenant.objects.values_list("time_zone", flat=True).get(id=tenant_id))
    if wrong := faults(wanted, roles, now.astimezone(zone).date()):
        raise Refused(wrong[0])
    holder = _holder(wanted.holder) if wanted.holder else None
    begins, ends = instants(wanted, zone)
    return {
        "kind": str(wanted.kind), "begins_at": _text(begins), "ends_at": _text(ends), "email": wanted.email.lower(),
        "company": wanted.company, "holder_id": str(holder.id) if holder else "", "holder_name": holder.name if holder else "",
    }  # fmt: skip


def apply_terms(operation: Operation, now: datetime) -> dict[str, Any]:
    """They hold with the next request; what is more than a guest agreed to, once he agrees. Raises NotPermitted (own_rights), StaleContent (terms_changed), Refused."""
    if operation.confirmed_by_id == operation.target_id:
        raise NotPermitted("own_rights")
    user_id = UUID(operation.target_id)
    row = MemberTerms.objects.select_for_update(of=("self",)).filter(user_id=user_id).first()
    if (row.operation if row else "") != operation.parameters["before"]:
        raise StaleContent("terms_changed", name=operation.target_name)
    roles = frozenset(Membership.objects.filter(user_id=user_id).values_list("role", flat=True))
    if not roles:
        raise StaleContent("roles_changed", name=operation.target_name)
    if operation.parameters["kind"] == AccountKind.SHARED and roles - {str(Role.VIEWER)}:
        raise Refused("shared_only_looks")
    if must_agree(user_id, operation.parameters, now):
        ask(operation, operation.parameters, "", now)
        return {"account_kind": operation.parameters["kind"], "agrees": "yes"}
    lay_aside(user_id, now)
    kinds = {row.kind if row else str(AccountKind.STAFF), operation.parameters["kind"]}
    if len(kinds) > 1 and kinds & NOT_FOR_GUESTS:
        # It changes whose account it is: what its person, or a program, was given before opens nothing any more.
        confirmer = Actor(
            operation.tenant_id, ActorType.USER, operation.confirmed_by_id, operation.confirmed_by_name
        )
        end_tokens_of(user_id, actor=confirmer, now=now)
    keep_terms(operation, operation.parameters, user_id, now, row=row)
    return {"account_kind": operation.parameters["kind"]}


def keep_terms(
    operation: Operation,
    given: Mapping[str, Any],
    user_id: UUID,
    now: datetime,
    *,
    row: MemberTerms | None = None,
) -> None:
    """A part of an operation that is being applied."""
    row = row or MemberTerms(tenant_id=operation.tenant_id, user_id=user_id)
    for name in _FIELDS:
        value = given[name]
        setattr(
            row, name, (datetime.fromisoformat(value) if value else None) if name.endswith("_at") else value
        )
    row.operation, row.changed_at, row.ended_at = str(operation.id), now, None
    row.save()


def shown_terms(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    names = {"kind": "account_kind", "begins_at": "begins_at", "ends_at": "ends_at", "email": "email", "company": "company",
             "holder_name": "holder_name", "agrees": "agrees"}  # fmt: skip
    return {"sentence": TERMS, "call": ""} | {
        word: parameters[name] for name, word in names.items() if parameters.get(name)
    }


def end_overdue(*, actor: Actor, now: datetime) -> int:
    """Whose terms are over loses sessions and tokens, with the word of it in the same transaction; gives how many people."""
    with tenant_scope(actor.tenant_id):
        over = MemberTerms.objects.filter(ends_at__lte=now, ended_at__isnull=True)
        rows = list(over.select_for_update(of=("self",), skip_locked=True).order_by("ends_at")[:100])
        for row in rows:
            _end(row, actor, now)
    return len(rows)


def _end(row: MemberTerms, actor: Actor, now: datetime) -> None:
    MemberTerms.objects.filter(id=row.id, ended_at__isnull=True).update(ended_at=now)
    tokens = end_tokens_of(row.user_id, actor=actor, now=now)
    here = set(
        Visit.objects.filter(user_id=row.user_id, ended_at__isnull=True).values_list("session", flat=True)
    )
    with platform_scope(user_id=row.user_id):
        sessions = list(Session.objects.filter(user_id=row.user_id, name__in=here, ended_at__isnull=True))
    for session in sessions:
        seats.end(session, End.FORCED, actor=actor, now=now, reason="term_over")
    name = User.objects.values_list("name", flat=True).get(id=row.user_id)
    detail: dict[str, object] = {
        "kind": row.kind, "ends_at": _text(row.ends_at), "sessions": len(sessions), "tokens": tokens,
    }  # fmt: skip
    record(
        "member.term_ended",
        actor=actor,
        subject=Subject("user", str(row.user_id), name),
        now=now,
        detail=detail,
    )


def _holder(text: str) -> User:
    """The member who answers for a shared account. Raises Refused (shared_holder_missing)."""
    try:
        wanted = UUID(text)
    except ValueError:
        raise Refused("shared_holder_missing") from None
    member = Membership.objects.filter(user_id=wanted, user__is_active=True).select_related("user").first()
    if member is None or MemberTerms.objects.filter(user_id=wanted).exclude(kind="staff").exists():
        raise Refused("shared_holder_missing")
    found: User = member.user
    return found


def _text(value: datetime | date | str | None) -> str:
    return utc_text(value) if isinstance(value, datetime) else str(value or "")
