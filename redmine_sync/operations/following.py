"""From the ledger to entries: what happened becomes what is to be told, in order, each event once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra.models import Resource
from medical_audit.domain.actor import Actor
from medical_audit.queries.following import Followed, events_after
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.following import APPROVAL, WATCHED, Wish, facts_of, wishes
from redmine_sync.models import Entry, RedmineServer, ServerState, Ticket, TicketRule, Verb

EVENTS_AT_ONCE = 500


def follow(server_id: UUID, *, actor: Actor, now: datetime) -> int:
    """Read on in the ledger until its end; gives the number of new entries.

    The place up to which was read and the entries made of it are one transaction, so that a crash repeats nothing.
    """
    made = 0
    while True:
        with tenant_scope(actor.tenant_id):
            rows = RedmineServer.objects.filter(id=server_id, state=ServerState.ACTIVE)
            server = rows.select_for_update().first()
            if server is None:
                return made
            seen = events_after(server.followed_seq, limit=EVENTS_AT_ONCE)
            if not seen:
                return made
            made += _keep(server, seen, now)
            server.followed_seq = seen[-1].seq
            server.save(update_fields=["followed_seq"])
        if len(seen) < EVENTS_AT_ONCE:
            return made


def _keep(server: RedmineServer, seen: Sequence[Followed], now: datetime) -> int:
    bodies = {one.seq: json.loads(one.event.body) for one in seen if one.event.kind in WATCHED}
    if not bodies:
        return 0
    rules = {rule.project: rule for rule in TicketRule.objects.all()}
    projects = _projects(bodies.values())
    wanted = [
        (one, body, wish)
        for one in seen
        if (body := bodies.get(one.seq)) is not None
        for wish in wishes(server.tenant_id, body)
    ]
    rows = Ticket.objects.filter(server=server, key__in={wish.key for _, _, wish in wanted})
    tickets = {ticket.key: ticket for ticket in rows.select_for_update().order_by("id")}
    made = 0
    for one, body, wish in wanted:
        ticket = tickets.get(wish.key)
        project = projects.get(str(body["subject"]["id"]), "")
        rule = rules.get(project, rules.get(""))
        if ticket is None and (wish.verb == Verb.CLOSE or not _tells(rule, wish, one)):
            continue
        if ticket is None:
            assert rule is not None
            ticket = tickets[wish.key] = _ticket(server, wish, body, project, rule, now)
        elif wish.verb == Verb.OPEN and not _tells(rule, wish, one):
            continue
        wait = timedelta(minutes=rule.approval_wait_min) if rule and wish.kind == APPROVAL else timedelta()
        if wish.verb == Verb.CLOSE and _decided_in_time(ticket):
            del tickets[wish.key]
            continue
        made += _enter(ticket, wish, one, body, now + wait if wish.verb == Verb.OPEN else now, now)
    return made


def _tells(rule: TicketRule | None, wish: Wish, one: Followed) -> bool:
    return (
        rule is not None
        and one.seq > rule.from_seq
        and (rule.approvals if wish.kind == APPROVAL else rule.failures)
    )


def _projects(bodies: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Project by resource id; other things have none."""
    ids = {str(body["subject"]["id"]) for body in bodies if body["subject"]["type"] == "resource"}
    rows = Resource.objects.filter(id__in=ids).values_list("id", "project")
    return {str(resource): project for resource, project in rows}


def _ticket(
    server: RedmineServer, wish: Wish, body: Mapping[str, Any], project: str, rule: TicketRule, now: datetime
) -> Ticket:
    facts = facts_of(body)
    ticket: Ticket = Ticket.objects.create(
        tenant_id=server.tenant_id, server=server, key=wish.key, kind=wish.kind, project=project,
        operation_kind=facts["operation_kind"], operation=facts["operation"], target_type=facts["target_type"],
        target_id=facts["target_id"], target_name=facts["target"][:300], redmine_project=rule.redmine_project,
        tracker=rule.tracker, created_at=now,
    )  # fmt: skip
    return ticket


def _enter(
    ticket: Ticket, wish: Wish, one: Followed, body: Mapping[str, Any], next_at: datetime, now: datetime
) -> int:
    if wish.verb == Verb.CLOSE and not _is_wanted(ticket):
        return 0
    ticket.operation = str(body.get("operation", ""))
    ticket.save(update_fields=["operation"])
    Entry.objects.create(
        tenant_id=ticket.tenant_id, ticket=ticket, seq=one.seq, event_id=one.event.id, verb=wish.verb,
        event=facts_of(body), next_at=next_at, created_at=now,
    )  # fmt: skip
    return 1


def _decided_in_time(ticket: Ticket) -> bool:
    """What was decided before anybody was told needs no ticket: nothing is left of it."""
    entries = Entry.objects.filter(ticket=ticket)
    if ticket.kind != APPROVAL or ticket.issue is not None or entries.filter(attempts__gt=0).exists():
        return False
    entries.delete()
    ticket.delete()
    return True


def _is_wanted(ticket: Ticket) -> bool:
    """Whether the last thing that was or will be told is that there is trouble: a success after a success is no news."""
    last = Entry.objects.filter(ticket=ticket).order_by("-seq").first()
    return last is not None and last.verb == Verb.OPEN
