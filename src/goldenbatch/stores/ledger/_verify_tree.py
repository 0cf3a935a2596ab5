"""Verification of the stored tree: which node, or which event, is not as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from statistics import multimode
from typing import Any

from goldenbatch.stores.ledger import _sql
from goldenbatch.stores.ledger._problem import Problem
from goldenbatch.stores.ledger.tree import HASH_SIZE, Key, cover, fold, node_hash, root_of

_PAGE = 256  # more rows at a time are slower: they leave the caches of the processor
_LEVEL = "SELECT idx, h FROM node WHERE level = ? ORDER BY idx"
Hashes = list[bytes | None]


class TreeCheck:
    """Checks the nodes, level by level, against the hashes of the envelopes.

    Args:
        connection: Where the nodes are.
        suspects: Leaf index to hash of the envelope, where it is not the stored leaf.
        sizes: Sizes at which roots will be asked for.
    """

    def __init__(
        self,
        connection: _sql.Connection,
        suspects: Mapping[int, bytes],
        sizes: Collection[int],
    ) -> None:
        self._connection, self._suspects = connection, suspects
        self.size = _likely_size(connection)
        wanted = [size for size in sizes if 0 < size <= self.size]
        self._wanted = {key for size in wanted for key in cover(0, size)}
        self._kept: dict[Key, bytes | None] = {}

    def root(self, size: int) -> bytes | None:
        """Root of the first leaves; None when a node is unknown."""
        hashes = [self._kept.get(key) for key in cover(0, size)]
        known = [h for h in hashes if h is not None]
        if len(known) < len(hashes):
            return None
        return fold(known) if known else root_of([])

    def run(self) -> Iterator[Problem]:
        """The problems of all levels."""
        if not self._suspects and self._is_whole():
            return
        yield from self._strays()
        level, lower = 0, None
        stored, problems = self._level(0)
        yield from problems
        while self.size >> level:
            above, problems = self._level(level + 1)
            yield from problems
            if lower is None:
                hashes, found = self._leaves(stored, above)
            else:
                hashes, found = _inner(level, stored, lower)
            yield from found
            self._keep(level, hashes)
            level, lower, stored = level + 1, hashes, above

    def _is_whole(self) -> bool:
        """The quick way: whether every node is there, and the hash of the two below it."""
        below = bytearray()
        n_nodes = 0
        for level in range(self.size.bit_length()):
            hashes = self._packed(level)
            if len(hashes) != HASH_SIZE * (self.size >> level):
                return False
            if level and not _are_over(hashes, below):
                return False
            for key in self._wanted:
                if key[0] == level:
                    place = HASH_SIZE * key[1]
                    self._kept[key] = bytes(hashes[place : place + HASH_SIZE])
            n_nodes += self.size >> level
            below = hashes
        count = self._connection.execute("SELECT count(*) FROM node").fetchone()[0]
        return bool(count == n_nodes)

    def _packed(self, level: int) -> bytearray:
        """The hashes of a level one after the other, up to the first that is not in order."""
        hashes = bytearray()
        rows = self._connection.stream(_LEVEL, (level,))
        while page := list(islice(rows, _PAGE)):
            indexes, found = zip(*page, strict=True)
            start = len(hashes) // HASH_SIZE
            is_in_order = indexes == tuple(range(start, start + len(page)))
            if not is_in_order or any(type(h) is not bytes or len(h) != HASH_SIZE for h in found):
                return hashes
            hashes += b"".join(found)
        return hashes

    def _keep(self, level: int, hashes: Hashes) -> None:
        for key in self._wanted:
            if key[0] == level:
                self._kept[key] = hashes[key[1]]

    def _level(self, level: int) -> tuple[Hashes, list[Problem]]:
        """The stored hashes of a level in their places, and what is missing or too much."""
        count = self.size >> level
        rows = list(self._connection.stream(_LEVEL, (level,)))
        found = [h for _, h in rows]
        if _is_whole(rows, found, count):
            return found, []
        hashes: Hashes = [None] * count
        problems = []
        for index, h in rows:
            if isinstance(index, int) and 0 <= index < count and isinstance(h, bytes):
                hashes[index] = h
            else:
                problems.append(Problem(_place(level, index), "the node is not part of the tree."))
        for index, h in enumerate(hashes):
            if h is None:
                seq = index + 1 if level == 0 else None
                problems.append(Problem(_place(level, index), "the node is missing.", seq))
        return hashes, problems

    def _strays(self) -> Iterator[Problem]:
        # The level above the highest is read anyway, so it is not counted here.
        highest = self.size.bit_length()
        sql = (
            "SELECT level, idx FROM node"
            " WHERE level < 0 OR level > ? OR level <> CAST(level AS INTEGER)"
        )
        for level, index in self._connection.execute(sql, (highest,)):
            yield Problem(_place(level, index), "the node is not part of the tree.")

    def _leaves(self, stored: Hashes, above: Hashes) -> tuple[Hashes, list[Problem]]:
        """Leaves as they most likely were: a parent decides between envelope and node."""
        hashes, problems = list(stored), []
        for index, computed in self._suspects.items():
            if not 0 <= index < self.size:
                message = "the event has no leaf in the tree."
                problems.append(Problem(f"event seq={index + 1}", message, index + 1))
                continue
            parent = above[index >> 1] if index >> 1 < len(above) else None
            sibling = stored[index ^ 1] if index ^ 1 < self.size else None
            if _joins(index, stored[index], sibling, parent):
                message = "its envelope is not what was recorded: the tree has another leaf."
                problems.append(Problem(f"event seq={index + 1}", message, index + 1))
                continue
            if stored[index] is not None:
                problems.append(_disagreement(index, _joins(index, computed, sibling, parent)))
            hashes[index] = computed
        return hashes, problems


def _are_over(hashes: bytearray, below: bytearray) -> bool:
    """Whether each hash is that of the two below it."""
    sha, pair = hashlib.sha256, 2 * HASH_SIZE
    for start in range(0, len(hashes), HASH_SIZE * _PAGE):
        lower = bytes(below[2 * start : 2 * (start + HASH_SIZE * _PAGE)])
        found = hashes[start : start + HASH_SIZE * _PAGE]
        last = 2 * len(found)
        made = [sha(b"\x01" + lower[at : at + pair]).digest() for at in range(0, last, pair)]
        if b"".join(made) != found:
            return False
    return True


def _disagreement(index: int, is_node: bool) -> Problem:
    if is_node:
        message = f"the leaf of event {index + 1} is not what was recorded."
        return Problem(_place(0, index), message, index + 1)
    message = f"its envelope and its leaf ({_place(0, index)}) do not agree."
    return Problem(f"event seq={index + 1}", message, index + 1)


def _joins(index: int, h: bytes | None, sibling: bytes | None, parent: bytes | None) -> bool:
    if h is None or sibling is None or parent is None:
        return False
    pair = (sibling, h) if index & 1 else (h, sibling)
    return node_hash(*pair) == parent


def _inner(level: int, stored: Hashes, lower: Hashes) -> tuple[Hashes, list[Problem]]:
    n = 2 * len(stored)
    if None not in lower[:n]:
        given: Hashes = list(map(node_hash, lower[:n:2], lower[1:n:2]))  # type: ignore[arg-type]
        if given == stored:
            return given, []
    hashes: Hashes = []
    problems = []
    for index, h in enumerate(stored):
        left, right = lower[2 * index], lower[2 * index + 1]
        if left is None or right is None:
            hashes.append(h)
            continue
        computed = node_hash(left, right)
        hashes.append(computed)
        if h is not None and h != computed:
            message = "the node is not the hash of the two below it."
            problems.append(Problem(_place(level, index), message))
    return hashes, problems


def _is_whole(rows: Sequence[tuple[Any, ...]], found: Hashes, count: int) -> bool:
    """Whether a level is as long as it must be, in its order, and holds hashes only."""
    return (
        len(rows) == count
        and [index for index, _ in rows] == list(range(count))
        and all(type(h) is bytes for h in found)
    )


def _likely_size(connection: _sql.Connection) -> int:
    """Number of leaves, when counts and last numbers may not agree: the most common answer."""
    n_events, last_seq = connection.execute("SELECT count(*), max(seq) FROM event").fetchone()
    n_leaves, last_idx = connection.execute(
        "SELECT count(*), max(idx) FROM node WHERE level = 0"
    ).fetchone()
    last_leaf = -1 if last_idx is None else last_idx
    likely: int = max(multimode([n_events, last_seq or 0, n_leaves, last_leaf + 1]))
    return min(likely, int(n_events) + int(n_leaves))


def _place(level: object, index: object) -> str:
    return f"node level={level} idx={index}"
