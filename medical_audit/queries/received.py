"""Does the database still hold, event by event, what a receiver of the stream was sent?"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.db import connection

from medical_audit.domain.notes import VerifierKey
from medical_audit.domain.received import Claim
from medical_audit.queries import seals
from medical_audit.queries.purges import tombstones
from medical_audit.queries.restores import Restored
from medical_audit.queries.verification import Damage, length_of
from medical_audit.tenancy import tenant_scope

_HASHES = "SELECT seq, hash FROM ledger.link WHERE tenant_id = %s AND seq = ANY(%s)"
PAGE = 2000


@dataclass(frozen=True, slots=True)
class Received:
    """`events`: how many messages were compared; `lost`: how many of them a signed restore gave up; `unlisted`: how many of those
    no list names, because no seal had covered them yet; `damage`: the first one of a tenant's that the database contradicts."""

    events: int
    lost: int = 0
    tenant_id: UUID | None = None
    damage: Damage | None = None
    unlisted: int = 0


def verify_received(
    claims: Iterable[Claim], keys: Sequence[VerifierKey], restores: Sequence[Restored] = ()
) -> Received:
    """Needs the audit role. What was sent twice is compared twice; what was never sent is not missed here, nor what tombstones
    signed by `keys` stand for.

    `restores`: the accepted ones, with their losses.
    """
    events = lost = unlisted = 0
    waiting = iter(claims)
    while page := list(islice(waiting, PAGE)):
        by_tenant: dict[UUID, list[Claim]] = defaultdict(list)
        for claim in page:
            by_tenant[claim.tenant_id].append(claim)
        for tenant_id, mine in by_tenant.items():
            for claim, damage in _wrong(tenant_id, mine, keys):
                if not _given_up(claim, restores):
                    if not _never_sealed(claim, restores):
                        return Received(events, lost, tenant_id, damage, unlisted)
                    unlisted += 1
                lost += 1
        events += len(page)
    return Received(events, lost, unlisted=unlisted)


def _wrong(
    tenant_id: UUID, claims: Sequence[Claim], keys: Sequence[VerifierKey]
) -> list[tuple[Claim, Damage]]:
    """What the database contradicts, in the chain's order."""
    with tenant_scope(tenant_id):
        length, buried = length_of(tenant_id), tombstones(tenant_id, keys)
        gone = buried[-1].stone.last if buried else 0
        with connection.cursor() as cursor:
            cursor.execute(_HASHES, [tenant_id, [claim.seq for claim in claims]])
            hashes = {seq: bytes(found) for seq, found in cursor.fetchall()}
    found = []
    for claim in sorted(claims, key=lambda one: one.seq):
        if claim.seq <= gone:
            continue
        if claim.seq not in hashes:
            kind = "removed" if claim.seq <= length else "tail_cut" if length else "wiped"
            found.append((claim, Damage(kind, claim.seq, claim.event_id)))
        elif hashes[claim.seq] != claim.hash:
            found.append((claim, Damage("recomputed", claim.seq, claim.event_id)))
    return found


def _given_up(claim: Claim, restores: Sequence[Restored]) -> bool:
    """From the first event that two people signed to be lost on, and from before they did."""
    return any(
        (loss := one.lost.get(claim.tenant_id)) is not None
        and claim.seq >= loss.first
        and claim.at <= one.statement.at
        for one in restores
    )


def _never_sealed(claim: Claim, restores: Sequence[Restored]) -> bool:
    """Behind everything of the tenant's that a seal covered when the record was restored, and from before that: no list of what
    was lost can name it, for only a receiver ever heard of it. A tenant of which a list names a loss is not excused so."""
    for one in restores:
        if claim.tenant_id in one.lost or claim.at > one.statement.at:
            continue
        with tenant_scope(claim.tenant_id):
            sealed = seals.last_head(claim.tenant_id, until=one.statement.new)
        if claim.seq > (sealed[1].size if sealed else 0):
            return True
    return False
