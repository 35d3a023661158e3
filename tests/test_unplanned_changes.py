"""What decides about servers, schedules, calendar, prices and the brake, changes as people confirmed it, or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection

from accounts.domain.permissions import Role
from infra.domain.schedule import State as Wish
from infra.domain.tagging import Overwrite, Rules
from infra.models import (
    Assignment,
    Closure,
    CompanyDay,
    HeldRound,
    HolidayList,
    NamedSchedule,
    Override,
    Price,
    Resource,
    Revision,
    TaggingRule,
    TenantRules,
)
from infra.models.schedule import Scope
from infra.operations import assigning, drafts, overriding, publishing, ruling, tagging_rules
from infra.operations.overriding import Wanted
from medical_audit.domain.actor import Subject
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole, _as_role
from tests.factories import MONDAY_0830, Cast, make_cast, proof
from tests.medical_audit.support import plant
from tests.simulated import TOKYO, make_account
from tests.test_unrecorded_changes import note, together

NOW, UNTIL = MONDAY_0830, MONDAY_0830 + timedelta(hours=3)
WEEK = {
    "zone": "Asia/Tokyo",
    "periods": [{"begin": "08:30", "end": "19:00", "weekdays": "mon-fri"}],
    "options": {},
}
NIGHT = WEEK | {"periods": [{"begin": "22:00", "end": "06:00"}]}
Change = Callable[[], object]


class Plans:
    """One tenant with a published schedule that a server follows, and an override of the server."""

    def __init__(self) -> None:
        with _as_role("web"):
            self.cast: Cast = make_cast()
            self.tenant_id = self.cast.tenant.id
            self.account = make_account(self.cast, on=False).row
        self.approver = self.cast.actor(Role.APPROVER)
        self.planner = self.cast.actor(Role.OPERATOR)
        with _as_role("worker"), tenant_scope(self.tenant_id):
            self.server: Resource = Resource.objects.create(
                tenant_id=self.tenant_id, account=self.account, region=TOKYO, kind="ec2", aws_id=f"i-{uuid.uuid4().hex[:17]}",
                state="running", aws_state="running", fingerprint="", first_seen_at=NOW, state_since=NOW,
            )  # fmt: skip
        with _as_role("web"):
            self.published = self._publish(self._draft(f"日勤-{uuid.uuid4().hex[:8]}", WEEK))
            self.schedule_id = self.published.schedule_id
            self.draft = drafts.save_draft(self.schedule_id, NIGHT, actor=self.planner, now=NOW)
            self.confirm(
                assigning.enter_assign(
                    Scope.RESOURCE,
                    str(self.server.id),
                    self.schedule_id,
                    actor=self.planner,
                    now=NOW,
                    reason="x",
                )
            )
            wanted = Wanted(Wish.RUNNING, UNTIL, resources=(self.server.id,))
            self.confirm(overriding.enter_override(wanted, actor=self.planner, now=NOW, reason="x"))
            self.confirm(
                ruling.enter_rules(brake_percent=50, brake_least=5, actor=self.planner, now=NOW, reason="x")
            )

    def _draft(self, name: str, content: dict[str, Any]) -> Revision:
        return drafts.create_schedule(name, content, actor=self.planner, now=NOW)

    def _publish(self, revision: Revision) -> Revision:
        self.confirm(self.entered_publication(revision))
        with tenant_scope(self.tenant_id):
            found: Revision = Revision.objects.get(id=revision.id)
            return found

    def entered_publication(self, revision: Revision) -> Operation:
        return publishing.enter_publish(
            revision.schedule_id, revision.id, actor=self.planner, now=NOW, reason="x"
        )

    def confirm(self, operation: Operation) -> None:
        entry.confirm(
            operation.id,
            actor=self.approver,
            now=NOW,
            seen_digest=operation.digest,
            proof=proof(self.approver, NOW),
        )

    def entered(
        self, kind: str, parameters: dict[str, Any], target: OperationTarget | None = None
    ) -> Operation:
        """Anything that the web server may enter."""
        target = target or OperationTarget("anything", "1", "")
        who = self.cast.actor(Role.ADMINISTRATOR)
        return entry.enter(kind, target, parameters, actor=who, now=NOW, reason="x")

    def applied(self, operation: Operation, *changes: Change) -> None:
        """Changes inside the very transaction in which the approver is said to confirm an operation."""
        approver = self.approver

        def confirmed() -> None:
            for state in (State.CONFIRMED, State.RUNNING):
                Operation.objects.filter(id=operation.id).update(
                    state=state,
                    confirmed_by_id=approver.id,
                    confirmed_by_name=approver.name,
                    confirmed_at=NOW,
                )

        together(self.tenant_id, confirmed, *changes)

    def published_operation(self) -> str:
        with tenant_scope(self.tenant_id):
            return str(NamedSchedule.objects.get(id=self.schedule_id).published_operation)

    def note(self, kind: str, subject: Subject) -> None:
        note(self.cast, kind, subject)

    @property
    def schedule(self) -> Any:
        return NamedSchedule.objects.filter(id=self.schedule_id)

    def new(self, model: Any, **values: Any) -> Change:
        """Insert a row of this tenant."""
        return partial(model(tenant_id=self.tenant_id, **values).save, force_insert=True)


@pytest.fixture(scope="module")
def plans(django_db_setup: None) -> Plans:
    return Plans()


def refused(plans: Plans, *changes: Change, match: str = "only by a confirmed operation") -> None:
    with pytest.raises(DatabaseError, match=match):
        together(plans.tenant_id, *changes)


WHO = {"operation": str(uuid.UUID(int=7)), "confirmed_by_id": "u", "confirmed_by_name": "承認者"}
#: Each alone, with an event about the schedule where one is asked for: nobody confirmed it.
ATTACKS: dict[str, Callable[[Plans], Change]] = {
    "another revision in force": lambda p: partial(p.schedule.update, current=p.draft.id),
    "none in force": lambda p: partial(p.schedule.update, current=None),
    "another person behind it": lambda p: partial(p.schedule.update, published_by_name="別人"),
    "another time": lambda p: partial(p.schedule.update, published_at=UNTIL),
    "archived": lambda p: partial(p.schedule.update, archived_at=NOW),
    "another name": lambda p: partial(p.schedule.update, name=f"夜勤-{uuid.uuid4()}"),
    "published from the beginning": lambda p: p.new(
        NamedSchedule, name=f"n-{uuid.uuid4()}", created_at=NOW, current=p.published.id, published_at=NOW
    ),
    "a draft that is said to be published": lambda p: partial(
        Revision.objects.filter(id=p.draft.id).update, published_at=NOW
    ),
    "another assignment": lambda p: partial(Assignment.objects.filter(resource=p.server).update, **WHO),
    "no assignment": lambda p: Assignment.objects.filter(resource=p.server).delete,
    "an assignment of the tenant": lambda p: p.new(
        Assignment, scope="tenant", schedule_id=p.schedule_id, confirmed_at=NOW, **WHO
    ),
    "a longer override": lambda p: partial(
        Override.objects.filter(resource=p.server).update, until=UNTIL + timedelta(hours=1)
    ),
    "another wish": lambda p: partial(Override.objects.filter(resource=p.server).update, wish="stopped"),
    "an override that is over": lambda p: partial(
        Override.objects.filter(resource=p.server).update, ended_at=NOW, ended_by_name="承認者"
    ),
    "an override": lambda p: p.new(
        Override, kind="override", scope="resource", resource_id=p.server.id, wish="stopped", since=NOW, until=UNTIL,
        reason="x", entered_by_id="u", entered_by_name="運用", created_at=NOW, **WHO,
    ),
    "a freeze": lambda p: p.new(
        Override, kind="freeze", scope="tenant", wish="any", since=NOW, until=UNTIL, reason="x", entered_by_id="u",
        entered_by_name="運用", created_at=NOW, **WHO,
    ),
    "no brake": lambda p: partial(TenantRules.objects.update, brake_percent=None),
    "a closure": lambda p: p.new(Closure, first="12-29", last="01-03", name="年末年始", operation=WHO["operation"]),
    "a company day": lambda p: p.new(
        CompanyDay, day=NOW.date(), kind="closed", name="創立記念日", operation=WHO["operation"]
    ),
    "a rule for the tags of volumes": lambda p: p.new(
        TaggingRule, content=Rules(overwrite=Overwrite.ALWAYS).as_json(), confirmed_at=NOW, **WHO
    ),
    "a price": lambda p: p.new(
        Price, kind="ec2", type="t3.micro", per_hour="0.01", currency="USD", source="x", as_of=NOW.date(),
        changed_by_name="管理", changed_at=NOW,
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_decides_about_servers_is_not_changed_by_nobody(attack: str, plans: Plans) -> None:
    told = partial(plans.note, "schedule.changed", Subject("schedule", str(plans.schedule_id)))
    refused(plans, ATTACKS[attack](plans), told)


@pytest.mark.parametrize("role", ["worker", "scheduler", "audit"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_process_of_the_clock_changes_it(attack: str, role: str, plans: Plans, as_role: AsRole) -> None:
    with as_role(role), pytest.raises(DatabaseError):
        together(plans.tenant_id, ATTACKS[attack](plans))


def test_what_was_published_never_changes_and_never_goes(plans: Plans) -> None:
    rows = Revision.objects.filter(id=plans.published.id)
    for change in (
        partial(rows.update, content=NIGHT),
        partial(rows.update, digest="0" * 64),
        partial(rows.update, published_at=None),
        partial(rows.update, number=9),
        rows.delete,
    ):
        refused(plans, change, match="what was published does not change")


def test_a_draft_changes_and_goes_freely(plans: Plans) -> None:
    with tenant_scope(plans.tenant_id):
        rows = Revision.objects.filter(id=plans.draft.id)
        assert rows.update(note="x") == 1
        assert rows.delete()[0] == 1
        plans.draft.save(force_insert=True)


def test_a_schedule_appears_and_changes_only_with_an_event_about_it(plans: Plans) -> None:
    for change in (
        plans.new(NamedSchedule, name=f"n-{uuid.uuid4()}", created_at=NOW),
        partial(plans.schedule.update, description="x"),
    ):
        with pytest.raises(IntegrityError, match="without an event about it"):
            together(plans.tenant_id, change)


def test_a_publication_puts_in_force_what_was_confirmed_and_nothing_else(plans: Plans) -> None:
    """Inside the transaction that confirms it: other content, another schedule's revision, another person."""
    operation = plans.entered_publication(plans.draft)
    drafted = Revision.objects.filter(id=plans.draft.id)
    publish = partial(drafted.update, published_at=NOW)

    def in_force(**changes: Any) -> Change:
        columns = {
            "current": plans.draft.id, "published_operation": str(operation.id), "published_at": NOW,
            "published_by_id": plans.approver.id, "published_by_name": plans.approver.name,
        }  # fmt: skip
        return partial(plans.schedule.update, **(columns | changes))

    for changes in (
        [partial(drafted.update, content=WEEK | {"zone": "UTC"}), publish],
        [partial(drafted.update, content=WEEK | {"zone": "UTC"}, published_at=NOW)],
        [partial(drafted.update, digest="0" * 64, published_at=NOW)],
        [in_force()],
        [publish, in_force(published_by_name="別人")],
        [publish, in_force(current=plans.published.id)],
        [publish, in_force(published_operation=plans.published_operation())],
    ):
        with pytest.raises(DatabaseError, match="only by a confirmed operation"):
            plans.applied(operation, *changes)


def test_an_assignment_is_the_one_that_was_confirmed(plans: Plans) -> None:
    operation = assigning.enter_assign(
        Scope.RESOURCE, str(plans.server.id), None, actor=plans.planner, now=NOW, reason="x"
    )
    mine = Assignment.objects.filter(resource=plans.server)
    whole = plans.new(
        Assignment, scope="tenant", schedule_id=plans.schedule_id, confirmed_at=NOW, operation=str(operation.id),
        confirmed_by_id=plans.approver.id, confirmed_by_name=plans.approver.name,
    )  # fmt: skip
    for change in (whole, partial(mine.update, confirmed_at=UNTIL)):
        with pytest.raises(DatabaseError, match="only by a confirmed operation"):
            plans.applied(operation, change)


@pytest.mark.parametrize(
    "wrong",
    [{"wish": "stopped"}, {"until": UNTIL + timedelta(hours=1)}, {"scope": "project", "resource_id": None, "project": "emr"},
     {"kind": "freeze"}, {"confirmed_by_name": "別人"}, {"ended_at": NOW}, {"resource_id": None}],
    ids=str,
)  # fmt: skip
def test_an_override_begins_as_it_was_confirmed(wrong: dict[str, Any], plans: Plans) -> None:
    wanted = Wanted(Wish.ANY, UNTIL, since=UNTIL - timedelta(minutes=1), resources=(plans.server.id,))
    parameters = {
        "kind": "override", "wish": "any", "scope": "resource", "resources": [str(plans.server.id)], "names": [],
        "project": "", "schedule": "", "since": "", "until": wanted.until.isoformat(), "number": 1,
    }  # fmt: skip
    operation = plans.entered("override.set", parameters)
    columns = {
        "kind": "override", "scope": "resource", "resource_id": plans.server.id, "wish": "any", "since": NOW,
        "until": UNTIL, "reason": "x", "operation": str(operation.id), "entered_by_id": "u", "entered_by_name": "運用",
        "confirmed_by_id": plans.approver.id, "confirmed_by_name": plans.approver.name, "created_at": NOW,
    }  # fmt: skip
    with pytest.raises(DatabaseError, match="only by a confirmed operation"):
        plans.applied(operation, plans.new(Override, **(columns | wrong)))


def test_the_brake_is_what_was_confirmed(plans: Plans) -> None:
    operation = plans.entered("rules.change", {"brake_percent": 20, "brake_least": 5, "before": {}})
    change = partial(TenantRules.objects.update, brake_percent=None, operation=str(operation.id))
    with pytest.raises(DatabaseError, match="only by a confirmed operation"):
        plans.applied(operation, change)


@pytest.mark.parametrize(
    "wrong", [{"content": Rules(overwrite=Overwrite.ALWAYS).as_json()}, {"confirmed_by_name": "別人"}, {"operation": WHO["operation"]}]
)  # fmt: skip
def test_which_tags_volumes_get_is_what_was_confirmed(wrong: dict[str, Any], plans: Plans) -> None:
    rules = Rules(("Name", "Owner"))
    who = plans.cast.actor(Role.ADMINISTRATOR)
    operation = tagging_rules.enter_rules(None, rules, actor=who, now=NOW, reason="x")
    columns = {
        "content": rules.as_json(), "confirmed_at": NOW, "operation": str(operation.id),
        "confirmed_by_id": plans.approver.id, "confirmed_by_name": plans.approver.name,
    }  # fmt: skip
    with pytest.raises(DatabaseError, match="only by a confirmed operation"):
        plans.applied(operation, plans.new(TaggingRule, **(columns | wrong)))


def test_a_round_is_not_released_by_nobody_and_its_stops_are_not_exchanged(plans: Plans) -> None:
    held = HeldRound(
        tenant_id=plans.tenant_id,
        held_at=NOW,
        items=[],
        running=1,
        limit_percent=50,
        operation=str(uuid.UUID(int=7)),
    )
    with _as_role("scheduler"), tenant_scope(plans.tenant_id):
        held.save(force_insert=True)
    mine = HeldRound.objects.filter(id=held.id)
    refused(plans, partial(mine.update, released_at=NOW, released_by_id="u", released_by_name="運用"))
    for change in (partial(mine.update, items=[{}]), partial(mine.update, operation=""), mine.delete):
        refused(plans, change, match="permission denied")


def test_a_list_of_holidays_comes_into_force_only_with_an_event_about_it(plans: Plans) -> None:
    row = plant(
        HolidayList(
            tenant_id=plans.tenant_id,
            source="upload",
            state="quarantined",
            received_at=NOW,
            received_by_name="管理",
        )
    )
    mine = HolidayList.objects.filter(id=row.id)
    for change in (partial(mine.update, state="adopted"), partial(mine.update, days={"2026-11-23": "x"})):
        with pytest.raises(IntegrityError, match="without an event about it"):
            together(plans.tenant_id, change)
    told = partial(plans.note, "calendar.list_adopted", Subject("holiday_list", str(row.id)))
    together(plans.tenant_id, partial(mine.update, state="adopted"), told)


def test_every_table_that_names_its_operation_is_guarded(plans: Plans) -> None:
    """What rests on a confirmed operation says so in a column; the database holds it to it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
            WHERE c.relkind = 'r' AND c.relname LIKE 'infra_%' AND a.attname LIKE '%operation'
              AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
            """
        )
        assert cursor.fetchall() == []
