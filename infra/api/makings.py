"""Making databases over the API: a snapshot beside its original, a new one, the removal of one that was there for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.domain.creations import BACKUPS_MOST, STORAGE_LEAST, STORAGE_MOST, Creation, wish_anew
from infra.domain.database_names import DATABASE_MAX
from infra.domain.makings import FIELDS, Stock, Trouble, Wish
from infra.operations import database_creations, database_removals, database_restores, snapshot_copies
from infra.queries import database_pages, making_pages
from infra.queries.making_pages import Place
from infra.queries.makings import stock_of
from medical_audit.api.calls import Call, InstantField, Told, answers
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.domain.errors import NotFound

TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class WishOut(serializers.Serializer[Wish]):
    """How a database is to be; `groups`: ids of security groups."""

    aws_id = serializers.CharField()
    db_class = serializers.CharField()
    subnet_group = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    option_group = serializers.CharField()
    parameter_group = serializers.CharField()


class SubnetGroupOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    vpc = serializers.CharField()


class GroupOut(SubnetGroupOut):
    id = serializers.CharField()


class ChoicesOut(serializers.Serializer[Any]):
    """What there is to choose from, with what the proposal chose."""

    classes = serializers.ListField(child=serializers.CharField())
    subnet_groups = serializers.SerializerMethodField()
    groups = GroupOut(many=True)
    option_groups = serializers.ListField(child=serializers.CharField())
    parameter_groups = serializers.ListField(child=serializers.CharField())

    @extend_schema_field(SubnetGroupOut(many=True))
    def get_subnet_groups(self, row: making_pages.Choices) -> list[dict[str, str]]:
        return [{"name": name, "vpc": vpc} for name, vpc in row.subnet_groups]


class TroubleOut(serializers.Serializer[Trouble]):
    """Why AWS would refuse, at which field; `fixes`: what would pass instead; `copies`: versions to which a copy of the snapshot would
    pass (empty: its own); `quota`: what AWS would have to raise, by its code in Service Quotas, or empty."""

    code = serializers.CharField()
    at = serializers.CharField()
    told = serializers.DictField(child=serializers.CharField())
    fixes = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
    copies = serializers.ListField(child=serializers.CharField(allow_blank=True))
    quota = serializers.CharField()


class MakingOut(serializers.Serializer[Any]):
    """A proposal, what could stand in its place, and what AWS would refuse of it. All empty where AWS was not asked of the region."""

    read_at = serializers.DateTimeField(allow_null=True)
    proposal = WishOut(allow_null=True)
    choices = ChoicesOut(allow_null=True)
    troubles = TroubleOut(many=True)


class PlaceOut(serializers.Serializer[Place]):
    """One engine version in one region where a database can be made."""

    id = serializers.CharField(source="key")
    account = serializers.CharField(source="region.account.account_id")
    region = serializers.CharField(source="region.name")
    engine = serializers.CharField(source="offer.engine")
    version = serializers.CharField(source="offer.version")
    proposal = serializers.SerializerMethodField()

    @extend_schema_field(WishOut)
    def get_proposal(self, row: Place) -> Any:
        stock = stock_of(row.region.account, row.region.name) or Stock()
        return WishOut(wish_anew(row.offer, stock, "")).data


class WishIn(ReasonIn):
    """Names as AWS writes them; `autostart` and `autostop` become tags, in the account's zone."""

    aws_id = serializers.CharField(max_length=DATABASE_MAX)
    db_class = serializers.CharField(max_length=60)
    subnet_group = serializers.CharField(max_length=255)
    groups = serializers.ListField(child=serializers.CharField(max_length=40), min_length=1, max_length=20)
    option_group = serializers.CharField(max_length=255)
    parameter_group = serializers.CharField(max_length=255)
    project = serializers.CharField(max_length=256, default="", allow_blank=True)
    autostart = serializers.RegexField(TIME, default="", allow_blank=True)
    autostop = serializers.RegexField(TIME, default="", allow_blank=True)
    protected = serializers.BooleanField(default=True)


class RestoreIn(WishIn):
    """`until`: when its removal is asked for, and then `aws_id` begins with `toban-tmp-`; null: it stays, and its name does not begin so."""

    until = InstantField(default=None, allow_null=True)


class CreateIn(WishIn):
    """`place`: one of `database-places/`. RDS makes the password itself and keeps it, so that nobody ever sees it."""

    place = serializers.CharField(max_length=150)
    db_name = serializers.CharField(max_length=64)
    user = serializers.CharField(max_length=16)
    storage_gib = serializers.IntegerField(min_value=STORAGE_LEAST, max_value=STORAGE_MOST)
    backup_days = serializers.IntegerField(min_value=1, max_value=BACKUPS_MOST, default=7)


@answers(MakingOut)
def restore_proposal(call: Call, pk: UUID) -> dict[str, Any]:
    """See how a snapshot would come back beside its original, and what there is to choose from."""
    page = making_pages.restore_page(pk, actor=call.actor)
    if page.stock is None:
        return {"read_at": page.read_at, "proposal": None, "choices": None, "troubles": []}
    wish = making_pages.proposal(page, f"{page.snapshot.database[:45]}-restored")
    return {
        "read_at": page.read_at,
        "proposal": wish,
        "choices": making_pages.choices(wish, page.source.engine, page.source.version, page.stock),
        "troubles": making_pages.troubles_of(wish, page),
    }


@answers(OperationOut, takes=RestoreIn, status=201)
def snapshot_restore(call: Call, pk: UUID) -> Told:
    """Enter that a snapshot comes back as a new database; another person confirms exactly what is asked of AWS."""
    making_pages.restore_page(pk, actor=call.actor)
    call.actor.require(Permission.DATABASE_EDIT, call.actor.tenant_id)
    given = call.given
    asked = database_restores.Restore(_wish(given), _tags(given), given["until"], given["protected"])
    entered = database_restores.enter_restore(
        pk, asked, actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))


class CopyIn(ReasonIn):
    """`key` of KMS and `version` of the engine; empty: those of the original. `option_group`: with a new major version of Oracle, whose
    own option group stays behind."""

    name = serializers.CharField(max_length=255)
    key = serializers.CharField(max_length=300, default="", allow_blank=True)
    version = serializers.CharField(max_length=100, default="", allow_blank=True)
    option_group = serializers.CharField(max_length=255, default="", allow_blank=True)


@answers(OperationOut, takes=CopyIn, status=201)
def snapshot_copy(call: Call, pk: UUID) -> Told:
    """Enter that a snapshot is copied; another person confirms it."""
    making_pages.restore_page(pk, actor=call.actor)
    call.actor.require(Permission.DATABASE_EDIT, call.actor.tenant_id)
    given = call.given
    asked = snapshot_copies.Copy(given["name"], given["key"], given["version"], given["option_group"])
    entered = snapshot_copies.enter_copy(pk, asked, actor=call.actor, now=call.now, reason=given["reason"])
    return Told(entered, version_of(entered))


@answers(PlaceOut, many=True)
def place_list(call: Call) -> list[Place]:
    """List where a database can be made, by account, region and engine, each with a proposal."""
    return making_pages.places(actor=call.actor)


@answers(OperationOut, takes=CreateIn, status=201)
def database_create(call: Call) -> Told:
    """Enter a new database; another person confirms exactly what is asked of AWS."""
    call.actor.require(Permission.DATABASE_EDIT, call.actor.tenant_id)
    given = call.given
    place = next((one for one in making_pages.places(actor=call.actor) if one.key == given["place"]), None)
    if place is None:
        raise NotFound(type="region", id=given["place"])
    creation = Creation(
        engine=place.offer.engine, version=place.offer.version, wish=_wish(given), db_name=given["db_name"],
        user=given["user"], storage_gib=given["storage_gib"], backup_days=given["backup_days"],
    )  # fmt: skip
    asked = database_creations.Asked(creation, _tags(given), given["protected"])
    entered = database_creations.enter_creation(
        place.region.id, asked, actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ReasonIn, status=201)
def database_remove(call: Call, pk: UUID) -> Told:
    """Enter that a database goes that was restored for a while; another person confirms it."""
    database_pages.get_database(pk, actor=call.actor)
    call.actor.require(Permission.DATABASE_EDIT, call.actor.tenant_id)
    entered = database_removals.enter_removal(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


def _wish(given: Mapping[str, Any]) -> Wish:
    values = {name: given[name].strip() for name in FIELDS if name != "groups"}
    return Wish(groups=tuple(given["groups"]), **{**values, "aws_id": values["aws_id"].lower()})


def _tags(given: Mapping[str, Any]) -> dict[str, str]:
    tags = {"Project": given["project"], "AutoStart": given["autostart"], "AutoStop": given["autostop"]}
    return {name: value for name, value in tags.items() if value}
