"""Named schedules, assignments and overrides: entered, confirmed by a person, followed by the clock in his name."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError

from accounts.domain.permissions import Role
from infra.models import Assignment, NamedSchedule, Resource, Revision
from infra.models.schedule import Scope
from infra.operations import archiving, assigning, drafts, overriding, publishing
from infra.operations.drafts import BadContent
from infra.operations.overriding import Wanted
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, NotPermitted, Refused, StaleContent
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.infra.operations.duty import Duty, jst

WEEK = {"begin": "08:30", "end": "19:00", "weekdays": "mon-fri"}
NIGHT = {"begin": "22:00", "end": "06:00"}


def content(*periods: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"zone": "Asia/Tokyo", "periods": list(periods), "options": options}


def server_of(planning: Planning, **fields: Any) -> str:
    """One EC2 instance in the account; its id."""
    [aws_id] = planning.duty.aws.seed(instances=[fields])["instances"]
    return str(aws_id)


def at(planning: Planning, now: datetime) -> None:
    planning.duty.clock.now = now


class Planning:
    """What planners and approvers do in these stories."""

    def __init__(self, duty: Duty) -> None:
        self.duty = duty
        self.planner = duty.aws.cast.actor(Role.OPERATOR)
        self.approver = duty.aws.cast.actor(Role.APPROVER)

    def confirm(self, operation: Operation, actor: Actor | None = None) -> Operation:
        who = actor or self.approver
        now = self.duty.clock()
        return entry.confirm(
            operation.id, actor=who, now=now, seen_digest=operation.digest, proof=proof(who, now)
        )

    def draft(self, name: str, *periods: dict[str, Any], **options: Any) -> Revision:
        return drafts.create_schedule(
            name, content(*periods, **options), actor=self.planner, now=self.duty.clock()
        )

    def publish(self, revision: Revision) -> Operation:
        entered = publishing.enter_publish(
            revision.schedule_id, revision.id, actor=self.planner, now=self.duty.clock(), reason="test"
        )
        return self.confirm(entered)

    def published(self, name: str, *periods: dict[str, Any], **options: Any) -> UUID:
        revision = self.draft(name, *periods, **options)
        self.publish(revision)
        return revision.schedule_id

    def assign(self, scope: Scope, key: str, schedule: UUID | None) -> Operation:
        entered = assigning.enter_assign(
            scope, key, schedule, actor=self.planner, now=self.duty.clock(), reason="test"
        )
        return self.confirm(entered)

    def override(self, wanted: Wanted) -> Operation:
        entered = overriding.enter_override(
            wanted, actor=self.planner, now=self.duty.clock(), reason="患者移送のため"
        )
        return self.confirm(entered, self.planner)

    @property
    def planner_of_calendar(self) -> Actor:
        return self.duty.aws.cast.actor(Role.ADMINISTRATOR)

    def row_of_schedule(self, name: str) -> UUID:
        with tenant_scope(self.planner.tenant_id):
            found: UUID = NamedSchedule.objects.get(name=name).id
            return found

    def only(self) -> str:
        """The AWS id of the only resource."""
        with tenant_scope(self.planner.tenant_id):
            [found] = Resource.objects.values_list("aws_id", flat=True)
            return str(found)

    def row(self, aws_id: str) -> Resource:
        with tenant_scope(self.planner.tenant_id):
            row: Resource = Resource.objects.select_related("account").get(aws_id=aws_id)
            return row

    def next_of(self, aws_id: str) -> tuple[datetime | None, str]:
        row = self.row(aws_id)
        return row.next_change_at, row.next_action


@pytest.fixture
def planning(duty: Duty) -> Planning:
    duty.clock.now = jst(2026, 11, 30, 8, 0)
    return Planning(duty)


def test_a_draft_does_nothing_until_another_person_confirms_its_publication(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "平日日勤"}, state="stopped")
    revision = planning.draft("平日日勤", WEEK)
    planning.duty.look()
    assert planning.next_of(server) == (None, "")
    entered = publishing.enter_publish(
        revision.schedule_id, revision.id, actor=planning.planner, now=planning.duty.clock(), reason="開始"
    )
    with pytest.raises(NotPermitted):
        planning.confirm(entered, planning.planner)
    assert planning.next_of(server) == (None, "")
    planning.confirm(entered)
    assert planning.next_of(server) == (jst(2026, 11, 30, 8, 30), "start")
    assert planning.row(server).schedule_source == "tag"


def test_every_automatic_action_names_the_revision_and_who_confirmed_it(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "平日日勤"}, state="stopped")
    planning.published("平日日勤", WEEK)
    planning.duty.look()
    at(planning, jst(2026, 11, 30, 8, 30))
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)
    [operation] = planning.duty.operations(kind="ec2.start")
    assert operation.state == "SUCCEEDED"
    assert operation.authority["source"] == "schedule:平日日勤#1"
    assert operation.confirmed_by_id == planning.approver.id
    assert operation.authority["reason"]["revision"] == 1
    assert operation.target_id == str(planning.row(server).id)


def test_publishing_shows_the_difference_and_what_would_start_or_stop_in_14_days(planning: Planning) -> None:
    server_of(planning, tags={"Schedule": "日勤", "Name": "web"}, state="stopped")
    schedule = planning.published("日勤", WEEK)
    planning.duty.look()
    draft = drafts.save_draft(
        schedule, content(WEEK | {"begin": "09:00"}), actor=planning.planner, now=planning.duty.clock()
    )
    seen = publishing.proposal(schedule, draft.id, actor=planning.planner, now=planning.duty.clock())
    assert [one["code"] for one in seen["differences"]] == ["period_removed", "period_added"]
    assert seen["forecast"]["sums"] == {"removed_start": 10, "added_start": 10}
    first, second = seen["forecast"]["lines"][:2]
    assert (first["change"], first["action"], first["names"]) == ("removed", "start", ["web"])
    assert first["at"].startswith("2026-11-29T23:30")
    assert (second["change"], second["at"][:16]) == ("added", "2026-11-30T00:00")


def test_going_back_is_publishing_an_older_revision(planning: Planning) -> None:
    schedule = planning.published("日勤", WEEK)
    second = drafts.save_draft(schedule, content(NIGHT), actor=planning.planner, now=planning.duty.clock())
    planning.publish(second)
    with tenant_scope(planning.planner.tenant_id):
        first = Revision.objects.get(schedule_id=schedule, number=1)
    operation = planning.publish(first)
    assert operation.shown["back"] is True
    with tenant_scope(planning.planner.tenant_id):
        assert NamedSchedule.objects.get(id=schedule).current == first.id


def test_of_two_publications_entered_at_once_only_the_first_confirmed_holds(planning: Planning) -> None:
    schedule = planning.published("日勤", WEEK)
    draft = drafts.save_draft(schedule, content(NIGHT), actor=planning.planner, now=planning.duty.clock())
    now = planning.duty.clock()
    first, second = (
        publishing.enter_publish(schedule, draft.id, actor=planning.planner, now=now, reason="x")
        for _ in range(2)
    )
    planning.confirm(first)
    with pytest.raises(StaleContent):
        planning.confirm(second)


def test_a_draft_that_changed_after_the_entry_does_not_slip_in(planning: Planning) -> None:
    draft = planning.draft("日勤", WEEK)
    now = planning.duty.clock()
    entered = publishing.enter_publish(
        draft.schedule_id, draft.id, actor=planning.planner, now=now, reason="x"
    )
    drafts.save_draft(draft.schedule_id, content(NIGHT), actor=planning.planner, now=now)
    with pytest.raises(StaleContent):
        planning.confirm(entered)


def test_a_draft_that_changed_before_the_entry_does_not_slip_in_either(planning: Planning) -> None:
    """Somebody saved it between the enterer's looking and his pressing."""
    draft = planning.draft("日勤", WEEK)
    now = planning.duty.clock()
    seen = publishing.proposal(draft.schedule_id, draft.id, actor=planning.planner, now=now)["digest"]
    drafts.save_draft(draft.schedule_id, content(NIGHT), actor=planning.planner, now=now)
    with pytest.raises(StaleContent):
        publishing.enter_publish(
            draft.schedule_id, draft.id, actor=planning.planner, now=now, reason="x", seen=seen
        )


def test_what_is_wrong_with_a_draft_is_named_at_its_field(planning: Planning) -> None:
    with pytest.raises(BadContent) as caught:
        planning.draft("x", {"begin": "25:00", "end": "19:00"}, {"begin": "9:00", "weekdays": "mon-xyz"})
    assert [(one.path, one.code) for one in caught.value.problems] == [
        ("periods.0.begin", "out_of_range"),
        ("periods.1.begin", "not_hh_mm"),
        ("periods.1.weekdays", "bad_weekdays"),
    ]


def test_a_draft_saved_by_somebody_else_meanwhile_is_not_overwritten(planning: Planning) -> None:
    draft = planning.draft("日勤", WEEK)
    now = planning.duty.clock()
    drafts.save_draft(draft.schedule_id, content(NIGHT), actor=planning.planner, now=now, seen=draft.digest)
    with pytest.raises(StaleContent):
        drafts.save_draft(
            draft.schedule_id, content(WEEK), actor=planning.planner, now=now, seen=draft.digest
        )


@pytest.mark.parametrize("name", ["日勤", " 日勤 ", "Ｎｉｇｈｔ", "night"])
def test_a_name_that_people_take_for_the_same_is_taken(planning: Planning, name: str) -> None:
    planning.draft("日勤", WEEK)
    planning.draft("Night", NIGHT)
    with pytest.raises(Refused) as caught:
        planning.draft(name, WEEK)
    assert caught.value.code == "name_taken"


def test_a_viewer_plans_nothing_and_a_stranger_sees_nothing(planning: Planning) -> None:
    viewer, stranger = planning.duty.aws.cast.actor(Role.VIEWER), planning.duty.aws.cast.stranger_actor
    now = planning.duty.clock()
    draft = planning.draft("日勤", WEEK)
    with pytest.raises(NotPermitted):
        drafts.create_schedule("x", content(WEEK), actor=viewer, now=now)
    with pytest.raises(NotFound):
        drafts.save_draft(draft.schedule_id, content(WEEK), actor=stranger, now=now)
    with pytest.raises(NotFound):
        publishing.proposal(draft.schedule_id, draft.id, actor=stranger, now=now)


def test_the_order_of_where_a_schedule_comes_from(planning: Planning) -> None:
    tags = {"AutoStart": "09:50", "AutoStop": "20:00", "Project": "emr"}
    server = server_of(planning, tags=tags, state="stopped")
    planning.duty.look()
    tenant, project, tag, resource = (
        planning.published(name, {"begin": begin, "end": "18:00"})
        for name, begin in (("既定", "09:10"), ("案件", "09:20"), ("札", "09:30"), ("個別", "09:40"))
    )
    planning.assign(Scope.TENANT, "", tenant)
    planning.assign(Scope.PROJECT, "emr", project)
    row = planning.row(server)
    assert row.schedule_source == "tags"
    planning.assign(Scope.RESOURCE, str(row.id), resource)
    assert planning.next_of(server) == (jst(2026, 11, 30, 9, 40), "start")
    planning.assign(Scope.RESOURCE, str(row.id), None)
    planning.duty.untag(server, "AutoStart", "AutoStop")
    planning.duty.clock.pass_(seconds=400)
    planning.duty.look()
    assert planning.next_of(server) == (jst(2026, 11, 30, 9, 20), "start")
    planning.assign(Scope.PROJECT, "emr", None)
    assert planning.next_of(server) == (jst(2026, 11, 30, 9, 10), "start")
    planning.duty.retag(server, Schedule="札")
    planning.duty.clock.pass_(seconds=400)
    planning.duty.look()
    assert (planning.row(server).schedule_source, planning.next_of(server)[0]) == (
        "tag",
        jst(2026, 11, 30, 9, 30),
    )
    assert tag


def test_what_hangs_on_a_projects_name_that_nothing_has_any_more_can_be_taken_away(
    planning: Planning,
) -> None:
    server = server_of(planning, tags={"Project": "emr"}, state="stopped")
    planning.duty.look()
    schedule = planning.published("日勤", WEEK)
    planning.assign(Scope.PROJECT, "emr", schedule)
    planning.duty.retag(server, Project="new")
    planning.duty.clock.pass_(seconds=400)
    planning.duty.look()
    with pytest.raises(NotFound):
        planning.assign(Scope.PROJECT, "gone", schedule)
    planning.assign(Scope.PROJECT, "emr", None)
    with tenant_scope(planning.planner.tenant_id):
        assert not Assignment.objects.exists()


def test_a_schedule_that_was_archived_meanwhile_is_not_assigned(planning: Planning) -> None:
    schedule = planning.published("日勤", WEEK)
    entered = assigning.enter_assign(
        Scope.TENANT, "", schedule, actor=planning.planner, now=planning.duty.clock(), reason="x"
    )
    archived = archiving.enter_archive(
        schedule, actor=planning.planner, now=planning.duty.clock(), reason="x"
    )
    planning.confirm(archived)
    with pytest.raises(StaleContent):
        planning.confirm(entered)


def test_a_schedule_out_of_the_archive_is_followed_by_those_whose_tag_names_it(planning: Planning) -> None:
    schedule, now = planning.published("日勤", WEEK), planning.duty.clock()
    planning.confirm(archiving.enter_archive(schedule, actor=planning.planner, now=now, reason="x"))
    server = server_of(planning, tags={"Schedule": "日勤"}, state="stopped")
    planning.duty.look()
    assert planning.next_of(server) == (None, "")
    planning.confirm(archiving.enter_restore(schedule, actor=planning.planner, now=now, reason="x"))
    assert planning.next_of(server) == (jst(2026, 11, 30, 8, 30), "start")


def test_look_alike_names_are_kept_apart_by_the_database_too(planning: Planning) -> None:
    planning.draft("Night Shift", NIGHT)
    with (
        pytest.raises(IntegrityError, match="schedule_name_alike_once"),
        tenant_scope(planning.planner.tenant_id),
    ):
        NamedSchedule.objects.create(
            tenant_id=planning.planner.tenant_id,
            name="ｎｉｇｈｔｓｈｉｆｔ",
            created_at=planning.duty.clock(),
        )
