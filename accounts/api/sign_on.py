"""Single sign-on over the API: the tenant's identity provider and who comes in by it. Its secret goes in and never comes out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from accounts.domain.sign_on import ID_MAX, SECRET_MAX, Claim, Mode
from accounts.models import User
from accounts.operations import sign_on
from accounts.queries.sign_on import Linked, SignOnPage, sign_on_page
from medical_audit.api.calls import Call, Told, answers, version_from
from medical_audit.api.operations import OperationOut, PersonOut, ReasonIn, version_of

DOMAINS_MOST, LOCALS_MOST = 50, 50


class LinkedOut(serializers.Serializer[Linked]):
    person = serializers.SerializerMethodField()
    made_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField()

    @extend_schema_field(PersonOut)
    def get_person(self, row: Linked) -> dict[str, str]:
        return _person(row.user)


class ProviderOut(serializers.Serializer[Any]):
    """`mode`: off, offered or required; `claim`: by what somebody is recognised at first."""

    name = serializers.CharField()
    issuer = serializers.CharField()
    client_id = serializers.CharField()
    claim = serializers.CharField()
    domains = serializers.ListField(child=serializers.CharField())
    mode = serializers.CharField()
    operation = serializers.CharField()
    changed_at = serializers.DateTimeField()


class SignOnOut(serializers.Serializer[SignOnPage]):
    """`local_people`: whom a password lets in where the provider is required; `candidates`: who could be named for that."""

    provider = ProviderOut(allow_null=True)
    links = LinkedOut(many=True)
    waiting = OperationOut(many=True)
    local_people = serializers.SerializerMethodField()
    candidates = serializers.SerializerMethodField()

    @extend_schema_field(PersonOut(many=True))
    def get_local_people(self, page: SignOnPage) -> list[dict[str, str]]:
        return [_person(one) for one in page.local_people]

    @extend_schema_field(PersonOut(many=True))
    def get_candidates(self, page: SignOnPage) -> list[dict[str, str]]:
        return [_person(one) for one in page.candidates]


class ProviderIn(ReasonIn):
    name = serializers.CharField(max_length=sign_on.NAME_MAX)
    issuer = serializers.CharField(max_length=500)
    client_id = serializers.CharField(max_length=ID_MAX)
    secret = serializers.CharField(
        max_length=SECRET_MAX, default="", allow_blank=True, trim_whitespace=False,
        help_text="Of the client. Empty keeps the one of the same issuer and client.",
    )  # fmt: skip
    claim = serializers.ChoiceField(choices=[str(one) for one in Claim])
    domains = serializers.ListField(
        child=serializers.CharField(max_length=253), default=list, max_length=DOMAINS_MOST, allow_empty=True
    )


class SwitchIn(ReasonIn):
    """`local_people`: ids of who still comes in by a password, where `mode` is required."""

    mode = serializers.ChoiceField(choices=[str(one) for one in Mode])
    local_people = serializers.ListField(
        child=serializers.CharField(max_length=36), default=list, max_length=LOCALS_MOST, allow_empty=True
    )


@answers(SignOnOut)
def sign_on_get(call: Call) -> Told:
    """See the tenant's identity provider and whom it has let in; its version is what a change names."""
    page = sign_on_page(actor=call.actor)
    return Told(page, _version(page))


@answers(OperationOut, takes=ProviderIn, status=201, must=True)
def sign_on_set(call: Call) -> Told:
    """Enter the tenant's provider, or a change of it; Toban reads what it publishes, and another person confirms."""
    given = _expected(call)
    given["domains"] = " ".join(given["domains"])
    entered = sign_on.enter_provider(**given, actor=call.actor, now=call.now)
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=SwitchIn, status=201, must=True)
def sign_on_switch(call: Call) -> Told:
    """Enter whether people come in by the provider; another person confirms it."""
    entered = sign_on.enter_switch(**_expected(call), actor=call.actor, now=call.now)
    return Told(entered, version_of(entered))


def _expected(call: Call) -> dict[str, Any]:
    """What was sent, if the provider is still the one that was read."""
    call.actor.require(Permission.POLICY_EDIT, call.actor.tenant_id)
    given = dict(call.given)
    page = sign_on_page(actor=call.actor)
    call.expect(_version(page))
    return given


def _person(user: User) -> dict[str, str]:
    return {"id": str(user.id), "name": user.name}


def _version(page: SignOnPage) -> str:
    """Changes with each confirmed decision; "" where there is no provider yet."""
    return version_from(page.provider.operation) if page.provider else ""
