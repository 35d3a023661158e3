"""Certificate campaigns for their pages: what could join one, and how each of one stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.domain.databases import Authority, Terms, trust_ends
from infra.domain.rotation import restarts, rotation_refusal
from infra.domain.tags import hands_off
from infra.models import Resource
from infra.models.resource import ResourceKind
from infra.queries.databases import terms_by_lane
from infra.queries.in_force import Places, places
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.states import FINAL, State
from medical_audit.models import Event, Operation
from medical_audit.queries.paging import Cursors, Page, page_of

CAMPAIGN, CERTIFICATE, END = "rds.rotation", "rds.certificate", "rds.rotation_end"
CHECKED = "resource.client_checked"
CAMPAIGNS_SHOWN = 20


def rotation_key(campaign: str, database: str) -> str:
    """What makes the rotation of one database in one campaign one operation, and finds it."""
    return f"{CERTIFICATE}/{UUID(campaign).hex}/{database}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A database that may join a campaign, or why not (a code). restarts: None where AWS did not say."""

    database: Resource
    ends: datetime | None
    restarts: bool | None
    refusal: str


@dataclass(frozen=True, slots=True)
class Planning:
    """The page on which a campaign is planned. authorities: all that AWS lists anywhere here; default: AWS's own choice."""

    ca: str
    authorities: Sequence[Authority]
    default: str
    candidates: Sequence[Candidate]
    campaigns: Sequence[Operation]
    may_plan: bool

    @property
    def able(self) -> Sequence[Candidate]:
        return [one for one in self.candidates if not one.refusal]

    @property
    def unable(self) -> Sequence[Candidate]:
        return [one for one in self.candidates if one.refusal]


@dataclass(frozen=True, slots=True)
class Line:
    """One database of a campaign: as it was confirmed, as it is, what became of it, and what people checked."""

    named: Mapping[str, Any]
    database: Resource | None
    operation: Operation | None
    checks: Mapping[str, Event]
    left_running: bool


@dataclass(frozen=True, slots=True)
class Wave:
    number: int
    begins: datetime
    ends: datetime
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign's page. ended: somebody ended it; done, failed, total: of its databases."""

    operation: Operation
    waves: Sequence[Wave]
    ended: bool
    done: int
    failed: int
    total: int
    may_check: bool
    may_end: bool

    @property
    def left(self) -> int:
        return self.total - self.done - self.failed


def planning(wanted_ca: str, planned: Mapping[str, Operation], *, actor: Actor) -> Planning:
    """What could get which CA. planned: the campaign that a database belongs to. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    terms = terms_by_lane()
    known = {one.id: one for said in terms.values() for one in said.authorities.values()}
    default = next((said.default for said in terms.values() if said.default in known), "")
    ca = wanted_ca if wanted_ca in known else default
    rows = Resource.objects.filter(kind=ResourceKind.RDS, gone_at__isnull=True).select_related("account")
    doors = places()
    found = [_candidate(row, ca, terms, planned, doors) for row in rows.order_by("name", "id")]
    found.sort(key=lambda one: (one.ends is None, one.ends))
    campaigns = Operation.objects.filter(target_type="rotation", kind=CAMPAIGN).order_by(
        "-entered_at", "-id"
    )[:CAMPAIGNS_SHOWN]
    return Planning(
        ca=ca,
        authorities=sorted(known.values(), key=lambda one: one.id),
        default=default,
        candidates=found,
        campaigns=list(campaigns),
        may_plan=actor.may(Permission.DATABASE_EDIT, actor.tenant_id),
    )


def list_campaigns(cursors: Cursors, *, actor: Actor) -> Page:
    """One page of the campaigns' operations, the newest first. Raises NotPermitted, Refused."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    rows = Operation.objects.filter(target_type="rotation", kind=CAMPAIGN)
    return page_of(rows, ("entered_at", "id"), cursors, descending=True)


def _candidate(
    row: Resource,
    ca: str,
    terms: Mapping[tuple[UUID, str], Terms],
    planned: Mapping[str, Operation],
    doors: Places,
) -> Candidate:
    known = terms.get((row.account_id, row.region)) or Terms({}, "", {})
    refusal = joining_refusal(row, ca, terms, planned, doors)
    return Candidate(row, trust_ends(row.facts, known), restarts(known.version_of(row.facts)), refusal)


def joining_refusal(
    row: Resource,
    ca: str,
    terms: Mapping[tuple[UUID, str], Terms],
    planned: Mapping[str, Operation],
    doors: Places,
) -> str:
    """Why a database cannot join a campaign now (a code), or "". planned: the campaign that a database belongs to."""
    if closed := doors.refusal(row.account, row.region, CERTIFICATE):
        return closed
    if str(row.id) in planned:
        return "rotation_planned"
    known = terms.get((row.account_id, row.region)) or Terms({}, "", {})
    return hands_off(row.tags) or rotation_refusal(
        row.facts, row.aws_state, row.gone_at is not None, ca, known
    )


def campaign(campaign_id: UUID, *, actor: Actor) -> Campaign:
    """Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    row: Operation | None = Operation.objects.filter(id=campaign_id, kind=CAMPAIGN).first()
    if row is None:
        raise NotFound(type="operation", id=str(campaign_id))
    named = [one for wave in row.parameters["waves"] for one in wave["databases"]]
    rows = Resource.objects.filter(id__in=[one["id"] for one in named])
    databases = {str(one.id): one for one in rows}
    keys = [rotation_key(str(row.id), one["id"]) for one in named]
    mine = Operation.objects.filter(dedupe_key__in=keys)
    begun = {one.target_id: one for one in mine}
    checks = _checks(row)
    waves = [
        Wave(
            number,
            datetime.fromisoformat(wave["from_at"]),
            datetime.fromisoformat(wave["until_at"]),
            [
                _line(one, databases.get(one["id"]), begun.get(one["id"]), checks.get(one["id"], {}))
                for one in wave["databases"]
            ],
        )
        for number, wave in enumerate(row.parameters["waves"], start=1)
    ]
    over = Operation.objects.filter(
        kind=END, state=State.SUCCEEDED, target_type="rotation", target_id=str(row.id)
    ).exists()
    states = [State(one.state) for one in begun.values()]
    return Campaign(
        operation=row,
        waves=waves,
        ended=over,
        done=states.count(State.SUCCEEDED),
        failed=sum(one in FINAL and one is not State.SUCCEEDED for one in states),
        total=len(named),
        may_check=row.state == State.SUCCEEDED and actor.may(Permission.POWER_ENTER, actor.tenant_id),
        may_end=row.state == State.SUCCEEDED
        and not over
        and len(begun) < len(named)
        and actor.may(Permission.DATABASE_EDIT, actor.tenant_id),
    )


def _line(
    named: Mapping[str, Any],
    database: Resource | None,
    operation: Operation | None,
    checks: Mapping[str, Event],
) -> Line:
    """left_running: it was stopped, its rotation came to no good end, and it runs, though nobody wants that."""
    unhappy = operation is not None and operation.state in FINAL and operation.state != State.SUCCEEDED
    told = operation.outcome_detail if operation is not None else {}
    was_stopped = unhappy and told.get("found") == "stopped" and not told.get("also")
    return Line(
        named,
        database,
        operation,
        checks,
        was_stopped and database is not None and database.state == "running",
    )


def _checks(row: Operation) -> dict[str, dict[str, Event]]:
    """What people checked in this campaign, by database and check; the newest word counts."""
    named = [one["id"] for wave in row.parameters["waves"] for one in wave["databases"]]
    found: dict[str, dict[str, Event]] = {}
    events = Event.objects.filter(kind=CHECKED, subject_type="resource", subject_id__in=named)
    for event in events.order_by("event_at", "ord"):
        detail = json.loads(event.body)["detail"]
        if detail["campaign"] == str(row.id):
            found.setdefault(event.subject_id, {})[detail["check"]] = event
    return found
