"""A tenant's identity provider: entered with what it publishes of itself, and switched on, each time by two people."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from accounts import identity
from accounts.domain.permissions import Permission
from accounts.domain.sign_on import (
    ID_MAX,
    SECRET_MAX,
    SET,
    Claim,
    Endpoints,
    Mode,
    NotFromProvider,
    Replaces,
    read_domains,
    read_issuer,
    replaces,
)
from accounts.models import Membership, SignOnProvider, User
from accounts.operations import second_factor
from accounts.operations.unbinding import end_links
from accounts.queries.sign_on import live_links
from medical_audit import sealing
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

SWITCH = "sign_on.switch"
#: What the sealed secret is bound to besides its tenant.
FIELD = "sign-on"
NAME_MAX = 60


def enter_provider(
    name: str,
    issuer: str,
    client_id: str,
    secret: str,
    claim: str,
    domains: str,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
) -> Operation:
    """Enter the tenant's provider, or a change of it; its own discovery document says where it does what.

    `secret`: of the client, kept sealed; "" keeps the one of the same issuer and client. Raises NotPermitted, Refused
    (bad_name, sign_on_bad_issuer, bad_parameter, sign_on_secret_missing, sign_on_domains_missing, and what `identity.discover`
    finds wrong).
    """
    actor.require(Permission.POLICY_EDIT, actor.tenant_id)
    name, client_id, secret = name.strip(), client_id.strip(), secret.strip()
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise Refused("bad_name", name=name[:NAME_MAX])
    if claim not in set(Claim):
        raise Refused("bad_parameter", name="claim", allowed=", ".join(Claim))
    if not 1 <= len(client_id) <= ID_MAX or not client_id.isprintable() or len(secret) > SECRET_MAX:
        raise Refused("bad_parameter", name="client_id", allowed=f"1-{ID_MAX}")
    try:
        issuer = read_issuer(issuer, local=settings.LOCAL)
    except ValueError:
        raise Refused("sign_on_bad_issuer") from None
    try:
        taken = read_domains(domains)
    except ValueError as bad:
        raise Refused("bad_parameter", name="domains", allowed="sakuragawa.example.jp") from bad
    if claim == Claim.EMAIL and not taken:
        raise Refused("sign_on_domains_missing")
    endpoints = _discovered(issuer)
    with tenant_scope(actor.tenant_id):
        row: SignOnProvider | None = SignOnProvider.objects.first()
        same = row is not None and (row.issuer, row.client_id) == (issuer, client_id)
        if not secret and not same:
            raise Refused("sign_on_secret_missing")
        sealed = (
            sealing.seal(secret, tenant_id=actor.tenant_id, field=FIELD)
            if secret
            else row.sealed
            if row
            else ""
        )
        parameters = {
            "before": str(row.operation) if row else "", "name": name, "issuer": issuer, "client_id": client_id,
            "sealed": sealed, "claim": claim, "domains": taken, "endpoints": asdict(endpoints),
            "replaces": _replaces(row, issuer, client_id),
            "known_people": live_links().count(),
        }  # fmt: skip
        target = OperationTarget("sign_on", str(row.id if row else uuid.uuid4()), name)
        return entry.enter(SET, target, parameters, actor=actor, now=now, reason=reason)


def apply_provider(operation: Operation, now: datetime) -> dict[str, Any]:
    """Keep it; a new one lets nobody in before it is switched on. Whom one of before named is to be named anew, also where only the
    client is another one. Raises StaleContent (rules_changed)."""
    given = operation.parameters
    row = _unchanged(operation)
    replaced = _replaces(row, given["issuer"], given["client_id"])
    if replaced != given.get("replaces", ""):
        raise StaleContent("rules_changed")
    mode = row.mode if row and replaced != Replaces.ISSUER else Mode.OFF
    row = row or SignOnProvider(id=uuid.UUID(operation.target_id), tenant_id=operation.tenant_id)
    for field in ("name", "issuer", "client_id", "sealed", "claim", "domains", "endpoints"):
        setattr(row, field, given[field])
    row.mode, row.local_people = mode, row.local_people if mode == Mode.REQUIRED else []
    row.operation, row.changed_at = str(operation.id), now
    row.save()
    ended = {}
    if replaced:
        ended = end_links(operation, live_links(), now)
    return {"issuer": row.issuer, **ended}


def _replaces(row: SignOnProvider | None, issuer: str, client_id: str) -> str:
    return str(replaces((row.issuer, row.client_id) if row else None, (issuer, client_id)))


def shown_provider(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """All but the secret; of the endpoints the hosts, which a person can judge."""
    places = Endpoints(**parameters["endpoints"])
    hosts = {urlsplit(one).netloc for one in (places.authorization, places.token, places.keys)}
    return {
        "sentence": SET, "call": "", "issuer": parameters["issuer"], "client_id": parameters["client_id"],
        "claim": parameters["claim"], "domains": parameters["domains"], "hosts": sorted(hosts),
    } | (
        {"sign_on_replaces": parameters["replaces"], "known_people": parameters["known_people"]}
        if parameters.get("replaces")
        else {}
    )  # fmt: skip


def enter_switch(
    mode: str, local_people: Sequence[str], *, actor: Actor, now: datetime, reason: str
) -> Operation:
    """Enter whether people come in by the provider, and who still comes in by a password where that is required.

    Raises NotPermitted, Refused (sign_on_missing, bad_parameter, nothing_changed, local_people_missing, local_person_weak).
    """
    actor.require(Permission.POLICY_EDIT, actor.tenant_id)
    if mode not in set(Mode):
        raise Refused("bad_parameter", name="mode", allowed=", ".join(Mode))
    with tenant_scope(actor.tenant_id):
        row: SignOnProvider | None = SignOnProvider.objects.first()
        if row is None:
            raise Refused("sign_on_missing")
        people = _locals(local_people) if mode == Mode.REQUIRED else []
        ids = [str(one.id) for one in people]
        if (row.mode, sorted(row.local_people)) == (mode, sorted(ids)):
            raise Refused("nothing_changed")
        parameters = {
            "before": row.operation, "mode": mode, "local_people": ids, "local_names": [one.name for one in people],
        }  # fmt: skip
        target = OperationTarget("sign_on", str(row.id), row.name)
        return entry.enter(SWITCH, target, parameters, actor=actor, now=now, reason=reason)


def apply_switch(operation: Operation, now: datetime) -> dict[str, Any]:
    """It holds with the next request. Raises StaleContent (rules_changed), Refused (local_person_weak)."""
    row = _unchanged(operation)
    if row is None:
        raise NotFound(type="sign_on")
    mode, before = operation.parameters["mode"], row.mode
    if mode == Mode.REQUIRED:
        _locals(operation.parameters["local_people"])
    row.mode, row.local_people = mode, operation.parameters["local_people"]
    row.operation, row.changed_at = str(operation.id), now
    row.save()
    return {"mode_before": before}


def shown_switch(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sentence": SWITCH, "call": "", "sign_on_mode": parameters["mode"], "local_names": parameters["local_names"],
    }  # fmt: skip


def reseal(*, actor: Actor, now: datetime) -> int:
    """Seal the secret anew with the key that seals today; gives how many were. Needs the tenant bound."""
    row: SignOnProvider | None = SignOnProvider.objects.select_for_update().first()
    if row is None or sealing.is_current(row.sealed):
        return 0
    secret = sealing.unseal(row.sealed, tenant_id=actor.tenant_id, field=FIELD)
    row.sealed = sealing.seal(secret, tenant_id=actor.tenant_id, field=FIELD)
    row.save(update_fields=["sealed"])
    record("sign_on.resealed", actor=actor, subject=Subject("sign_on", str(row.id), row.name), now=now)
    return 1


def _discovered(issuer: str) -> Endpoints:
    try:
        return identity.discover(issuer)
    except NotFromProvider as wrong:
        raise Refused(wrong.code, detail=wrong.detail) from wrong


def _unchanged(operation: Operation) -> SignOnProvider | None:
    """The row, held until commit, if it is what it was when this was entered."""
    row: SignOnProvider | None = SignOnProvider.objects.select_for_update().first()
    if (row.operation if row else "") != operation.parameters["before"]:
        raise StaleContent("rules_changed")
    return row


def _locals(ids: Sequence[str]) -> list[User]:
    """The people who stay able to come in when the provider does not answer: members with a password and a second factor."""
    members = Membership.objects.filter(user__is_active=True).values_list("user_id", flat=True)
    known = {str(one) for one in members} & set(ids)
    people = list(User.objects.filter(id__in=known).order_by("name", "id"))
    if not people or len(known) != len(set(ids)):
        raise Refused("local_people_missing")
    for one in people:
        if not one.has_usable_password() or not second_factor.is_enrolled(one.id):
            raise Refused("local_person_weak", name=one.name)
    return people
