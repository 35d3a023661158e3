"""The tick: what schedules say is due becomes operations, once, however many ticks run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import Exists, OuterRef

from accounts.domain.permissions import Permission
from infra.models import Resource
from infra.operations import rounds
from infra.operations.dues import Note, Spoken, spoken
from infra.operations.observing import knowing_features
from infra.operations.owing import owed
from infra.operations.plans import PLAN_FIELDS, set_next
from infra.queries.regions import left_regions
from infra.queries.rules import Rules, rules_at
from medical_audit.domain.actor import Actor, EventDraft, Subject, schedule_actor
from medical_audit.models import Operation
from medical_audit.operations.automatic import Due, enter_due
from medical_audit.operations.ledger import record_many
from medical_audit.operations.writing import write_rows
from medical_audit.tenancy import tenant_scope

AT_ONCE = 1000
TROUBLE_WAIT = timedelta(minutes=5)
log = structlog.get_logger(__name__)
CLOCK_PERMISSIONS = frozenset({str(Permission.POWER_ENTER), str(Permission.VOLUME_TAG)})


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick of one tenant did: resources whose schedule spoke, operations entered, lanes to wake."""

    resources: int
    entered: tuple[Operation, ...]
    skipped: int

    @property
    def lanes(self) -> set[str]:
        return {operation.lane for operation in self.entered if operation.work_at is not None}


def tick(tenant_id: UUID, *, now: datetime, at_once: int = AT_ONCE) -> Ticked:
    """Enter what is due in one tenant. Another tick of the same tenant under way: nothing to do here.

    The due instant comes from the schedule, never from `now`, and is part of the operation's unique key.
    """
    total, skipped, entered = 0, 0, []
    while True:
        with tenant_scope(tenant_id):
            if not _alone(tenant_id):
                break
            entered += _settle_rounds(tenant_id, now)
            rows = _due_rows(now, at_once)
            if not rows:
                rounds.ask(actor=_clockwork(tenant_id), now=now)
                break
            new, passed_over = _settle(rows, tenant_id, now)
        total, skipped = total + len(rows), skipped + passed_over
        entered += new
    return Ticked(total, tuple(entered), skipped)


def _due_rows(now: datetime, at_once: int) -> list[Resource]:
    """The longest due first, locked in the order of their ids, as everybody does who locks several; none of a region that is left."""
    left = left_regions().filter(account=OuterRef("account"), name=OuterRef("region"))
    due = Resource.objects.filter(~Exists(left), next_change_at__lte=now)
    ids = list(due.order_by("next_change_at", "id").values_list("id", flat=True)[:at_once])
    return list(
        due.filter(id__in=ids).select_related("account").select_for_update(of=("self",)).order_by("id")
    )


def _settle(rows: Sequence[Resource], tenant_id: UUID, now: datetime) -> tuple[list[Operation], int]:
    actor = _clockwork(tenant_id)
    rules = rules_at(now)
    dues: list[Due] = []
    events: list[EventDraft] = []
    for row in rows:
        said = _said(row, rules, now)
        if said is None:
            row.next_change_at = now + TROUBLE_WAIT
            continue
        left = owed(row, now)
        dues += [*left.dues, *said.dues]
        events += [_event(row, note, actor, now) for note in (*left.notes, *said.notes)]
        row.owed = []
        set_next(row, said.next, now)
    held = rounds.hold(dues, actor=actor, now=now)
    operations = enter_due(_knowing([_looked_at(one) for one in held]), actor=actor, now=now)
    record_many(tenant_id, events)
    write_rows(rows, PLAN_FIELDS)
    return operations, sum(event.kind.startswith("schedule.skipped") for event in events)


def _looked_at(due: Due) -> Due:
    """Its region was asked about with its row, and is not for each of a thousand anew."""
    facts = {**(due.target.facts or {}), "left": False}
    return replace(due, target=replace(due.target, facts=facts))


def _knowing(dues: Sequence[Due]) -> list[Due]:
    targets = knowing_features([one.target for one in dues])
    return [replace(one, target=target) for one, target in zip(dues, targets, strict=True)]


def _settle_rounds(tenant_id: UUID, now: datetime) -> list[Operation]:
    """Enter the stops of rounds that a person released; those of rounds that nobody released are recorded as missed."""
    entered: list[Operation] = []
    for held, released in rounds.decided(now):
        dues = _knowing(rounds.dues_of_round(held, now, released=released))
        entered += enter_due(dues, actor=_clockwork(tenant_id), now=now)
        rounds.settle(held, now)
    return entered


def _said(row: Resource, rules: Rules, now: datetime) -> Spoken | None:
    """What a schedule says; None where working it out broke: that row is looked at again later, the others go on."""
    try:
        return spoken(row, rules, now)
    except Exception:
        log.exception("schedule_failed", resource=str(row.id), tenant=str(row.tenant_id))
        return None


def _clockwork(tenant_id: UUID) -> Actor:
    return schedule_actor(tenant_id, "schedule", CLOCK_PERMISSIONS)


def _event(row: Resource, note: Note, actor: Actor, now: datetime) -> EventDraft:
    subject = Subject(type="resource", id=str(row.id), name=row.name or row.aws_id)
    return EventDraft(kind=note.kind, actor=actor, at=now, subject=subject, detail=note.detail)


def _alone(tenant_id: UUID) -> bool:
    """One tick a tenant at a time, held until commit; a second one has nothing to add."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"tick:{tenant_id}"])
        return bool(cursor.fetchone()[0])
