"""The Merkle tree of RFC 6962: hashes, proofs and their verification, without any store.

A node is named by (level, index): level 0 holds the leaves, and node (l, i) covers the leaves
[i << l, (i + 1) << l). Only complete nodes are ever stored; they never change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

Key = tuple[int, int]
Fetch = Callable[[Sequence[Key]], Mapping[Key, bytes]]
"""Gives the hashes of complete nodes."""

HASH_SIZE = 32


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf: SHA-256(0x00 || data).

    References:
        RFC 6962 section 2.1.
    """
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 || left || right).

    References:
        RFC 6962 section 2.1.
    """
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes, computed from nothing else.

    References:
        RFC 6962 section 2.1.

    >>> root_of([]).hex()[:16]
    'e3b0c44298fc1c14'
    """
    if not leaves:
        return hashlib.sha256(b"").digest()
    peaks: list[tuple[int, bytes]] = []
    for leaf in leaves:
        level, h = 0, leaf
        while peaks and peaks[-1][0] == level:
            h = node_hash(peaks.pop()[1], h)
            level += 1
        peaks.append((level, h))
    return fold([h for _, h in peaks])


def cover(start: int, end: int) -> list[Key]:
    """Complete nodes, left to right, that make up the subtree over the leaves [start, end).

    >>> cover(0, 7)
    [(2, 0), (1, 2), (0, 6)]
    """
    keys = []
    while start < end:
        level = (end - start).bit_length() - 1
        keys.append((level, start >> level))
        start += 1 << level
    return keys


def fold(hashes: Sequence[bytes]) -> bytes:
    """Hash of the subtree that a cover makes up."""
    result = hashes[-1]
    for h in reversed(hashes[:-1]):
        result = node_hash(h, result)
    return result


def root(size: int, fetch: Fetch) -> bytes:
    """Root of the first `size` leaves from stored nodes."""
    return _assemble([cover(0, size)], fetch)[0] if size else root_of([])


def inclusion_proof(index: int, size: int, fetch: Fetch) -> list[bytes]:
    """Proof that leaf `index` is in the tree of `size` leaves; fetches O(log size) nodes.

    Raises:
        ValueError: The tree has no such leaf.

    References:
        RFC 6962 section 2.1.1.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end, covers = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            covers.append(cover(middle, end))
            end = middle
        else:
            covers.append(cover(start, middle))
            start = middle
    return _assemble(covers[::-1], fetch)


def consistency_proof(size1: int, size2: int, fetch: Fetch) -> list[bytes]:
    """Proof that the tree of `size2` leaves only adds to the tree of `size1`.

    Raises:
        ValueError: Not 0 < size1 <= size2.

    References:
        RFC 6962 section 2.1.2.
    """
    if not 0 < size1 <= size2:
        raise ValueError(f"no consistency proof from {size1} to {size2} leaves")
    start, end, covers = 0, size2, []
    while size1 != end:
        middle = start + _split(end - start)
        if size1 <= middle:
            covers.append(cover(middle, end))
            end = middle
        else:
            covers.append(cover(start, middle))
            start = middle
    if start:
        covers.append(cover(start, end))
    return _assemble(covers[::-1], fetch)


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether a proof shows that leaf `index` is in the tree of `size` leaves with this root.

    References:
        RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size or not _are_hashes((leaf, root, *proof)):
        return False
    node, last, result = index, size - 1, leaf
    for h in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            result = node_hash(h, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, h)
        node, last = node >> 1, last >> 1
    return last == 0 and result == root


def verify_consistency(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> bool:
    """Whether a proof shows that the second tree only adds to the first.

    Nothing can be said of an empty first tree, so `size1 = 0` is refused.

    References:
        RFC 9162 section 2.1.4.2.
    """
    if not 0 < size1 <= size2 or not _are_hashes((root1, root2, *proof)):
        return False
    if size1 == size2:
        return not proof and root1 == root2
    path = list(proof)
    if size1 & (size1 - 1) == 0:
        path.insert(0, root1)
    if not path:
        return False
    node, last = size1 - 1, size2 - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for h in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(h, old), node_hash(h, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, h)
        node, last = node >> 1, last >> 1
    return last == 0 and old == root1 and new == root2


class Frontier:
    """The right edge of a growing tree: what is needed to add a leaf.

    Args:
        size: Number of leaves.
        peaks: Hashes of `cover(0, size)`, left to right.
    """

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)

    def copy(self) -> Frontier:
        """An independent frontier at the same place."""
        return Frontier(self.size, self.peaks)

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf; gives the nodes (level, index, hash) that became complete."""
        index, level, h = self.size, 0, leaf
        nodes = [(0, index, h)]
        while index & 1:
            h = node_hash(self.peaks.pop(), h)
            index, level = index >> 1, level + 1
            nodes.append((level, index, h))
        self.peaks.append(h)
        self.size += 1
        return nodes

    def root(self) -> bytes:
        """Root of the tree."""
        return fold(self.peaks) if self.peaks else root_of([])


def _split(n: int) -> int:
    """Largest power of two below n > 1."""
    return 1 << ((n - 1).bit_length() - 1)


def _assemble(covers: Sequence[Sequence[Key]], fetch: Fetch) -> list[bytes]:
    """One hash per cover, all nodes fetched at once."""
    found = fetch([key for keys in covers for key in keys])
    return [fold([found[key] for key in keys]) for keys in covers]


def _are_hashes(hashes: Iterable[bytes]) -> bool:
    return all(len(h) == HASH_SIZE for h in hashes)
