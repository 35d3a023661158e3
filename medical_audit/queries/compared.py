"""Do the operations stand as the ledger says? Each row held against the chained events of its entry and its confirmation."""

import json
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from medical_audit.domain.burying import Tombstone
from medical_audit.domain.kinds import OperationTarget, content_digest
from medical_audit.domain.personal import ERASED
from medical_audit.domain.states import FINAL
from medical_audit.models import Operation
from medical_audit.models.person import Erasure

_SAID = """
SELECT e.operation_id, l.seq, e.kind, coalesce(e.body::jsonb #>> '{detail,digest}', ''), e.body::jsonb #>> '{actor,id}',
    e.body::jsonb #>> '{detail,authority,operation}'
FROM ledger.event e JOIN ledger.link l ON (l.event_id, l.event_at, l.tenant_id) = (e.id, e.event_at, e.tenant_id)
WHERE e.tenant_id = %s AND e.operation_id = ANY(%s) AND e.kind IN ('operation.entered', 'operation.confirmed') ORDER BY l.seq
"""
#: An entry bears the time of the process, its event that of the database.
_APART = timedelta(days=1)
#: What an erasure empties in the content of operations of these kinds only (ledger.is_about_people).
_ABOUT_PEOPLE = frozenset(
    {"member", "delegation", "deputies", "emergency", "session", "person", "token", "record"}
)


class Differing(NamedTuple):
    """An operation that is not as its events say; `seq`: its entry's event, 0 where there is none."""

    operation: UUID
    seq: int


@dataclass
class _Said:
    """What chained events say of one operation."""

    seq: int = 0
    digests: set[str] = field(default_factory=set)
    confirmers: set[str] = field(default_factory=set)
    authorities: set[str] = field(default_factory=set)


def digest_of(operation: Operation) -> str:
    """The digest of a row as it stands now: equal to `operation.digest`, unless somebody changed the row."""
    target = OperationTarget(
        operation.target_type, operation.target_id, operation.target_name, operation.lane
    )
    return content_digest(operation.kind, target, operation.parameters, operation.shown, operation.corrects)


def differing(tenant_id: UUID, gone: Sequence[Tombstone], *, page: int = 1000) -> Differing | None:
    """The first operation of the bound tenant that was planted or changed past its events. What an erasure emptied is no change, and
    what ended before the events of its time went after their term needs none."""
    for rows in _pages(page):
        said = _said(tenant_id, rows, gone)
        for row in rows:
            mine = said.get(str(row.id), _Said())
            if _differs(row, mine, gone) or _is_changed(row):
                return Differing(row.id, mine.seq)
    return None


def _pages(page: int) -> Iterator[list[Operation]]:
    waiting = Operation.objects.order_by("id")
    rows = list(waiting[:page])
    while rows:
        yield rows
        rows = list(waiting.filter(id__gt=rows[-1].id)[:page])


def _said(tenant_id: UUID, rows: Sequence[Operation], gone: Sequence[Tombstone]) -> dict[str, _Said]:
    found = _events(tenant_id, [str(row.id) for row in rows])
    # What the clock enters rests on what somebody confirmed before: his confirmation is that of each.
    automatic = [found[str(row.id)] for row in rows if row.policy == "schedule" and str(row.id) in found]
    confirmers = _confirmers(tenant_id, {one for said in automatic for one in said.authorities}, gone)
    for said in automatic:
        said.confirmers = {person for one in said.authorities for person in confirmers.get(one, ())}
    return found


def _events(tenant_id: UUID, operations: Sequence[str]) -> dict[str, _Said]:
    found: dict[str, _Said] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SAID, [tenant_id, list(operations)])
        for operation, seq, kind, digest, actor, authority in cursor.fetchall():
            mine = found.setdefault(operation, _Said())
            if kind == "operation.entered":
                mine.seq = mine.seq or seq
                mine.digests.add(digest)
                mine.authorities |= {authority} if authority else set()
            else:
                mine.confirmers.add(actor)
    return found


def _confirmers(
    tenant_id: UUID, authorities: Set[str], gone: Sequence[Tombstone]
) -> dict[str, Collection[str]]:
    """Who confirmed each of these, by their events; of those whose events went after their term, by their rows."""
    found: dict[str, Collection[str]] = {
        operation: said.confirmers
        for operation, said in _events(tenant_id, sorted(authorities)).items()
        if said.confirmers
    }
    if gone:
        rows = Operation.objects.filter(
            id__in=authorities - found.keys(), entered_at__lt=gone[-1].until + _APART
        )
        found |= {str(row): {person} for row, person in rows.values_list("id", "confirmed_by_id")}
    return found


def _differs(row: Operation, said: _Said, gone: Sequence[Tombstone]) -> bool:
    """Whether the row is another than its events say, or has none that should be there."""
    old = bool(gone) and row.state in FINAL and row.entered_at < gone[-1].until + _APART
    confirmer = {row.confirmed_by_id} - {""}
    return not (said.digests == {row.digest} or (old and not said.digests)) or not (
        confirmer <= said.confirmers or (old and not said.confirmers)
    )


def _is_changed(row: Operation) -> bool:
    """Whether what was confirmed is not what stands there; the clock's refusals have no digest."""
    if not row.digest or digest_of(row) == row.digest:
        return False
    content = json.dumps([row.parameters, row.shown, row.target_name], ensure_ascii=False)
    emptied = row.kind.partition(".")[0] in _ABOUT_PEOPLE and ERASED in content
    return not (emptied and Erasure.objects.exists())
