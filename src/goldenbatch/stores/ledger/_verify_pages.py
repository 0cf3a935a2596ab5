"""The quick way over many events: whole pages at a time, and only whether all is well.

It accepts nothing that `_verify` would name. Whatever it doubts it does not judge: then the
events are gone through one by one, and `_verify` says which of them is not as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import le
from typing import Any

from goldenbatch.stores.ledger import _sql
from goldenbatch.stores.ledger._verify_form import NAMES, Forms

ERASURE = "PayloadErased"
_PAGE = 250  # more rows at a time are slower: they leave the caches of the processor
_EVENTS = (
    f"SELECT e.seq, e.envelope, n.h, p.salt, p.bytes, p.digest, {NAMES}"  # noqa: S608
    " FROM event e LEFT JOIN node n ON n.level = 0 AND n.idx = e.seq - 1"
    " LEFT JOIN payload p ON p.seq = e.seq WHERE e.seq > ? AND e.seq <= ? ORDER BY e.seq"
)
_AT = (
    "SELECT e.seq, n.h FROM event e JOIN node n ON n.level = 0 AND n.idx = e.seq - 1"
    " WHERE e.stream = ? AND e.version = ?"
)
_DOUBLED = "SELECT 1 FROM event GROUP BY stream, version HAVING count(*) > 1 LIMIT 1"
_BEFORE_FIRST = "SELECT 1 FROM event WHERE seq < 1 LIMIT 1"
_DOUBTS = (*_sql.ERRORS, TypeError, ValueError, AttributeError, OverflowError)


@dataclass
class Sound:
    """What is left to look at of events that are as they were recorded.

    Attributes:
        erased: Number of each event whose payload is gone, to its stream and digest.
        erasures: Number and body of each event that says so of another.
    """

    erased: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    erasures: list[tuple[int, bytes]] = field(default_factory=list)


def check_part(
    connection: _sql.Connection, home: str, first: int, last: int, forms: Forms
) -> Sound | None:
    """Check the events `first < seq <= last` by themselves and against those before them.

    Each payload, envelope, leaf and column must fit the others, each event must follow the one
    before it in the ledger and in its stream. That no version is there twice is `has_strays`.

    Args:
        connection: Reading connection.
        home: The home that all events must belong to.
        first: Number of the event before the part.
        last: Number of its last event.
        forms: What envelopes have in common; more is learnt.

    Returns:
        None in doubt.
    """
    try:
        part = _Part(connection, home, first, forms)
        rows = connection.stream(_EVENTS, (first, last))
        while page := list(islice(rows, _PAGE)):
            if not part.is_good(page):
                return None
    except _DOUBTS:
        return None
    return part.sound if part.seq == last else None


def has_strays(connection: _sql.Connection) -> bool:
    """Whether a stream has two events of one version, or an event stands before the first."""
    found = (connection.execute(sql).fetchone() for sql in (_DOUBLED, _BEFORE_FIRST))
    return any(row is not None for row in found)


class _Part:
    def __init__(self, connection: _sql.Connection, home: str, first: int, forms: Forms) -> None:
        self._connection, self._home, self._forms = connection, home, forms
        self._first = self.seq = first
        self._recorded_at = 0
        self._streams: dict[str, tuple[int, bytes]] = {}
        self.sound = Sound()
        if first:
            sql = "SELECT recorded_at FROM event WHERE seq = ?"
            self._recorded_at = connection.execute(sql, (first,)).fetchone()[0]

    def is_good(self, page: Sequence[tuple[Any, ...]]) -> bool:
        """Whether all is well with the next events."""
        seqs, data, stored, salts, bodies, digests, *columns = zip(*page, strict=True)
        kinds, recorded, said, previous = columns[2], columns[6], columns[7], columns[8]
        sha = hashlib.sha256
        leaves = [sha(b"\x00" + one).digest() for one in data]
        is_good = (
            seqs == tuple(range(self.seq + 1, self.seq + 1 + len(page)))
            and leaves == list(stored)
            and digests == said
            and self._recorded_at <= recorded[0]
            and all(map(le, recorded, recorded[1:]))
            and self._are_payloads(seqs, columns[0], salts, bodies, digests)
            and self._forms.are_columns(columns, data, self._home)
            and self._are_next(columns[0], columns[1], previous, leaves)
        )
        if ERASURE in kinds:
            self.sound.erasures += [
                (seq, body) for seq, kind, body in zip(seqs, kinds, bodies, strict=True)
                if kind == ERASURE
            ]  # fmt: skip
        self.seq, self._recorded_at = seqs[-1], recorded[-1]
        return is_good

    def _are_payloads(
        self, seqs: Sequence[int], streams: Sequence[str], salts: Sequence[Any],
        bodies: Sequence[Any], digests: Sequence[bytes],
    ) -> bool:  # fmt: skip
        sha = hashlib.sha256
        if None not in bodies:
            made = [sha(salt + body).digest() for salt, body in zip(salts, bodies, strict=True)]
            return made == list(digests)
        for seq, stream, salt, body, digest in zip(
            seqs, streams, salts, bodies, digests, strict=True
        ):
            if body is None and salt == b"":
                self.sound.erased[seq] = (stream, digest)
            elif body is None or sha(salt + body).digest() != digest:
                return False
        return True

    def _are_next(
        self, streams: Sequence[str], versions: Sequence[int], previous: Sequence[bytes],
        leaves: Sequence[bytes],
    ) -> bool:  # fmt: skip
        """Whether each event names the one before it in its stream."""
        known, get = self._streams, self._streams.get
        for stream, version, before, leaf in zip(streams, versions, previous, leaves, strict=True):
            last = get(stream)
            if last is None:
                last = self._before(stream, version)
            if version != last[0] + 1 or before != last[1]:
                return False
            known[stream] = (version, leaf)
        return True

    def _before(self, stream: str, version: int) -> tuple[int, bytes]:
        """The event before the first one of a stream in this part."""
        if version == 1 or not self._first:
            return 0, b""
        seq, leaf = self._connection.execute(_AT, (stream, version - 1)).fetchone()
        return (version - 1, leaf) if seq <= self._first else (-1, b"")
