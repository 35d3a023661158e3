"""One month of life in the demo's tenants: people who come and go, enter, confirm, read and err, and a clock that works.

Everything goes the ordinary way: sessions, entries and confirmations through the operations that everybody uses, events
through the ledger's own function. Only the time of day is invented: each event says an hour of the month, while the
database records when it was really written, and the rule "clocks apart" says so once a day.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

from accounts.domain.permissions import Role
from accounts.models import Tenant, User
from accounts.operations import links, members, signing
from accounts.queries.people import actor_in, tenants_of
from config.demo import PASSWORD, PEOPLE
from infra.operations import ruling
from medical_audit.domain.actor import Actor, EventDraft, Subject, system_actor
from medical_audit.domain.errors import Refused
from medical_audit.domain.seats import End, Origin
from medical_audit.models import Event, Operation
from medical_audit.operations import delegating, entry, seats
from medical_audit.operations.auditing import note_refusal, note_view
from medical_audit.operations.ledger import record_many
from medical_audit.tenancy import platform_scope, tenant_scope

ZONE = ZoneInfo("Asia/Tokyo")
#: How many people of each role a tenant gets: twenty.
ROLES = ((Role.VIEWER, 8), (Role.OPERATOR, 6), (Role.APPROVER, 3), (Role.ADMINISTRATOR, 1), (Role.AUDITOR, 2))
FAMILY = ("佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤")
GIVEN = ("陽子", "健", "直美", "誠", "恵", "亮", "彩", "浩", "舞", "進", "梓", "学")
BATCH = 500
PRESENT = 0.75
#: So long the approver reads an invitation before he confirms it.
READING = timedelta(minutes=10)
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Person:
    user: User
    role: Role
    address: str


@dataclass
class House:
    """One tenant with its people; `dice` is seeded, so that the same month comes out again. `fresh`: nobody was here before,
    so that people live the month; else only the clock's events are topped up."""

    tenant: Tenant
    people: list[Person]
    dice: random.Random
    fresh: bool

    def of(self, role: Role) -> list[Person]:
        return [one for one in self.people if one.role == role]

    def together(self) -> AbstractContextManager[None]:
        """An entry of weeks ago and its confirmation at once: between the two the sweeper would let it expire."""
        return tenant_scope(self.tenant.id)

    def actor(self, person: Person, session: str = "") -> Actor:
        request = uuid.uuid4().hex[:16]
        with tenant_scope(self.tenant.id, user_id=person.user.id):
            return actor_in(
                self.tenant, person.user, session=session, address=person.address, request=request
            )


def play(events: int, now: datetime, tell: Tell, slug: str = "") -> dict[str, float]:
    """Write about `events` events over all tenants, of the month of `now` up to then; gives how many and how long it took.

    `slug`: only this tenant's share, so that several processes write a month side by side.
    """
    began, before, after = time.monotonic(), 0, 0
    tenants = list(enumerate(demo_tenants()))
    joined = _at(_first_working_day(now), 9 * 60, now)
    houses = [_house(tenant, number, joined) for number, tenant in tenants if slug in ("", tenant.slug)]
    for house in houses:
        before += _count(house)
        _month(house, events // len(tenants), now)
        after += _count(house)
        tell(f"{house.tenant.slug}: {_count(house)} events")
    return {
        "events": after - before,
        "people": sum(len(one.people) for one in houses),
        "seconds": time.monotonic() - began,
    }


def demo_tenants() -> list[Tenant]:
    with platform_scope():
        person = User.objects.get(
            username=next(name for name, _, role in PEOPLE if role == Role.ADMINISTRATOR)
        )
    with platform_scope(user_id=person.id):
        return [tenant for tenant, _roles in tenants_of(person)]


def _count(house: House) -> int:
    with tenant_scope(house.tenant.id):
        return int(Event.objects.count())


def _house(tenant: Tenant, number: int, now: datetime) -> House:
    """The tenant's twenty people, come in at `now`; those of an earlier run are taken as they are."""
    people: list[Person] = []
    fresh = False
    for role, count in ROLES:
        for _ in range(count):
            place = len(people)
            username = f"{tenant.slug}-{place + 1:02}"
            with platform_scope():
                user = User.objects.filter(username=username).first()
            if user is None:
                fresh = True
                name = f"{FAMILY[place % len(FAMILY)]} {GIVEN[(place + number) % len(GIVEN)]}"
                user = _invited(tenant, username, name, role, now)
            # Auditors sit at this machine, so that signing in there to review the month is no new network.
            address = "127.0.0.1" if role == Role.AUDITOR else f"10.{number + 1}.{place % 4}.{20 + place}"
            people.append(Person(user, role, address))
    return House(tenant, people, random.Random(number), fresh)  # noqa: S311  a demo, not a secret


def _invited(tenant: Tenant, username: str, name: str, role: Role, now: datetime) -> User:
    """Somebody new, as people come in: invited by the administrator, confirmed by the approver, a password of his own."""
    with platform_scope():
        known = {one: User.objects.get(username=sign_in) for sign_in, _name, one in PEOPLE}
    with tenant_scope(tenant.id):
        administrator, approver = (
            actor_in(tenant, known[one], session="", address="127.0.0.1", request="")
            for one in (Role.ADMINISTRATOR, Role.APPROVER)
        )
        entered_at = now - READING
        invited = members.enter_invite(
            username, name, str(role), actor=administrator, now=entered_at, reason="新しい担当者の登録"
        )
        proof = signing.reauthenticate(known[Role.APPROVER], PASSWORD, actor=approver, now=now)
        operation = invited.operation
        confirmed = entry.confirm(
            operation.id, actor=approver, now=now, seen_digest=operation.digest, proof=proof
        )
        invitation = links.find_link(invited.link, now=now)
        if invitation is None:
            raise RuntimeError(f"{username}: the link just made opens no door")
        user: User = invitation.user
        himself = actor_in(tenant, user, session="", address="", request="")
        links.accept(invitation, confirmed.told_once, PASSWORD, actor=himself, now=now)
    return user


def _first_working_day(now: datetime) -> date:
    today = now.astimezone(ZONE).date()
    return next((day for day in _days(today.replace(day=1), today) if day.weekday() < 5), today)


def _month(house: House, events: int, now: datetime) -> None:
    today = now.astimezone(ZONE).date()
    days = [day for day in _days(today.replace(day=1), today) if day.weekday() < 5] or [today]
    for number, day in enumerate(days if house.fresh else ()):
        _day(house, day, now)
        if number == len(days) // 2:
            _odd_evening(house, day, now)
    left = events - _count(house)
    if left > 0:
        _clockwork(house, days, left, now)


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def _at(day: date, minutes: int, now: datetime) -> datetime:
    """So many minutes after midnight of that day, but never in the future."""
    return min(
        datetime.combine(day, clock_time(), ZONE) + timedelta(minutes=minutes), now - timedelta(minutes=1)
    )


def _day(house: House, day: date, now: datetime) -> None:
    """People come and go; an administrator's change of a rule is confirmed, somebody names his deputies, auditors read."""
    for person in house.people:
        if house.dice.random() < PRESENT:
            begins = house.dice.randrange(8 * 60, 9 * 60 + 30)
            _session(house, person, day, begins, house.dice.randrange(120, 540), now)
    approver = house.dice.choice(house.of(Role.APPROVER))
    minute = house.dice.randrange(600, 960)
    admin, at = house.of(Role.ADMINISTRATOR)[0], _at(day, minute, now)
    brake, least = house.dice.randrange(10, 60), house.dice.randrange(3, 9)
    later = at + timedelta(minutes=house.dice.randrange(1, 40))
    with suppress(Refused), house.together():  # refused: the dice fell on what holds already
        entered = ruling.enter_rules(
            brake_percent=brake,
            brake_least=least,
            actor=house.actor(admin),
            now=at,
            reason="停止件数の上限の見直し",
        )
        _confirm(house, approver, entered, later)
    operator = house.dice.choice(house.of(Role.OPERATOR))
    deputy = house.dice.choice([one for one in house.of(Role.OPERATOR) if one != operator])
    _name_deputy(house, operator, deputy, at, house.dice.randrange(8, 90))


def _name_deputy(house: House, operator: Person, deputy: Person, at: datetime, seconds: int) -> None:
    with house.together():
        named = delegating.enter_deputies(
            [str(deputy.user.id)], actor=house.actor(operator), now=at, reason="不在中の代理"
        )
        _confirm(house, operator, named, at + timedelta(seconds=seconds))


def _session(
    house: House, person: Person, day: date, begins: int, minutes: int, now: datetime, address: str = ""
) -> None:
    """From signing in to leaving, a page of the ledger read by those who may."""
    origin, name = Origin(address or person.address, user_agent=AGENT), uuid.uuid4().hex[:16]
    at = _at(day, begins, now)
    session = signing.sign_in(person.user, session=name, origin=origin, now=at)
    with tenant_scope(house.tenant.id, user_id=person.user.id):
        actor = house.actor(person, name)
        seats.enter_tenant(session, actor=actor, polling=False, now=at)
        if person.role == Role.AUDITOR:
            note_view("overview", at - timedelta(days=30), at, actor=actor, now=at + timedelta(minutes=2))
    how = house.dice.choice((End.SIGNED_OUT, End.SIGNED_OUT, End.LEFT_SEAT, End.IDLE))
    signing.leave(
        person.user,
        how,
        now=_at(day, begins + minutes, now),
        session=name,
        address=origin.address,
        request="",
    )


def _confirm(house: House, person: Person, operation: Operation, at: datetime) -> None:
    actor = house.actor(person)
    proof = signing.reauthenticate(person.user, PASSWORD, actor=actor, now=at)
    entry.confirm(operation.id, actor=actor, now=at, seen_digest=operation.digest, proof=proof)


def _odd_evening(house: House, day: date, now: datetime) -> None:
    """What a reviewer should find: a night, a strange network, somebody who tries what he may not, a confirmation at once."""
    viewer, operator = house.of(Role.VIEWER)[0], house.of(Role.OPERATOR)[0]
    _session(house, operator, day, 23 * 60, 40, now, address="203.0.113.77")
    at = _at(day, 23 * 60 + 10, now)
    _name_deputy(house, operator, house.of(Role.OPERATOR)[1], at, 1)
    with tenant_scope(house.tenant.id):
        for number in range(12):
            actor = house.actor(viewer)
            note_refusal(
                "medical_audit:audit",
                "not_permitted",
                "ledger.view",
                actor=actor,
                now=at + timedelta(seconds=20 * number),
            )


def _clockwork(house: House, days: list[date], count: int, now: datetime) -> None:
    """What Toban does by itself, spread over the days: looks at AWS, and changes that the schedule left out."""
    actor = system_actor(house.tenant.id, "month")
    share = 24 * 60 / max(1, count // len(days) + 1)
    drafts: list[EventDraft] = []
    for number in range(count):
        day, place = days[number % len(days)], number // len(days)
        at = _at(day, int(place * share), now)
        account = Subject("account", f"3010000000{number % 90 + 10}", "電子カルテ")
        drafts.append(EventDraft("inventory.synced", actor, at, account, detail={"seen": number % 300}))
        if len(drafts) == BATCH or number == count - 1:
            with tenant_scope(house.tenant.id):
                record_many(house.tenant.id, drafts)
            drafts = []
