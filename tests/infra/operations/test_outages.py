"""Everything is dead over 08:30 or 19:00, for half an hour and for five: nothing is forgotten, nothing goes the wrong way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.domain.duty import Occurrence, objection, occurrences, wanted
from infra.domain.schedule import Action, State
from infra.models import Resource
from infra.models.schedule import OverrideKind
from infra.operations import overriding
from infra.operations.overriding import Wanted
from infra.queries.rules import rules_at
from medical_audit.domain.actor import system_actor
from medical_audit.domain.states import FINAL
from medical_audit.models import Operation
from medical_audit.operations.execution import expire_overdue
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_planning import NIGHT, WEEK, Planning, at

#: Schedule or tags of each server, and its project; the databases of 日勤 come beside them.
FLEET: dict[str, dict[str, str]] = {
    "day": {"Schedule": "日勤"},
    "kept": {"Schedule": "日勤"},
    "left": {"Schedule": "日勤", "Project": "left"},
    "night": {"Schedule": "夜勤"},
    "morning": {"Schedule": "午前"},
    "evening": {"Schedule": "夕方"},
    "start": {"AutoStart": "08:30"},
    "stop": {"AutoStop": "19:00"},
    "both": {"AutoStart": "08:30", "AutoStop": "19:00"},
    "held": {"Schedule": "強制"},
}
SCHEDULES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "日勤": (WEEK, {}),
    "夜勤": (NIGHT, {}),
    "午前": (WEEK | {"begin": "09:00", "end": "12:00"}, {}),
    "夕方": (WEEK | {"begin": "18:45", "end": "20:30"}, {"grace_start_min": 10}),
    "強制": (WEEK, {"enforced": True}),
}
#: 2026-12-01 is a Tuesday.
GAPS = {
    "half an hour over 08:30": (jst(2026, 12, 1, 8, 15), jst(2026, 12, 1, 8, 45)),
    "five hours over 08:30": (jst(2026, 12, 1, 7, 40), jst(2026, 12, 1, 12, 40)),
    "half an hour over 19:00": (jst(2026, 12, 1, 18, 40), jst(2026, 12, 1, 19, 10)),
    "five hours over 19:00": (jst(2026, 12, 1, 17, 30), jst(2026, 12, 1, 22, 30)),
}


@dataclass
class Outage:
    """A fleet as it should be when everything dies, and what would have been done by whom meanwhile."""

    planning: Planning
    begin: datetime
    end: datetime
    ids: dict[str, str]

    @property
    def duty(self) -> Duty:
        return self.planning.duty

    def rows(self) -> dict[str, Resource]:
        with tenant_scope(self.planning.planner.tenant_id):
            found = {row.aws_id: row for row in Resource.objects.select_related("account")}
        return {name: found[aws_id] for name, aws_id in self.ids.items()}

    def fell_due(self) -> dict[str, list[Occurrence]]:
        """By the engine, which the minute oracle checks."""
        with tenant_scope(self.planning.planner.tenant_id):
            rules = rules_at(self.end)
            return {
                name: occurrences(rules.duty(row), self.begin, self.end) for name, row in self.rows().items()
            }

    def over(self, first: str) -> None:
        """Everything is back, `first` before the others; the next look comes, and the sweep closes what is late."""
        at(self.planning, self.end)
        steps: list[Callable[[], object]] = [self.duty.look, self.duty.tick]
        if first == "tick":
            steps.reverse()
        for step in [*steps, self.duty.tick]:
            step()
        for look in (False, True, False):
            if look:
                self.duty.clock.pass_(seconds=400)
                self.duty.look()
                self.duty.tick()
            self.duty.work_for(rounds=2, seconds=15)
            tenant = self.planning.planner.tenant_id
            with self.duty.as_role("scheduler"):
                expire_overdue(tenant, actor=system_actor(tenant, "sweep"), now=self.duty.clock())
            self.duty.tick()

    def done(self) -> list[Operation]:
        return [
            one
            for one in self.duty.operations(policy="schedule")
            if one.due_at > self.begin and "because" not in _corrections(one)
        ]


def _corrections(one: Operation) -> dict[str, Any]:
    cause = one.authority["reason"].get("because", {})
    return {"because": cause} if cause.get("code") == "enforced" else {}


@pytest.fixture
def planning(duty: Duty) -> Planning:
    duty.clock.now = jst(2026, 11, 30, 6, 0)
    return Planning(duty)


def outage(planning: Planning, begin: datetime, end: datetime) -> Outage:
    at(planning, begin - timedelta(minutes=30))
    for name, (period, options) in SCHEDULES.items():
        planning.published(name, period, **options)
    ids = planning.duty.aws.seed(
        instances=[
            {"tags": tags | {"Name": name}, "state": _state(name, begin)} for name, tags in FLEET.items()
        ],
        databases=[
            {"id": f"db-{n}", "engine": "mysql", "tags": {"Schedule": "日勤"}, "state": _database(begin)} for n in range(2)
        ],
    )  # fmt: skip
    names = dict(zip([*FLEET, "db-0", "db-1"], [*ids["instances"], *ids["databases"]], strict=True))
    planning.duty.look()
    at(planning, begin - timedelta(minutes=10))
    planning.duty.tick()
    found = Outage(planning, begin, end, names)
    kept = found.rows()["kept"]
    for one in (
        Wanted(State.RUNNING, begin + (end - begin) * 0.9, resources=(kept.id,)),
        Wanted(State.ANY, begin + (end - begin) * 0.8, project="left"),
    ):
        planning.override(one)
    at(planning, begin)
    planning.duty.tick()
    planning.duty.work_for(rounds=2, seconds=15)
    at(planning, begin)
    return found


def _state(name: str, begin: datetime) -> str:
    on = {"night": begin.hour < 6, "morning": False, "evening": False, "stop": True, "start": begin.hour > 8}
    return "running" if on.get(name, 9 <= begin.hour < 19) else "stopped"


def _database(begin: datetime) -> str:
    return "available" if 9 <= begin.hour < 19 else "stopped"


@pytest.mark.parametrize("first", ["look", "tick"])
@pytest.mark.parametrize("gap", GAPS)
def test_after_an_outage_every_planned_action_is_accounted_for_and_none_goes_the_wrong_way(
    gap: str, first: str, planning: Planning
) -> None:
    story = outage(planning, *GAPS[gap])
    before, sent = story.duty.aws.states(), len(story.duty.aws.journal())
    expected = story.fell_due()
    assert sum(len(found) for found in expected.values()) >= 8
    story.over(first)
    names = {str(row.id): name for name, row in story.rows().items()}

    # Everything that fell due has its row, or the record of its skip, and every row has come to its end.
    assert {one.state for one in story.duty.operations()} <= FINAL
    acting = {
        (name, str(one.action), one.at)
        for name, found in expected.items()
        for one in found
        if not one.suppressed
    }
    assert {(names[one.target_id], one.kind.rpartition(".")[2], one.due_at) for one in story.done()} == acting
    skipped = {(name, one.at) for name, found in expected.items() for one in found if one.suppressed}
    told = [*story.duty.events("schedule.skipped"), *story.duty.events("schedule.skipped_earlier")]
    assert {
        (names[event["subject"]["id"]], datetime.fromisoformat(event["detail"]["due_at"])) for event in told
    } == skipped

    # Nothing was sent in a direction that was not wanted when it was sent; what was missed says why.
    _check_directions(story, sent)
    missed = {one.outcome for one in story.duty.operations(state="MISSED")}
    assert missed <= {"grace_passed", "superseded"}
    assert [one.outcome for one in story.duty.operations(state="FAILED")] == []

    # What still made sense was carried out, everything else is as it was.
    after = story.duty.aws.states()
    for name, found in expected.items():
        last = next((one for one in reversed(found) if not one.suppressed), None)
        grace = timedelta(minutes=10 if name == "evening" and last and last.action is Action.START else 60)
        goal = "running" if last and last.action is Action.START else "stopped"
        if name == "held":
            goal = "stopped" if story.end.hour >= 19 else "running"
        elif last is None or story.end - last.at > grace:
            goal = _plain(before, story.ids[name])
        assert _plain(after, story.ids[name]) == goal, name


def _plain(states: dict[str, dict[str, str]], aws_id: str) -> str:
    state = states["ec2"].get(aws_id) or states["rds"][aws_id]
    return "running" if state == "available" else state


def _check_directions(story: Outage, sent: int) -> None:
    rows = {row.aws_id: row for row in story.rows().values()}
    with tenant_scope(story.planning.planner.tenant_id):
        rules = rules_at(story.end)
        for call in story.duty.aws.journal()[sent:]:
            action = Action.START if call["action"].startswith("Start") else Action.STOP
            for aws_id in call["changes"]:
                duty = rules.duty(rows[aws_id.rsplit("/", 1)[-1]])
                assert objection(duty, action, story.begin, story.end) is None, (
                    call,
                    wanted(duty, story.end),
                )


def test_five_hours_over_the_evening_told_row_by_row(planning: Planning) -> None:
    story = outage(planning, *GAPS["five hours over 19:00"])
    story.over("tick")
    names = {str(row.id): name for name, row in story.rows().items()}
    told = {
        name: [
            (
                f"{one.kind.rpartition('.')[2]} {one.due_at.astimezone(story.end.tzinfo):%H:%M}",
                one.state,
                one.outcome,
            )
            for one in story.done()
            if names[one.target_id] == name
        ]
        for name in ("day", "kept", "left", "night", "evening", "stop", "morning", "db-0")
    }
    assert told == {
        "day": [("stop 19:00", "MISSED", "grace_passed")],
        "kept": [("stop 22:00", "SUCCEEDED", "reached")],
        "left": [("stop 21:30", "SUCCEEDED", "reached")],
        "night": [("start 22:00", "SUCCEEDED", "reached")],
        "evening": [("start 18:45", "MISSED", "grace_passed"), ("stop 20:30", "MISSED", "grace_passed")],
        "stop": [("stop 19:00", "MISSED", "grace_passed")],
        "morning": [],
        "db-0": [("stop 19:00", "MISSED", "grace_passed")],
    }


@pytest.mark.parametrize("hours", [0.5, 5])
def test_a_freeze_that_begins_before_and_ends_in_an_outage_is_caught_up_once(
    hours: float, planning: Planning
) -> None:
    """Frozen over 19:00; everything is dead over the end of the freeze."""
    [server] = planning.duty.aws.seed(instances=[{"state": "running", "tags": {"Schedule": "日勤"}}])[
        "instances"
    ]
    planning.published("日勤", WEEK)
    at(planning, jst(2026, 12, 1, 18, 0))
    planning.duty.look()
    planning.duty.tick()
    frozen = Wanted(State.ANY, jst(2026, 12, 1, 20, 0), kind=OverrideKind.FREEZE)
    planning.confirm(
        overriding.enter_override(frozen, actor=planning.planner, now=planning.duty.clock(), reason="点検")
    )
    for moment in (jst(2026, 12, 1, 19, 0), jst(2026, 12, 1, 19, 50) + timedelta(hours=hours)):
        at(planning, moment)
        planning.duty.tick()
        planning.duty.work_for(rounds=1, seconds=10)
    [stop] = planning.duty.operations(kind="ec2.stop")
    late = hours > 1
    assert (stop.due_at, stop.state) == (jst(2026, 12, 1, 20, 0), "MISSED" if late else "SUCCEEDED")
    assert planning.duty.aws.states()["ec2"][server] == ("running" if late else "stopped")
    assert len(planning.duty.events("schedule.skipped")) == 1


def test_a_night_shift_is_put_right_across_midnight(planning: Planning) -> None:
    [server] = planning.duty.aws.seed(instances=[{"state": "stopped", "tags": {"Schedule": "夜勤"}}])[
        "instances"
    ]
    planning.published("夜勤", NIGHT)
    at(planning, jst(2026, 12, 1, 21, 0))
    planning.duty.look()
    planning.duty.tick()
    for moment, state in ((jst(2026, 12, 1, 22, 40), "running"), (jst(2026, 12, 2, 6, 30), "stopped")):
        at(planning, moment)
        planning.duty.tick()
        planning.duty.work_for(rounds=1, seconds=10)
        assert planning.duty.aws.states()["ec2"][server] == state
    assert [one.state for one in planning.duty.operations(policy="schedule")] == ["SUCCEEDED"] * 2
