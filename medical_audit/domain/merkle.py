"""Merkle trees of RFC 9162: roots, growing from the right edge, proofs of inclusion and of consistency.

A leaf is hashed with 0x00 before it, a node with 0x01. A `frontier` holds the roots of a tree's whole subtrees, largest
first: enough to go on growing, 32 bytes times the ones in the size's binary form.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """The right edge of a growing tree."""

    size: int = 0
    nodes: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, size: int, packed: bytes) -> "Frontier":
        """Read it back from `packed`. Raises ValueError when that cannot be the edge of a tree of this size."""
        if size < 0 or len(packed) != HASH_BYTES * size.bit_count():
            raise ValueError(f"{len(packed)} bytes are no frontier of {size} leaves")
        return cls(size, [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)])

    def pack(self) -> bytes:
        return b"".join(self.nodes)

    def append(self, data: bytes) -> None:
        node, size = leaf_hash(data), self.size
        while size & 1:
            node, size = node_hash(self.nodes.pop(), node), size >> 1
        self.nodes.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    frontier = Frontier()
    for data in leaves:
        frontier.append(data)
    return frontier.root()


class Tree:
    """All levels of a tree over given leaves, for proofs: each path costs a few look-ups, however many leaves there are.

    `behind`: the edge of the tree that these leaves make grow; proofs are of the new leaves only then.
    """

    def __init__(self, leaves: Iterable[bytes], *, behind: Frontier | None = None) -> None:
        edge, size = (list(behind.nodes), behind.size) if behind else ([], 0)
        level = [leaf_hash(data) for data in leaves]
        self._first, self.size = size, size + len(level)
        self._levels: list[list[bytes]] = []
        #: Where each level begins: what lies before are whole subtrees of the part before, none of which a path needs.
        self._begins: list[int] = []
        while True:
            if size & 1:
                level.insert(0, edge.pop())
            self._levels.append(level)
            self._begins.append(size & ~1)
            if len(level) <= 1 and not edge:
                return
            pairs = zip(level[::2], level[1::2], strict=False)
            level, size = [node_hash(left, right) for left, right in pairs], size >> 1

    def root(self, size: int) -> bytes:
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of leaf `index` in the tree of the first `size` leaves (RFC 9162 §2.1.3.1)."""
        if not self._first <= index < size <= self.size:
            raise ValueError(f"no leaf {index} in a tree of {size}")
        return self._path(index, 0, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """That the first `old` leaves, none fewer than the part before, begin the tree of `new` (RFC 9162 §2.1.4.1)."""
        if not max(1, self._first) <= old <= new <= self.size:
            raise ValueError(f"{old} leaves do not begin a tree of {new}")
        return self._subproof(old, 0, new, whole=True)

    def _range(self, begin: int, end: int) -> bytes:
        """The root over leaves begin..end; whole subtrees that lie on their own boundary come from the levels."""
        width = end - begin
        level = width.bit_length() - 1
        if width == 1 << level and begin % width == 0:
            return self._levels[level][(begin >> level) - self._begins[level]]
        half = _split(width)
        return node_hash(self._range(begin, begin + half), self._range(begin + half, end))

    def _path(self, index: int, begin: int, end: int) -> list[bytes]:
        if end - begin == 1:
            return []
        half = begin + _split(end - begin)
        if index < half:
            return [*self._path(index, begin, half), self._range(half, end)]
        return [*self._path(index, half, end), self._range(begin, half)]

    def _subproof(self, old: int, begin: int, end: int, *, whole: bool) -> list[bytes]:
        if old == end:
            return [] if whole else [self._range(begin, end)]
        half = begin + _split(end - begin)
        if old <= half:
            return [*self._subproof(old, begin, half, whole=whole), self._range(half, end)]
        return [*self._subproof(old, half, end, whole=False), self._range(begin, half)]


def _split(width: int) -> int:
    """The largest power of two below `width` (which is at least 2)."""
    return 1 << ((width - 1).bit_length() - 1)


def includes(root: bytes, data: bytes, index: int, size: int, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that `data` is leaf `index` of the tree with this root and size (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    fn, sn, node = index, size - 1, leaf_hash(data)
    for step in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = node_hash(step, node)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == root


def extends(old_root: bytes, old: int, new_root: bytes, new: int, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that the tree of `new` leaves begins with the tree of `old` (RFC 9162 §2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    steps = list(path) if old & (old - 1) else [old_root, *path]
    if not steps:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    one = two = steps[0]
    for step in steps[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            one, two = node_hash(step, one), node_hash(step, two)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            two = node_hash(two, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and one == old_root and two == new_root
