"""A planning file compared with what the tenant has, and entered: through the operations that the pages use, no other way.

Schedules become drafts whose publication waits, calendar days one change that waits, assignments one operation each:
another person confirms every one of them. What the file does not name stays, unless its removal is asked for. What is in
force already, or waits already, is not entered again, so that the same file twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra import feeds
from infra.domain.content import read_content
from infra.domain.holiday_files import ListSource
from infra.domain.planning_file import AssignmentEntry, CalendarEntries, PlanningFile, ScheduleEntry, Target
from infra.domain.yaml_tree import BadFile, FileProblem
from infra.models import NamedSchedule, Resource, Revision
from infra.models.schedule import Scope
from infra.operations import assigning, calendars, drafts, holiday_lists, publishing
from infra.queries.forecast import differences
from infra.queries.planning import calendar_entries, resources_by_key
from infra.queries.rules import Rules, rules_at
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import digest
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

#: Whose content waits for a person already.
_WAITING_KINDS = (publishing.KIND, assigning.KIND, calendars.CHANGE, calendars.SET)

Enter = Callable[[Actor, datetime, str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One difference between the file and the tenant.

    code: what it is (schedule_new, schedule_changed, schedule_back, calendar, feed, assign, unassign). state: "enter" it
    would be entered; "waits" it waits for its confirmation already; "later" it can only be entered when something before
    it is in force; "left" the file does not name it, and it stays; "blocked" a person must put something right first.
    why: a code for "later" and "blocked". details: differences for words.
    """

    code: str
    name: str
    state: str
    why: str = ""
    line: int = 0
    schedule: str = ""
    details: list[dict[str, Any]] = field(default_factory=list)
    enter: Enter | None = field(default=None, compare=False, repr=False)

    def as_json(self) -> dict[str, Any]:
        names = ("code", "name", "state", "why", "line", "schedule", "details")
        return {name: getattr(self, name) for name in names}


def compare(
    file: PlanningFile, *, remove: bool, actor: Actor, now: datetime, local: bool = False
) -> list[Step]:
    """What an import would do, in the order in which it would. Nothing is written.

    remove: company days and assignments that the file does not name are to go (schedules never do).
    Raises NotPermitted, BadFile where the file names what this tenant has not.
    """
    actor.require(Permission.SCHEDULE_EDIT, actor.tenant_id)
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        tenant = _Tenant(now)
        problems = list(_unknown(file, tenant, local=local))
        if problems:
            raise BadFile(problems)
        return [
            *_schedules(file, tenant),
            *_calendar(file.calendar, tenant, remove=remove),
            *_feeds(file.calendar, tenant, local=local),
            *_assignments(file, tenant, remove=remove),
        ]


def enter_all(
    file: PlanningFile, *, remove: bool, actor: Actor, now: datetime, reason: str, local: bool = False
) -> list[Step]:
    """Enter every step that can be, all or none, and give all of them. Raises as `compare` and the operations."""
    with tenant_scope(actor.tenant_id):
        steps = compare(file, remove=remove, actor=actor, now=now, local=local)
        entered = [step for step in steps if step.state == "enter"]
        for step in entered:
            if step.enter is not None:
                step.enter(actor, now, reason)
        if entered:
            record(
                "planning.imported", actor=actor, subject=Subject("planning", "tenant"), now=now, reason=reason,
                detail={"entered": len(entered), "steps": [f"{step.code} {step.name}"[:200] for step in entered[:50]]},
            )  # fmt: skip
    return steps


def digest_of_steps(steps: Iterable[Step]) -> str:
    """What a person was shown, so that he enters that and nothing else."""
    return digest([step.as_json() for step in steps])


class _Tenant:
    """What the bound tenant has, read once."""

    def __init__(self, now: datetime) -> None:
        self.rules: Rules = rules_at(now)
        self.named = {row.name: row for row in NamedSchedule.objects.all()}
        self.revisions: dict[UUID, list[Revision]] = {}
        for row in Revision.objects.order_by("number"):
            self.revisions.setdefault(row.schedule_id, []).append(row)
        self.calendar = calendar_entries(now)
        waiting = Operation.objects.filter(kind__in=_WAITING_KINDS, state=State.ENTERED)
        self.waiting = [(row.kind, row.parameters) for row in waiting]
        self.projects = set(Resource.objects.exclude(project="").values_list("project", flat=True).distinct())
        self.resources: dict[tuple[str, ...], Resource] = {}

    def published_named(self, name: str) -> UUID | None:
        row = self.named.get(name)
        return row.id if row is not None and row.id in self.rules.published else None

    def waits(self, kind: str, **wanted: Any) -> bool:
        return any(
            one == kind and all(parameters.get(key) == value for key, value in wanted.items())
            for one, parameters in self.waiting
        )


def _unknown(file: PlanningFile, tenant: _Tenant, *, local: bool) -> Iterable[FileProblem]:
    """What the file names and this tenant has not."""
    coming = {one.name for one in file.schedules or ()}
    keys = {one.target.key for one in file.assignments or () if one.target.scope == "resource"}
    tenant.resources = resources_by_key(keys)
    for number, one in enumerate(file.assignments or ()):
        place = f"assignments[{number + 1}]"
        if one.schedule not in coming and tenant.published_named(one.schedule) is None:
            yield FileProblem(one.schedule_line, f"{place}.schedule", "no_such_schedule", one.schedule)
        if one.target.scope == "project" and one.target.key[0] not in tenant.projects:
            yield FileProblem(one.line, f"{place}.to.project", "no_such_project", one.target.key[0])
        if one.target.scope == "resource" and one.target.key not in tenant.resources:
            yield FileProblem(one.line, f"{place}.to.resource", "no_such_resource", str(one.target))
    for source, url in (file.calendar.feeds or {}).items():
        try:
            feeds.check(url, local=local)
        except feeds.FetchFailed as failed:
            line = file.calendar.lines["feeds", source]
            yield FileProblem(line, "calendar.feeds.url", failed.code, url)


# -- schedules ----------------------------------------------------------------------------------------------------------


def _schedules(file: PlanningFile, tenant: _Tenant) -> Iterable[Step]:
    for one in file.schedules or ():
        step = _schedule(one, tenant)
        if step is not None:
            yield step
    if file.schedules is not None:
        given = {one.name for one in file.schedules}
        for name in sorted(one.named.name for one in tenant.rules.published.values()):
            if name not in given:
                yield Step("schedule_changed", name, "left")


def _schedule(entry: ScheduleEntry, tenant: _Tenant) -> Step | None:
    """What makes the schedule of this name what the file says, or None where it is that already."""
    named = tenant.named.get(entry.name)
    if named is None:
        details = differences(None, entry.content)
        return Step("schedule_new", entry.name, "enter", "", entry.line, "", details, _make(entry))
    if named.archived_at is not None:
        return Step("schedule_new", entry.name, "blocked", "archived_name", entry.line)
    mine = tenant.revisions.get(named.id, [])
    current = next((row for row in mine if row.id == named.current), None)
    before = _canonical(current)
    if before == entry.content:
        return None
    state, why, enter = _revise(entry, named.id, mine, tenant)
    code = "schedule_changed" if current else "schedule_new"
    return Step(code, entry.name, state, why, entry.line, "", differences(before, entry.content), enter)


def _revise(
    entry: ScheduleEntry, schedule_id: UUID, mine: list[Revision], tenant: _Tenant
) -> tuple[str, str, Enter | None]:
    """How a schedule that is there comes to another content: (state, why, how it is entered)."""
    if tenant.waits(publishing.KIND, content=entry.content):
        return "waits", "", None
    wanted = digest(entry.content)
    same = next((row for row in reversed(mine) if row.digest == wanted), None)
    if same is not None:
        return "enter", "", _publish(schedule_id, same.id)
    if any(row.published_at is None for row in mine):
        return "blocked", "draft_in_hand", None
    return "enter", "", _redraft(entry, schedule_id)


def _canonical(revision: Revision | None) -> dict[str, Any] | None:
    """The content as today's reader says it: an option that came later has its default."""
    if revision is None:
        return None
    read = read_content(revision.content)
    return revision.content if isinstance(read, tuple) else read.canonical


def _make(entry: ScheduleEntry) -> Enter:
    def enter(actor: Actor, now: datetime, reason: str) -> None:
        made = drafts.create_schedule(
            entry.name, entry.content, actor=actor, now=now, description=entry.description, note=reason
        )
        _publish(made.schedule_id, made.id)(actor, now, reason)

    return enter


def _redraft(entry: ScheduleEntry, schedule_id: UUID) -> Enter:
    def enter(actor: Actor, now: datetime, reason: str) -> None:
        draft = drafts.save_draft(schedule_id, entry.content, actor=actor, now=now, note=reason, seen="")
        _publish(schedule_id, draft.id)(actor, now, reason)

    return enter


def _publish(schedule_id: UUID, revision_id: UUID) -> Enter:
    def enter(actor: Actor, now: datetime, reason: str) -> None:
        publishing.enter_publish(schedule_id, revision_id, actor=actor, now=now, reason=reason)

    return enter


# -- calendar -----------------------------------------------------------------------------------------------------------


def _calendar(wanted: CalendarEntries, tenant: _Tenant, *, remove: bool) -> Iterable[Step]:
    """All company days as one change, so that the calendar is never half of what the file says."""
    changes, details, left = [], [], []
    for change, detail, goes in _day_changes(wanted, tenant.calendar):
        if goes and not remove:
            left.append(detail | {"code": detail["code"].replace("_removed", "_added")})
        else:
            changes.append(change)
            details.append(detail)
    if changes:
        waits = tenant.waits(calendars.SET, changes=changes) or (
            len(changes) == 1 and tenant.waits(calendars.CHANGE, changes=changes)
        )
        state = "waits" if waits else "enter"
        yield Step("calendar", "", state, "", 0, "", details, _set_days(changes))
    if left:
        yield Step("calendar", "", "left", "", 0, "", left)


def _day_changes(
    wanted: CalendarEntries, has: CalendarEntries
) -> Iterable[tuple[dict[str, str], dict[str, Any], bool]]:
    """(change for infra.operations.calendars, the same for words, whether something goes)."""
    for (first, last), name in sorted((wanted.closures or {}).items()):
        if (has.closures or {}).get((first, last)) != name:
            change = {"what": "closure", "first": first, "last": last, "name": name}
            yield change, {"code": "closure_added", "first": first, "last": last, "name": name}, False
    for kind, days, old in (("closed", wanted.closed, has.closed), ("extra", wanted.working, has.working)):
        for day, name in sorted((days or {}).items()):
            if (old or {}).get(day) != name:
                change = {"what": kind, "first": day, "last": day, "name": name}
                yield change, {"code": f"{kind}_added", "day": day, "name": name}, False
    for (first, last), name in sorted((has.closures or {}).items()):
        if wanted.closures is not None and (first, last) not in wanted.closures:
            change = {"what": "remove", "first": first, "last": last, "name": name}
            yield change, {"code": "closure_removed", "first": first, "last": last, "name": name}, True
    named = {**(wanted.closed or {}), **(wanted.working or {})}
    for kind, given, old in (("closed", wanted.closed, has.closed), ("extra", wanted.working, has.working)):
        for day, name in sorted((old or {}).items()):
            if given is not None and day not in named:
                change = {"what": "remove", "first": day, "last": day, "name": name}
                yield change, {"code": f"{kind}_removed", "day": day, "name": name}, True


def _set_days(changes: list[dict[str, str]]) -> Enter:
    def enter(actor: Actor, now: datetime, reason: str) -> None:
        calendars.enter_changes(changes, actor=actor, now=now, reason=reason)

    return enter


def _feeds(wanted: CalendarEntries, tenant: _Tenant, *, local: bool) -> Iterable[Step]:
    has: Mapping[str, str] = tenant.calendar.feeds or {}
    for source, url in sorted((wanted.feeds or {}).items()):
        if has.get(source) != url:
            line = wanted.lines["feeds", source]
            yield Step(
                "feed", source, "enter", "", line, url, [], _follow(ListSource(source), url, local=local)
            )
    if wanted.feeds is not None:
        yield from (
            Step("feed", source, "left", "", 0, has[source])
            for source in sorted(set(has) - set(wanted.feeds))
        )


def _follow(source: ListSource, url: str, *, local: bool) -> Enter:
    def enter(actor: Actor, now: datetime, reason: str) -> None:
        holiday_lists.set_feed(source, url, actor=actor, now=now, local=local)

    return enter


# -- assignments --------------------------------------------------------------------------------------------------------


def _assignments(file: PlanningFile, tenant: _Tenant, *, remove: bool) -> Iterable[Step]:
    if file.assignments is None:
        return
    named: set[tuple[str, str]] = set()
    for one in file.assignments:
        given, at = _scope_of(one.target, tenant)
        named.add((str(given), at))
        step = _assign(one, given, at, tenant)
        if step is not None:
            yield step
    names = {one.named.id: one.named.name for one in tenant.rules.published.values()}
    labels = {str(row.id): str(row) for row in Resource.objects.filter(
        id__in=[key for (scope, key) in tenant.rules.assigned if scope == Scope.RESOURCE])}  # fmt: skip
    for (scope, key), schedule_id in sorted(tenant.rules.assigned.items()):
        if (scope, key) in named:
            continue
        name, schedule = labels.get(key, key), names.get(schedule_id, "")
        if not remove:
            yield Step("unassign", name, "left", "", 0, schedule)
        elif tenant.waits(assigning.KIND, scope=scope, key=key, schedule=""):
            yield Step("unassign", name, "waits", "", 0, schedule)
        else:
            yield Step(
                "unassign", name, "enter", "", 0, schedule, [], _set_assignment(Scope(scope), key, None)
            )


def _assign(one: AssignmentEntry, scope: Scope, key: str, tenant: _Tenant) -> Step | None:
    label = str(tenant.resources[one.target.key]) if scope is Scope.RESOURCE else key
    schedule_id = tenant.published_named(one.schedule)
    if schedule_id is None:
        return Step("assign", label, "later", "publish_first", one.line, one.schedule)
    if tenant.rules.assigned.get((str(scope), key)) == schedule_id:
        return None
    if tenant.waits(assigning.KIND, scope=str(scope), key=key, schedule=str(schedule_id)):
        return Step("assign", label, "waits", "", one.line, one.schedule)
    return Step(
        "assign", label, "enter", "", one.line, one.schedule, [], _set_assignment(scope, key, schedule_id)
    )


def _scope_of(target: Target, tenant: _Tenant) -> tuple[Scope, str]:
    if target.scope == "tenant":
        return Scope.TENANT, ""
    if target.scope == "project":
        return Scope.PROJECT, target.key[0]
    return Scope.RESOURCE, str(tenant.resources[target.key].id)


def _set_assignment(scope: Scope, key: str, schedule_id: UUID | None) -> Enter:
    def enter(actor: Actor, now: datetime, reason: str) -> None:
        assigning.enter_assign(scope, key, schedule_id, actor=actor, now=now, reason=reason)

    return enter
