"""What rows, ledger and the simulator's journal say together about a field whose work is over."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db import connection

from medical_audit.domain.states import TRANSITIONS, State
from medical_audit.models import Event, Operation
from medical_audit.queries.verification import verify
from medical_audit.tenancy import tenant_scope
from tests.chaos.field import Field
from tests.chaos.places import role

Story = list[tuple[str, str]]
"""An operation's events in order, each with the state that it reached."""


@dataclass
class Judgement:
    """Every list should be empty.

    lost: operations that did not end as wanted. doubled: servers changed more than once. repeated: calls naming a
    server that an earlier call had changed. unintended: calls without an intent event committed before them.
    unrecorded: operations whose events do not tell their row's story. damaged: tenants whose chain is broken.
    """

    operations: int
    calls: int
    events: int
    attempts: Counter[int]
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    unintended: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def faults(self) -> dict[str, list[str]]:
        """What must not be, named."""
        return {name: value for name, value in vars(self).items() if isinstance(value, list) and value}

    def numbers(self) -> dict[str, Any]:
        """For a report."""
        plain = {name: len(value) if isinstance(value, list) else value for name, value in vars(self).items()}
        return plain | {"attempts": {str(tries): count for tries, count in sorted(self.attempts.items())}}


def judge(of: Field) -> Judgement:
    """Compare the three records."""
    rows = {row.parameters["aws_id"]: row for row in of.operations()}
    calls = of.calls()
    stories = {tenant: _stories(tenant) for tenant in of.tenants}
    said = Judgement(
        operations=len(rows),
        calls=len(calls),
        events=sum(len(story) for told in stories.values() for story in told.values()),
        attempts=Counter(row.attempts for row in rows.values()),
    )
    for account in of.accounts:
        states = account.states()["ec2"]
        for server in of.ids[account.lane]:
            row = rows.get(server)
            if row is None or row.state != State.SUCCEEDED or states[server] != "running":
                said.lost.append(
                    f"{server}: {row and (row.state, row.outcome, row.attempts)} {states[server]}"
                )
    _compare_calls(
        said, calls, rows, {key: at for tenant in of.tenants for key, at in _intents(tenant).items()}
    )
    said.unrecorded += [
        str(row.id) for row in rows.values() if not _tells(row, stories[row.tenant_id][str(row.id)])
    ]
    with role("audit"):
        said.damaged += [
            f"{checked.tenant_id}: {checked.damage}"
            for checked in map(verify, of.tenants)
            if not checked.intact
        ]
    return said


def _compare_calls(
    said: Judgement,
    calls: Sequence[Mapping[str, Any]],
    rows: Mapping[str, Operation],
    intents: Mapping[str, list[float]],
) -> None:
    changed: set[str] = set()
    named: Counter[str] = Counter()
    for call in calls:
        for server in call["ids"]:
            named[server] += 1
            row = rows.get(server)
            before = [at for at in intents.get(str(row.id), ()) if at < call["at"]] if row else []
            if len(before) < named[server]:
                said.unintended.append(
                    f"{server}: call {call['sequence']} is its {named[server]}., with {len(before)} intents"
                )
            effective = "state" in call["changes"].get(server, {})
            if server in changed:
                (said.doubled if effective else said.repeated).append(f"{server}: call {call['sequence']}")
            if effective:
                changed.add(server)


def _intents(tenant: UUID) -> dict[str, list[float]]:
    """Operation id -> the real instants (epoch) at which its intents were linked, which is part of their commit."""
    found: dict[str, list[float]] = defaultdict(list)
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.operation_id, extract(epoch FROM l.clock_at) FROM ledger.event e JOIN ledger.link l "
            "ON l.event_id = e.id WHERE e.tenant_id = %s AND e.kind = 'operation.called' ORDER BY l.seq",
            [tenant],
        )
        for operation, at in cursor.fetchall():
            found[operation].append(float(at))
    return found


def _stories(tenant: UUID) -> dict[str, Story]:
    """Operation id -> its events with the states that they reached."""
    found: dict[str, Story] = defaultdict(list)
    with tenant_scope(tenant):
        for event in Event.objects.filter(operation_id__isnull=False).order_by("ord"):
            found[event.operation_id].append((event.kind, json.loads(event.body)["detail"]["state"]))
    return found


def _tells(row: Operation, story: Story) -> bool:
    """Do the events lead by legal moves to where the row stands, and is every attempt among them?"""
    if not story or story[0][0] != "operation.entered" or story[-1][1] != row.state:
        return False
    legal = all(
        after == before or after in TRANSITIONS[State(before)] for (_, before), (_, after) in pairwise(story)
    )
    return legal and sum(kind == "operation.called" for kind, _ in story) == row.attempts


def story_of(row: Operation) -> list[str]:
    """The kinds of an operation's events, in order."""
    return [kind for kind, _ in _stories(row.tenant_id)[str(row.id)]]
