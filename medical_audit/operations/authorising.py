"""Who may confirm one operation: the right, the policy, never the proxy himself, and for the principal only his deputies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from medical_audit.domain.actor import ENVELOPE, Actor, ActorType, Reauthentication
from medical_audit.domain.errors import NotPermitted, NotReauthenticated
from medical_audit.domain.kinds import Kind, Policy, get_kind
from medical_audit.domain.people import directory
from medical_audit.models import Confirmation, ConfirmPolicy, Delegation, Deputy, Operation
from medical_audit.queries.policies import policy_here
from medical_audit.tenancy import within


@dataclass(frozen=True, slots=True)
class Standing:
    """As what somebody confirms: in whose place (a name, or ""), and whether another one must follow."""

    deputy_for: str = ""
    first_of_two: bool = False


def policy_of(kind: Kind) -> tuple[Policy, str]:
    """What holds for this kind in the bound tenant: its own decision, else the kind's; with the role for `two`."""
    row = ConfirmPolicy.objects.filter(kind=kind.name).values_list("policy", "role").first()
    return (Policy(row[0]), row[1]) if row else (kind.policy, "")


def check_proof(proof: Reauthentication | None, *, actor: Actor, now: datetime) -> Reauthentication:
    """Raise NotReauthenticated unless this very person has just proven himself; gives the proof."""
    valid = timedelta(seconds=settings.REAUTHENTICATION_VALID_S)
    if (
        proof is None
        or proof.user_id != actor.id
        or not now - valid <= proof.at <= now + timedelta(seconds=5)
    ):
        raise NotReauthenticated
    return proof


def check_confirmer(operation: Operation, kind: Kind, actor: Actor, *, now: datetime) -> Standing:
    """Raise NotPermitted unless this person may confirm this operation now: one person, whom nobody else can be."""
    actor.require(kind.confirm_permission, operation.tenant_id)
    if actor.type != ActorType.USER:
        raise NotPermitted("confirmer_not_a_person")
    if not _acts_alone(operation, actor):
        actor.require_somebody()
    same = actor.id == operation.entered_by_id
    if same and operation.on_behalf_of_id:
        raise NotPermitted("proxy_cannot_confirm")
    if same and operation.policy in (Policy.OTHER, Policy.TWO):
        raise NotPermitted("another_person_must_confirm")
    entered_by, entered_at = [operation.entered_by_id], operation.entered_at
    if directory().in_hands_of(operation.tenant_id, actor.id, entered_by, since=entered_at):
        raise NotPermitted("in_your_hands")
    if kind.own and not same:
        raise NotPermitted("only_the_enterer_confirms")
    if (code := kind.confirmer_refusal(operation, actor.id)) is not None:
        raise NotPermitted(code)
    first, spoken = False, False
    if operation.policy == Policy.TWO:
        if operation.policy_role and operation.policy_role not in actor.roles:
            raise NotPermitted("confirmer_lacks_the_role", role=operation.policy_role)
        if Confirmation.objects.filter(operation=operation.id, person_id=actor.id).exists():
            raise NotPermitted("confirmed_by_you_already")
        given = [row.person_id for row in standing_confirmations(operation, kind)]
        first, spoken = not given, speak_for(operation, given)
        if spoken and operation.on_behalf_of_id not in (actor.id, *given):
            require_principal(operation.tenant_id, operation.on_behalf_of_id, kind)
    place = "" if spoken else _in_whose_place(operation, kind, actor, now)
    return Standing(deputy_for=place, first_of_two=first)


def speak_for(operation: Operation, people: Sequence[str]) -> bool:
    """Whether the principal, or a deputy whom he names now, is among these people (ids); then any other holder of the right may be the
    second of two."""
    named = Deputy.objects.filter(principal_id=operation.on_behalf_of_id, deputy_id__in=people)
    return operation.on_behalf_of_id in people or named.exists()


def _acts_alone(operation: Operation, actor: Actor) -> bool:
    """Whether an opened envelope may confirm this: only where nobody asks for a second person, for it is none."""
    return actor.no_one == ENVELOPE and operation.policy == Policy.SELF and not operation.on_behalf_of_id


def refusal_to_confirm(operation: Operation, actor: Actor, *, now: datetime) -> str | None:
    """Why this actor may not confirm this operation (a code for the page), or None: the same rule confirm raises."""
    try:
        with within(operation.tenant_id):
            check_confirmer(operation, get_kind(operation.kind), actor, now=now)
    except NotPermitted as refused:
        return refused.code
    return None


def standing_confirmations(operation: Operation, kind: Kind) -> list[Confirmation]:
    """First confirmations of exactly this content by people who still hold the right and the role."""
    rows = Confirmation.objects.filter(operation=operation.id, digest=operation.digest).order_by("at")
    return [
        row
        for row in rows
        if directory().holds(
            operation.tenant_id, row.person_id, kind.confirm_permission, operation.policy_role
        )
    ]


def still_confirmed(operation: Operation, kind: Kind) -> bool:
    """Right before the call: do all who confirmed it still hold what they confirmed it with?"""
    held = directory().holds(
        operation.tenant_id, operation.confirmed_by_id, kind.confirm_permission, operation.policy_role
    )
    return held and (operation.policy != Policy.TWO or bool(standing_confirmations(operation, kind)))


def _in_whose_place(operation: Operation, kind: Kind, actor: Actor, now: datetime) -> str:
    """A proxy's entry is confirmed by the principal; when he is away, by his deputies in order, each after one more
    escalation period. What he may not confirm himself (any more), nobody confirms in his place."""
    if not operation.on_behalf_of_id or operation.on_behalf_of_id == actor.id:
        return ""
    row = Deputy.objects.filter(principal_id=operation.on_behalf_of_id, deputy_id=actor.id).first()
    if row is None:
        raise NotPermitted("only_the_principal")
    if now < turn_of(operation.entered_at, row.place, policy_here().escalate_hours):
        raise NotPermitted("deputy_not_yet")
    require_principal(operation.tenant_id, operation.on_behalf_of_id, kind)
    return operation.on_behalf_of_name


def turn_of(entered_at: datetime, place: int, escalate_hours: int) -> datetime:
    """From when on the deputy in this place (1 is the first) may confirm."""
    return entered_at + timedelta(hours=(place - 1) * escalate_hours)


def require_principal(tenant_id: UUID, principal_id: str, kind: Kind) -> None:
    """Raise NotPermitted unless he for whom it is entered may confirm it now: a delegation gives no more than its principal has."""
    if not directory().holds(tenant_id, principal_id, kind.confirm_permission, ""):
        raise NotPermitted("principal_without_right")


def live_delegation(proxy_id: str, principal_id: str, kind: str, now: datetime) -> Delegation:
    """The permission under which one enters for another. Raises NotPermitted (no_delegation)."""
    rows = Delegation.objects.filter(
        proxy_id=proxy_id, principal_id=principal_id, kinds__contains=kind, begins_at__lte=now, ends_at__gt=now,
        ended_at__isnull=True,
    )  # fmt: skip
    row: Delegation | None = rows.order_by("-ends_at").first()
    if row is None:
        raise NotPermitted("no_delegation")
    return row


def principals_of(tenant_id: UUID, proxy_id: str, kinds: set[str], now: datetime) -> list[tuple[str, str]]:
    """For whom this person may enter all of these kinds now: [(id, name)], by name."""
    rights = {get_kind(name).confirm_permission for name in kinds}
    rows = Delegation.objects.filter(
        proxy_id=proxy_id, begins_at__lte=now, ends_at__gt=now, ended_at__isnull=True
    )
    found = {row.principal_id: row.principal_name for row in rows if kinds <= set(row.kinds)}
    able = {
        (principal, name)
        for principal, name in found.items()
        if all(directory().holds(tenant_id, principal, right, "") for right in rights)
    }
    return sorted(able, key=lambda item: item[1])


def confirmed_first(operation_id: UUID) -> list[Confirmation]:
    return list(Confirmation.objects.filter(operation=operation_id).order_by("at"))
