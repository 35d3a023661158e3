"""Many AWS accounts at once over the API: an organization's accounts, and the ones that are taken in together."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra import tasks
from infra.api.accounts import REGION, SetupOut, TemplateOut
from infra.domain.onboarding import Feature
from infra.domain.organization import AT_ONCE
from infra.operations import organizing
from infra.queries import organization as queries
from medical_audit.api.calls import Call, answers


class MemberOut(serializers.Serializer[Any]):
    """`state`: as AWS says it; `standing`: free (can be taken in), in, coming (is being taken in) or closed."""

    account_id = serializers.CharField(source="member.id")
    name = serializers.CharField(source="member.name")
    state = serializers.CharField(source="member.state")
    standing = serializers.CharField()


class OrganizationOut(serializers.Serializer[Any]):
    """`on`: whether the list is switched on; `problem` is a code, empty where the last list went well; `more`: there are more."""

    on = serializers.BooleanField()
    under_way = serializers.BooleanField()
    asked_at = serializers.DateTimeField(source="setup.listing_asked_at", default=None, allow_null=True)
    ended_at = serializers.DateTimeField(source="setup.listing_ended_at", default=None, allow_null=True)
    problem = serializers.SerializerMethodField()
    more = serializers.SerializerMethodField()
    members = MemberOut(source="lines", many=True)

    def _said(self, row: queries.Organization, name: str, otherwise: Any) -> Any:
        return row.setup.listing.get(name, otherwise) if row.setup else otherwise

    @extend_schema_field(str)
    def get_problem(self, row: queries.Organization) -> str:
        return str(self._said(row, "problem", ""))

    @extend_schema_field(bool)
    def get_more(self, row: queries.Organization) -> bool:
        return bool(self._said(row, "more", False))


class RolloutIn(serializers.Serializer[Any]):
    account_ids = serializers.ListField(
        child=serializers.RegexField(r"^[0-9]{12}$"), min_length=1, max_length=AT_ONCE
    )
    regions = serializers.ListField(
        child=serializers.RegexField(REGION, max_length=30), min_length=1, max_length=40
    )
    features = serializers.ListField(
        child=serializers.ChoiceField(choices=[str(one) for one in Feature if one is not Feature.ORGANIZATION]),
        min_length=1,
        max_length=10,
    )  # fmt: skip
    managed_only = serializers.BooleanField(default=False)


class ManyOut(serializers.Serializer[Any]):
    """`done`: account numbers with which it went well; `refused`: a code for each with which it did not."""

    rollout = serializers.UUIDField()
    done = serializers.SerializerMethodField()
    refused = serializers.DictField(child=serializers.CharField())

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_done(self, row: organizing.Many) -> list[str]:
        return [one.account_id for one in row.done]


class StandingOut(serializers.Serializer[Any]):
    """`standing`: unproven, trying, lost (ask again), failed, proven or in."""

    standing = serializers.CharField()
    setup = SetupOut()


class RolloutOut(serializers.Serializer[Any]):
    """`stack_name`: what to call its StackSet."""

    id = serializers.UUIDField()
    stack_name = serializers.CharField()
    left = serializers.IntegerField()
    setups = StandingOut(many=True)


@answers(OrganizationOut)
def organization_get(call: Call, pk: UUID) -> queries.Organization:
    """Get the accounts of an account's organization, as they were last listed."""
    return queries.get_organization(pk, actor=call.actor, now=call.now)


@answers(OrganizationOut)
def organization_switch_on(call: Call, pk: UUID) -> queries.Organization:
    """Let an account list its organization's accounts; its looking role needs one right more."""
    queries.get_organization(pk, actor=call.actor, now=call.now)
    organizing.switch_on_listing(pk, actor=call.actor, now=call.now)
    return queries.get_organization(pk, actor=call.actor, now=call.now)


@answers(OrganizationOut, status=202)
def organization_list(call: Call, pk: UUID) -> queries.Organization:
    """Ask for the list anew."""
    queries.get_organization(pk, actor=call.actor, now=call.now)
    row = organizing.ask_listing(pk, actor=call.actor, now=call.now)
    transaction.on_commit(partial(tasks.kick_listing, row.tenant_id, row.id))
    return queries.get_organization(pk, actor=call.actor, now=call.now)


@answers(
    ManyOut,
    takes=RolloutIn,
    status=201,
    example={"account_ids": ["123456789012"], "regions": ["ap-northeast-1"], "features": ["servers"]},
)
def rollout_begin(call: Call, pk: UUID) -> organizing.Many:
    """Begin to take in many accounts of the organization."""
    queries.get_organization(pk, actor=call.actor, now=call.now)
    call.actor.require(Permission.AUTOMATION_ENTER, call.actor.tenant_id)
    given = call.given
    return organizing.begin_rollout(
        pk, given["account_ids"], regions=given["regions"], features=given["features"],
        managed_only=given["managed_only"], actor=call.actor, now=call.now,
    )  # fmt: skip


@answers(RolloutOut)
def rollout_get(call: Call, pk: UUID) -> queries.SeenRollout:
    """Get accounts that are taken in together, with their proofs."""
    return queries.get_rollout(pk, actor=call.actor, now=call.now)


@answers(TemplateOut)
def rollout_template(call: Call, pk: UUID) -> dict[str, Any]:
    """Get the CloudFormation template that makes the roles of all of them."""
    return {"template": queries.rollout_template(queries.get_rollout(pk, actor=call.actor, now=call.now))}


@answers(ManyOut, status=202)
def rollout_prove(call: Call, pk: UUID) -> organizing.Many:
    """Ask for the roles of those to be proven that are not in."""
    queries.get_rollout(pk, actor=call.actor, now=call.now)
    asked = organizing.ask_proofs(pk, actor=call.actor, now=call.now)
    for row in asked.done:
        transaction.on_commit(partial(tasks.kick_proof, row.tenant_id, row.id))
    return asked


@answers(ManyOut)
def rollout_take_in(call: Call, pk: UUID) -> organizing.Many:
    """Take in those whose roles are proven, to be observed."""
    queries.get_rollout(pk, actor=call.actor, now=call.now)
    return organizing.take_in_proven(pk, actor=call.actor, now=call.now)
