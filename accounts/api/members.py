"""Members of a tenant over the API: who they are and on what terms; each change is entered here and confirmed by another person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission, Role
from accounts.domain.reissue import Reissue
from accounts.domain.terms import TEXT_MAX, AccountKind, Terms, end_of
from accounts.models import Admission, Membership
from accounts.operations import admitting, links, members, terms, tokens, unbinding
from accounts.queries.admissions import waiting_here
from accounts.queries.members import Person, RightRow, list_members, table_of_roles
from medical_audit.api.calls import Call, Told, answers, version_from
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.domain.errors import NotFound
from medical_audit.models import Operation

ROLES = [str(one) for one in Role]
NETWORKS_MOST = 50


class TenantMemberOut(serializers.Serializer[Person]):
    """`terms_kind` and the two instants between which the person is let in (null: no limit); `outside`: not let in now; `invited`: his
    link is unused; `waiting`: the operation that would change his membership."""

    id = serializers.UUIDField(source="user.id")
    username = serializers.CharField(source="user.username")
    name = serializers.CharField(source="user.name")
    active = serializers.BooleanField(source="user.is_active")
    roles = serializers.ListField(child=serializers.CharField())
    terms_kind = serializers.SerializerMethodField()
    begins_at = serializers.DateTimeField(source="terms.begins_at", default=None, allow_null=True)
    ends_at = serializers.DateTimeField(source="terms.ends_at", default=None, allow_null=True)
    company = serializers.CharField(source="terms.company", default="")
    email = serializers.CharField(source="terms.email", default="")
    outside = serializers.BooleanField()
    invited = serializers.BooleanField()
    last_here = serializers.DateTimeField(allow_null=True)
    last_used = serializers.DateTimeField(allow_null=True)
    waiting = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=[str(one) for one in AccountKind]))
    def get_terms_kind(self, row: Person) -> str:
        return str(row.terms.kind) if row.terms else str(AccountKind.STAFF)

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_waiting(self, row: Person) -> str | None:
        return str(row.waiting.id) if row.waiting else None


class RoleRowOut(serializers.Serializer[RightRow]):
    """One permission and the roles that have it."""

    permission = serializers.CharField()
    roles = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_roles(self, row: RightRow) -> list[str]:
        return [str(role) for role, held in zip(Role, row.held, strict=True) if held]


class RoleIn(ReasonIn):
    role = serializers.ChoiceField(choices=ROLES)


class InviteIn(RoleIn):
    username = serializers.CharField(max_length=60)
    name = serializers.CharField(max_length=members.NAME_MAX)
    email = serializers.CharField(
        max_length=254, default="", allow_blank=True, help_text="By which the tenant's identity provider recognises him."
    )  # fmt: skip


class AdmitIn(RoleIn):
    """Somebody who has an account already, of the platform's staff or of a vendor; `last` is the last day on which he is let in."""

    username = serializers.CharField(max_length=60)
    company = serializers.CharField(max_length=TEXT_MAX)
    last = serializers.DateField()


class AdmissionOut(serializers.Serializer[Admission]):
    """Somebody who was asked and has not answered: he belongs to the tenant once he agrees himself, on a page of his own."""

    id = serializers.UUIDField()
    user = serializers.UUIDField(source="user.id")
    username = serializers.CharField(source="user.username")
    role = serializers.CharField()
    company = serializers.CharField()
    operation = serializers.UUIDField()
    asked_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)


class TermsIn(ReasonIn):
    """All of it: what is left out holds no longer. `holder`: the member who answers for a shared account."""

    kind = serializers.ChoiceField(choices=[str(one) for one in AccountKind])
    first = serializers.DateField(default=None, allow_null=True)
    last = serializers.DateField(default=None, allow_null=True)
    email = serializers.CharField(max_length=254, default="", allow_blank=True)
    company = serializers.CharField(max_length=TEXT_MAX, default="", allow_blank=True)
    holder = serializers.CharField(max_length=36, default="", allow_blank=True)


class ReissueIn(ReasonIn):
    """`what` he has lost."""

    what = serializers.ChoiceField(choices=[str(one) for one in Reissue])


class IssueIn(ReasonIn):
    """A token of a program's own account, with everything that its roles may."""

    name = serializers.CharField(max_length=60)
    networks = serializers.ListField(
        child=serializers.CharField(max_length=60), default=list, max_length=NETWORKS_MOST, allow_empty=True
    )
    last_day = serializers.DateField()


class InvitedOut(serializers.Serializer[Any]):
    """`link` opens the door once another person has confirmed, together with the code that this person is told then (`told_once`).
    It stands in the first answer only: it is kept nowhere, not even to repeat the answer to the same key."""

    operation = OperationOut()
    link = serializers.CharField()


class IssuedOut(serializers.Serializer[Any]):
    """`token` lets the program in once another person has confirmed. It stands in the first answer only, as a link does."""

    operation = OperationOut()
    token = serializers.CharField()


@answers(TenantMemberOut, many=True)
def member_list(call: Call) -> list[Person]:
    """List members by name, with their roles, terms and last use."""
    return list_members(actor=call.actor, now=call.now)


@answers(TenantMemberOut)
def member_get(call: Call, pk: UUID) -> Told:
    """Get one member; his version is what a change of his terms may name."""
    found = _member(call, pk)
    return Told(found, _version(found))


@answers(RoleRowOut, many=True)
def role_table(call: Call) -> list[RightRow]:
    """See which role may do what."""
    list_members(
        actor=call.actor, now=call.now
    )  # the table stands on the page of members: the same people read it
    return table_of_roles()


@answers(InvitedOut, takes=InviteIn, status=201, once=("link",))
def member_invite(call: Call) -> dict[str, Any]:
    """Enter that somebody new is invited; his one-time link is in this answer, and only here."""
    call.actor.require(Permission.MEMBER_EDIT, call.actor.tenant_id)
    invited = members.enter_invite(**call.given, actor=call.actor, now=call.now)
    link = call.asked.build_absolute_uri(reverse("accounts:invitation", args=[invited.link]))
    return {"operation": invited.operation, "link": link}


@answers(OperationOut, takes=AdmitIn, status=201)
def member_admit(call: Call) -> Told:
    """Enter that somebody who has an account already comes in for some days, once he agrees."""
    call.actor.require(Permission.MEMBER_EDIT, call.actor.tenant_id)
    return _entered(admitting.enter_admit(**call.given, actor=call.actor, now=call.now))


@answers(AdmissionOut, many=True)
def admission_list(call: Call) -> Sequence[Admission]:
    """List whom the tenant has asked to come in and who has not answered."""
    return waiting_here(actor=call.actor, now=call.now)


@answers(None)
def admission_take_back(call: Call, pk: UUID) -> None:
    """Ask somebody no more who has not answered; nobody is let in by it."""
    admitting.take_back(pk, actor=call.actor, now=call.now)


@answers(OperationOut, takes=RoleIn, status=201)
def member_grant(call: Call, pk: UUID) -> Told:
    """Enter one more role for a member."""
    return _changed(call, pk, members.enter_grant, "role")


@answers(OperationOut, takes=RoleIn, status=201)
def member_revoke(call: Call, pk: UUID) -> Told:
    """Enter that a member loses a role."""
    return _changed(call, pk, members.enter_revoke, "role")


@answers(OperationOut, takes=ReasonIn, status=201)
def member_close(call: Call, pk: UUID) -> Told:
    """Enter that a member's account is closed, with his sessions and tokens; it is never deleted."""
    return _changed(call, pk, members.enter_close)


@answers(OperationOut, takes=ReasonIn, status=201)
def member_unbind(call: Call, pk: UUID) -> Told:
    """Enter that the tenant's identity provider names a member anew, whom it knows by another id now; for 14 days from the confirmation."""
    return _changed(call, pk, unbinding.enter_unbind)


@answers(InvitedOut, takes=ReissueIn, status=201, once=("link",))
def member_reissue(call: Call, pk: UUID) -> dict[str, Any]:
    """Enter that a member who cannot come in any more gets a link for a new password; it is in this answer, and only here."""
    _known(call, pk)
    given = call.given
    made = links.enter_reissue(pk, given["what"], actor=call.actor, now=call.now, reason=given["reason"])
    link = call.asked.build_absolute_uri(reverse("accounts:invitation", args=[made.link]))
    return {"operation": made.operation, "link": link}


@answers(OperationOut, takes=TermsIn, status=201, must=True)
def member_terms(call: Call, pk: UUID) -> Told:
    """Enter on what terms a member belongs here from now on: as what kind of account, from when until when."""
    _known(call, pk)
    given = dict(call.given)
    call.expect(_version(_member(call, pk)))
    reason = given.pop("reason")
    return _entered(terms.enter_terms(pk, Terms(**given), actor=call.actor, now=call.now, reason=reason))


@answers(IssuedOut, takes=IssueIn, status=201, once=("token",))
def member_issue(call: Call, pk: UUID) -> dict[str, Any]:
    """Enter a token for a program's own account; its text is in this answer, and only here."""
    _known(call, pk)
    given = call.given
    until = end_of(given["last_day"], ZoneInfo(call.asked.tenant.time_zone))
    made = tokens.enter_issue(
        pk, given["name"], given["networks"], until, actor=call.actor, now=call.now, reason=given["reason"]
    )
    return {"operation": made.operation, "token": made.text}


def _changed(call: Call, pk: UUID, enter: Callable[..., Operation], *names: str) -> Told:
    _known(call, pk)
    given = call.given
    wanted = [given[name] for name in names]
    return _entered(enter(pk, *wanted, actor=call.actor, now=call.now, reason=given["reason"]))


def _known(call: Call, pk: UUID) -> None:
    """Looked up before the right, so that nobody learns which ids there are."""
    if not Membership.objects.filter(user_id=pk).exists():
        raise NotFound(type="user", id=str(pk))
    call.actor.require(Permission.MEMBER_EDIT, call.actor.tenant_id)


def _member(call: Call, pk: UUID) -> Person:
    found = next((one for one in list_members(actor=call.actor, now=call.now) if one.user.id == pk), None)
    if found is None:
        raise NotFound(type="user", id=str(pk))
    return found


def _entered(operation: Operation) -> Told:
    return Told(operation, version_of(operation))


def _version(row: Person) -> str:
    held = row.terms
    told = (held.kind, held.begins_at, held.ends_at, held.email, held.company, held.holder_id) if held else ()
    return version_from(*row.roles, *told)
