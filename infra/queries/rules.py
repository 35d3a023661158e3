"""What decides about the resources of a tenant: loaded once per unit of work, then pure.

Where a schedule comes from, in this order: assignment to the resource, tag Schedule, tags AutoStart and AutoStop,
assignment to the project, default of the tenant. Needs the tenant bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Q

from infra.domain import tags as tagging
from infra.domain.calendar import Calendar
from infra.domain.content import schedule_of_content
from infra.domain.duty import Duty, Rank, Window
from infra.domain.findings import Finding, FindingCode, shown
from infra.domain.groups import MEMBER_TAG
from infra.domain.maintenance import keeps_on, weekly
from infra.domain.reasons import Reason, ReasonCode, because
from infra.domain.schedule import Action, Options, Schedule, State, Unreadable
from infra.domain.sources import Source
from infra.models import Assignment, MaintenanceWindow, NamedSchedule, Override, Resource, Revision
from infra.models.resource import ResourceKind
from infra.models.schedule import OverrideKind, Scope
from infra.queries.calendars import calendar_of

#: AWS makes a snapshot at the stop of an instance, not of a cluster: whoever asks for one is not served without it.
SNAPSHOT_OF_CLUSTER = "snapshot_of_cluster"
#: What ended so long ago is still seen by a tick that comes after an outage.
KEPT = timedelta(days=7)
#: How far ahead the weekly maintenance windows of databases are laid out: plans are made anew long before that.
AHEAD = timedelta(days=60)
#: From so long ago on a change of schedule is caught up (design §3); each schedule has its own graces for acting.
GRACE = timedelta(minutes=60)
_WISH_REASON = {
    State.RUNNING: ReasonCode.OVERRIDE_RUNNING,
    State.STOPPED: ReasonCode.OVERRIDE_STOPPED,
    State.ANY: ReasonCode.OVERRIDE_ALONE,
}


@dataclass(frozen=True, slots=True)
class Followed:
    """The schedule that a resource follows, and where it comes from; `named` and `revision` for a named one."""

    source: Source
    schedule: Schedule
    named: NamedSchedule | None = None
    revision: Revision | None = None

    @property
    def label(self) -> str:
        """How an authority names it: "tags", or "schedule:<name>#<number>"."""
        if self.named is None or self.revision is None:
            return str(self.source)
        return f"schedule:{self.named.name}#{self.revision.number}"


@dataclass(frozen=True, slots=True)
class Published:
    """One published schedule of the tenant, read."""

    named: NamedSchedule
    revision: Revision
    schedule: Schedule


@dataclass(frozen=True, eq=False)
class Rules:
    """The rules of the bound tenant at an instant. `with_*` give the rules as they would be after a change."""

    now: datetime
    calendar: Calendar
    published: Mapping[UUID, Published]
    assigned: Mapping[tuple[str, str], UUID]
    overrides: tuple[Override, ...]
    maintenance: tuple[MaintenanceWindow, ...] = ()

    def followed(
        self, resource: Resource, tags: Mapping[str, str] | None = None
    ) -> Followed | Unreadable | None:
        """What a resource follows; needs `resource.account`. `tags`: as AWS showed them just now, instead of the row's."""
        if assigned := self._assigned(Scope.RESOURCE, str(resource.id)):
            return self._named(Source.RESOURCE, assigned)
        wish = self._wish(resource, tags)
        if isinstance(wish, Unreadable):
            return wish
        if isinstance(wish, tagging.ByName):
            return self._by_name(wish.name)
        return Followed(Source.TAGS, wish) if isinstance(wish, Schedule) else self._by_default(resource)

    def duty(self, resource: Resource, tags: Mapping[str, str] | None = None) -> Duty:
        """Everything that decides about a resource, for infra.domain.duty."""
        wish = self._wish(resource, tags)
        if isinstance(wish, tagging.Never):
            return Duty(None, self.calendar, excluded=because(ReasonCode.NEVER_TOUCH))
        if isinstance(wish, Unreadable) and any(one.tag == tagging.TOBAN for one in wish.findings):
            return Duty(wish, self.calendar, excluded=because(ReasonCode.UNREADABLE, findings=1))
        if (member := _member_of(resource, tags)) is not None:
            return Duty(None, self.calendar, excluded=member)
        followed = self.followed(resource, tags)
        schedule = followed.schedule if isinstance(followed, Followed) else followed
        if isinstance(schedule, Schedule) and refused_stop(resource, schedule):
            return Duty(schedule, self.calendar, excluded=because(ReasonCode.UNSUPPORTED))
        windows = [_window(one) for one in self._overrides(resource, followed)]
        if isinstance(schedule, Schedule):
            windows += self._maintenance(resource, schedule.options)
        return Duty(schedule, self.calendar, tuple(windows))

    def overrides_of(self, resource: Resource) -> list[Override]:
        """What stands above the schedule of a resource now or later, the governing one first."""
        found = list(self._overrides(resource, self.followed(resource)))
        found.sort(key=lambda one: (one.since > self.now, -_rank(one), one.since))
        return found

    def override(self, window: str) -> Override | None:
        """The override behind a window's id."""
        return self._override_by_id.get(window)

    def with_published(self, schedule_id: UUID, schedule: Schedule) -> Rules:
        """The rules as they would be with this content published."""
        known = self.published.get(schedule_id)
        named = known.named if known else NamedSchedule.objects.get(id=schedule_id)
        revision = known.revision if known else Revision(schedule_id=schedule_id, number=0)
        published = {**self.published, schedule_id: Published(named, revision, schedule)}
        return replace(self, published=published, maintenance=_maintenance(published.values()))

    def with_assignment(self, scope: Scope, key: str, schedule_id: UUID | None) -> Rules:
        """The rules as they would be with (or, for None, without) this assignment; key: resource id, project or ""."""
        others = {at: what for at, what in self.assigned.items() if at != (str(scope), key)}
        return replace(
            self, assigned=others if schedule_id is None else {**others, (str(scope), key): schedule_id}
        )

    def with_overrides(self, overrides: Iterable[Override]) -> Rules:
        return replace(self, overrides=tuple(overrides))

    def with_calendar(self, calendar: Calendar) -> Rules:
        return replace(self, calendar=calendar)

    def _maintenance(self, resource: Resource, options: Options) -> Iterator[Window]:
        """The maintenance windows during which a resource is kept on."""
        for one in self.maintenance:
            if (one.account_id, one.region) != (resource.account_id, resource.region):
                continue
            if one.enabled and {one.name, one.window_id} & set(options.maintenance_windows):
                length = timedelta(hours=one.duration_hours)
                for begin in (one.previous_at, one.next_at):
                    if begin is not None:
                        yield keeps_on(begin, begin + length, one.name, f"{one.window_id}/{begin:%Y%m%d%H%M}")
        if options.rds_maintenance and (text := resource.facts.get("maintenance")):
            for begin, end in weekly(text, self.now - KEPT, self.now + AHEAD):
                yield keeps_on(begin, end, f"RDS {text}", f"rds/{begin:%Y%m%d%H%M}")

    def _by_default(self, resource: Resource) -> Followed | None:
        if resource.project and (assigned := self._assigned(Scope.PROJECT, resource.project)):
            return self._named(Source.PROJECT, assigned)
        assigned = self._assigned(Scope.TENANT, "")
        return self._named(Source.TENANT, assigned) if assigned else None

    def _wish(self, resource: Resource, tags: Mapping[str, str] | None) -> Any:
        account = resource.account
        weekdays = frozenset(int(day) for day in account.weekdays)
        return tagging.read_tags(resource.tags if tags is None else tags, account.time_zone, weekdays)

    def _assigned(self, scope: Scope, key: str) -> UUID | None:
        return self.assigned.get((str(scope), key))

    def _named(self, source: Source, schedule_id: UUID) -> Followed | None:
        """An assigned schedule that is not published (any more) asks for nothing."""
        found = self.published.get(schedule_id)
        return Followed(source, found.schedule, found.named, found.revision) if found else None

    def _by_name(self, name: str) -> Followed | Unreadable:
        found = next((one for one in self.published.values() if one.named.name == name), None)
        if found is not None:
            return Followed(Source.TAG, found.schedule, found.named, found.revision)
        near = get_close_matches(name, [one.named.name for one in self.published.values()], n=1)
        finding = Finding(
            FindingCode.UNKNOWN_SCHEDULE, tagging.SCHEDULE, shown(name), near[0] if near else None
        )
        return Unreadable((finding,))

    def _overrides(self, resource: Resource, followed: Followed | Unreadable | None) -> Iterable[Override]:
        about: list[tuple[Scope, Any]] = [(Scope.RESOURCE, resource.id), (Scope.TENANT, None)]
        if resource.project:
            about.append((Scope.PROJECT, resource.project))
        if isinstance(followed, Followed) and followed.named is not None:
            about.append((Scope.SCHEDULE, followed.named.id))
        found = [one for key in about for one in self._overrides_about.get(key, ())]
        return [self.overrides[place] for place in sorted(found)]

    @cached_property
    def _overrides_about(self) -> Mapping[tuple[Scope, Any], Sequence[int]]:
        """Places in `overrides` by what they speak of: a tenant has thousands, a resource few."""
        found: dict[tuple[Scope, Any], list[int]] = defaultdict(list)
        column = {Scope.RESOURCE: "resource_id", Scope.PROJECT: "project", Scope.SCHEDULE: "schedule_id"}
        for place, one in enumerate(self.overrides):
            scope = Scope(one.scope)
            found[scope, getattr(one, column[scope]) if scope in column else None].append(place)
        return found

    @cached_property
    def _override_by_id(self) -> Mapping[str, Override]:
        return {str(one.id): one for one in self.overrides}


def published_options() -> list[tuple[UUID, dict[str, Any]]]:
    """Options of each schedule in force, by revision, as they are kept: for who need not evaluate any. One question."""
    current = NamedSchedule.objects.filter(archived_at__isnull=True, current__isnull=False).values("current")
    rows = Revision.objects.filter(id__in=current, published_at__isnull=False)
    return [(pk, content["options"]) for pk, content in rows.values_list("id", "content")]


def rules_at(now: datetime) -> Rules:
    """The rules of the bound tenant: what is published, assigned, and overridden now or later."""
    revisions = {row.id: row for row in Revision.objects.filter(published_at__isnull=False)}
    published = {
        row.id: Published(row, revisions[row.current], schedule_of_content(revisions[row.current].content))
        for row in NamedSchedule.objects.filter(archived_at__isnull=True, current__isnull=False)
        if row.current in revisions
    }
    assigned = {
        (row.scope, str(row.resource_id) if row.scope == Scope.RESOURCE else row.project): row.schedule_id
        for row in Assignment.objects.all()
    }
    ended = Q(ended_at__isnull=False, ended_at__lt=now - KEPT)
    live = Override.objects.filter(until__gt=now - KEPT).exclude(ended).order_by("since", "id")
    return Rules(now, calendar_of(now), published, assigned, tuple(live), _maintenance(published.values()))


def _maintenance(published: Iterable[Published]) -> tuple[MaintenanceWindow, ...]:
    """Read only where a schedule names any."""
    if not any(one.schedule.options.maintenance_windows for one in published):
        return ()
    return tuple(MaintenanceWindow.objects.order_by("window_id", "id"))


def _member_of(resource: Resource, tags: Mapping[str, str] | None) -> Reason | None:
    """What belongs to something larger starts and stops with that, never by itself."""
    group = (resource.tags if tags is None else tags).get(MEMBER_TAG)
    if resource.kind == ResourceKind.EC2 and group:
        return because(ReasonCode.GROUP_MEMBER, name=group)
    cluster = resource.facts.get("cluster_id") if resource.kind == ResourceKind.RDS else None
    return because(ReasonCode.CLUSTER_MEMBER, name=cluster) if cluster else None


def refused_stop(resource: Resource, schedule: Schedule) -> str:
    """Why the stop that a schedule asks for would be refused for good (a code), or "": then nothing is done at all."""
    if Action.STOP not in schedule.directions:
        return ""
    if refusal := str(resource.facts.get("stop_refusal", "")):
        return refusal
    asks = resource.kind == ResourceKind.CLUSTER and schedule.options.snapshot
    return SNAPSHOT_OF_CLUSTER if asks else ""


def _rank(one: Override) -> Rank:
    if one.kind == OverrideKind.FREEZE:
        return Rank.FREEZE
    return Rank.RESOURCE if one.scope == Scope.RESOURCE else Rank.PROJECT


def _window(one: Override) -> Window:
    until = min(one.until, one.ended_at) if one.ended_at else one.until
    return Window(
        one.since, until, State(one.wish), _rank(one), _reason(one, until), str(one.id),
        resumes=one.kind != OverrideKind.SKIP,
    )  # fmt: skip


def _reason(one: Override, until: datetime) -> Reason:
    code = {OverrideKind.FREEZE: ReasonCode.FREEZE, OverrideKind.SKIP: ReasonCode.SKIPPED_ONCE}.get(
        OverrideKind(one.kind), _WISH_REASON[State(one.wish)]
    )
    return because(code, until=until, person=one.confirmed_by_name)
