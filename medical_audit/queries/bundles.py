"""A tenant's ledger as a bundle that `domain/bundle_verifier.py` checks without Toban: one pass, page by page."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO
from uuid import UUID

from django.db import connection

from medical_audit.domain.actor import NO_TENANT
from medical_audit.domain.bundle_verifier import FORMAT
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.chain import Linked
from medical_audit.domain.checkpoint import TreeHead, ordered
from medical_audit.domain.errors import Refused
from medical_audit.domain.merkle import Frontier, Tree
from medical_audit.domain.notes import VerifierKey
from medical_audit.domain.personal import tokens_in
from medical_audit.domain.restoring import ordered as ordered_losses
from medical_audit.queries import seals
from medical_audit.queries.links import links_after, links_of_kinds
from medical_audit.queries.people import Known, known
from medical_audit.queries.purges import Buried, tombstones
from medical_audit.queries.restores import restores, with_losses
from medical_audit.queries.stamps import stamps_after
from medical_audit.tenancy import platform_scope, tenant_scope

#: Zip entries carry no time of their own, so that the same content makes the same file.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FRONTIER = "SELECT frontier FROM ledger.tree_head WHERE tenant_id = %s AND size = %s"
_HASHES = "SELECT hash FROM ledger.link WHERE tenant_id = %s AND seq > %s ORDER BY seq LIMIT %s"
_FIRST_SINCE = "SELECT min(seq) FROM ledger.link WHERE tenant_id = %s AND linked_at >= %s"
PAGE = 5000
#: The first and the last of the tenant's heads in a bundle, each with the number of its seal.
Edges = tuple[tuple[int, TreeHead], tuple[int, TreeHead]]


@dataclass(frozen=True, slots=True)
class Made:
    """What was written: from which event to which, how many, and the bundle's SHA-256."""

    first: int
    last: int
    events: int
    sha256: str


def write_bundle(
    file: IO[bytes],
    tenant_id: UUID,
    keys: Sequence[VerifierKey],
    *,
    since: datetime | None,
    now: datetime,
    approvers: Sequence[VerifierKey] = (),
) -> Made:
    """Write all events since the newest seal before `since` (None: from the beginning). Needs the audit role. `approvers`: whose
    signatures under a restore count.

    Raises Refused: nothing_to_export (the tenant has no event), purged_meanwhile.
    """
    with platform_scope():
        with tenant_scope(tenant_id):
            stones = tombstones(tenant_id, keys)
        with closing(_Sink(file)) as sink:
            try:
                start, written = _write(
                    sink, tenant_id, keys, stones, since=since, now=now, approvers=approvers
                )
            except ValueError:
                _check_same(tenant_id, keys, stones)
                raise
            _check_same(tenant_id, keys, stones)
    return Made(start + 1, start + written, written, _sum_of(file))


def _check_same(tenant_id: UUID, keys: Sequence[VerifierKey], stones: Sequence[Buried]) -> None:
    """A purge between two pages leaves a bundle that does not fit together."""
    with tenant_scope(tenant_id):
        if len(tombstones(tenant_id, keys)) != len(stones):
            raise Refused("purged_meanwhile")


def _write(
    sink: "_Sink",
    tenant_id: UUID,
    keys: Sequence[VerifierKey],
    stones: Sequence[Buried],
    *,
    since: datetime | None,
    now: datetime,
    approvers: Sequence[VerifierKey],
) -> tuple[int, int]:
    """(how many events lie before the bundle, how many are in it)."""
    # The same newest seal for all that speaks of seals: more of them are made while this is written.
    newest = seals.newest_checkpoint()
    last = newest.number if newest else 0
    with tenant_scope(tenant_id):
        start = _start(tenant_id, since, last, stones[-1].stone.last if stones else 0)
        frontier = _frontier(tenant_id, start)
        edges = _edges(tenant_id, start, last)
    with sink.entry("events.jsonl") as entry, tenant_scope(tenant_id):
        tokens: set[str] = set()
        written = entry.lines(_event(link, tokens) for link in links_after(tenant_id, start, page=PAGE))
    if not written:
        raise Refused("nothing_to_export")
    if people := [one for one in known(tenant_id, tokens) if one.salt]:
        with sink.entry("people.jsonl") as entry:
            entry.lines(person_line(one) for one in people)
    with sink.entry("heads.jsonl") as entry:
        entry.lines(_heads(tenant_id, edges))
    stamps = _stamps(edges, last)
    everyone = {head.tenant_id: head for _number, head in seals.heads_at(last)} if edges else {}
    with sink.entry("platform.jsonl") as entry:
        entry.lines(_platform(everyone, last))
    with sink.entry("checkpoints.jsonl") as entry:
        entry.lines(_checkpoints(edges, last))
    if stamps:
        with sink.entry("stamps.jsonl") as entry:
            entry.lines(stamps)
    with tenant_scope(tenant_id):
        proof = _consistency(tenant_id, edges, start)
    proofs: dict[str, object] = {"size": start, "frontier": frontier.pack().hex(), "consistency": proof}
    if tenant_id in everyone:
        # That the last head here is the last there was: nothing else tells a bundle whose end was cut off with its heads.
        proofs["newest"] = _proven(last, everyone[tenant_id], ordered(everyone.values()))
    with sink.entry("proofs.json") as entry:
        entry.lines([proofs])
    with sink.entry("keys.json") as entry:
        entry.lines([[str(key) for key in (*keys, *approvers)]])
    with sink.entry("history.jsonl") as entry:
        entry.lines([*_history(tenant_id, approvers), *({"tombstone": one.note} for one in stones)])
    manifest = {
        "format": FORMAT,
        "tenant": str(tenant_id),
        "first": start + 1,
        "last": start + written,
        "made_at": utc_text(now),
        "since": None if since is None else utc_text(since),
        "files": dict(sink.sums),
    }
    with sink.entry("manifest.json") as entry:
        entry.lines([manifest])
    return start, written


def _start(tenant_id: UUID, since: datetime | None, newest: int, gone: int) -> int:
    """How many events lie before the bundle: a size that was sealed, so that the tree can go on from there; at least what has
    `gone` by tombstones."""
    if since is None:
        return gone
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_SINCE, [tenant_id, since])
        first = cursor.fetchone()[0]
    if first is None:
        raise Refused("nothing_to_export")
    found = seals.head_below(tenant_id, first, until=newest)
    return found[1].size if found else 0


def _edges(tenant_id: UUID, start: int, newest: int) -> Edges | None:
    """The first and the last head that the bundle holds."""
    first, last = seals.head_of_size(tenant_id, start), seals.last_head(tenant_id, until=newest)
    return None if first is None or last is None or first[0] > last[0] else (first, last)


def _frontier(tenant_id: UUID, size: int) -> Frontier:
    if not size:
        return Frontier()
    with connection.cursor() as cursor:
        cursor.execute(_FRONTIER, [tenant_id, size])
        return Frontier.of(size, bytes(cursor.fetchone()[0]))


def _event(link: Linked, tokens: set[str]) -> dict[str, object]:
    tokens |= tokens_in([link.body])
    return {
        "seq": link.seq,
        "id": str(link.event_id),
        "event_at": utc_text(link.event_at),
        "linked_at": utc_text(link.linked_at),
        "clock_at": utc_text(link.clock_at),
        "txid": link.txid,
        "db_user": link.db_user,
        "body": link.body,
        "prev": link.prev.hex(),
        "hash": link.hash.hex(),
    }


def person_line(one: Known) -> dict[str, object]:
    """What a reference in events stands for, with the salt that proves it."""
    value = one.value
    return {
        "token": one.token, "person": value.person, "field": str(value.field), "salt": one.salt.hex(), "value": value.text,
    }  # fmt: skip


def _heads(tenant_id: UUID, edges: Edges | None) -> Iterator[dict[str, object]]:
    """Each head with its path into the root over all tenants."""
    if edges is None:
        return
    (first, _), (last, _) = edges
    everyone = {head.tenant_id: head for _number, head in seals.heads_at(first - 1)}
    for number, grown in seals.growth(first - 1, last):
        everyone |= {head.tenant_id: head for head in grown}
        if any(head.tenant_id == tenant_id for head in grown):
            yield _proven(number, everyone[tenant_id], ordered(everyone.values()))


def _platform(heads: Mapping[UUID, TreeHead], newest: int) -> Iterator[dict[str, object]]:
    """What the platform's own chain says of its guards and of silences, with the paths that prove it under the newest seal; nothing
    for a tenant that no seal covers yet, whose bundle holds no seals."""
    own = heads.get(NO_TENANT)
    if own is None:
        return
    yield _proven(newest, own, ordered(heads.values()))
    with tenant_scope(NO_TENANT):
        tree = Tree(_hashes(NO_TENANT, own.size))
        for link in links_of_kinds(NO_TENANT, seals.EXCUSES, last=own.size):
            # A chain of the platform that was cut keeps nobody from his bundle: it says so to the verifier.
            path = tree.inclusion(link.seq - 1, own.size) if tree.size == own.size else []
            yield _event(link, set()) | {"path": [step.hex() for step in path]}


def _proven(number: int, own: TreeHead, everyone: Sequence[TreeHead]) -> dict[str, object]:
    """A tree's head with its path into the root over all tenants: hashes of others' heads, never their numbers."""
    index = [one.tenant_id for one in everyone].index(own.tenant_id)
    path = Tree(one.leaf() for one in everyone).inclusion(index, len(everyone))
    return {
        "number": number,
        "size": own.size,
        "root": own.root.hex(),
        "last_hash": own.last_hash.hex(),
        "index": index,
        "path": [step.hex() for step in path],
    }


def _checkpoints(edges: Edges | None, newest: int) -> Iterator[dict[str, object]]:
    """From the one before the first head (its time bounds what the head may hold) to the newest."""
    if edges is None:
        return
    for one in seals.checkpoints(max(1, edges[0][0] - 1), newest):
        yield {"number": one.number, "note": one.note}


def _history(tenant_id: UUID, approvers: Sequence[VerifierKey]) -> Iterator[dict[str, object]]:
    """What happened to the record itself: restores, each with what this tenant lost and its path into the root over all."""
    for one in with_losses(restores(approvers)):
        everyone = ordered_losses(one.lost.values())
        mine, lost = one.lost.get(tenant_id), None
        if mine is not None:
            index = everyone.index(mine)
            path = Tree(loss.leaf() for loss in everyone).inclusion(index, len(everyone))
            lost = {
                "first": mine.first,
                "last": mine.last,
                "index": index,
                "path": [step.hex() for step in path],
            }
        yield {"restore": one.note, "lost": lost}


def _stamps(edges: Edges | None, newest: int) -> list[dict[str, object]]:
    """What an authority said of the seals in the bundle; a bundle without any is as those made before there were stamps."""
    if edges is None:
        return []
    return [
        {"number": one.number, "authority": one.authority, "token": base64.b64encode(one.token).decode()}
        for one in stamps_after(max(1, edges[0][0] - 1) - 1)
        if one.number <= newest
    ]


def _consistency(tenant_id: UUID, edges: Edges | None, start: int) -> list[str]:
    """That the first head's tree begins the last one's."""
    if edges is None or edges[0][1].size == edges[1][1].size:
        return []
    old, new = edges[0][1].size, edges[1][1].size
    leaves = _hashes(tenant_id, new, behind=start)
    tree = Tree(leaves, behind=_frontier(tenant_id, start) if start else None)
    return [step.hex() for step in tree.consistency(old, new)]


def _hashes(tenant_id: UUID, size: int, *, behind: int = 0) -> Iterator[bytes]:
    for begin in range(behind, size, PAGE):
        with connection.cursor() as cursor:
            cursor.execute(_HASHES, [tenant_id, begin, min(PAGE, size - begin)])
            for (found,) in cursor.fetchall():
                yield bytes(found)


@dataclass(slots=True)
class _Entry:
    """One file of the bundle while it is written: its sum grows with it."""

    sink: "_Sink"
    name: str
    stream: IO[bytes] = field(init=False)

    def __enter__(self) -> "_Entry":
        info = zipfile.ZipInfo(self.name, _EPOCH)
        info.compress_type = zipfile.ZIP_DEFLATED
        self.stream = self.sink.zip.open(info, "w", force_zip64=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def lines(self, rows: Iterable[object]) -> int:
        digest, written = hashlib.sha256(), 0
        for row in rows:
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            self.stream.write(line)
            written += 1
        self.sink.sums[self.name] = digest.hexdigest()
        return written


class _Sink:
    def __init__(self, file: IO[bytes]) -> None:
        self.zip = zipfile.ZipFile(file, "w")
        self.sums: dict[str, str] = {}

    def entry(self, name: str) -> _Entry:
        return _Entry(self, name)

    def close(self) -> None:
        self.zip.close()


def _sum_of(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(io.DEFAULT_BUFFER_SIZE * 16):
        digest.update(block)
    return digest.hexdigest()
