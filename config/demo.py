"""The demo's tenants, people and accounts in the portal, through the same operations that everybody uses."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.domain.permissions import Role
from accounts.models import Tenant, User
from accounts.operations.people import found_tenant, grant_first, make_user
from accounts.operations.signing import reauthenticate
from accounts.queries.people import actor_in
from config.simulator import fleet
from infra.models import AwsAccount
from infra.operations import calendars, drafts, publishing
from infra.operations.automation import target_of_account
from infra.operations.onboarding import register_account
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import platform_scope, tenant_scope

PASSWORD = "toban-demo-2026"
FOUNDER = "demo_seed"
#: An account of the second tenant that is only observed.
OBSERVED = "302000000022"
#: One person per role; the administrator of the first tenant also belongs to the others.
PEOPLE: tuple[tuple[str, str, Role], ...] = (
    ("etsuran", "閲覧 花子", Role.VIEWER),
    ("unyo", "運用 太郎", Role.OPERATOR),
    ("kakutei", "確定 玲子", Role.APPROVER),
    ("kanri", "管理 一郎", Role.ADMINISTRATOR),
    ("kansa", "監査 文子", Role.AUDITOR),
)
#: Of the first tenant: a review that one auditor reports another one signs.
SECOND_AUDITOR = ("kansa2", "監査 次郎", Role.AUDITOR)
#: What the tags Schedule=... of the demo fleet name: a night shift, and a maintenance day on the first Monday.
SCHEDULES: tuple[tuple[str, dict[str, str], dict[str, Any]], ...] = (
    (fleet.NIGHT_SHIFT, {"name": "夜勤", "begin": "22:00", "end": "06:00"}, {}),
    (
        fleet.MAINTENANCE_DAY,
        {"name": "月例保守", "begin": "09:00", "end": "17:00", "weekdays": "mon#1"},
        {"maintenance_windows": [fleet.PATCH_WINDOW]},
    ),
)
COLOURS = ("#2f6fde", "#0f8a6a", "#a4508b")


def is_seeded() -> bool:
    with platform_scope():
        return User.objects.filter(username=PEOPLE[0][0]).exists()


def seed_portal(now: Callable[[], datetime]) -> None:
    """Make the demo's tenants, people and accounts, and switch every account's clock on by a confirmed operation."""
    people = {
        role: make_user(username, name, PASSWORD, now=now(), founder=FOUNDER)
        for username, name, role in PEOPLE
    }
    for number, (one, colour) in enumerate(zip(fleet.TENANTS, COLOURS, strict=True)):
        tenant = found_tenant(one.slug, one.name, colour=colour, now=now(), founder=FOUNDER)
        roles = (
            PEOPLE
            if number == 0
            else [p for p in PEOPLE if p[2] in (Role.ADMINISTRATOR, Role.APPROVER, Role.OPERATOR)]
        )
        for _, _, role in roles:
            grant_first(tenant.id, people[role], role, now=now(), founder=FOUNDER)
        if number == 0:
            username, name, role = SECOND_AUDITOR
            second = make_user(username, name, PASSWORD, now=now(), founder=FOUNDER)
            grant_first(tenant.id, second, role, now=now(), founder=FOUNDER)
        with tenant_scope(tenant.id):
            admin = actor_in(tenant, people[Role.ADMINISTRATOR], session="", address="", request="")
            for account in (a for a in fleet.ACCOUNTS if a.tenant == one.slug):
                row = register_account(
                    account.account_id, account.name, role_arn=account.role_arn, external_id=account.external_id,
                    regions=account.regions, actor=admin, now=now(),
                )  # fmt: skip
                if account.account_id != OBSERVED:
                    switch_on(tenant, row, people, now)
            _plan(tenant, people, now)


def switch_on(
    tenant: Tenant, account: AwsAccount, people: dict[Role, User], now: Callable[[], datetime]
) -> None:
    """The administrator enters it, the approver confirms it: from then on the clock acts in this account."""
    enterer = actor_in(tenant, people[Role.ADMINISTRATOR], session="", address="", request="")
    operation = entry.enter(
        "account.automation", target_of_account(account), {"mode": "on"},
        actor=enterer, now=now(), reason="デモの開始: 自動起動・自動停止・EBSタグ付けを有効にする",
    )  # fmt: skip
    _confirm(tenant, people, operation, now)


def _plan(tenant: Tenant, people: dict[Role, User], now: Callable[[], datetime]) -> None:
    """Named schedules for the servers whose tag names them, and the company's year-end, each entered and confirmed."""
    planner = actor_in(tenant, people[Role.ADMINISTRATOR], session="", address="", request="")
    for name, period, options in SCHEDULES:
        content = {"zone": "Asia/Tokyo", "periods": [period], "options": options}
        draft = drafts.create_schedule(name, content, actor=planner, now=now(), note="デモ")
        entered = publishing.enter_publish(
            draft.schedule_id, draft.id, actor=planner, now=now(), reason="デモの開始: 標準のスケジュール"
        )
        _confirm(tenant, people, entered, now)
    closure = {"what": "closure", "first": "12-29", "last": "01-03", "name": "年末年始"}
    entered = calendars.enter_change(closure, actor=planner, now=now(), reason="年間休業日")
    _confirm(tenant, people, entered, now)


def _confirm(
    tenant: Tenant, people: dict[Role, User], entered: Operation, now: Callable[[], datetime]
) -> None:
    approver = people[Role.APPROVER]
    confirmer = actor_in(tenant, approver, session="", address="", request="")
    proof = reauthenticate(approver, PASSWORD, actor=confirmer, now=now())
    entry.confirm(entered.id, actor=confirmer, now=now(), seen_digest=entered.digest, proof=proof)


def seed_simulator(at: datetime) -> dict[str, object]:
    """Plant the demo fleet, its tags set round `at`; what is due at that minute has not happened yet."""
    simulator(
        "trust", {"strict": True}
    )  # an account that a visitor makes up lets nobody in before its roles stand
    return simulator("demo", {"at": at.isoformat(), "slow_ms": [800, 1500]})


def simulator(what: str, body: dict[str, object] | None = None) -> dict[str, object]:
    """Ask the simulator's control API."""
    data = None if body is None else json.dumps(body).encode()
    url = f"{settings.AWS_ENDPOINT_URL}/_sim/{what}"
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=60) as answer:  # noqa: S310  loopback  # nosec B310
        said: dict[str, object] = json.load(answer)
    return said


def sign_ins() -> list[dict[str, str]]:
    return [
        {"role": str(role), "username": username, "name": name, "password": PASSWORD}
        for username, name, role in (*PEOPLE, SECOND_AUDITOR)
    ]
