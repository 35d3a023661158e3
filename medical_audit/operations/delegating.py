"""代行許可 and deputies: made and ended by a confirmed operation of the principal himself."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from medical_audit.domain.actor import Actor, Principal
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.domain.kinds import OperationTarget, get_kind
from medical_audit.domain.people import Member, directory
from medical_audit.domain.rights import DELEGATE, POLICY_EDIT
from medical_audit.models import Delegation, Deputy, Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

GRANT, END, DEPUTIES = "delegation.grant", "delegation.end", "deputies.set"
LONGEST = timedelta(days=366)
DEPUTIES_MOST = 5


def enter_grant(
    proxy_id: str,
    kinds: Sequence[str],
    *,
    begins_at: datetime,
    ends_at: datetime,
    evidence: str,
    actor: Actor,
    now: datetime,
) -> Operation:
    """The actor lets somebody enter for him; he confirms it himself, with his password.

    Raises NotPermitted, NotFound (no such member), Refused (proxy_for_oneself, no_kinds, kind_not_ours, bad_end, too_long,
    evidence_missing).
    """
    actor.require(DELEGATE, actor.tenant_id)
    proxy = _member(proxy_id, actor)
    if proxy.id == actor.id:
        raise Refused("proxy_for_oneself")
    if not kinds:
        raise Refused("no_kinds")
    for name in kinds:
        kind = get_kind(name)
        if not kind.proxied or not actor.may(kind.confirm_permission, actor.tenant_id):
            raise Refused("kind_not_ours", kind=name)
    if ends_at <= max(begins_at, now):
        raise Refused("bad_end")
    if ends_at - begins_at > LONGEST:
        raise Refused("delegation_too_long")
    if not evidence.strip():
        raise Refused("evidence_missing")
    parameters = {
        "principal": actor.id, "principal_name": actor.name, "proxy": proxy.id, "proxy_name": proxy.name,
        "kinds": sorted(kinds), "begins_at": begins_at.isoformat(), "ends_at": ends_at.isoformat(),
        "evidence": evidence.strip(),
    }  # fmt: skip
    target = OperationTarget("delegation", str(uuid.uuid4()), proxy.name)
    return entry.enter(GRANT, target, parameters, actor=actor, now=now, reason=evidence)


def apply_grant(operation: Operation, now: datetime) -> dict[str, Any]:
    """The permission begins, if it is its principal who entered and confirmed it."""
    given = operation.parameters
    if not operation.entered_by_id == operation.confirmed_by_id == given["principal"]:
        raise NotPermitted("only_the_enterer_confirms")
    Delegation(
        id=UUID(operation.target_id), tenant_id=operation.tenant_id, principal_id=given["principal"],
        principal_name=given["principal_name"], proxy_id=given["proxy"], proxy_name=given["proxy_name"], kinds=given["kinds"],
        begins_at=datetime.fromisoformat(given["begins_at"]), ends_at=datetime.fromisoformat(given["ends_at"]),
        evidence=given["evidence"], operation=str(operation.id),
    ).save(force_insert=True)  # fmt: skip
    return {"proxy": Principal(given["proxy"], given["proxy_name"])}


def enter_end(delegation_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """End a permission early: its principal, its proxy, or who sets the tenant's policies.

    Raises NotPermitted, NotFound, Refused (delegation_over).
    """
    actor.require(DELEGATE, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row: Delegation | None = Delegation.objects.filter(id=delegation_id).first()
    concerned = row is not None and actor.id in (row.principal_id, row.proxy_id)
    if row is None or not (concerned or actor.may(POLICY_EDIT, actor.tenant_id)):
        raise NotFound(type="delegation")
    if row.ended_at is not None or row.ends_at <= now:
        raise Refused("delegation_over")
    parameters = {
        "principal_name": row.principal_name, "proxy": row.proxy_id, "proxy_name": row.proxy_name, "kinds": row.kinds,
    }  # fmt: skip
    target = OperationTarget("delegation", str(row.id), row.proxy_name)
    return entry.enter(END, target, parameters, actor=actor, now=now, reason=reason)


def apply_end(operation: Operation, now: datetime) -> dict[str, Any]:
    rows = Delegation.objects.filter(id=operation.target_id, ended_at__isnull=True)
    rows.update(ended_at=now, ended_operation=str(operation.id))
    return {}


def enter_deputies(deputy_ids: Sequence[str], *, actor: Actor, now: datetime, reason: str) -> Operation:
    """The actor names who confirms in his place when he is away, in this order; an empty list: nobody.

    Raises NotPermitted, NotFound (no such member), Refused (proxy_for_oneself, deputy_twice, too_many_deputies).
    """
    actor.require(DELEGATE, actor.tenant_id)
    people = [_member(one, actor) for one in deputy_ids]
    ids = [person.id for person in people]
    if actor.id in ids:
        raise Refused("proxy_for_oneself")
    if len(set(ids)) != len(ids):
        raise Refused("deputy_twice")
    if len(ids) > DEPUTIES_MOST:
        raise Refused("too_many_deputies", limit=DEPUTIES_MOST)
    parameters = {"deputies": ids, "deputy_names": [person.name for person in people]}
    target = OperationTarget("deputies", actor.id, actor.name)
    return entry.enter(DEPUTIES, target, parameters, actor=actor, now=now, reason=reason)


def apply_deputies(operation: Operation, now: datetime) -> dict[str, Any]:
    if operation.entered_by_id != operation.target_id:
        raise NotPermitted("only_the_enterer_confirms")
    given = operation.parameters
    Deputy.objects.filter(principal_id=operation.target_id).delete()
    people = zip(given["deputies"], given["deputy_names"], strict=True)
    Deputy.objects.bulk_create(
        Deputy(
            tenant_id=operation.tenant_id, principal_id=operation.target_id, principal_name=operation.target_name,
            deputy_id=deputy, deputy_name=name, place=place, operation=str(operation.id),
        )
        for place, (deputy, name) in enumerate(people, start=1)
    )  # fmt: skip
    named = zip(given["deputies"], given["deputy_names"], strict=True)
    return {"deputies": [Principal(*one) for one in named]}


def _member(person_id: str, actor: Actor) -> Member:
    with tenant_scope(actor.tenant_id):
        found = [one for one in directory().members(actor.tenant_id) if one.id == person_id]
    if not found:
        raise NotFound(type="user")
    return found[0]
