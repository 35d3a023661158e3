"""Starts and stops that a person enters, for one resource or many: shown first, entered once, confirmed as shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError

from accounts.domain.permissions import Permission
from infra.domain.schedule import Action
from infra.models import AwsAccount, Resource
from infra.operations.dues import target_of_resource
from infra.operations.observing import knowing_features
from infra.queries.regions import left_places
from infra.queries.standing import BESIDE, refusal_of
from medical_audit.domain.actor import Actor, Principal, Reauthentication
from medical_audit.domain.errors import NotFound, Refused, StaleContent, TokenReused
from medical_audit.domain.kinds import OperationTarget, Policy, get_kind
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.authorising import policy_of, principals_of
from medical_audit.queries.operations import open_by_target
from medical_audit.tenancy import tenant_scope

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Group:
    """What one call to AWS would take together."""

    kind: str
    call: str
    account: AwsAccount
    region: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    resource: Resource
    refusal: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be entered. `digests`: by resource id, what confirming must find unchanged; `principals`: for whom it may be
    entered as a proxy, (id, name)."""

    action: Action
    groups: tuple[Group, ...]
    refused: tuple[Refusal, ...]
    digests: Mapping[str, str]
    policy: Policy
    policy_role: str
    principals: Sequence[tuple[str, str]]
    may_confirm: bool

    @property
    def count(self) -> int:
        return len(self.digests)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Confirming in the same step: who proved to be at the keyboard, and the digests he was shown."""

    proof: Reauthentication
    digests: Mapping[str, str]


def preview(action: Action, ids: Iterable[UUID], *, actor: Actor, now: datetime) -> Preview:
    """Nothing is stored. Raises NotPermitted, NotFound (any id missing or another tenant's), Refused (too many)."""
    actor.require(Permission.POWER_ENTER, actor.tenant_id)
    rows = _resources(ids)
    busy = open_by_target("resource", [str(row.id) for row in rows], actor=actor, beside=BESIDE)
    groups: dict[tuple[str, UUID, str], list[Resource]] = {}
    calls, digests, refused = {}, {}, []
    for row, target in zip(rows, _targets(rows), strict=True):
        try:
            draft = _draft(row, target, action, actor=actor, now=now, busy=str(row.id) in busy)
        except Refused as why:
            refused.append(Refusal(row, why.code))
            continue
        groups.setdefault((draft.kind, row.account_id, row.region), []).append(row)
        calls[draft.kind], digests[str(row.id)] = str(draft.shown["call"]), draft.digest
    kinds = list({f"{row.kind}.{action}": get_kind(f"{row.kind}.{action}") for row in rows}.values())
    policies = [policy_of(kind) for kind in kinds]
    return Preview(
        action=action,
        groups=tuple(
            Group(kind, calls[kind], found[0].account, region, tuple(found))
            for (kind, _account, region), found in sorted(
                groups.items(), key=lambda item: (item[0][0], item[1][0].account.account_id, item[0][2])
            )
        ),
        refused=tuple(refused),
        digests=digests,
        policy=policies[0][0],
        policy_role=policies[0][1],
        principals=principals_of(actor.tenant_id, actor.id, {kind.name for kind in kinds}, now),
        may_confirm=all(
            policy == Policy.SELF and actor.may(kind.confirm_permission, actor.tenant_id)
            for kind, (policy, _role) in zip(kinds, policies, strict=True)
        ),
    )


def enter_by_hand(
    action: Action,
    ids: Iterable[UUID],
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    token: str,
    confirmation: Confirmation | None = None,
    behalf: Principal | None = None,
) -> list[Operation]:
    """Enter one operation per resource, all or none; with a confirmation, confirm them too; `behalf`: as whose proxy.

    `token` makes a repeated form one entry: the second time the operations of the first are given back.
    Raises NotPermitted, NotFound, Refused, StaleContent, NotReauthenticated, TokenReused (other content than the first).
    """
    actor.require(Permission.POWER_ENTER, actor.tenant_id)
    try:
        with tenant_scope(actor.tenant_id):
            operations = _enter(action, ids, actor=actor, now=now, reason=reason, token=token, behalf=behalf)
            if confirmation is not None:
                operations = [_confirm(one, confirmation, actor=actor, now=now) for one in operations]
    except IntegrityError:
        # The same form came twice at the same moment, and the other one was first.
        with tenant_scope(actor.tenant_id):
            operations = _entered(action, _resources(ids), actor=actor, reason=reason, token=token)
            if not operations:
                raise
    return operations


def _enter(
    action: Action,
    ids: Iterable[UUID],
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    token: str,
    behalf: Principal | None,
) -> list[Operation]:
    rows = _resources(ids)
    # Asked in this order: what the same form entered a moment ago is either found next, or was not in the way yet.
    busy = open_by_target("resource", [str(row.id) for row in rows], actor=actor, beside=BESIDE)
    if before := _entered(action, rows, actor=actor, reason=reason, token=token):
        return before
    operations = []
    for row, target, key in zip(rows, _targets(rows), _keys(len(rows), actor, token), strict=True):
        if refusal := refusal_of(row, action, busy=str(row.id) in busy):
            raise Refused(refusal, target=str(row))
        operations.append(
            entry.enter(
                f"{row.kind}.{action}",
                target,
                {"aws_id": row.aws_id},
                actor=actor,
                now=now,
                reason=reason,
                dedupe_key=key,
                behalf=behalf,
            )
        )
    return operations


def _confirm(operation: Operation, confirmation: Confirmation, *, actor: Actor, now: datetime) -> Operation:
    if operation.state != State.ENTERED:
        return operation
    seen = confirmation.digests.get(operation.target_id)
    if seen is None:
        raise StaleContent(id=str(operation.id))
    return entry.confirm(operation.id, actor=actor, now=now, seen_digest=seen, proof=confirmation.proof)


def _draft(
    row: Resource, target: OperationTarget, action: Action, *, actor: Actor, now: datetime, busy: bool
) -> Operation:
    if refusal := refusal_of(row, action, busy=busy):
        raise Refused(refusal)
    kind = get_kind(f"{row.kind}.{action}")
    return entry.draft(kind, target, {"aws_id": row.aws_id}, actor=actor, now=now, due_at=now)


def _targets(rows: Sequence[Resource]) -> list[OperationTarget]:
    """Whether their regions are looked at and what is in force in their accounts is asked once for all."""
    left = left_places()
    return knowing_features(
        [target_of_resource(row, left=(row.account_id, row.region) in left) for row in rows]
    )


def _resources(ids: Iterable[UUID]) -> list[Resource]:
    wanted = set(ids)
    if not wanted:
        raise Refused("nothing_chosen")
    if len(wanted) > AT_ONCE:
        raise Refused("too_many", limit=AT_ONCE)
    rows = list(Resource.objects.filter(id__in=wanted).select_related("account").order_by("name", "id"))
    if len(rows) != len(wanted):
        raise NotFound(type="resource")
    return rows


def _keys(count: int, actor: Actor, token: str) -> list[str | None]:
    """One key for each entry of a form, by number: a form that comes again with other resources meets the first one's."""
    return [f"form/{actor.id}/{token}/{number}" if token else None for number in range(count)]


def _entered(
    action: Action, rows: Sequence[Resource], *, actor: Actor, reason: str, token: str
) -> list[Operation]:
    """What this form entered before; one key more is asked for, because it may have entered more."""
    if not token:
        return []
    found = Operation.objects.filter(dedupe_key__in=_keys(len(rows) + 1, actor, token))
    before = list(found.order_by("target_name", "id"))
    told = {(one.kind, one.target_id, one.reason) for one in before}
    if before and told != {(f"{row.kind}.{action}", str(row.id), reason.strip()) for row in rows}:
        raise TokenReused(token=token)
    return before
