"""A planning file is compared, entered through the ordinary operations, confirmed by another person, and written out again."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.domain.permissions import Role
from infra.domain.planning_file import read_planning, write_planning
from infra.domain.yaml_tree import BadFile
from infra.models import NamedSchedule, Resource, Revision
from infra.operations import drafts, planning
from infra.operations.planning import Step
from infra.queries.planning import export_planning
from medical_audit import clock
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import Cast, make_cast, proof
from tests.infra.operations.duty import counted_writes, jst
from tests.stage import Stage, make_stage

NOW = jst(2026, 11, 30, 8, 0)
FILE = """\
format: toban-planning/1
schedules:
- name: 日勤
  description: 平日の日中
  zone: Asia/Tokyo
  periods:
  - {begin: 08:30, end: 19:00, weekdays: mon-fri}
- name: 夜間バッチ
  zone: Asia/Tokyo
  periods:
  - {begin: 22:00, end: 05:00, weekdays: "mon-thu,friL"}
  options: {enforced: true, grace_start_min: 30}
calendar:
  closures:
  - {first: 12-29, last: 01-03, name: 年末年始}
  closed:
  - {day: 2026-12-28, name: 棚卸し}
  working:
  - {day: 2026-12-30, name: 出勤}
  feeds:
  - {source: cabinet, url: "https://example.com/syukujitsu.csv"}
assignments:
- to: {tenant: true}
  schedule: 夜間バッチ
- to: {project: 電子カルテ}
  schedule: 日勤
"""


@dataclass
class Desk:
    """One tenant whose planner imports and whose approver confirms."""

    stage: Stage

    @property
    def cast(self) -> Cast:
        return self.stage.cast

    def compare(self, text: str = FILE, *, remove: bool = False, role: Role = Role.OPERATOR) -> list[Step]:
        file = read_planning(text.encode())
        return planning.compare(file, remove=remove, actor=self.cast.actor(role), now=NOW)

    def enter(self, text: str = FILE, *, remove: bool = False, role: Role = Role.OPERATOR) -> list[Step]:
        file = read_planning(text.encode())
        return planning.enter_all(
            file, remove=remove, actor=self.cast.actor(role), now=NOW, reason="年間計画"
        )

    def waiting(self) -> list[Operation]:
        with tenant_scope(self.cast.tenant.id):
            return list(Operation.objects.filter(state=State.ENTERED).order_by("kind", "target_name"))

    def confirm_all(self, now: datetime = NOW) -> int:
        approver = self.cast.actor(Role.APPROVER)
        waiting = self.waiting()
        for one in waiting:
            entry.confirm(one.id, actor=approver, now=now, seen_digest=one.digest, proof=proof(approver, now))
        return len(waiting)

    def carry_in(self, text: str = FILE, *, remove: bool = False) -> None:
        """Import and confirm until nothing is left to enter."""
        for _ in range(3):
            self.enter(text, remove=remove)
            self.confirm_all()

    def export(self) -> str:
        with tenant_scope(self.cast.tenant.id):
            return export_planning(actor=self.cast.actor(Role.VIEWER), now=NOW)


def states(steps: list[Step]) -> list[tuple[str, str, str]]:
    return [(step.code, step.name, step.state) for step in steps]


@contextmanager
def no_writes() -> Iterator[None]:
    with counted_writes() as writes:
        yield
    assert writes == []


@pytest.fixture
def desk(cast: Cast) -> Desk:
    stage = make_stage(cast)
    stage.resource(project="電子カルテ", name="ehr-web-01")
    return Desk(stage)


@pytest.fixture
def elsewhere(django_db_setup: None) -> Desk:
    """Another tenant with people of its own, in which nothing is planned yet."""
    stage = make_stage(make_cast())
    stage.resource(project="電子カルテ", name="ehr-web-01")
    return Desk(stage)


def test_a_look_says_what_would_be_entered_and_writes_nothing(desk: Desk) -> None:
    with no_writes():
        steps = desk.compare()
    assert states(steps) == [
        ("schedule_new", "日勤", "enter"),
        ("schedule_new", "夜間バッチ", "enter"),
        ("calendar", "", "enter"),
        ("feed", "cabinet", "enter"),
        ("assign", "", "later"),
        ("assign", "電子カルテ", "later"),
    ]
    assert [one["code"] for one in steps[2].details] == ["closure_added", "closed_added", "extra_added"]


def test_nothing_is_in_force_until_another_person_confirmed_each_step(desk: Desk) -> None:
    desk.enter()
    assert [one.kind for one in desk.waiting()] == ["calendar.set", "schedule.publish", "schedule.publish"]
    assert "年末年始" not in desk.export()
    with tenant_scope(desk.cast.tenant.id):
        assert not NamedSchedule.objects.filter(current__isnull=False).exists()
    operator = desk.cast.actor(Role.OPERATOR)
    for one in desk.waiting():
        with pytest.raises(NotPermitted):
            entry.confirm(one.id, actor=operator, now=NOW, seen_digest=one.digest, proof=proof(operator, NOW))
    assert desk.confirm_all() == 3
    assert "年末年始" in desk.export()


def test_the_same_file_again_enters_nothing_while_it_waits_and_when_it_is_in_force(desk: Desk) -> None:
    desk.enter()
    assert {step.state for step in desk.compare()} == {"waits", "later"}
    with no_writes():
        desk.enter()
    desk.confirm_all()
    assert states(desk.compare()) == [("assign", "", "enter"), ("assign", "電子カルテ", "enter")]
    desk.enter()
    assert {step.state for step in desk.compare()} == {"waits"}
    desk.confirm_all()
    assert desk.compare() == []
    with no_writes():
        assert desk.enter() == []


def test_what_is_taken_out_and_read_into_an_empty_tenant_is_taken_out_the_same(
    desk: Desk, elsewhere: Desk
) -> None:
    desk.carry_in()
    text = desk.export()
    assert desk.compare(text, remove=True) == []
    assert elsewhere.export() != text
    elsewhere.carry_in(text)
    assert elsewhere.export() == text
    read = read_planning(text.encode())
    assert write_planning(read.schedules or (), read.calendar, read.assignments or ()) == text
    assert elsewhere.compare(text, remove=True) == []


def test_a_resource_is_named_by_what_aws_calls_it(desk: Desk) -> None:
    row = desk.stage.resource(name="ehr-db-01")
    with tenant_scope(desk.cast.tenant.id):
        found = Resource.objects.select_related("account").get(id=row.id)
    to = f'{{account: "{found.account.account_id}", region: {found.region}, kind: {found.kind}, id: {found.aws_id}}}'
    text = FILE + f"- to: {{resource: {to}}}\n  schedule: 日勤\n"
    desk.carry_in(text)
    assert desk.compare(text) == []
    assert found.aws_id in desk.export()
    assert desk.compare(desk.export()) == []


def test_a_changed_schedule_is_a_draft_whose_difference_is_said(desk: Desk) -> None:
    desk.carry_in()
    later = FILE.replace("end: 19:00", "end: 20:00")
    [step] = desk.compare(later)
    assert (step.code, step.name, step.state) == ("schedule_changed", "日勤", "enter")
    assert [one["code"] for one in step.details] == ["period_removed", "period_added"]
    desk.carry_in(later)
    assert desk.compare(later) == []
    [back] = desk.compare(FILE)
    assert back.state == "enter"
    desk.carry_in(FILE)
    with tenant_scope(desk.cast.tenant.id):
        assert Revision.objects.filter(schedule__name="日勤").count() == 2
    assert desk.compare(FILE) == []


def test_somebody_elses_draft_is_never_written_over(desk: Desk) -> None:
    desk.carry_in()
    actor = desk.cast.actor(Role.ADMINISTRATOR)
    with tenant_scope(desk.cast.tenant.id):
        schedule = NamedSchedule.objects.get(name="日勤")
    mine = {"zone": "UTC", "periods": [{"begin": "01:00", "end": "02:00"}], "options": {}}
    drafts.save_draft(schedule.id, mine, actor=actor, now=NOW)
    [step] = desk.enter(FILE.replace("end: 19:00", "end: 20:00"))
    assert (step.state, step.why) == ("blocked", "draft_in_hand")
    with tenant_scope(desk.cast.tenant.id):
        assert Revision.objects.get(schedule=schedule, published_at__isnull=True).content["zone"] == "UTC"


def test_what_the_file_does_not_name_stays_unless_its_removal_is_asked_for(desk: Desk) -> None:
    desk.carry_in()
    less = """\
format: toban-planning/1
schedules: []
calendar: {closures: [], closed: [], working: [], feeds: []}
assignments: []
"""
    assert {step.state for step in desk.compare(less)} == {"left"}
    with no_writes():
        desk.enter(less)
    steps = desk.compare(less, remove=True)
    assert states(steps) == [
        ("schedule_changed", "夜間バッチ", "left"),
        ("schedule_changed", "日勤", "left"),
        ("calendar", "", "enter"),
        ("feed", "cabinet", "left"),
        ("unassign", "電子カルテ", "enter"),
        ("unassign", "", "enter"),
    ]
    desk.carry_in(less, remove=True)
    assert {step.state for step in desk.compare(less, remove=True)} == {"left"}
    assert "年末年始" not in desk.export()
    assert "assignments: []" in desk.export()
    assert desk.compare("format: toban-planning/1\n", remove=True) == []


@pytest.mark.parametrize(
    ("before", "after", "code", "line"),
    [
        ("schedule: 日勤", "schedule: 早番", "no_such_schedule", 26),
        ("project: 電子カルテ", "project: 検査", "no_such_project", 25),
        ("https://example.com/", "https://10.0.0.8/", "private_address", 21),
        ("https://example.com/", "http://example.com/", "https_only", 21),
    ],
)
def test_what_this_tenant_has_not_is_named_with_its_line(
    desk: Desk, before: str, after: str, code: str, line: int
) -> None:
    with pytest.raises(BadFile) as caught:
        desk.compare(FILE.replace(before, after))
    assert [(one.code, one.line) for one in caught.value.problems] == [(code, line)]


def test_a_resource_of_another_tenant_is_one_that_does_not_exist(desk: Desk, elsewhere: Desk) -> None:
    theirs = elsewhere.stage.resource(name="secret-01")
    with tenant_scope(elsewhere.cast.tenant.id):
        row = Resource.objects.select_related("account").get(id=theirs.id)
    to = f'{{account: "{row.account.account_id}", region: {row.region}, kind: {row.kind}, id: {row.aws_id}}}'
    with pytest.raises(BadFile) as caught:
        desk.compare(FILE + f"- to: {{resource: {to}}}\n  schedule: 日勤\n")
    assert [one.code for one in caught.value.problems] == ["no_such_resource"]


def test_all_is_entered_or_nothing(desk: Desk) -> None:
    """The last step is refused by the operation itself: what came before it is not there either."""
    actor = desk.cast.actor(Role.OPERATOR)
    file = read_planning(FILE.encode())
    with pytest.raises(Refused) as caught:
        planning.enter_all(file, remove=False, actor=actor, now=NOW, reason=" ")
    assert caught.value.code == "reason_missing"
    with tenant_scope(desk.cast.tenant.id):
        assert not NamedSchedule.objects.exists()
    assert desk.waiting() == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER, Role.AUDITOR])
def test_only_planners_import(desk: Desk, role: Role) -> None:
    with pytest.raises(NotPermitted):
        desk.compare(role=role)
    with pytest.raises(NotPermitted):
        desk.enter(role=role)


# -- the command line ---------------------------------------------------------------------------------------------------


def run(name: str, *arguments: str) -> tuple[int, str]:
    """Exit code, and everything that was written."""
    out = io.StringIO()
    try:
        call_command(name, *arguments, stdout=out, stderr=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def imported(desk: Desk, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs planning_import as the operator, with a text as the file."""

    def import_(text: str, *more: str) -> tuple[int, str]:
        path = tmp_path / "planning.yaml"
        path.write_text(text, encoding="utf-8")
        operator = desk.cast.people[Role.OPERATOR].username
        return run("planning_import", str(path), "--tenant", desk.stage.slug, "--as", operator, *more)

    return import_


def test_the_commands_look_enter_and_find_no_difference(
    desk: Desk, imported: Callable[..., tuple[int, str]], as_role: AsRole
) -> None:
    with no_writes():
        code, said = imported(FILE, "--dry-run")
    assert code == 2
    assert "日勤" in said
    with pytest.raises(CommandError, match="--reason"):
        imported(FILE)
    assert imported(FILE, "--reason", "年間計画")[0] == 0
    desk.confirm_all(clock.now())
    assert imported(FILE, "--reason", "年間計画")[0] == 0
    desk.confirm_all(clock.now())
    assert imported(FILE, "--dry-run", "--remove")[0] == 0
    with as_role("audit"):
        code, text = run("planning_export", "--tenant", desk.stage.slug)
    assert text == desk.export()
    assert imported(text, "--dry-run", "--remove")[0] == 0


def test_the_command_names_each_fault_as_file_line_and_field(
    imported: Callable[..., tuple[int, str]],
) -> None:
    code, said = imported(FILE.replace("22:00", "25:00"), "--dry-run", "--language", "en")
    assert code == 1
    assert "planning.yaml:11: schedules[2].periods[1].begin: 25:00 is not a time" in said


def test_the_command_acts_for_nobody_who_is_not_a_member_or_may_not_plan(
    desk: Desk, elsewhere: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "planning.yaml"
    path.write_text(FILE, encoding="utf-8")
    for person in (
        elsewhere.cast.people[Role.OPERATOR].username,
        "nobody",
        desk.cast.people[Role.VIEWER].username,
    ):
        with pytest.raises(CommandError):
            run("planning_import", str(path), "--tenant", desk.stage.slug, "--as", person, "--reason", "x")
    with tenant_scope(desk.cast.tenant.id):
        assert not NamedSchedule.objects.exists()
