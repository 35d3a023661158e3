"""What a tenant decides about sessions, confirmations and proxies, over the API."""

from dataclasses import asdict
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medical_audit.api.calls import Call, InstantField, Told, answers, version_from
from medical_audit.api.operations import OperationOut, PersonOut, ReasonIn, version_of
from medical_audit.domain.errors import NotFound
from medical_audit.domain.rights import DELEGATE, OPERATION_VIEW, POLICY_EDIT
from medical_audit.forms import REASON_MAX
from medical_audit.models import Delegation, Deputy
from medical_audit.operations import confirm_policies, delegating
from medical_audit.operations import policies as operations
from medical_audit.operations.confirm_policies import KindPolicy, kind_policies
from medical_audit.queries.policies import SECOND_FACTOR_FROM, Policy, policy_here


class PolicyOut(serializers.Serializer[Policy]):
    idle_minutes = serializers.IntegerField()
    grace_seconds = serializers.IntegerField()
    escalate_hours = serializers.IntegerField()
    second_factor_from = serializers.DateField()


class PolicyIn(ReasonIn):
    idle_minutes = serializers.IntegerField(min_value=1, max_value=30)
    grace_seconds = serializers.IntegerField(min_value=0, max_value=900)
    escalate_hours = serializers.IntegerField(min_value=1, max_value=168)
    second_factor_from = serializers.DateField(default=date.fromisoformat(SECOND_FACTOR_FROM))


class KindPolicyOut(serializers.Serializer[KindPolicy]):
    """`own`: the tenant decided it; `choices`: what it may choose; `roles`: who may be asked for with `two`."""

    kind = serializers.CharField()
    policy = serializers.CharField()
    role = serializers.CharField()
    own = serializers.BooleanField()
    choices = serializers.ListField(child=serializers.CharField())
    roles = serializers.ListField(child=serializers.CharField())


class KindPolicyIn(ReasonIn):
    kind = serializers.CharField(max_length=60)
    policy = serializers.ChoiceField(choices=["self", "other", "two"])
    role = serializers.CharField(max_length=20, default="", allow_blank=True)


class DelegationOut(serializers.Serializer[Delegation]):
    id = serializers.UUIDField()
    principal = serializers.SerializerMethodField()
    proxy = serializers.SerializerMethodField()
    kinds = serializers.ListField(child=serializers.CharField())
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    evidence = serializers.CharField()
    operation = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(PersonOut)
    def get_principal(self, row: Delegation) -> dict[str, str]:
        return {"id": row.principal_id, "name": row.principal_name}

    @extend_schema_field(PersonOut)
    def get_proxy(self, row: Delegation) -> dict[str, str]:
        return {"id": row.proxy_id, "name": row.proxy_name}


class DelegationIn(serializers.Serializer[Any]):
    proxy = serializers.CharField(max_length=64)
    kinds = serializers.ListField(child=serializers.CharField(max_length=60), max_length=50)
    begins_at = InstantField()
    ends_at = InstantField()
    evidence = serializers.CharField(max_length=REASON_MAX)


class DeputiesOut(serializers.Serializer[Any]):
    deputies = PersonOut(many=True)


class DeputiesIn(ReasonIn):
    deputies = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=20, allow_empty=True
    )


def _version(policy: Policy) -> str:
    return sha256(repr(sorted(asdict(policy).items())).encode()).hexdigest()[:32]


@answers(PolicyOut)
def policy_get(call: Call) -> Told:
    """See what holds for sessions and confirmations."""
    call.actor.require(OPERATION_VIEW, call.actor.tenant_id)
    held = policy_here()
    return Told(held, _version(held))


@answers(
    OperationOut,
    takes=PolicyIn,
    status=201,
    must=True,
    example={"idle_minutes": 5, "grace_seconds": 0, "escalate_hours": 24, "reason": "端末を共用するため"},
)
def policy_enter(call: Call) -> Told:
    """Enter what is to hold for sessions and confirmations; another person confirms it."""
    call.actor.require(POLICY_EDIT, call.actor.tenant_id)
    given = dict(call.given)
    call.expect(_version(policy_here()))
    reason, day = given.pop("reason"), given.pop("second_factor_from").isoformat()
    entered = operations.enter_policy(
        Policy(**given, second_factor_from=day), actor=call.actor, now=call.now, reason=reason
    )
    return Told(entered, version_of(entered))


@answers(KindPolicyOut, many=True)
def confirm_policy_list(call: Call) -> Told:
    """List who must confirm which kind of operation; the version of the list is what a change names."""
    call.actor.require(OPERATION_VIEW, call.actor.tenant_id)
    held = kind_policies()
    return Told(held, version_from(*held))


@answers(
    OperationOut,
    takes=KindPolicyIn,
    status=201,
    must=True,
    example={"kind": "ec2.stop", "policy": "two", "role": "approver", "reason": "停止は二名で確定するため"},
)
def confirm_policy_enter(call: Call) -> Told:
    """Enter who must confirm a kind from now on; another person confirms it."""
    call.actor.require(POLICY_EDIT, call.actor.tenant_id)
    given = call.given
    call.expect(version_from(*kind_policies()))
    entered = confirm_policies.enter_confirm_policy(
        given["kind"], given["policy"], given["role"], actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))


@answers(DelegationOut, many=True)
def delegation_list(call: Call) -> list[Delegation]:
    """List who may enter for whom, now or later."""
    call.actor.require(OPERATION_VIEW, call.actor.tenant_id)
    live = Delegation.objects.filter(ended_at__isnull=True, ends_at__gt=call.now)
    return list(live.order_by("ends_at", "id"))


@answers(OperationOut, takes=DelegationIn, status=201)
def delegation_enter(call: Call) -> Told:
    """Enter that somebody may enter for me; I confirm it myself."""
    call.actor.require(DELEGATE, call.actor.tenant_id)
    given = call.given
    entered = delegating.enter_grant(
        given["proxy"], given["kinds"], begins_at=given["begins_at"], ends_at=given["ends_at"], evidence=given["evidence"],
        actor=call.actor, now=call.now,
    )  # fmt: skip
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ReasonIn, status=201)
def delegation_end(call: Call, pk: UUID) -> Told:
    """Enter the early end of a delegation."""
    if not Delegation.objects.filter(id=pk).exists():
        raise NotFound(type="delegation", id=str(pk))
    call.actor.require(DELEGATE, call.actor.tenant_id)
    reason = call.given["reason"]
    entered = delegating.enter_end(pk, actor=call.actor, now=call.now, reason=reason)
    return Told(entered, version_of(entered))


@answers(DeputiesOut)
def deputies_get(call: Call) -> Told:
    """See who confirms in my place when I am away, in this order; its version is what a change names."""
    call.actor.require(OPERATION_VIEW, call.actor.tenant_id)
    held = _deputies(call)
    return Told({"deputies": held}, version_from(*held))


def _deputies(call: Call) -> list[dict[str, str]]:
    rows = Deputy.objects.filter(principal_id=call.actor.id).order_by("place")
    return [{"id": one.deputy_id, "name": one.deputy_name} for one in rows]


@answers(OperationOut, takes=DeputiesIn, status=201, must=True)
def deputies_enter(call: Call) -> Told:
    """Enter who confirms in my place when I am away, in this order; an empty list: nobody."""
    call.actor.require(DELEGATE, call.actor.tenant_id)
    given = call.given
    call.expect(version_from(*_deputies(call)))
    entered = delegating.enter_deputies(
        given["deputies"], actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))
