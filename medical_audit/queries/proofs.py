"""That an event stands under a seal: its path to the root of its tenant's tree, and that root's path to what is signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from medical_audit.domain.merkle import Frontier, Tree, node_hash
from medical_audit.queries.seals import checkpoint

#: Between two seals lies a minute of events; more than so many are proven by the bundle, not one by one.
LEAVES_MAX = 200_000
_SEALED_BY = """
SELECT number, size, root, last_hash FROM ledger.tree_head WHERE tenant_id = %s AND size >= %s ORDER BY size LIMIT 1
"""
_BEFORE = "SELECT size, frontier FROM ledger.tree_head WHERE tenant_id = %s AND size < %s ORDER BY size DESC LIMIT 1"
_LEAVES = "SELECT hash FROM ledger.link WHERE tenant_id = %s AND seq > %s AND seq <= %s ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Seal:
    """The seal under which a stretch of events stands: events `after` + 1 to `size` of the tenant's tree. `path` leads from
    the tenant's head (leaf `index` of `tenants`) to the root that `note` signs."""

    number: int
    note: str
    after: int
    size: int
    root: bytes
    last_hash: bytes
    index: int
    tenants: int
    path: tuple[bytes, ...]
    tree: Tree

    def path_of(self, seq: int) -> list[bytes]:
        """From event `seq` of this seal to `root`; raises ValueError for an event of another seal."""
        return self.tree.inclusion(seq - 1, self.size)


def seal_of(tenant_id: UUID, seq: int) -> Seal | None:
    """The seal that event `seq` of the bound tenant was sealed by; None while it is not sealed yet."""
    with connection.cursor() as cursor:
        cursor.execute(_SEALED_BY, [tenant_id, seq])
        head = cursor.fetchone()
        if head is None:
            return None
        number, size, root, last_hash = head
        cursor.execute(_BEFORE, [tenant_id, size])
        after, frontier = cursor.fetchone() or (0, b"")
        if size - after > LEAVES_MAX:
            return None
        cursor.execute(_LEAVES, [tenant_id, after, size])
        leaves = [bytes(row[0]) for row in cursor.fetchall()]
        cursor.execute("SELECT own, leaf FROM ledger.seal_leaves(%s)", [number])
        heads = [(own, bytes(leaf)) for own, leaf in cursor.fetchall()]
    note = checkpoint(number)
    index = next((place for place, (own, _leaf) in enumerate(heads) if own), None)
    if note is None or index is None or len(leaves) != size - after:
        return None
    return Seal(
        number=number,
        note=note.note,
        after=after,
        size=size,
        root=bytes(root),
        last_hash=bytes(last_hash),
        index=index,
        tenants=len(heads),
        path=tuple(_path([leaf for _own, leaf in heads], index)),
        tree=Tree(leaves, behind=Frontier.of(after, bytes(frontier))),
    )


def _path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """An audit path where the leaves' hashes are known and not the leaves."""
    if len(hashes) == 1:
        return []
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    if index < half:
        return [*_path(hashes[:half], index), _root(hashes[half:])]
    return [*_path(hashes[half:], index - half), _root(hashes[:half])]


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    return node_hash(_root(hashes[:half]), _root(hashes[half:]))
