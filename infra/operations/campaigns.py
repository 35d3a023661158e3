"""A campaign gives databases a new certificate authority, in waves, each in its window. Entered by one person, confirmed by
another; from then on the clock enters one operation a database when its wave begins, on the authority of that confirmation.

Nothing of a campaign is kept beside the ledger: its operation says what is to be done and on whose word, those of the
databases what became of it, and events what people checked with the clients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import QuerySet

from accounts.domain.permissions import Permission
from infra.domain.databases import Terms
from infra.domain.rotation import (
    AT_ONCE,
    MOST_WAVES,
    PUT_BACK,
    STOPPED,
    others_pending,
    renews_from,
    restarts,
    window_problem,
)
from infra.models import AwsAccount, Region, Resource
from infra.models.resource import ResourceKind
from infra.operations import rotating
from infra.operations.snapshotting import target_of_database
from infra.queries.databases import databases_of, terms_by_lane
from infra.queries.in_force import Places, places
from infra.queries.rotations import joining_refusal, rotation_key
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import Authority, OperationTarget
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.automatic import Due, enter_due
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

KIND, END = "rds.rotation", "rds.rotation_end"
PERMISSIONS = frozenset({str(Permission.DATABASE_EDIT)})
#: A window lies within this time of its entry.
FARTHEST = timedelta(days=400)
#: For so long a wave that nobody began is still entered, as missed.
LOOKED_BACK = timedelta(days=7)
#: What a person checks with the clients of a database after its new certificate.
CHECKS = ("client", "application", "command_line")


@dataclass(frozen=True, slots=True)
class Wave:
    """Which databases (ids of resources) get their certificate between two instants."""

    begins: datetime
    ends: datetime
    databases: tuple[UUID, ...]


# -- entering ------------------------------------------------------------------------------------------------------


def enter_campaign(
    ca: str, waves: Sequence[Wave], *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter a campaign, all of it or nothing. Raises NotPermitted, NotFound, Refused: nothing_chosen, too_many,
    chosen_twice, window_past, window_short, window_far, only_observed, region_off, feature_off, rotation_planned, or why a database cannot get this CA; `target` names it."""
    actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        key = f"form/{actor.id}/{token}/{KIND}" if token else None
        if before := entry.sent_before(key):
            return before
        named = _waves(ca, waves, now)
        count = sum(len(wave["databases"]) for wave in named)
        target, parameters = (
            OperationTarget("rotation", str(uuid4()), f"{ca} ({count})"),
            {"ca": ca, "waves": named},
        )
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def _waves(ca: str, waves: Sequence[Wave], now: datetime) -> list[dict[str, Any]]:
    wanted = [pk for wave in waves for pk in wave.databases]
    if not wanted:
        raise Refused("nothing_chosen")
    if len(wanted) > AT_ONCE or len(waves) > MOST_WAVES:
        raise Refused("too_many_rotations", limit=AT_ONCE)
    if len(set(wanted)) != len(wanted):
        raise Refused("chosen_twice")
    rows = {row.id: row for row in databases_of(wanted)}
    if len(rows) != len(wanted):
        raise NotFound(type="resource")
    terms, planned, doors = terms_by_lane(), planned_for(wanted, now), places()
    listed = []
    for wave in waves:
        if problem := window_problem(wave.begins, wave.ends, now):
            raise Refused(problem)
        if wave.ends > now + FARTHEST - LOOKED_BACK:
            raise Refused("window_far")
        named = [_named(rows[pk], ca, terms, planned, doors) for pk in wave.databases]
        listed.append({"from_at": utc_text(wave.begins), "until_at": utc_text(wave.ends), "databases": named})
    return sorted(listed, key=lambda wave: wave["from_at"])


def _named(
    row: Resource,
    ca: str,
    terms: Mapping[tuple[UUID, str], Terms],
    planned: Mapping[str, Operation],
    doors: Places,
) -> dict[str, Any]:
    """One database as it is confirmed. Raises Refused."""
    if refusal := joining_refusal(row, ca, terms, planned, doors):
        pending = ", ".join(others_pending(row.facts.get("pending", ())))
        raise Refused(refusal, target=f"{row.name} ({pending})" if refusal == "pending_changes" else row.name)
    known = terms[row.account_id, row.region]
    return {
        "id": str(row.id), "aws_id": row.aws_id, "name": row.name, "account": row.account.account_id, "region": row.region,
        "before": row.facts.get("ca", ""), "renew_from": renews_from(row.facts, ca, known), "restarts": restarts(known.version_of(row.facts)),
        "stopped": row.aws_state == STOPPED,
    }  # fmt: skip


def planned_for(ids: Sequence[UUID], now: datetime) -> dict[str, Operation]:
    """The campaign by which each of these databases still gets its certificate, if there is one. Needs the tenant bound."""
    wanted = {str(one) for one in ids}
    found = {}
    campaigns = list(_campaigns(now).filter(state__in=[*OPEN, State.SUCCEEDED]))
    begun = {(one.parameters["campaign"], one.target_id): one for one in rotations_of(campaigns)}
    closed = ended(campaigns)
    for campaign in campaigns:
        over = campaign.id in closed
        for wave in campaign.parameters["waves"]:
            to_come = not over and now < datetime.fromisoformat(wave["until_at"])
            for one in wave["databases"]:
                mine = begun.get((str(campaign.id), one["id"]))
                if one["id"] in wanted and (to_come if mine is None else mine.state in OPEN):
                    found[one["id"]] = campaign
    return found


def _campaigns(now: datetime) -> QuerySet[Operation]:
    """Those whose windows may be open or to come, found by the index on what an operation acts on."""
    found: QuerySet[Operation] = Operation.objects.filter(
        target_type="rotation", kind=KIND, entered_at__gt=now - FARTHEST
    )
    return found


def rotations_of(campaigns: Sequence[Operation]) -> list[Operation]:
    """What the clock entered for the databases of these campaigns, oldest first."""
    keys = [
        rotation_key(str(campaign.id), one["id"])
        for campaign in campaigns
        for wave in campaign.parameters["waves"]
        for one in wave["databases"]
    ]
    rows = Operation.objects.filter(dedupe_key__in=keys)
    return list(rows.order_by("entered_at", "id"))


def ended(campaigns: Sequence[Operation]) -> set[UUID]:
    """Those that somebody ended."""
    ids = [str(one.id) for one in campaigns]
    ends = Operation.objects.filter(
        kind=END, state=State.SUCCEEDED, target_type="rotation", target_id__in=ids
    )
    return {UUID(one) for one in ends.values_list("target_id", flat=True)}


def enter_end(campaign_id: UUID, *, actor: Actor, now: datetime, reason: str, token: str = "") -> Operation:
    """Enter that nothing more of a campaign is begun; what is under way goes on to its end. Raises NotPermitted, NotFound,
    Refused (rotation_ended)."""
    with tenant_scope(actor.tenant_id):
        campaign = campaign_row(campaign_id)
        actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
        key = f"form/{actor.id}/{token}/{END}/{campaign.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if campaign.state != State.SUCCEEDED or ended([campaign]):
            raise Refused("rotation_ended", target=campaign.target_name)
        target = OperationTarget("rotation", str(campaign.id), campaign.target_name)
        return entry.enter(END, target, {}, actor=actor, now=now, reason=reason, dedupe_key=key)


def campaign_row(campaign_id: UUID) -> Operation:
    row: Operation | None = Operation.objects.filter(id=campaign_id, kind=KIND).first()
    if row is None:
        raise NotFound(type="operation", id=str(campaign_id))
    return row


def tick_check(
    campaign_id: UUID, database: str, check: str, *, actor: Actor, now: datetime, note: str = ""
) -> None:
    """Record that a person has seen a client connect with the new certificate. Raises NotPermitted, NotFound."""
    with tenant_scope(actor.tenant_id):
        campaign = campaign_row(campaign_id)
        actor.require(Permission.POWER_ENTER, actor.tenant_id)
        named = {one["id"]: one for wave in campaign.parameters["waves"] for one in wave["databases"]}
        if database not in named or check not in CHECKS:
            raise NotFound(type="resource", id=database)
        record(
            "resource.client_checked",
            actor=actor,
            subject=Subject(type="resource", id=database, name=named[database]["name"]),
            now=now,
            detail={
                "campaign": str(campaign.id),
                "check": check,
                "note": note[:300],
                "ca": campaign.parameters["ca"],
            },
        )


# -- the kinds -----------------------------------------------------------------------------------------------------


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"ca": str(parameters["ca"]), "waves": list(parameters["waves"])}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    call = "rds:StartDBInstance, rds:ModifyDBInstance, rds:StopDBInstance"
    return {"sentence": KIND, "call": call, **parameters}


def shown_end(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": END, "call": ""}


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Nothing happens yet: the clock begins with each wave. Raises StaleContent (only_observed, region_off, feature_off): nobody would begin
    it there."""
    named = [one for wave in operation.parameters["waves"] for one in wave["databases"]]
    # Whoever leaves a region, or gives up a feature, holds the account, and refuses to while a wave is to come.
    rows = AwsAccount.objects.filter(account_id__in={one["account"] for one in named})
    accounts = {one.account_id: one for one in rows.select_for_update().order_by("id")}
    doors = places()
    for one in named:
        if code := doors.refusal(accounts[one["account"]], one["region"], rotating.KIND):
            raise StaleContent(code, target=one["name"])
    return {}


def apply_end(operation: Operation, now: datetime) -> dict[str, Any]:
    """Nothing happens: the clock asks which were ended."""
    return {}


# -- the clock -----------------------------------------------------------------------------------------------------


def enter_rotations(region: Region, *, actor: Actor, now: datetime) -> list[Operation]:
    """Enter what the open waves of confirmed campaigns want of the databases of one region, and as missed what a wave that
    is over has not begun. Needs the tenant bound."""
    _forget_ended(region)
    dues = []
    campaigns = list(_campaigns(now).filter(state=State.SUCCEEDED))
    over = ended(campaigns) if campaigns else set()
    for campaign in (one for one in campaigns if one.id not in over):
        for number, wave in enumerate(campaign.parameters["waves"], start=1):
            begins, ends = (datetime.fromisoformat(wave[name]) for name in ("from_at", "until_at"))
            here = [one for one in wave["databases"] if _is_here(one, region)]
            if here and begins <= now < ends + LOOKED_BACK:
                dues += _dues(campaign, number, begins, ends, here, now)
    return enter_due(dues, actor=actor, now=now) if dues else []


def _dues(
    campaign: Operation,
    number: int,
    begins: datetime,
    ends: datetime,
    named: Sequence[Mapping[str, Any]],
    now: datetime,
) -> list[Due]:
    rows = {str(row.id): row for row in databases_of([UUID(one["id"]) for one in named])}
    authority = Authority("rotation", str(campaign.id), campaign.confirmed_by_id, campaign.confirmed_by_name)
    return [
        Due(
            kind=rotating.KIND,
            target=target_of_database(rows[one["id"]]),
            parameters={
                "aws_id": one["aws_id"], "ca": campaign.parameters["ca"], "before": one["before"],
                "renew_from": one.get("renew_from", ""), "until_at": utc_text(ends), "campaign": str(campaign.id), "wave": number,
            },
            due_at=begins,
            grace=ends - begins + PUT_BACK,
            dedupe_key=rotation_key(str(campaign.id), one["id"]),
            authority=authority,
            reason={"source": "rotation", "wave": number},
            missed="window_over" if now >= ends else "",
        )
        for one in named
        if one["id"] in rows
    ]  # fmt: skip


def _is_here(one: Mapping[str, Any], region: Region) -> bool:
    return bool(one["account"] == region.account.account_id and one["region"] == region.name)


def _forget_ended(region: Region) -> None:
    """A rotation that was given up from outside (too late, too often) leaves no word in the row of its database."""
    here = Resource.objects.filter(account=region.account, region=region.name, kind=ResourceKind.RDS)
    for row in here.filter(memory__has_key=rotating.MEMORY):
        kept = row.memory[rotating.MEMORY]
        if not Operation.objects.filter(id=kept["operation"], state__in=OPEN).exists():
            left = {name: value for name, value in row.memory.items() if name != rotating.MEMORY}
            Resource.objects.filter(id=row.id, memory=row.memory).update(memory=left)
