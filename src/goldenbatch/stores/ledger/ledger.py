"""The ledger: what was done, append-only and provable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from goldenbatch.core.errors import (
    DeniedError,
    IntegrityError,
    NotFoundError,
)
from goldenbatch.core.records import Event, NewEvent, Projection
from goldenbatch.core.site import Clock, HomeInfo
from goldenbatch.stores.ledger import _events, _projections, _sql, _verify, _verify_pool, tree
from goldenbatch.stores.ledger._kept import Kept
from goldenbatch.stores.ledger._open import open_engine
from goldenbatch.stores.ledger._problem import Problem
from goldenbatch.stores.ledger._provable import Provable
from goldenbatch.stores.ledger._writer import Head, Writer
from goldenbatch.stores.ledger.bundle import make_bundle
from goldenbatch.stores.ledger.notes import (
    Checkpoint,
    Keyring,
    checkpoint_note,
    parse_checkpoint,
)
from goldenbatch.stores.ledger.proofs import Proof

Progress = Callable[[int, int], None]
"""Called with (done, all)."""


class Ledger(Kept, Provable):
    """Append-only events with a Merkle tree over them, in one SQLite file.

    Open it with `Ledger.open`. All methods may be called from any thread; appends of
    concurrent callers are committed together. One process writes at a time (the home's lock).
    """

    def __init__(
        self,
        engine: _sql.Engine,
        home: HomeInfo,
        tables: Sequence[_projections.Table],
        keys: Keyring,
        writer: Writer | None,
    ) -> None:
        self.home, self.keys = home, keys
        self._engine, self._writer = engine, writer
        self._tables = {table.projection.name: table for table in tables}

    @classmethod
    def open(
        cls,
        path: Path | str,
        home: HomeInfo,
        clock: Clock,
        projections: Sequence[Projection] = (),
        *,
        read_only: bool = False,
        keys: Keyring | None = None,
    ) -> Self:
        """Open a ledger; for writing, make it when there is none and renew its projections.

        Args:
            path: The file, or the URL of a PostgreSQL database (`postgresql://...`).
            home: The home that it belongs to.
            clock: Present time; a clock set back never takes `recorded_at` back.
            projections: Tables to keep; one that is new or of another version is rebuilt.
            read_only: Write nothing, not even projections that are out of date.
            keys: Who signs checkpoints, and whose signatures are known.

        Raises:
            NotFoundError: Read-only, and there is no file.
            IntegrityError: The file is damaged, or belongs to another home.
            ConflictError: Two projections have one name.
        """
        engine = open_engine(path, read_only=read_only)
        writer = None
        try:
            tables = _projections.tables_of(projections, engine.dialect)
            if not read_only:
                writer = Writer(engine, home, clock, tables)
            ledger = cls(engine, home, tables, keys or Keyring(), writer)
            ledger._check_home()
            if writer is not None:
                writer.do(ledger._renew)
        except BaseException:
            if writer is not None:
                writer.close()
            engine.close()
            raise
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish running appends and close the file."""
        if self._writer is not None:
            self._writer.close()
        self._engine.close()

    @property
    def path(self) -> Path:
        """The file; of a database in a server, its URL without the password."""
        return Path(self._engine.place)

    def copy_to(self, path: Path) -> None:
        """Write a copy as a new SQLite file, as all is at one moment, while others append.

        Of a ledger in a server the projections are left out: open the copy once for writing.

        Raises:
            StorageError: There is a file already, or it cannot be written.
        """
        from goldenbatch.stores.ledger._copy import copy_ledger

        copy_ledger(self._engine, path)

    @property
    def origin(self) -> str:
        """Name of this log on its checkpoints."""
        return origin_of(self.home)

    @property
    def clock_behind_us(self) -> int:
        """By how many microseconds the clock was behind the last event at most, since opening."""
        return 0 if self._writer is None else self._writer.clock_behind_us

    def recorded_at(self) -> int:
        """When the newest event was recorded; 0 when there is none."""
        if self._writer is not None and (known := self._writer.recorded_at):
            return known
        with self._engine.reading() as connection:
            return _sql.tail(connection)[1]

    # ---- events -----------------------------------------------------------------------------

    def append(self, events: Sequence[NewEvent]) -> Sequence[Event]:
        """Append all or nothing, durable on return.

        Raises:
            VersionConflictError: A stream is not at the expected version.
            BadInputError: An event is of no registered kind, or not well formed.
            ProjectionError: A projection cannot fold an event.
            StorageFullError: The disk is full; nothing was kept.
            DeniedError: The ledger is open for reading only.
        """
        if not events:
            return ()
        added = self._writing().append(_events.prepare_all(events))
        if self.on_append is not None:
            self.on_append(added[-1].seq)
        return added

    def head(self) -> int:
        """Number of the last event; 0 when empty."""
        with self._engine.reading() as connection:
            return _sql.tail(connection)[0]

    def version(self, stream: str) -> int:
        """Version of a stream; 0 when it does not exist."""
        with self._engine.reading() as connection:
            return _sql.stream_head(connection, stream)[0]

    def stream(self, name: str, after: int = 0) -> Sequence[Event]:
        """Events of a stream after a version, in order; each checked against its hashes.

        Raises:
            IntegrityError: An event is not what was recorded.
        """
        with self._engine.reading() as connection:
            rows = _sql.stream_rows(connection, name, after)
        return tuple(map(_events.read, rows))

    def events(
        self,
        after: int = 0,
        upto: int | None = None,
        kinds: Collection[str] = (),
        stream_prefix: str = "",
    ) -> Iterator[Event]:
        """Events with `after < seq <= upto`, in order; no kinds means all.

        Without `upto` it ends at the head of the moment when it was called.

        Raises:
            IntegrityError: An event is not what was recorded.
        """
        last = self.head() if upto is None else upto
        return self._pages(after, last, kinds, stream_prefix)

    def _pages(self, after: int, upto: int, kinds: Collection[str], prefix: str) -> Iterator[Event]:
        while after < upto:
            with self._engine.reading() as connection:
                rows = _sql.event_rows(connection, after, upto, kinds, prefix)
            yield from map(_events.read, rows)
            if len(rows) < _sql.PAGE:
                return
            after = rows[-1][0]

    # ---- proof ------------------------------------------------------------------------------

    def root(self, size: int | None = None) -> bytes:
        """Root of the tree over the first `size` events, or over all.

        Raises:
            NotFoundError: The ledger has fewer events.
        """
        with self._engine.reading() as connection:
            connection.begin_read()
            n = self._at_most(size, _sql.tail(connection)[0])
            return tree.root(n, lambda keys: _sql.nodes(connection, keys))

    def checkpoint(self) -> Checkpoint:
        """Sign the present size and root; the same again when nothing was added since.

        Raises:
            DeniedError: No signing key was given, or the ledger is read-only.
        """
        if not self.keys.signers:
            raise DeniedError(
                "no key to sign checkpoints with.", hint="Open the ledger with its keyring."
            )
        made: Checkpoint = self._writing().do(self._checkpoint)
        return made

    def checkpoints(self) -> list[Checkpoint]:
        """All checkpoints, oldest first, as they stand (`verify` checks them)."""
        with self._engine.reading() as connection:
            return [parse_checkpoint(note) for _, _, note in _sql.checkpoints(connection)]

    def proof(self, seq: int) -> Proof:
        """Proof that an event is in the ledger, ending in the newest checkpoint.

        When no checkpoint covers the event yet, one is made.

        Raises:
            NotFoundError: No such event, or no checkpoint covers it and none can be made.
        """
        with self._engine.reading() as connection:
            head = _sql.tail(connection)[0]
            self._at_most(seq, head, least=1)
            found = _sql.checkpoint_from(connection, seq)
        if found is not None:
            size, note = found[0], found[2]
        elif self._writer is not None and self.keys.signers:
            made = self.checkpoint()
            size, note = made.size, made.note
        else:
            raise NotFoundError(
                f"no checkpoint covers event {seq} yet.", hint="Make one with the signing key."
            )
        with self._engine.reading() as connection:
            connection.begin_read()
            index = seq - 1
            leaf = _sql.nodes(connection, [(0, index)])[0, index]
            hashes = tree.inclusion_proof(
                index, self._at_most(size, head), lambda keys: _sql.nodes(connection, keys)
            )
        return Proof(leaf, index, size, tuple(hashes), note)

    def proof_bundle(self, seqs: Sequence[int]) -> dict[str, Any]:
        """Self-contained proof of some events under a checkpoint made now; see `bundle`."""
        checkpoint = self.checkpoint()
        with self._engine.reading() as connection:
            connection.begin_read()
            return make_bundle(connection, checkpoint, self.keys.signers, seqs)

    def consistency(self, size1: int, size2: int | None = None) -> list[bytes]:
        """Proof that the tree of `size2` events (all, if None) only adds to that of `size1`.

        Raises:
            NotFoundError: The ledger has fewer events, or `size1` is below 1 or above `size2`.
        """
        with self._engine.reading() as connection:
            connection.begin_read()
            n2 = self._at_most(size2, _sql.tail(connection)[0])
            n1 = self._at_most(size1, n2, least=1)
            return tree.consistency_proof(n1, n2, lambda keys: _sql.nodes(connection, keys))

    def verify(
        self,
        progress: Progress | None = None,
        anchors: Sequence[str] = (),
        *,
        has_projections: bool = True,
    ) -> list[Problem]:
        """Check everything that is stored, naming each thing that is not as it was recorded.

        Args:
            progress: Called with (events checked, all events).
            anchors: Checkpoint notes kept elsewhere; only they show that the tail was cut
                together with the checkpoints in the file, or all history rewritten.
            has_projections: Fold the projections anew, too, and compare them.

        Returns:
            Problems; those with `is_note` do not speak against the ledger.
        """
        tables, keys = list(self._tables.values()), self.keys.known()
        check = _verify.Check(self.home, self.origin, keys, progress, is_folding=has_projections)
        with self._engine.reading() as connection:
            connection.begin_read()
            if _sql.last_seq(connection) < _verify_pool.FROM_EVENTS:
                return check.run(connection, tables, anchors)
            place = self._engine.address
            given = _verify_pool.task(place, self.home, self.origin, keys, tables, anchors)
            return _verify_pool.run(connection, check, given, tables, progress)

    # ---- inside -----------------------------------------------------------------------------

    def _checkpoint(self, connection: Any, head: Head) -> Checkpoint:
        found = _sql.checkpoint_from(connection, head.seq)
        if found is not None and found[0] > head.seq:
            raise IntegrityError(
                f"a checkpoint signs {found[0]} events, the ledger has {head.seq}.",
                hint="Run `goldenbatch verify`; restore the home from its backup.",
            )
        if found is not None:
            return parse_checkpoint(found[2])
        made = checkpoint_note(self.origin, head.seq, head.frontier.root(), self.keys.signers)
        _sql.insert_checkpoint(connection, made.size, made.root, made.note)
        return made

    def _check_home(self) -> None:
        with self._engine.reading() as connection:
            rows = _sql.event_rows(connection, 0, 1)
        if self._writer is None or not rows:
            return
        first = _events.read(rows[0])
        if first.envelope.home != self.home.uid:
            raise IntegrityError(
                f"{self._engine.place} belongs to home {first.envelope.home}, not {self.home.uid}.",
                hint="Open it with its own home.",
            )


def origin_of(home: HomeInfo) -> str:
    """Name of a home's log, on its checkpoints and as the name of its key."""
    return f"goldenbatch/{home.uid}"
