"""Is the record whole? Every link of a tenant's chain recomputed in Python, apart from the database's own code, and held
against what was sealed and what anchors hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from medical_audit.domain.actor import NO_TENANT
from medical_audit.domain.burying import Tombstone
from medical_audit.domain.chain import Linked, genesis, link_hash
from medical_audit.domain.checkpoint import TreeHead
from medical_audit.domain.held import Held
from medical_audit.domain.merkle import Frontier
from medical_audit.domain.notes import VerifierKey
from medical_audit.queries import seals
from medical_audit.queries.compared import differing
from medical_audit.queries.links import links_after
from medical_audit.queries.purges import tombstones
from medical_audit.tenancy import tenant_scope

_LOOSE = """
SELECT e.id FROM ledger.event e WHERE e.tenant_id = %s
AND NOT EXISTS (SELECT 1 FROM ledger.link l WHERE (l.event_id, l.event_at, l.tenant_id) = (e.id, e.event_at, e.tenant_id))
ORDER BY e.ord LIMIT 1
"""
#: An event may be linked this long before the seal that it was too late for: its transaction was still committing.
COMMITTING = timedelta(seconds=120)
#: An event may have happened this long before it was linked: nothing of Toban's holds a transaction open for longer.
LONGEST_TRANSACTION = timedelta(hours=1)
#: Progress is told every so many events.
TELL_EVERY = 5000
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Damage:
    """The first thing wrong: `kind` is edited, removed, reordered, unlinked, head_differs, tail_cut, wiped, recomputed,
    back_dated or operation_differs of a chain; seal_broken, tail_cut, wiped, recomputed, catalogue_changed or heartbeat_missing of the seals.
    `seq`: the event's number, or the seal's. `operation`: which row is not as its events say."""

    kind: str
    seq: int
    event_id: str = ""
    operation: str = ""


class _Head(NamedTuple):
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Verification:
    """`events`: how many were recomputed; `sealed`: up to which its tree was sealed; `gone`: those that tombstones stand for."""

    tenant_id: UUID
    events: int
    damage: Damage | None
    sealed: int = 0
    gone: tuple[Tombstone, ...] = ()

    @property
    def intact(self) -> bool:
        return self.damage is None


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What the anchors say beside a chain: the newest heads that they hold and the database lacks; and the keys by which
    tombstones are believed; and which transactions the sealer saw open over seals."""

    anchored: Mapping[UUID, TreeHead] = field(default_factory=dict)
    keys: Sequence[VerifierKey] = ()
    held: Mapping[int, Held] = field(default_factory=dict)

    def was_held(self, event: Linked, sealed_before: datetime) -> bool:
        """Whether it was linked in such a transaction, not before that was seen, and is held by the first seal behind its end."""
        held = self.held.get(event.txid)
        return held is not None and event.linked_at >= held.since - COMMITTING and sealed_before <= held.until


def chains() -> list[UUID]:
    """Every tenant with a chain, the platform's own among them; needs the audit role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM ledger.chains()")
        return [row[0] for row in cursor.fetchall()]


def length_of(tenant_id: UUID) -> int:
    """How many events its head counts, to say how far a verification is."""
    with tenant_scope(tenant_id):
        head = _head(tenant_id)
    return head.seq if head else 0


def verify(
    tenant_id: UUID, *, page: int = 5000, witnessed: Witnessed | None = None, tell: Tell | None = None
) -> Verification:
    """Check order, gaps, links, hashes, sealed roots and loose events of one tenant, `page` links at a time, and the operations
    beside them, while others write.

    Cutting the newest events off, or rewriting everything with new hashes, is told by what was sealed; when that was cut
    off as well, by an anchor. What was never sealed is compared with the head, against a careless hand. The head is read
    before the links: what is linked meanwhile stands behind it. What tombstones stand for is not missed; what else is missing is;
    where a purge was carried out meanwhile, it begins anew.
    """
    witnessed = witnessed or Witnessed()
    while True:
        found = _verify(tenant_id, page, witnessed, tell)
        if found.intact or found.gone == _gone(tenant_id, witnessed.keys):
            return found


def _gone(tenant_id: UUID, keys: Sequence[VerifierKey]) -> tuple[Tombstone, ...]:
    with tenant_scope(tenant_id):
        return tuple(one.stone for one in tombstones(tenant_id, keys))


def _verify(tenant_id: UUID, page: int, witnessed: Witnessed, tell: Tell | None) -> Verification:
    with tenant_scope(tenant_id):
        head = _head(tenant_id)
        buried = tombstones(tenant_id, witnessed.keys)
        gone = tuple(one.stone for one in buried)
        start, edge = (gone[-1].last, buried[-1].frontier) if buried else (0, Frontier())
        trees = _Trees(tenant_id, witnessed, edge)
        prev, checked, last = gone[-1].last_hash if gone else genesis(tenant_id), start, None
        at_head = prev
        for expected, event in zip(count(start + 1), links_after(tenant_id, start, page=page), strict=False):
            damage = _wrong(event, expected, prev, last) or trees.take(event)
            if damage is not None:
                return Verification(tenant_id, checked - start, damage, trees.sealed, gone)
            prev, checked, last = event.hash, expected, event
            if head is not None and head.seq == checked:
                at_head = event.hash
            if tell is not None and checked % TELL_EVERY == 0:
                tell(checked)
        damage = (
            trees.missing(checked)
            or _loose(tenant_id, checked)
            or _against_the_head(head, checked, at_head)
            or _beyond_the_head(tenant_id, checked)
            or _beside(tenant_id, gone)
        )
        return Verification(tenant_id, checked - start, damage, trees.sealed, gone)


class _Trees:
    """The tenant's tree grown once more, compared with each head that was sealed or anchored; the heads are read page by page,
    because there are half a million of them a year."""

    def __init__(self, tenant_id: UUID, witnessed: Witnessed, edge: Frontier) -> None:
        number, last = seals.last_head(tenant_id) or (0, None)
        self._heads = seals.heads_of(tenant_id, behind=edge.size, until=number)
        self._next = next(self._heads, None)
        self.sealed = last.size if last else 0
        self.anchored, self._was_held = witnessed.anchored.get(tenant_id), witnessed.was_held
        self._frontier, self._good = edge, edge.size

    def take(self, event: Linked) -> Damage | None:
        self._frontier.append(event.hash)
        if self._next is not None:
            head, sealed_before = self._next.head, self._next.before
            if (
                sealed_before is not None
                and event.linked_at < sealed_before - COMMITTING
                and not self._was_held(event, sealed_before)
            ):
                return Damage("back_dated", event.seq, str(event.event_id))
            if head.size == event.seq:
                if (head.root, head.last_hash) != (self._frontier.root(), event.hash):
                    return Damage("recomputed", self._good + 1)
                self._next, self._good = next(self._heads, None), head.size
        far = self.anchored
        if (
            far is not None
            and far.size == event.seq
            and (far.root, far.last_hash) != (self._frontier.root(), event.hash)
        ):
            return Damage("recomputed", self._good + 1)
        return None

    def missing(self, checked: int) -> Damage | None:
        """What was sealed or anchored and is not there."""
        known = max(self.sealed, self.anchored.size if self.anchored else 0)
        if known <= checked:
            return None
        return Damage("tail_cut" if checked else "wiped", checked + 1)


def _wrong(event: Linked, expected: int, prev: bytes, last: Linked | None) -> Damage | None:
    if event.seq != expected:
        return Damage("removed", expected)
    kind = ""
    if not event.body:
        kind = "removed"
    elif event.prev != prev:
        kind = "reordered"
    elif link_hash(event) != event.hash:
        kind = "edited"
    elif last is not None and event.linked_at <= last.linked_at:
        kind = "reordered"
    elif event.clock_at - event.event_at > LONGEST_TRANSACTION:
        kind = "back_dated"
    return Damage(kind, expected, str(event.event_id)) if kind else None


def _loose(tenant_id: UUID, checked: int) -> Damage | None:
    """An event that no link holds."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOSE, [tenant_id])
        row = cursor.fetchone()
    return Damage("unlinked", checked + 1, str(row[0])) if row else None


def _beside(tenant_id: UUID, gone: Sequence[Tombstone]) -> Damage | None:
    """An operation that is another than the chain says; the platform has none."""
    found = None if tenant_id == NO_TENANT else differing(tenant_id, gone)
    return Damage("operation_differs", found.seq, operation=str(found.operation)) if found else None


def _against_the_head(head: _Head | None, checked: int, at_head: bytes) -> Damage | None:
    if head is not None and head.seq > checked:
        return Damage("tail_cut", checked + 1)
    if head is not None and head.hash != at_head:
        return Damage("head_differs", head.seq)
    return None


def _head(tenant_id: UUID) -> _Head | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, hash FROM ledger.head WHERE tenant_id = %s", [tenant_id])
        row = cursor.fetchone()
    return _Head(row[0], bytes(row[1])) if row else None


def _beyond_the_head(tenant_id: UUID, checked: int) -> Damage | None:
    """Links that the head does not know of by now were not made by the database's own function."""
    head = _head(tenant_id)
    known = head.seq if head is not None else 0
    if checked <= known:
        return None
    return Damage("head_differs", checked if head is None else known)
