"""What counts as unusual: each rule speaks at its threshold and not before, and says of whom and how much."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from accounts.domain.permissions import Role
from config.saying.audits import anomaly_sentence
from infra.models import CompanyDay
from medical_audit import clock
from medical_audit.domain.actor import Subject, system_actor
from medical_audit.domain.anomalies import BOUNDS, WINDOW, Context, Found, Rule, Seen, find, limits_of
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.domain.reading import READING
from medical_audit.models import Anomaly, AnomalyRules, Operation
from medical_audit.operations import entry, watching
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.factories import proof
from tests.medical_audit.support import plant
from tests.stage import Stage

TOKYO = ZoneInfo("Asia/Tokyo")
#: Wednesday 2026-11-25 10:00 JST.
TEN = datetime(2026, 11, 25, 1, tzinfo=UTC)
_numbers = itertools.count()


def seen(kind: str, at: datetime = TEN, person: str = "p", **facts: object) -> Seen:
    known = {"recorded_at": at, "event_id": f"e{next(_numbers):04}", "person": person.upper()} | facts
    return Seen(at=at, kind=kind, person_id=person, **known)  # type: ignore[arg-type]


def found(*events: Seen, context: Context | None = None, **limits: int) -> list[Found]:
    return find(events, context or Context(), limits_of(limits), TOKYO)


def rules(*events: Seen, context: Context | None = None, **limits: int) -> list[str]:
    return [one.rule for one in found(*events, context=context, **limits)]


@pytest.mark.parametrize(
    ("moment", "spoke"),
    [
        (datetime(2026, 11, 25, 6, 59, tzinfo=TOKYO), True),
        (datetime(2026, 11, 25, 7, 0, tzinfo=TOKYO), False),
        (datetime(2026, 11, 25, 19, 59, tzinfo=TOKYO), False),
        (datetime(2026, 11, 25, 20, 0, tzinfo=TOKYO), True),
        (datetime(2026, 11, 28, 12, 0, tzinfo=TOKYO), True),
        (datetime(2026, 11, 23, 12, 0, tzinfo=TOKYO), True),
        (datetime(2026, 11, 21, 12, 0, tzinfo=TOKYO), False),
    ],
)
def test_a_privileged_step_outside_working_hours(moment: datetime, spoke: bool) -> None:
    """Saturday the 21st is a working day of this company."""
    context = Context(days_off={date(2026, 11, 23): "勤労感謝の日", date(2026, 11, 28): ""})
    assert (rules(seen("operation.confirmed", moment), context=context) == [Rule.OFF_HOURS]) is spoke
    assert rules(seen("session.entered", moment), context=context) == []
    assert rules(seen("operation.confirmed", moment, detail={"kind": "review.sign"}), context=context) == []


def test_one_night_is_told_once_a_person() -> None:
    late = datetime(2026, 11, 25, 23, 50, tzinfo=TOKYO)
    events = [
        seen("operation.entered", late),
        seen("operation.confirmed", late + timedelta(minutes=20)),
        seen("operation.entered", late + timedelta(minutes=21), "q"),
        seen("operation.entered", late + timedelta(days=1)),
    ]
    assert [one.person_id for one in found(*events)] == ["p", "q", "p"]


def test_refusals_are_counted_within_an_hour() -> None:
    denied = [seen("access.denied", TEN + timedelta(minutes=7 * n)) for n in range(9)]
    assert rules(*denied, refusals_hour=10) == []
    assert rules(*denied, refusals_hour=9) == [Rule.REFUSALS]
    slow = [seen("access.denied", TEN + timedelta(minutes=8 * n)) for n in range(9)]
    assert rules(*slow, refusals_hour=9) == []


def test_wrong_passwords_concern_him_whose_name_was_used() -> None:
    tried = [
        seen("session.failed", TEN + timedelta(seconds=n), "", subject_id="victim", subject="佐藤")
        for n in range(5)
    ]
    (one,) = found(*tried)
    assert (one.rule, one.person_id, one.person, one.figures["count"]) == (
        Rule.WRONG_PASSWORDS,
        "victim",
        "佐藤",
        5,
    )


def test_a_network_is_new_to_those_who_were_here_before() -> None:
    came = seen("session.entered", network="192.0.2.0/24")
    long_ago, lately = TEN - timedelta(days=91), TEN - timedelta(days=2)
    here, there = "192.0.2.0/24", "198.51.100.0/24"
    for visits, spoke in (
        ([], False),
        ([(lately, here)], False),
        ([(lately, there)], True),
        ([(long_ago, here), (lately, there)], True),
        ([(TEN, there)], False),
    ):
        assert (rules(came, context=Context(visits={"p": visits})) == [Rule.NEW_NETWORK]) is spoke


def test_who_was_away_for_long_is_told_with_the_days() -> None:
    visits = {"p": [(TEN - timedelta(days=61), "n")]}
    came = seen("session.entered", network="n")
    (one,) = found(came, context=Context(visits=visits), network_days=90)
    assert (one.rule, one.figures) == (Rule.DORMANT, {"days": 61})
    assert rules(came, context=Context(visits=visits), dormant_days=62) == []


def test_what_is_confirmed_at_once_was_not_read() -> None:
    context = Context(entered={"o": TEN})
    for seconds, spoke in ((0, True), (2.9, True), (3, False), (600, False)):
        confirmed = seen("operation.confirmed", TEN + timedelta(seconds=seconds), operation_id="o")
        assert (rules(confirmed, context=context) == [Rule.HASTY]) is spoke
    assert rules(seen("operation.confirmed", TEN, operation_id="other"), context=context) == []


def test_many_confirmations_much_read_and_much_exported() -> None:
    confirmed = [seen("operation.confirmed", TEN + timedelta(seconds=n)) for n in range(50)]
    assert rules(*confirmed) == [Rule.MANY_CONFIRMED]
    assert rules(*confirmed[:49]) == []
    for kind in sorted(READING):
        read = [seen(kind, TEN + timedelta(seconds=n)) for n in range(120)]
        assert rules(*read) == [Rule.MUCH_READ], kind
    exports = [seen("ledger.exported", TEN + timedelta(hours=n), detail={"rows": 60_000}) for n in range(4)]
    (one,) = found(*exports)
    assert (one.rule, one.figures["rows"], one.event_id) == (Rule.MUCH_EXPORTED, 120_000, exports[1].event_id)


def test_parallel_sessions_emergencies_and_clocks_apart() -> None:
    opened = seen("emergency.opened", subject="当直")
    apart = [
        seen(
            "session.entered", TEN + timedelta(minutes=n), recorded_at=TEN + timedelta(minutes=n, seconds=61)
        )
        for n in (1, 2)
    ]
    spoke = rules(seen("session.parallel"), opened, *apart)
    assert sorted(spoke) == [Rule.CLOCK_APART, Rule.EMERGENCY, Rule.PARALLEL]


def test_the_same_events_give_the_same_findings_and_thresholds_have_bounds() -> None:
    events = [seen("session.parallel"), seen("access.denied")]
    assert found(*events) == found(*events)
    assert set(limits_of({})) == set(BOUNDS)
    for wrong in ({"hasty_seconds": 61}, {"nonsense": 1}, {"day_begins": 20, "day_ends": 20}):
        with pytest.raises(ValueError, match=r"hasty|nonsense|day_ends"):
            limits_of(wrong)


def minute_by_minute(events: list[Seen], context: Context) -> list[Found]:
    """As the watch looks: at each minute's new events, with what it looked at in the day before them and what it found."""
    kept: list[Found] = []
    minute, end = events[0].at, events[-1].at
    while minute <= end:
        nxt = minute + timedelta(minutes=1)
        if any(minute <= one.at < nxt for one in events):
            near = [replace(one, known=one.at < minute) for one in events if minute - WINDOW <= one.at < nxt]
            told = [(one.rule, one.person_id, one.at) for one in kept]
            kept += find(near, replace(context, told=told), limits_of({}), TOKYO)
        minute = nxt
    return kept


def test_looking_minute_by_minute_finds_what_one_look_finds() -> None:
    """An evening of many steps is told once, and a burst of refusals too, however often the window has slid on."""
    evening = datetime(2026, 11, 25, 20, 30, tzinfo=TOKYO)

    def every(kind: str, begin: datetime, number: int, **step: int) -> list[Seen]:
        return [seen(kind, begin + n * timedelta(**step)) for n in range(number)]

    apart = evening + timedelta(hours=9)
    events = [
        *every("operation.entered", evening, 23, minutes=3),
        *every("access.denied", evening + timedelta(minutes=5), 30, seconds=40),
        *every("session.reauthentication_failed", evening, 30, minutes=1),
        *every("ledger.viewed", evening, 47, hours=1),
        *every("ledger.viewed", evening + timedelta(hours=23), 260, seconds=30),
        *every("session.entered", evening, 2, hours=30),
        *(seen("ledger.exported", evening + timedelta(hours=n), detail={"rows": 60_000}) for n in range(30)),
        *(seen("session.left", evening + timedelta(hours=n), recorded_at=apart) for n in range(0, 48, 5)),
        seen("session.parallel", evening),
    ]
    events.sort(key=lambda one: (one.at, one.event_id))
    context = Context(visits={"p": [(evening - timedelta(days=70), "192.0.2.0/24")]})
    once = find(events, context, limits_of({}), TOKYO)
    assert Counter(one.rule for one in once)[Rule.OFF_HOURS] == 1
    assert {(one.rule, one.event_id) for one in minute_by_minute(events, context)} == {
        (one.rule, one.event_id) for one in once
    }


# -- in the portal ---------------------------------------------------------------------------------------------------------


def look(stage: Stage) -> int:
    with _as_role("scheduler"):
        return watching.watch(
            stage.cast.tenant.id, actor=system_actor(stage.cast.tenant.id, "watch"), now=clock.now()
        )


def test_days_off_are_those_of_the_tenants_own_calendar(stage: Stage) -> None:
    """A national holiday and a closed day are off, an extra working Saturday is not; ordinary days stay ordinary."""
    tenant = {"tenant_id": stage.cast.tenant.id, "operation": "o"}
    noon = {day: datetime(2026, 11, day, 12, tzinfo=TOKYO) for day in (20, 21, 22, 23, 24, 25)}
    for row in (
        CompanyDay(**tenant, day=date(2026, 11, 21), kind="extra", name="出勤日"),
        CompanyDay(**tenant, day=date(2026, 11, 24), kind="closed", name="創立記念日"),
    ):
        plant(row)
    person = stage.cast.actor(Role.OPERATOR)
    for at in noon.values():
        with tenant_scope(stage.cast.tenant.id):
            record("operation.confirmed", actor=person, subject=Subject("operation", "o", ""), now=at)
    look(stage)
    found = {row.at.astimezone(TOKYO).day: row for row in kept(stage, Rule.OFF_HOURS)}
    assert {day: row.figures.get("day", "") for day, row in found.items()} == {
        22: "",
        23: "勤労感謝の日",
        24: "創立記念日",
    }
    with translation.override("ja"):
        assert "勤労感謝の日" in anomaly_sentence(found[23])
        assert "時間外" in anomaly_sentence(found[22])


def kept(stage: Stage, rule: Rule) -> list[Anomaly]:
    with tenant_scope(stage.cast.tenant.id):
        return list(Anomaly.objects.filter(rule=rule))


def confirm(stage: Stage, operation: Operation, role: Role) -> None:
    actor, now = stage.cast.actor(role), clock.now()
    entry.confirm(operation.id, actor=actor, now=now, seen_digest=operation.digest, proof=proof(actor, now))


def test_a_hasty_confirmation_is_found_once_however_often_somebody_looks(stage: Stage) -> None:
    confirm(stage, stage.entered(), Role.APPROVER)
    assert look(stage) >= 1
    assert look(stage) == 0
    (one,) = kept(stage, Rule.HASTY)
    assert one.person_name == "approver"
    page = stage.client(Role.AUDITOR).get(stage.url("audit/anomalies/")).content.decode()
    assert "直後の確定" in page
    assert "approver" in page
    stage.client(Role.AUDITOR).get(stage.url("audit/"))
    assert look(stage) == 0
    assert len(kept(stage, Rule.HASTY)) == 1


def test_after_a_long_silence_it_looks_page_by_page_and_finds_the_same(stage: Stage) -> None:
    tenant_id, viewer = stage.cast.tenant.id, stage.cast.actor(Role.VIEWER)
    actor = system_actor(tenant_id, "watch")
    with tenant_scope(tenant_id):
        for n in range(30):
            record(
                "access.denied", actor=viewer, subject=Subject("page", "p"), now=TEN + timedelta(seconds=n)
            )
    with _as_role("scheduler"):
        assert watching.watch(tenant_id, actor=actor, now=clock.now(), page=7) == 2, "and clocks apart"
        assert watching.watch(tenant_id, actor=actor, now=clock.now(), page=7) == 0
    (one,) = kept(stage, Rule.REFUSALS)
    assert one.figures["count"] == 10


def test_being_refused_is_an_event_and_many_of_them_are_found(stage: Stage) -> None:
    viewer = stage.client(Role.VIEWER)
    for _ in range(10):
        assert viewer.get(stage.url("audit/")).status_code == 403
    look(stage)
    (one,) = kept(stage, Rule.REFUSALS)
    assert (one.person_name, one.figures["count"]) == ("viewer", 10)


def test_thresholds_change_by_a_confirmed_operation_only(stage: Stage) -> None:
    admin = stage.cast.actor(Role.ADMINISTRATOR)
    with pytest.raises(NotPermitted):
        watching.enter_rules(
            {"hasty_seconds": 0}, actor=stage.cast.actor(Role.AUDITOR), now=clock.now(), reason="x"
        )
    with pytest.raises(Refused, match="nothing_changed"):
        watching.enter_rules({"hasty_seconds": 3}, actor=admin, now=clock.now(), reason="x")
    with pytest.raises(Refused, match="bad_parameter"):
        watching.enter_rules({"hasty_seconds": 99}, actor=admin, now=clock.now(), reason="x")
    wanted = {"hasty_seconds": 0, "dormant_days": 30}
    operation = watching.enter_rules(wanted, actor=admin, now=clock.now(), reason="少人数のため")
    assert operation.parameters["before"] == {"hasty_seconds": 3, "dormant_days": 60}
    confirm(stage, operation, Role.APPROVER)
    with tenant_scope(stage.cast.tenant.id):
        assert AnomalyRules.objects.get().limits == wanted
    confirm(stage, stage.entered(), Role.APPROVER)
    look(stage)
    assert kept(stage, Rule.HASTY) == []


def test_the_form_keeps_what_was_typed_and_names_what_is_wrong(stage: Stage) -> None:
    client = stage.client(Role.ADMINISTRATOR)
    held = {name: bound.default for name, bound in BOUNDS.items()}
    page = client.post(stage.url("audit/anomalies/rules/"), {**held, "hasty_seconds": 99, "reason": "夜勤"})
    assert page.status_code == 422
    assert "夜勤" in page.content.decode()
    wrong = client.post(stage.url("audit/anomalies/rules/"), {**held, "day_begins": 21, "reason": "夜勤"})
    assert "勤務時間の終了は開始より後" in wrong.content.decode()
    right = client.post(stage.url("audit/anomalies/rules/"), {**held, "dormant_days": 30, "reason": "夜勤"})
    assert right.status_code == 302
    shown = client.get(right["Location"]).content.decode()
    assert "長期不使用とみなす日数" in shown
