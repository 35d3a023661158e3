"""One seal: every tenant's tree grown by what was linked since, one signed note over all of them.

The sealer trusts the database as little as it can: it carries on only from heads that the last signed note covers, only
behind the checkpoint that it has itself seen or that an anchor holds, and it recomputes each link that it seals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.chain import Linked, genesis, link_hash
from medical_audit.domain.checkpoint import NOTHING_BEFORE, Checkpoint, TreeHead, note_hash, root_over
from medical_audit.domain.merkle import Frontier
from medical_audit.domain.notes import BadNote, Signer, VerifierKey, open_note
from medical_audit.operations.ledger import record
from medical_audit.queries import seals
from medical_audit.queries.links import links_after
from medical_audit.queries.restores import Restored, going_on, restores, with_losses
from medical_audit.queries.seals import Progress, Stored
from medical_audit.tenancy import platform_scope, tenant_scope

INTERVAL = timedelta(seconds=60)
#: A longer silence than this between two seals is recorded by the next sealer that runs.
GAP = 3 * INTERVAL


class SealRefused(RuntimeError):
    """The sealer does not sign what it finds; `code` says why: forged, behind, rewritten, heads_differ, clock_back, anchor_unread."""

    def __init__(self, code: str, why: str) -> None:
        self.code = code
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Known:
    """A checkpoint that the sealer knows from elsewhere than the database: its own memory or an anchor."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Withheld:
    """A chain that was not sealed further: its damage stands at `seq`."""

    tenant_id: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class Sealed:
    number: int
    at: datetime
    note: str
    grown: tuple[TreeHead, ...]
    withheld: tuple[Withheld, ...]


@dataclass(frozen=True, slots=True)
class _Growth:
    head: TreeHead
    frontier: bytes


def seal(
    signer: Signer,
    keys: Sequence[VerifierKey],
    *,
    actor: Actor,
    clock: Callable[[], datetime],
    wall: Callable[[], float],
    known: Known | None = None,
    approvers: Sequence[VerifierKey] = (),
    cause: str = "",
) -> Sealed | None:
    """Make the next checkpoint. None: another sealer was first. Raises SealRefused.

    `actor` is the sealer, of the platform; `clock` is the database's, `wall` this machine's in seconds since 1970. Behind a
    restore that two `approvers` signed, it goes on from where the restore says. `cause`: what it was refused for until now, which a
    recorded silence names.
    """
    catalogue = seals.catalogue_digest()
    with platform_scope():
        newest = seals.newest_checkpoint()
        accepted = with_losses(restores(approvers))
        restored = going_on(accepted, newest.number if newest else 0)
        before = _opened(newest, keys, known, accepted)
        found = seals.progress()
        if newest is not None and before is not None:
            _check_heads(found, before)
        grown, withheld = _grow(found)
        heads = [grown[one.tenant_id].head if one.tenant_id in grown else one.head for one in found]
        sealed_heads = [head for head in heads if head is not None]
        at = clock()
        if newest is not None and at <= newest.at:
            raise SealRefused(
                "clock_back",
                f"the database's clock says {utc_text(at)}, the newest seal was made at {utc_text(newest.at)}: set it right",
            )
        checkpoint = Checkpoint(
            tenants=len(sealed_heads),
            root=root_over(sealed_heads),
            number=_reached(newest, restored) + 1,
            epoch=restored.statement.epoch if restored else before.epoch if before else 0,
            at=at,
            clock_ms=round((wall() - at.timestamp()) * 1000),
            catalogue=catalogue,
            prev=restored.hash if restored else newest.hash if newest else NOTHING_BEFORE,
        )
        note = signer.sign(checkpoint.text())
        if not _store(checkpoint, note, list(grown.values())):
            return None
        if newest is not None:
            _record_silence(newest, actor=actor, now=at, cause=cause)
    return Sealed(
        checkpoint.number, at, note, tuple(growth.head for growth in grown.values()), tuple(withheld)
    )


def _reached(newest: Stored | None, restored: Restored | None) -> int:
    """The newest seal that was ever made, as far as the database knows: also one that a restore took away."""
    if restored is not None:
        return restored.statement.old
    return newest.number if newest else 0


def _opened(
    newest: Stored | None, keys: Sequence[VerifierKey], known: Known | None, accepted: Sequence[Restored]
) -> Checkpoint | None:
    """The newest checkpoint, proven to be ours and not older than what we know of, but for what restores took away."""
    end = newest.number if newest else 0
    if known is not None and known.number > _reached(newest, going_on(accepted, end)):
        raise SealRefused(
            "behind",
            f"checkpoint {known.number} is known, the database ends at {end}: it was cut or restored",
        )
    if known is not None and not _is_there(known, newest, accepted):
        raise SealRefused("rewritten", f"checkpoint {known.number} is not the one that is known")
    if newest is None:
        return None
    try:
        text, _key = open_note(newest.note, keys, number=newest.number)
        before = Checkpoint.parse(text)
    except BadNote as error:
        raise SealRefused("forged", f"checkpoint {newest.number}: {error}") from error
    if before.number != newest.number or note_hash(newest.note) != newest.hash:
        raise SealRefused("forged", f"checkpoint {newest.number} is not what its row says")
    return before


def _is_there(known: Known, newest: Stored | None, accepted: Sequence[Restored]) -> bool:
    """Whether the database still holds the checkpoint that is known, or a restore speaks of it."""
    if newest is not None and known.number == newest.number:
        return known.hash == newest.hash
    for one in (each.statement for each in accepted):
        if one.covers(known.number):
            return known.number < one.old or known.hash == one.old_hash
    same = seals.checkpoint(known.number)
    return same is not None and note_hash(same.note) == known.hash


def _check_heads(found: Sequence[Progress], before: Checkpoint) -> None:
    """The trees to grow on must be the ones that the last note signed."""
    heads = [one.head for one in found if one.head is not None]
    edges = all(
        Frontier.of(one.head.size, one.frontier).root() == one.head.root
        for one in found
        if one.head is not None
    )
    if not edges or len(heads) != before.tenants or root_over(heads) != before.root:
        raise SealRefused(
            "heads_differ", f"the stored tree heads are not those of checkpoint {before.number}"
        )


def _record_silence(newest: Stored, *, actor: Actor, now: datetime, cause: str) -> None:
    """`now`: the new seal's own time, by which verifiers judge; kept with it or not at all."""
    if now - newest.at > GAP:
        detail: dict[str, object] = {"after": newest.number, "from": utc_text(newest.at), "to": utc_text(now)}
        detail |= {"cause": cause} if cause else {}
        record(
            "ledger.sealing_resumed", actor=actor, subject=Subject("ledger", "seal"), now=now, detail=detail
        )


def _grow(found: Sequence[Progress]) -> tuple[dict[UUID, _Growth], list[Withheld]]:
    grown: dict[UUID, _Growth] = {}
    withheld: list[Withheld] = []
    for one in found:
        if one.head is not None and one.found != one.head.last_hash:
            withheld.append(Withheld(one.tenant_id, one.head.size))
        elif one.seq > (one.head.size if one.head else 0):
            with tenant_scope(one.tenant_id):
                growth, bad = _grow_one(one)
            if growth is not None:
                grown[one.tenant_id] = growth
            if bad:
                withheld.append(Withheld(one.tenant_id, bad))
    return grown, withheld


def _grow_one(one: Progress) -> tuple[_Growth | None, int]:
    """The tree with the links that are new, and where the first bad one stands (0: none)."""
    size, last = (one.head.size, one.head.last_hash) if one.head else (0, genesis(one.tenant_id))
    frontier, bad = Frontier.of(size, one.frontier), 0
    for link in links_after(one.tenant_id, size, page=5000):
        if not _follows(link, frontier.size, last):
            bad = frontier.size + 1
            break
        frontier.append(link.hash)
        last = link.hash
    if frontier.size == size:
        return None, bad
    return _Growth(TreeHead(one.tenant_id, frontier.size, frontier.root(), last), frontier.pack()), bad


def _follows(link: Linked, size: int, last: bytes) -> bool:
    return link.seq == size + 1 and link.prev == last and bool(link.body) and link_hash(link) == link.hash


def _store(checkpoint: Checkpoint, note: str, grown: Sequence[_Growth]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ledger.seal(%s, %s, %s, %s::uuid[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[])",
            [
                checkpoint.number,
                checkpoint.at,
                note,
                [growth.head.tenant_id for growth in grown],
                [growth.head.size for growth in grown],
                [growth.head.root for growth in grown],
                [growth.frontier for growth in grown],
                [growth.head.last_hash for growth in grown],
            ],
        )
        return bool(cursor.fetchone()[0])
