"""Databases over the API: the fleet with its warnings, snapshots, certificate campaigns."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.forms.databases import DATABASES, SNAPSHOTS, database_filter
from infra.models import DatabaseSnapshot
from infra.operations import campaigns, snapshotting
from infra.queries import database_pages, databases, rotations
from medical_audit.api.calls import Call, InstantField, Told, answers
from medical_audit.api.filters import listed
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.domain.errors import NotFound
from medical_audit.forms import cursors_of, text_of
from medical_audit.queries.paging import Page

WAVES_MOST, DATABASES_MOST = 20, 200


class DatabaseOut(serializers.Serializer[databases.DatabaseRow]):
    """`warnings`: what needs a look; `certificate_ends`: when clients stop to trust it."""

    id = serializers.UUIDField(source="resource.id")
    database = serializers.CharField(source="resource.aws_id")
    name = serializers.CharField(source="resource.name")
    account = serializers.CharField(source="resource.account.account_id")
    region = serializers.CharField(source="resource.region")
    type = serializers.CharField(source="resource.type")
    state = serializers.CharField(source="resource.state")
    project = serializers.CharField(source="resource.project")
    warnings = serializers.SerializerMethodField()
    certificate_ends = serializers.DateTimeField(source="ends", allow_null=True)
    unread = serializers.BooleanField()

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_warnings(self, row: databases.DatabaseRow) -> list[str]:
        return [str(one) for one in row.warnings]


class SnapshotOut(serializers.Serializer[DatabaseSnapshot]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    database = serializers.CharField()
    account = serializers.CharField(source="account.account_id")
    region = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.CharField()
    engine = serializers.CharField()
    engine_version = serializers.CharField()
    storage_gib = serializers.IntegerField()
    encrypted = serializers.BooleanField()
    made_at = serializers.DateTimeField(allow_null=True)
    gone_at = serializers.DateTimeField(allow_null=True)


class DatabaseDetailOut(serializers.Serializer[database_pages.DatabaseDetail]):
    """`snapshot_refusal`: why AWS would make no snapshot of it now."""

    id = serializers.UUIDField(source="database.id")
    database = serializers.CharField(source="database.aws_id")
    name = serializers.CharField(source="database.name")
    state = serializers.CharField(source="database.state")
    certificate_ends = serializers.DateTimeField(source="ends", allow_null=True)
    warnings = serializers.SerializerMethodField()
    snapshots = SnapshotOut(many=True)
    snapshot_refusal = serializers.CharField()
    seen_at = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_warnings(self, row: database_pages.DatabaseDetail) -> list[str]:
        return [str(one) for one in row.warnings]


class SnapshotIn(ReasonIn):
    name = serializers.CharField(max_length=255)


class WaveIn(serializers.Serializer[Any]):
    begins = InstantField()
    ends = InstantField()
    databases = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=DATABASES_MOST)


class CampaignIn(ReasonIn):
    ca = serializers.CharField(max_length=60)
    waves = WaveIn(many=True, max_length=WAVES_MOST)  # type: ignore[call-arg]


class LineOut(serializers.Serializer[rotations.Line]):
    """One database of a wave; `operation` once its turn has come."""

    database = serializers.SerializerMethodField()
    name = serializers.SerializerMethodField()
    operation = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()
    checks = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField())
    def get_database(self, row: rotations.Line) -> str:
        return str(row.database.id) if row.database else ""

    @extend_schema_field(serializers.CharField())
    def get_name(self, row: rotations.Line) -> str:
        return str(row.named.get("name") or row.named.get("aws_id") or "")

    @extend_schema_field(serializers.CharField())
    def get_operation(self, row: rotations.Line) -> str:
        return str(row.operation.id) if row.operation else ""

    @extend_schema_field(serializers.CharField())
    def get_state(self, row: rotations.Line) -> str:
        return str(row.operation.state) if row.operation else ""

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_checks(self, row: rotations.Line) -> list[str]:
        return sorted(row.checks)


class WaveOut(serializers.Serializer[rotations.Wave]):
    number = serializers.IntegerField()
    begins = serializers.DateTimeField()
    ends = serializers.DateTimeField()
    lines = LineOut(many=True)


class CampaignOut(serializers.Serializer[rotations.Campaign]):
    """A campaign with its waves; `done`, `failed` and `total` of its databases."""

    id = serializers.UUIDField(source="operation.id")
    operation = OperationOut()
    ended = serializers.BooleanField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    total = serializers.IntegerField()
    waves = WaveOut(many=True)


@answers(
    DatabaseOut,
    paged=True,
    filters=listed(
        DATABASES,
        engine="mysql, postgres and so on.",
        account="The 12 digits of an AWS account.",
        ca="A certificate authority of AWS.",
        warning="What needs a look.",
        q="Part of a name.",
    ),
)
def database_list(call: Call) -> Page:
    """List databases, the gravest warning first."""
    wanted, cursors = database_filter(call.query), cursors_of(call.query)
    return databases.database_rows(wanted, cursors, actor=call.actor, now=call.now)


@answers(DatabaseDetailOut)
def database_get(call: Call, pk: UUID) -> database_pages.DatabaseDetail:
    """Get one database with its warnings and snapshots."""
    return database_pages.database_detail(pk, actor=call.actor, now=call.now)


@answers(
    OperationOut,
    takes=SnapshotIn,
    status=201,
    example={"name": "toban-karte-before-upgrade", "reason": "更新前の控え"},
)
def database_snapshot(call: Call, pk: UUID) -> Told:
    """Enter a snapshot of a database."""
    database_pages.get_database(pk, actor=call.actor)
    call.actor.require(Permission.POWER_ENTER, call.actor.tenant_id)
    given = call.given
    entered = snapshotting.enter_snapshot(
        pk, given["name"], actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))


@answers(
    SnapshotOut,
    paged=True,
    filters=listed(
        SNAPSHOTS,
        orphans="`yes`: only of databases that exist no more.",
        q="Part of a name.",
    ),
)
def snapshot_list(call: Call) -> Page:
    """List snapshots of databases by name."""
    orphans, q = text_of(call.query, "orphans") == "yes", text_of(call.query, "q")
    return database_pages.list_snapshots(orphans, q, cursors_of(call.query), actor=call.actor)


@answers(SnapshotOut)
def snapshot_get(call: Call, pk: UUID) -> DatabaseSnapshot:
    """Get one snapshot."""
    return database_pages.snapshot_detail(pk, actor=call.actor).snapshot


@answers(OperationOut, takes=ReasonIn, status=201)
def snapshot_delete(call: Call, pk: UUID) -> Told:
    """Enter the deletion of a snapshot that Toban made; another person confirms it."""
    if not DatabaseSnapshot.objects.filter(id=pk).exists():
        raise NotFound(type="snapshot")
    call.actor.require(Permission.DATABASE_EDIT, call.actor.tenant_id)
    entered = snapshotting.enter_deletion(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


@answers(OperationOut, paged=True)
def campaign_list(call: Call) -> Page:
    """List certificate campaigns, the newest first."""
    return rotations.list_campaigns(cursors_of(call.query), actor=call.actor)


@answers(OperationOut, takes=CampaignIn, status=201)
def campaign_enter(call: Call) -> Told:
    """Enter a certificate campaign, all of it or nothing; another person confirms it."""
    call.actor.require(Permission.DATABASE_EDIT, call.actor.tenant_id)
    given = call.given
    waves = [campaigns.Wave(one["begins"], one["ends"], tuple(one["databases"])) for one in given["waves"]]
    entered = campaigns.enter_campaign(
        given["ca"], waves, actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))


@answers(CampaignOut)
def campaign_get(call: Call, pk: UUID) -> rotations.Campaign:
    """Get one certificate campaign, wave by wave."""
    return rotations.campaign(pk, actor=call.actor)


class CheckIn(serializers.Serializer[Any]):
    """Which client of which database of the campaign a person has seen connect with the new certificate."""

    database = serializers.UUIDField()
    check = serializers.ChoiceField(choices=list(campaigns.CHECKS))
    note = serializers.CharField(max_length=300, default="", allow_blank=True)


@answers(CampaignOut, takes=CheckIn)
def campaign_check(call: Call, pk: UUID) -> rotations.Campaign:
    """Say that a client of a database was seen to connect with the new certificate."""
    rotations.campaign(pk, actor=call.actor)
    call.actor.require(Permission.POWER_ENTER, call.actor.tenant_id)
    given = call.given
    campaigns.tick_check(
        pk, str(given["database"]), given["check"], actor=call.actor, now=call.now, note=given["note"]
    )
    return rotations.campaign(pk, actor=call.actor)


@answers(OperationOut, takes=ReasonIn, status=201)
def campaign_end(call: Call, pk: UUID) -> Told:
    """Enter that nothing more of a campaign is begun; whoever may confirm it does, the person who entered it too."""
    rotations.campaign(pk, actor=call.actor)
    call.actor.require(Permission.DATABASE_EDIT, call.actor.tenant_id)
    entered = campaigns.enter_end(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))
