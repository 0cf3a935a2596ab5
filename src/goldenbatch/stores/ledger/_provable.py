"""What a ledger gives to those who copy and prove it: exact bytes, nodes, cosigned notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.stores.ledger import _events, _sql, tree
from goldenbatch.stores.ledger.errors import ProofError
from goldenbatch.stores.ledger.notes import (
    Checkpoint,
    Keyring,
    parse_checkpoint,
    without_unknown,
)

if TYPE_CHECKING:
    from goldenbatch.core.records import Event
    from goldenbatch.stores.ledger._sql import Engine, EventRow
    from goldenbatch.stores.ledger._writer import Writer
    from goldenbatch.stores.ledger.tree import Key


class Provable:
    """Part of `Ledger`: reads for copies and proofs, and notes that witnesses have signed."""

    keys: Keyring
    on_append: Callable[[int], None] | None = None
    """Called with the number of the last event after each append, in its caller's thread."""

    _engine: Engine

    @property
    def origin(self) -> str:
        """Name of this log on its checkpoints."""
        raise NotImplementedError

    def root(self, size: int | None = None) -> bytes:
        """Root of the tree over the first `size` events, or over all."""
        raise NotImplementedError

    def _writing(self) -> Writer:
        raise NotImplementedError

    def rows(self, after: int, upto: int) -> Iterator[EventRow]:
        """Exact bytes as they are stored of `after < seq <= upto`, in pages, unchecked.

        Yields:
            (seq, envelope, leaf, salt, body); salt and body are empty or None when erased.
        """
        while after < upto:
            with self._engine.reading() as connection:
                page = _sql.event_rows(connection, after, upto)
            yield from page
            if not page:
                return
            after = page[-1][0]

    def at(self, stream: str, versions: Iterable[int]) -> list[Event]:
        """Events of a stream that have these versions, of those that there are, in order.

        Raises:
            IntegrityError: An event is not what was recorded.
        """
        with self._engine.reading() as connection:
            found = [_sql.event_at(connection, stream, one) for one in sorted(set(versions))]
        return [_events.read(row) for row in found if row is not None]

    def inclusion(self, seq: int, size: int) -> list[bytes]:
        """Proof that event `seq` is in the tree of the first `size` events."""
        return tree.inclusion_proof(seq - 1, size, self._nodes)

    def database_facts(self) -> Mapping[str, str]:
        """Version of the database under the ledger, and settings that durability depends on."""
        with self._engine.reading() as connection:
            return connection.facts()

    def database_notes(self) -> list[tuple[str, str]]:
        """Rights that the application's role should not have, as (where, message)."""
        with self._engine.reading() as connection:
            return list(connection.notes())

    def left_edge(self, size: int) -> list[bytes]:
        """Roots of the complete parts of the tree of `size` events, left to right."""
        keys = tree.cover(0, size)
        found = self._nodes(keys)
        return [found[key] for key in keys]

    def _nodes(self, keys: Sequence[Key]) -> Mapping[Key, bytes]:
        with self._engine.reading() as connection:
            return _sql.nodes(connection, keys)

    def keep_checkpoint(self, note: str) -> Checkpoint:
        """Keep a checkpoint of this log that others have signed as well; again does nothing.

        Only the lines of known keys are kept, so that a changed one is seen.

        Raises:
            ProofError: It is not of this log, not signed by it, or of another history.
        """
        known = self.keys.known()
        made = parse_checkpoint(note, known)
        note = without_unknown(note, known)
        if made.origin != self.origin:
            raise ProofError(f"the checkpoint is of {made.origin}, not of {self.origin}.")
        if made.root != self.root(made.size):
            raise ProofError(f"the checkpoint of {made.size} events is not of this history.")

        def insert(connection: Any, _: object) -> None:
            held = {text for _, _, text in _sql.checkpoints(connection)}
            if note not in held:
                _sql.insert_checkpoint(connection, made.size, made.root, note)

        self._writing().do(insert)
        return made
