"""From the ledger to entries: what happened becomes what is to be told, in order, each event once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from infra.models import Resource
from medical_audit.domain.actor import Actor
from medical_audit.queries.following import Followed, events_after, last_seq, places_of
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.following import Wish, changed, facts_of, wishes
from redmine_sync.domain.topics import APPROVAL, FAILURE, SUCCEEDED, TOPICS, WATCHED, How, Topic
from redmine_sync.models import (
    Entry,
    EntryState,
    RedmineServer,
    ServerState,
    Ticket,
    TicketRule,
    TicketState,
    Verb,
)
from redmine_sync.models.ticket import BLOCKING
from redmine_sync.queries.servers import rules_at

EVENTS_AT_ONCE = 500
#: So long a ticket for all waits for what else comes, so that one look at AWS is one note.
GATHERED = timedelta(minutes=5)
STANDING = [one.code for one in TOPICS.values() if one.standing]


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
            reader = Reader(server, rules_at(server), now)
            made += reader.catch_up() + reader.take(seen) + reader.wake()
            if seen:
                server.followed_seq = seen[-1].seq
                server.save(update_fields=["followed_seq"])
        if len(seen) < EVENTS_AT_ONCE:
            return made


@dataclass(slots=True)
class Reader:
    """One reading of some events, inside its transaction. `tickets` by key."""

    server: RedmineServer
    rules: Mapping[str, TicketRule]
    now: datetime
    tickets: dict[str, Ticket] = field(default_factory=dict)

    def take(self, seen: Sequence[Followed], *, standing: bool = False) -> int:
        """Make entries of events, in order. `standing`: also of those from before their rule."""
        read = [(one, one.event.said) for one in seen if one.event.kind in WATCHED]
        projects = _projects(body for _, body in read)
        wanted = [
            (one, body, project, wish)
            for one, body in read
            for project in (_project(body, projects),)
            for wish in wishes(self.server.tenant_id, body, project)
        ]
        keys = {key for *_, wish in wanted for key in (wish.key, wish.digest) if key}
        rows = Ticket.objects.filter(server=self.server, key__in=keys)
        self.tickets = {ticket.key: ticket for ticket in rows.select_for_update().order_by("id")}
        if standing:
            wanted = [one for one in wanted if not self._tells_later(one[3], one[0])]
        return sum(self._do(*one, standing=standing) for one in wanted)

    def catch_up(self) -> int:
        """What stands already when a rule is new: events from before it that nothing has ended."""
        new = [
            rule for rule in self.rules.values() if rule.topics and rule.from_seq > self.server.caught_up_seq
        ]
        if not new:
            return 0
        topics = [
            TOPICS[code] for code in {code for rule in new for code in rule.topics} if TOPICS[code].standing
        ]
        rare = {kind for topic in topics for kind in topic.rare}
        about = {SUCCEEDED: [topic.ended_on for topic in topics if topic.ended_on]}
        made = self.take(places_of(rare, before=self.server.followed_seq, about=about), standing=True)
        self.server.caught_up_seq = max(rule.from_seq for rule in new)
        self.server.save(update_fields=["caught_up_seq"])
        return made

    def wake(self) -> int:
        """Tickets that a person closed early and whose trouble outlasted the snooze are told once more, so opened again."""
        open_ = Entry.objects.filter(ticket=OuterRef("ticket_id"), state__in=BLOCKING)
        last = (
            Entry.objects.filter(
                ticket__server=self.server, ticket__state=TicketState.SNOOZED, ticket__snoozed_until__lte=self.now,
                ticket__wished_closed=False, ticket__kind__in=STANDING, verb=Verb.OPEN,
            )
            .exclude(Exists(open_)).order_by("ticket", "-seq", "-created_at").distinct("ticket").select_related("ticket")
        )  # fmt: skip
        seq = last_seq()
        rows = [
            Entry(
                tenant_id=one.tenant_id, ticket=one.ticket, seq=seq, event_id=uuid.uuid4(), verb=Verb.OPEN,
                event=one.event | {"still": True, "came": {}, "went": {}}, next_at=self.now, created_at=self.now,
            )
            for one in last
        ]  # fmt: skip
        Entry.objects.bulk_create(rows)
        return len(rows)

    def _do(self, one: Followed, body: Mapping[str, Any], project: str, wish: Wish, *, standing: bool) -> int:
        rule = self.rules.get(project, self.rules.get(""))
        if wish.verb == Verb.CLOSE:
            # Whatever the rule says by now: a ticket that is there is closed.
            return sum(
                self._close(ticket, wish, one, body)
                for key in (wish.key, wish.digest)
                if (ticket := self.tickets.get(key)) is not None
            )
        asked = body["kind"] in wish.topic.asked
        how = _how(rule, wish.topic) or (How.EACH if asked else How.NOT)
        if (
            rule is None
            or not how
            or not (standing or one.seq > rule.from_seq)
            or self._stands_elsewhere(wish, how, body)
        ):
            return 0
        key = wish.digest if how == How.DIGEST else wish.key
        ticket = self.tickets.get(key)
        if ticket is None:
            if not asked and body["kind"] not in wish.topic.opens:
                return 0
            ticket = self.tickets[key] = _ticket(self.server, key, wish, body, project, rule, self.now)
        if how == How.DIGEST:
            return self._gather(ticket, wish, one, body)
        wait = timedelta(minutes=rule.approval_wait_min) if wish.topic is APPROVAL else timedelta()
        return self._enter(ticket, wish.verb, one, body, self.now + wait)

    def _tells_later(self, wish: Wish, one: Followed) -> bool:
        """Whether its own ticket, which somebody asked for before there was a rule, tells already what came after this."""
        own = self.tickets.get(wish.key)
        return own is not None and Entry.objects.filter(ticket=own, seq__gt=one.seq).exists()

    def _stands_elsewhere(self, wish: Wish, how: str, body: Mapping[str, Any]) -> bool:
        """Whether the ticket of the other kind, its own or the one for all, tells of it already: nothing has two at a time."""
        own, all_of_them = self.tickets.get(wish.key), self.tickets.get(wish.digest)
        if how == How.DIGEST:
            return own is not None and own.state != TicketState.CLOSED and _is_wanted(own)
        return all_of_them is not None and str(body["subject"]["id"]) in all_of_them.items

    def _close(self, ticket: Ticket, wish: Wish, one: Followed, body: Mapping[str, Any]) -> int:
        if ticket.key == wish.digest:
            return self._gather(ticket, wish, one, body)
        if _was_over_in_time(ticket):
            del self.tickets[ticket.key]
            return 0
        return self._enter(ticket, wish.verb, one, body, self.now) if _is_wanted(ticket) else 0

    def _enter(
        self, ticket: Ticket, verb: str, one: Followed, body: Mapping[str, Any], next_at: datetime
    ) -> int:
        ticket.operation = str(body.get("operation", ""))
        ticket.save(update_fields=["operation"])
        row = Entry(
            tenant_id=ticket.tenant_id, ticket=ticket, seq=one.seq, event_id=one.event.id, verb=verb,
            event=facts_of(body), next_at=next_at, created_at=self.now,
        )  # fmt: skip
        # What was caught up for one rule is met again by the next new rule.
        if Entry.objects.filter(ticket=ticket, event_id=one.event.id).exists():
            return 0
        row.save(force_insert=True)
        return 1

    def _gather(self, ticket: Ticket, wish: Wish, one: Followed, body: Mapping[str, Any]) -> int:
        """A ticket for all tells together what was not begun to be told yet."""
        waits = Entry.objects.filter(ticket=ticket, state=EntryState.WAITING, attempts=0)
        last = waits.select_for_update().order_by("-seq", "-created_at").first()
        found = changed(ticket.items, last.event if last else {}, body, wish.verb)
        if found is None:
            return 0
        ticket.items, event = found
        ticket.save(update_fields=["items"])
        verb = Verb.OPEN if ticket.items else Verb.CLOSE
        if last is not None and not (event["came"] or event["went"]):
            self._forget(ticket, last)
            return 0
        if last is not None:
            last.event, last.verb = event, verb
            last.save(update_fields=["event", "verb"])
            return 0
        Entry.objects.create(
            tenant_id=ticket.tenant_id, ticket=ticket, seq=one.seq, event_id=one.event.id, verb=verb, event=event,
            next_at=self.now + GATHERED, created_at=self.now,
        )  # fmt: skip
        return 1

    def _forget(self, ticket: Ticket, entry: Entry) -> None:
        """What came and went before anybody was told is no news, and makes no ticket."""
        entry.delete()
        if ticket.issue is None and not Entry.objects.filter(ticket=ticket).exists():
            ticket.delete()
            del self.tickets[ticket.key]


def _how(rule: TicketRule | None, topic: Topic) -> str:
    if rule is None:
        return How.NOT
    if topic is FAILURE:
        return How.EACH if rule.failures else How.NOT
    if topic is APPROVAL:
        return How.EACH if rule.approvals else How.NOT
    return str(rule.topics.get(topic.code, How.NOT))


def _project(body: Mapping[str, Any], projects: Mapping[str, str]) -> str:
    """The project that the event itself names, or that of its resource."""
    named = (body.get("detail") or {}).get("project")
    return named if isinstance(named, str) else projects.get(str(body["subject"]["id"]), "")


def _projects(bodies: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Project by resource id; other things have none."""
    ids = {str(body["subject"]["id"]) for body in bodies if body["subject"]["type"] == "resource"}
    rows = Resource.objects.filter(id__in=ids).values_list("id", "project")
    return {str(resource): project for resource, project in rows}


def _ticket(
    server: RedmineServer,
    key: str,
    wish: Wish,
    body: Mapping[str, Any],
    project: str,
    rule: TicketRule,
    now: datetime,
) -> Ticket:
    facts = facts_of(body)
    all_of_them = key == wish.digest
    ticket: Ticket = Ticket.objects.create(
        tenant_id=server.tenant_id, server=server, key=key, kind=wish.topic.code, project=project,
        operation_kind=facts["operation_kind"], operation=facts["operation"],
        target_type=facts["target_type"], target_id="" if all_of_them else facts["target_id"],
        target_name="" if all_of_them else facts["target"][:300], redmine_project=rule.redmine_project,
        tracker=rule.tracker, created_at=now,
    )  # fmt: skip
    return ticket


def _was_over_in_time(ticket: Ticket) -> bool:
    """What stood and was over before anybody was told needs no ticket: nothing is left of it."""
    if not TOPICS[ticket.kind].standing or ticket.issue is not None:
        return False
    entries = Entry.objects.filter(ticket=ticket)
    # Held, so that nobody begins to tell what is being forgotten.
    untold = [one.id for one in entries.filter(state=EntryState.WAITING, attempts=0).select_for_update()]
    if len(untold) != entries.count():
        return False
    entries.delete()
    ticket.delete()
    return True


def _is_wanted(ticket: Ticket) -> bool:
    """Whether the last thing that was or will be told is that there is trouble: a success after a success is no news."""
    last = Entry.objects.filter(ticket=ticket).order_by("-seq").first()
    return last is not None and last.verb == Verb.OPEN
