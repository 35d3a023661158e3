"""RFC 9162's trees: the known vectors, and proofs against the plain definition of a root."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medical_audit.domain import bundle_verifier
from medical_audit.domain.merkle import EMPTY_ROOT, Frontier, Tree, extends, includes, root_of

#: The leaves and roots that Certificate Transparency's own tests use.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def plain_root(leaves: list[bytes]) -> bytes:
    """The definition, as the RFC writes it."""
    if len(leaves) <= 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest() if leaves else hashlib.sha256(b"").digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:half]) + plain_root(leaves[half:])).digest()


@pytest.mark.parametrize("size", ROOTS)
def test_known_roots(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == Tree(LEAVES).root(size).hex() == ROOTS[size]


#: Proofs over the same eight leaves as Certificate Transparency's own tests print them: (leaf from 1, size) and (old, new) -> path.
PATHS = {
    (1, 8): "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 "
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    (6, 8): "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b "
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 "
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (3, 3): "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    (2, 5): "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d "
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
}
EXTENSIONS = {
    (1, 8): PATHS[1, 8],
    (6, 8): "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a "
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 "
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (2, 5): "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
}


def _hashes(text: str) -> list[bytes]:
    return [bytes.fromhex(one) for one in text.split()]


def test_known_proofs_are_ours_and_those_of_the_bundles_verifier() -> None:
    """Another implementation's figures against both of ours."""
    tree = Tree(LEAVES)
    for (leaf, size), text in PATHS.items():
        path, root = _hashes(text), bytes.fromhex(ROOTS[size])
        assert list(tree.inclusion(leaf - 1, size)) == path
        assert includes(root, LEAVES[leaf - 1], leaf - 1, size, path)
        assert bundle_verifier.includes(root, LEAVES[leaf - 1], leaf - 1, size, path)
    for (old, new), text in EXTENSIONS.items():
        path, before, after = _hashes(text), bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new])
        assert list(tree.consistency(old, new)) == path
        assert extends(before, old, after, new, path)
        assert bundle_verifier.extends(before, old, after, new, path)


def test_a_tree_without_leaves_has_a_root() -> None:
    assert root_of([]) == EMPTY_ROOT == Tree([]).root(0) == hashlib.sha256(b"").digest()


@given(st.integers(1, 70), st.data())
@settings(max_examples=60, deadline=None)
def test_proofs_hold_and_nothing_else_does(size: int, data: st.DataObject) -> None:
    leaves = [bytes([number]) for number in range(size)]
    tree, root = Tree(leaves), plain_root(leaves)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    path, steps = tree.inclusion(index, size), tree.consistency(old, size)
    assert includes(root, leaves[index], index, size, path)
    assert not includes(root, b"another", index, size, path)
    assert not includes(root, leaves[index], index, size, [*path, root])
    assert all(
        not includes(root, leaves[index], other, size, path) for other in range(size) if other != index
    )
    assert extends(plain_root(leaves[:old]), old, root, size, steps)
    if old < size:
        assert not extends(hashlib.sha256(b"").digest(), old, root, size, steps)
        assert not extends(plain_root(leaves[:old]), old, hashlib.sha256(b"").digest(), size, steps)
        assert not extends(plain_root(leaves[:old]), old, root, size, [*steps, root])


@given(st.integers(0, 70), st.integers(0, 70))
@settings(max_examples=40, deadline=None)
def test_a_frontier_goes_on_where_it_was_put_down(before: int, more: int) -> None:
    leaves = [bytes([number]) for number in range(before + more)]
    first = Frontier()
    for leaf in leaves[:before]:
        first.append(leaf)
    second = Frontier.of(before, first.pack())
    for leaf in leaves[before:]:
        second.append(leaf)
    assert second.root() == plain_root(leaves)


@given(st.integers(0, 70), st.integers(1, 70))
@settings(max_examples=60, deadline=None)
def test_a_tree_that_goes_on_proves_each_of_its_new_leaves(before: int, more: int) -> None:
    leaves = [bytes([number]) for number in range(before + more)]
    first, whole = Frontier(), Tree(leaves)
    for leaf in leaves[:before]:
        first.append(leaf)
    tree = Tree(leaves[before:], behind=Frontier.of(before, first.pack()))
    for index in range(before, before + more):
        assert tree.inclusion(index, before + more) == whole.inclusion(index, before + more)
    if before:
        with pytest.raises(ValueError, match="no leaf"):
            tree.inclusion(before - 1, before + more)


@pytest.mark.parametrize(("size", "packed"), [(-1, b""), (1, b""), (3, bytes(32)), (2, bytes(31))])
def test_what_cannot_be_a_frontier_is_refused(size: int, packed: bytes) -> None:
    with pytest.raises(ValueError, match="no frontier"):
        Frontier.of(size, packed)
