"""Connecting a Redmine: a draft with its sealed key, a look at the server by a worker, and a confirmed operation."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from medical_audit import sealing
from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.lanes import lease_lane, release_lane
from medical_audit.operations.ledger import record
from medical_audit.queries.following import last_seq
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.addresses import BadAddress, host_of, read_address
from redmine_sync.domain.checks import KEY_FIELD, Check, Found, is_enough, judge
from redmine_sync.domain.problems import RedmineError
from redmine_sync.models import RedmineKey, RedmineServer, ServerState, ServiceKey
from redmine_sync.operations.statuses import as_rows
from redmine_sync.queries.servers import KEY_NAME, looking_gateway_of
from redmine_sync.redmine import Tickets

CONNECT, LEAVE = "redmine.connect", "redmine.leave"
LANGUAGES = ("ja", "en")
KEY_MAX = 100
SNOOZE_MAX = 90
#: The lane of looks.
LOOKING = "look/redmine"
Open = Callable[[RedmineServer], Tickets]


def save_draft(url: str, key: str, language: str, *, actor: Actor, now: datetime) -> RedmineServer:
    """Keep an address and a sealed key; nothing is sent yet. An earlier draft is replaced.

    Raises NotPermitted, Refused (bad_url, https_only, bad_key, bad_parameter, no_seal_key).
    """
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    try:
        url = read_address(url)
    except BadAddress as bad:
        raise Refused(bad.code) from bad
    key = key.strip()
    if not (key.isascii() and key.isalnum() and len(key) <= KEY_MAX):
        raise Refused("bad_key")
    if language not in LANGUAGES:
        raise Refused("bad_parameter", name="language", allowed=", ".join(LANGUAGES))
    with tenant_scope(actor.tenant_id):
        row = RedmineServer.objects.filter(state=ServerState.DRAFT).select_for_update().first()
        row = row or RedmineServer(tenant_id=actor.tenant_id)
        row.url, row.language, row.drafted_by_name, row.drafted_at = url, language, actor.name, now
        row.report, row.problem, row.probe_asked_at, row.probed_at = {}, "", now, None
        row.save()
        sealed = sealing.seal(key, tenant_id=actor.tenant_id, field=KEY_NAME)
        RedmineKey.objects.update_or_create(
            server=row,
            defaults={"sealed": sealed},
            create_defaults={"sealed": sealed, "tenant_id": actor.tenant_id},
        )
        record("redmine.drafted", actor=actor, subject=_subject(row), now=now, detail={"url": url})
    return row


def ask_probe(server_id: UUID, *, actor: Actor, now: datetime) -> RedmineServer:
    """Have the server looked at once more. Raises NotPermitted, NotFound."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _server(server_id, ServerState.DRAFT, ServerState.ACTIVE)
        row.probe_asked_at = now
        row.save(update_fields=["probe_asked_at"])
    return row


def probe_if_asked(
    tenant_id: UUID,
    server_id: UUID,
    *,
    worker: str,
    clock: Callable[[], datetime],
    open_server: Open = looking_gateway_of,
) -> bool:
    """Look at the server if somebody asked since the last look; gives whether it was looked at. One worker at a time looks for
    a tenant, because an address that nobody has confirmed yet may keep everybody who asks it waiting."""
    with tenant_scope(tenant_id):
        row = RedmineServer.objects.filter(id=server_id).exclude(state=ServerState.LEFT).first()
        if (
            row is None
            or row.probe_asked_at is None
            or (row.probed_at and row.probed_at >= row.probe_asked_at)
        ):
            return False
    lease = lease_lane(tenant_id, LOOKING, worker=worker, clock=clock)
    if lease is None:
        return False
    try:
        probe(tenant_id, server_id, now=clock(), open_server=open_server)
    finally:
        release_lane(lease)
    return True


def probe(tenant_id: UUID, server_id: UUID, *, now: datetime, open_server: Open = looking_gateway_of) -> None:
    """Look at the server, outside of any transaction, and keep what was found. Never raises for what the server does."""
    with tenant_scope(tenant_id):
        row = _server(server_id, ServerState.DRAFT, ServerState.ACTIVE)
        asked, opened = row.probe_asked_at, _opened(row, open_server)
    report, field, bot = _look(opened)
    if row.state == ServerState.ACTIVE and field is None:
        # It is served on with what was found when it was connected; what is wrong now shows all the same.
        report, field, bot = {**row.report, "checks": report["checks"]}, row.key_field, row.bot_id
    with tenant_scope(tenant_id):
        # A draft that was changed meanwhile is looked at again; this look was at the old one.
        RedmineServer.objects.filter(id=server_id, probe_asked_at=asked).exclude(
            state=ServerState.LEFT
        ).update(report=report, probed_at=now, key_field=field, bot_id=bot)


def enter_connect(
    server_id: UUID,
    *,
    open_status: int,
    closed_status: int,
    snooze_days: int,
    actor: Actor,
    now: datetime,
    reason: str,
) -> Operation:
    """Enter that this draft becomes the tenant's Redmine; another person confirms it.

    Raises NotPermitted, NotFound, Refused (redmine_not_ready, bad_parameter).
    """
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _server(server_id, ServerState.DRAFT)
        if not is_enough(row.report.get("checks", [])) or row.key_field is None:
            raise Refused("redmine_not_ready")
        statuses = {one["id"]: one for one in row.report["statuses"]}
        opens, closes = statuses.get(open_status), statuses.get(closed_status)
        if opens is None or opens["closed"] or closes is None or not closes["closed"]:
            raise Refused("bad_parameter", name="status", allowed="")
        if not 0 <= snooze_days <= SNOOZE_MAX:
            raise Refused("bad_parameter", name="snooze_days", allowed=f"0-{SNOOZE_MAX}")
        parameters = {
            "url": row.url, "login": row.report["login"], "language": row.language, "key_field": row.key_field,
            "open_status": open_status, "open_name": opens["name"], "closed_status": closed_status,
            "closed_name": closes["name"], "snooze_days": snooze_days, "drafted_at": row.drafted_at.isoformat(),
        }  # fmt: skip
        target = OperationTarget("redmine", str(row.id), host_of(row.url))
        return entry.enter(CONNECT, target, parameters, actor=actor, now=now, reason=reason)


def shown_connect(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": CONNECT, "call": "", **parameters}


def apply_connect(operation: Operation, now: datetime) -> dict[str, Any]:
    """The draft becomes active; one at the same address takes over its key and settings, another one is left.

    Events are followed from now on. Raises StaleContent when the draft was changed since it was shown.
    """
    given = operation.parameters
    row = (
        RedmineServer.objects.filter(id=operation.target_id, state=ServerState.DRAFT)
        .select_for_update()
        .first()
    )
    if row is None or row.drafted_at.isoformat() != given["drafted_at"]:
        raise StaleContent("draft_changed")
    active = RedmineServer.objects.filter(state=ServerState.ACTIVE).select_for_update().first()
    if active is not None and active.url == row.url:
        key = RedmineKey.objects.get(server=row)
        RedmineKey.objects.update_or_create(
            server=active,
            defaults={"sealed": key.sealed},
            create_defaults={"sealed": key.sealed, "tenant_id": active.tenant_id},
        )
        for name in ("report", "probed_at", "key_field", "bot_id", "language"):
            setattr(active, name, getattr(row, name))
        _leave(row)
        target = active
    else:
        if active is not None:
            _leave(active)
            record("redmine.left", actor=_actor(operation), subject=_subject(active), now=now)
        target, row.followed_seq = row, last_seq()
    target.state, target.operation = ServerState.ACTIVE, str(operation.id)
    target.open_status, target.closed_status = given["open_status"], given["closed_status"]
    target.snooze_days, target.problem, target.problem_since = given["snooze_days"], "", None
    target.confirmed_by_name, target.confirmed_at = operation.confirmed_by_name, now
    target.save()
    if target is not row:
        record("redmine.renewed", actor=_actor(operation), subject=_subject(target), now=now)
    return {"url": target.url}


def enter_leave(server_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that nothing is written into this Redmine any more. Raises NotPermitted, NotFound."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _server(server_id, ServerState.ACTIVE)
        target = OperationTarget("redmine", str(row.id), host_of(row.url))
        return entry.enter(LEAVE, target, {"url": row.url}, actor=actor, now=now, reason=reason)


def shown_leave(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": LEAVE, "call": "", "url": parameters["url"]}


def apply_leave(operation: Operation, now: datetime) -> dict[str, Any]:
    """The server is left and its key destroyed; tickets stay as they are, there and here."""
    rows = RedmineServer.objects.filter(id=operation.target_id, state=ServerState.ACTIVE)
    row = rows.select_for_update().first()
    if row is None:
        raise StaleContent("already_moved")
    _leave(row)
    return {"url": row.url}


def _leave(row: RedmineServer) -> None:
    """Nothing is read or written there any more, and its keys are gone."""
    row.state = ServerState.LEFT
    row.save(update_fields=["state"])
    RedmineKey.objects.filter(server=row).delete()
    ServiceKey.objects.filter(server=row).delete()


def _server(server_id: UUID, *states: ServerState) -> RedmineServer:
    row: RedmineServer | None = (
        RedmineServer.objects.filter(id=server_id, state__in=states).select_for_update().first()
    )
    if row is None:
        raise NotFound(type="redmine")
    return row


def _opened(row: RedmineServer, open_server: Open) -> Tickets | Check:
    try:
        return open_server(row)
    except sealing.Unsealable:
        return Check("key_unsealable", Found.WRONG)


def _look(opened: Tickets | Check) -> tuple[dict[str, Any], int | None, int | None]:
    """The report, the id of the custom field and of Toban's user."""
    if isinstance(opened, Check):
        return {"checks": [opened.as_json()]}, None, None
    try:
        me, statuses, projects = opened.me(), opened.statuses(), opened.projects()
        chosen = {one.fields[KEY_FIELD] for one in projects if KEY_FIELD in one.fields}
        # Where no project was given the field, it is for all of them, or not there at all.
        field = min(chosen) if chosen else opened.fields().get(KEY_FIELD)
        filtered = None if field is None else opened.key_is_filtered(field, f"toban-{secrets.token_hex(8)}")
        rights = {} if me.admin else opened.rights()
    except RedmineError as error:
        return {"checks": [Check(error.code, Found.WRONG, {"detail": error.detail}).as_json()]}, None, None
    rows = [
        {
            "id": one.id, "identifier": one.identifier, "name": one.name, "usable": one.open and one.issues,
            "field": KEY_FIELD in one.fields if chosen else field is not None, "trackers": [[key, name] for key, name in one.trackers.items()],
        }
        for one in projects
    ]  # fmt: skip
    checks = judge(
        login=me.login, admin=me.admin, has_open=any(not one.closed for one in statuses),
        has_closed=any(one.closed for one in statuses), projects=rows,
        tells_fields=all(one.tells_fields for one in projects), rights=rights, filtered=filtered,
    )  # fmt: skip
    report = {
        "login": me.login, "checks": [one.as_json() for one in checks], "projects": rows,
        "statuses": as_rows(statuses),
    }  # fmt: skip
    return report, field, me.id


def _subject(row: RedmineServer) -> Subject:
    return Subject("redmine", str(row.id), host_of(row.url))


def _actor(operation: Operation) -> Actor:
    return system_actor(operation.tenant_id, "redmine")
