"""One resource: why it is on or off, when that changes, what is wrong, what happened to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.domain.duty import Occurrence, occurrences
from infra.domain.reasons import Reason
from infra.domain.restart import Restart, restart_of
from infra.domain.schedule import Action
from infra.models import Finding, Region, Resource, Volume
from infra.queries.drift import Drift, drift_of, last_actions
from infra.queries.in_force import places
from infra.queries.keeping import Planned, kept_of
from infra.queries.resources import get_resource
from infra.queries.rules import Rules, rules_at
from infra.queries.schedule_days import day_reason
from infra.queries.standing import BESIDE, Standing, refusal_of, standing_of
from infra.queries.volumes import attached_to
from medical_audit.domain.actor import Actor
from medical_audit.models import Event, Operation
from medical_audit.queries.events import events_of_subject
from medical_audit.queries.operations import open_of_target

DAYS = 7


@dataclass(frozen=True, slots=True)
class Day:
    """One local day of the plan; `start_skipped` says why there is no start where the schedule has one."""

    date: date
    reason: Reason
    start: datetime | None
    stop: datetime | None
    start_skipped: Reason | None


@dataclass(frozen=True, slots=True)
class Button:
    action: Action
    refusal: str


@dataclass(frozen=True, slots=True)
class Detail:
    resource: Resource
    standing: Standing
    days: tuple[Day, ...]
    findings: Sequence[Finding]
    operations: Sequence[Operation]
    drift: Drift | None
    restart: Restart | None
    planned: Sequence[Planned]
    buttons: tuple[Button, ...]
    events: Sequence[Event]
    events_more: bool
    seen_at: datetime | None
    volumes: Sequence[Volume]


def resource_detail(resource_id: UUID, *, actor: Actor, now: datetime) -> Detail:
    """Everything of one resource's page. Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    resource = get_resource(resource_id, actor=actor)
    under_way = open_of_target("resource", str(resource.id), actor=actor)
    events, more = events_of_subject("resource", str(resource.id), actor=actor)
    region = Region.objects.filter(account=resource.account, name=resource.region).first()
    rules = rules_at(now)
    standing = standing_of(resource, rules, now)
    may_enter = actor.may(Permission.POWER_ENTER, actor.tenant_id) and resource.gone_at is None
    places_now = places()
    return Detail(
        resource=resource,
        standing=standing,
        days=week(resource, standing, rules, now) if resource.gone_at is None else (),
        findings=list(
            Finding.objects.filter(resource=resource, resolved_at__isnull=True).order_by("tag", "code")
        ),
        operations=under_way,
        drift=drift_of(resource, last_actions([str(resource.id)]).get(str(resource.id))),
        restart=restart_of(resource.kind, resource.state, resource.facts, resource.state_since),
        planned=kept_of(str(resource.id), actor=actor, now=now),
        buttons=tuple(
            Button(
                one,
                refusal_of(resource, one, busy=any(other.kind not in BESIDE for other in under_way))
                or places_now.refusal(resource.account, resource.region, f"{resource.kind}.{one}"),
            )
            for one in Action
        )
        if may_enter
        else (),
        events=events,
        events_more=more,
        seen_at=resource.gone_at or (region.inventory_at if region else None),
        volumes=attached_to(resource, actor=actor) if resource.kind == "ec2" else [],
    )


def week(resource: Resource, standing: Standing, rules: Rules, now: datetime) -> tuple[Day, ...]:
    """The plan of the coming days in the schedule's zone, today first; empty without a plan that Toban acts on."""
    if standing.schedule is None or not resource.scheduled or standing.hands_off:
        return ()
    zone = standing.schedule.tz
    today = now.astimezone(zone).date()
    midnight = datetime.combine(today, time(), zone)
    planned = occurrences(
        standing.duty, midnight - timedelta(microseconds=1), midnight + timedelta(days=DAYS)
    )
    by_day: dict[date, dict[Action, Occurrence]] = {}
    for one in planned:
        by_day.setdefault(one.at.astimezone(zone).date(), {})[one.action] = one
    return tuple(
        _day(day, day_reason(rules.calendar, day), by_day.get(day, {}))
        for day in (today + timedelta(days=number) for number in range(DAYS))
    )


def _day(day: date, reason: Reason, planned: dict[Action, Occurrence]) -> Day:
    start, stop = planned.get(Action.START), planned.get(Action.STOP)
    skipped = start.suppressed if start else None
    return Day(day, reason, start.at if start and not skipped else None, stop.at if stop else None, skipped)
