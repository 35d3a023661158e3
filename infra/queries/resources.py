"""Reading resources of the bound tenant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import CharField, Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast

from accounts.domain.permissions import Permission
from infra.domain.drift import RESTARTING_KINDS
from infra.domain.duty import Change
from infra.domain.power import Power
from infra.domain.reasons import Reason
from infra.domain.restart import Restart, restart_of
from infra.domain.tags import NEVER, TOBAN
from infra.models import AwsAccount, Finding, Override, Resource, Revision
from infra.models.account import Automation
from infra.models.schedule import Scope
from infra.queries.drift import Drift, drift_of, drifted, last_actions
from infra.queries.overrides import live
from infra.queries.rules import rules_at
from infra.queries.standing import standing_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.models import Operation
from medical_audit.queries.operations import open_by_target, troubles
from medical_audit.queries.paging import Cursors, Page, page_of

#: Stands in an address for "no project".
NO_PROJECT = "-"
#: How far back an operation that went wrong counts as a problem of its resource.
TROUBLE_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ResourceFilter:
    """What a reader looks for; empty means everything. `account` is the 12-digit number, `next` "hour", `mark` a Mark."""

    state: str = ""
    kind: str = ""
    account: str = ""
    project: str = ""
    schedule: str = ""
    problem: str = ""
    next: str = ""
    mark: str = ""
    q: str = ""


class Mark(StrEnum):
    """What stands out of the ordinary with a resource, though nothing is broken.

    drift: otherwise than Toban left it. override: something holds for a while instead of its schedule. restart: a
    stopped database that AWS will start. observed, off, never: Toban keeps its hands off, "off" only by schedule.
    """

    DRIFT = "drift"
    OVERRIDE = "override"
    RESTART = "restart"
    OBSERVED = "observed"
    OFF = "off"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A resource, why it is on or off, what comes next, and what is wrong or under way with it.

    would: what Toban would do if it might (`hands_off` says why it does not). override: what holds now or soon instead.
    """

    resource: Resource
    reason: Reason
    next: Change | None
    would: Change | None
    hands_off: str
    override: Override | None
    drift: Drift | None
    restart: Restart | None
    finding: bool
    operation: Operation | None


@dataclass(frozen=True, slots=True)
class ResourceCounts:
    """How many there are by each filter's values, each under the other filters; `accounts` are number -> name."""

    states: Mapping[str, int]
    kinds: Mapping[str, int]
    accounts: Mapping[str, int]
    account_names: Mapping[str, str]
    projects: Mapping[str, int]
    schedules: Mapping[str, int]
    total: int


def list_resources(wanted: ResourceFilter, cursors: Cursors, *, actor: Actor, now: datetime) -> Page:
    """One page of ResourceRow by name. Raises NotPermitted, Refused."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    rows = _matching(wanted, actor, now).select_related("account")
    page = page_of(rows, ("name", "id"), cursors)
    ids = [row.id for row in page.rows]
    found = set(
        Finding.objects.filter(resource_id__in=ids, resolved_at__isnull=True).values_list(
            "resource_id", flat=True
        )
    )
    under_way, last = open_by_target("resource", map(str, ids), actor=actor), last_actions(map(str, ids))
    listed, rules = [], rules_at(now)
    for row in page.rows:
        standing = standing_of(row, rules, now)
        listed.append(
            ResourceRow(
                row,
                standing.reason,
                standing.next,
                standing.would,
                standing.hands_off,
                standing.overrides[0] if standing.overrides else None,
                drift_of(row, last.get(str(row.id))),
                restart_of(row.kind, row.state, row.facts, row.state_since),
                row.id in found,
                under_way.get(str(row.id)),
            )
        )
    return Page(listed, page.previous, page.next)


def count_resources(wanted: ResourceFilter, *, actor: Actor, now: datetime) -> ResourceCounts:
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)

    def by(field: str, name: str) -> dict[Any, int]:
        rows = _matching(wanted, actor, now, without=name)
        return dict(rows.order_by(field).values_list(field).annotate(Count("id")))

    states = by("state", "state")
    scheduled = by("scheduled", "schedule")
    return ResourceCounts(
        states=states,
        kinds=by("kind", "kind"),
        accounts=by("account__account_id", "account"),
        account_names=dict(AwsAccount.objects.order_by("account_id").values_list("account_id", "name")),
        projects={name or NO_PROJECT: number for name, number in by("project", "project").items()},
        schedules={"yes": scheduled.get(True, 0), "no": scheduled.get(False, 0)},
        total=sum(states.values()),
    )


def fleet_is_empty(*, actor: Actor) -> bool:
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    return not Resource.objects.filter(gone_at__isnull=True).exists()


def get_resource(resource_id: UUID, *, actor: Actor) -> Resource:
    """One resource with its account, gone ones too; raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    resource: Resource | None = Resource.objects.filter(id=resource_id).select_related("account").first()
    if resource is None:
        raise NotFound(type="resource")
    return resource


def _matching(
    wanted: ResourceFilter, actor: Actor, now: datetime, *, without: str = ""
) -> QuerySet[Resource]:
    rows: QuerySet[Resource] = Resource.objects.filter(gone_at__isnull=True)
    exact = {"state": "state", "kind": "kind", "account": "account__account_id", "project": "project"}
    for name, field in exact.items():
        value = getattr(wanted, name)
        if value and name != without:
            rows = rows.filter(**{field: "" if (name, value) == ("project", NO_PROJECT) else value})
    if wanted.schedule and without != "schedule":
        rows = rows.filter(scheduled=wanted.schedule == "yes")
    if wanted.problem:
        rows = (
            rows.filter(_troubled(actor, now))
            if wanted.problem == "yes"
            else rows.exclude(_troubled(actor, now))
        )
    if wanted.mark:
        rows = rows.filter(_marked(wanted.mark, actor, now))
    if wanted.next == "hour":
        rows = rows.filter(next_change_at__gt=now, next_change_at__lte=now + timedelta(hours=1))
    if wanted.q:
        rows = rows.filter(
            Q(name__icontains=wanted.q) | Q(aws_id__icontains=wanted.q) | Q(project__icontains=wanted.q)
        )
    return rows


def _marked(mark: str, actor: Actor, now: datetime) -> Q:
    """Which resources carry a mark; none for a word that is no mark."""
    held = live(now)
    revisions = Revision.objects.filter(schedule_id__in=held.values("schedule_id")).values("id")
    found = {
        Mark.DRIFT: lambda: Q(id__in=drifted(actor=actor).values("id")),
        Mark.OVERRIDE: lambda: (
            Q(id__in=held.values("resource_id"))
            | (Q(project__in=held.values("project")) & ~Q(project=""))
            | Q(schedule_revision__in=revisions)
            | Q(Exists(held.filter(scope=str(Scope.TENANT))))
        ),
        Mark.RESTART: lambda: Q(kind__in=sorted(RESTARTING_KINDS), state=str(Power.STOPPED)),
        Mark.OBSERVED: lambda: (
            ~Q(account__automation=str(Automation.ON)) & Q(account__automation_confirmed_at__isnull=True)
        ),
        Mark.OFF: lambda: (
            ~Q(account__automation=str(Automation.ON)) & Q(account__automation_confirmed_at__isnull=False)
        ),
        Mark.NEVER: lambda: Q(tags__contains={TOBAN: NEVER}),
    }
    return found[Mark(mark)]() if mark in set(Mark) else Q(pk__in=[])


def _troubled(actor: Actor, now: datetime) -> Q:
    """A tag to correct, an unknown state, or a start or stop that failed and was not put right since."""
    finding = Finding.objects.filter(resource_id=OuterRef("id"), resolved_at__isnull=True)
    own = troubles(now - TROUBLE_FOR, actor=actor).filter(
        target_type="resource", target_id=Cast(OuterRef("id"), CharField(max_length=64))
    )
    return Q(Exists(finding)) | Q(Exists(own)) | Q(state=Power.UNKNOWN)
