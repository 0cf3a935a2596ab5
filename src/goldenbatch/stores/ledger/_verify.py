"""Verification of everything that a ledger stores: each column of each table counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.records import Event
from goldenbatch.core.site import HomeInfo
from goldenbatch.stores.ledger import _events, _projections, _refold, _sql
from goldenbatch.stores.ledger._problem import Problem
from goldenbatch.stores.ledger._verify_form import (
    COLUMNS,
    ENVELOPE_KEYS,
    NAMES,
    Forms,
    envelope_of,
    given_columns,
)
from goldenbatch.stores.ledger._verify_pages import ERASURE, Sound
from goldenbatch.stores.ledger._verify_tree import TreeCheck
from goldenbatch.stores.ledger.canonical import body_digest
from goldenbatch.stores.ledger.errors import ProofError
from goldenbatch.stores.ledger.notes import VerifierKey, parse_checkpoint, parse_note
from goldenbatch.stores.ledger.tree import leaf_hash

_MAX_PROBLEMS = 1_000
EVENTS = (
    f"SELECT e.seq, e.envelope, n.h, p.salt, p.bytes, p.digest, {NAMES}"  # noqa: S608
    " FROM event e LEFT JOIN node n ON n.level = 0 AND n.idx = e.seq - 1"
    " LEFT JOIN payload p ON p.seq = e.seq ORDER BY e.seq"
)


_NEW_STREAM: tuple[int, bytes | None, bytes] = (0, b"", b"")


class Check:
    """One verification: collects problems, goes on after each.

    Args:
        home: The home that all events must belong to.
        origin: Name of the log that its checkpoints must carry.
        keys: Known verifier keys.
        progress: Called with (events checked, all events).
        is_folding: Fold the projections anew too, and compare them.
    """

    def __init__(
        self,
        home: HomeInfo,
        origin: str,
        keys: Sequence[VerifierKey],
        progress: Callable[[int, int], None] | None,
        *,
        is_folding: bool = True,
    ) -> None:
        self.is_sound, self.is_folding = True, is_folding
        self._home, self._origin, self._keys = home, origin, keys
        self._progress = progress
        self.problems: list[Problem] = []
        self._n_said = {False: 0, True: 0}
        self._erased: dict[int, tuple[str, object]] = {}
        self._erasures: list[tuple[int, bytes]] = []
        self._forms = Forms()
        self._refold: _refold.Refold | None = None
        self._suspects: dict[int, bytes] = {}
        self._streams: dict[str, tuple[int, bytes | None, bytes]] = {}
        self._expected_seq, self._recorded_at = 1, 0

    def run(
        self,
        connection: _sql.Connection,
        tables: Sequence[_projections.Table],
        anchors: Sequence[str],
    ) -> list[Problem]:
        """Check the file, the events, the payloads, the tree, the checkpoints, the projections."""
        self._step("the file", lambda: self._file(connection, tables))
        n_before = len(self.problems)
        if self.is_folding:
            self._step("projection", lambda: self._begin_fold(connection, tables))
        self._step("event", lambda: self._events(connection))
        self._step("payload", self._erasures_against_events)
        self.is_sound = all(problem.is_note for problem in self.problems[n_before:])
        self._step("node", lambda: self._tree(connection, anchors))
        if not self.is_folding:
            return self.problems
        if self.is_sound:
            self._step("projection", self._compare)
        elif tables:
            self.say_not_compared()
        return self.problems

    def say_not_compared(self) -> None:
        """Nothing can be said of projections of damaged events."""
        self._add("projection", "not compared, as the events are damaged.", is_note=True)

    def file_alone(
        self, connection: _sql.Connection, tables: Sequence[_projections.Table]
    ) -> list[Problem]:
        """Check the file only."""
        self._step("the file", lambda: self._file(connection, tables))
        return self.problems

    def tree_alone(self, connection: _sql.Connection, anchors: Sequence[str]) -> list[Problem]:
        """Check the tree and the checkpoints only, as they must be when all events are sound."""
        self._expected_seq = _sql.last_seq(connection) + 1
        self._step("node", lambda: self._tree(connection, anchors))
        return self.problems

    def take(self, parts: Sequence[Sound], found: Sequence[Problem]) -> None:
        """Take what others found: events that are sound, and problems of all else."""
        self.problems += found
        for part in parts:
            self._erased |= part.erased
            self._erasures += part.erasures
        n_before = len(self.problems)
        self._step("payload", self._erasures_against_events)
        self.is_sound = all(problem.is_note for problem in self.problems[n_before:])
        if not self.is_sound and self.is_folding:
            self.say_not_compared()

    def _step(self, what: str, step: Callable[[], None]) -> None:
        """A table that cannot even be read is a finding like any other."""
        try:
            step()
        except (*_sql.ERRORS, TypeError, ValueError, OverflowError) as error:
            self._add(what, f"cannot be read to its end: {error}.")

    def _add(
        self,
        where: str,
        message: str,
        *,
        seq: int | None = None,
        stream: str | None = None,
        is_note: bool = False,
    ) -> None:
        # Notes have a measure of their own: what was erased must not crowd out what is wrong.
        self._n_said[is_note] += 1
        if self._n_said[is_note] <= _MAX_PROBLEMS:
            self.problems.append(Problem(where, message, seq, stream, is_note))
        elif self._n_said[is_note] == _MAX_PROBLEMS + 1:
            words = f"there are more {'notes' if is_note else 'problems'}, not listed here."
            self.problems.append(Problem("ledger", words, is_note=is_note))

    # ---- the file ---------------------------------------------------------------------------

    def _file(self, connection: _sql.Connection, tables: Sequence[_projections.Table]) -> None:
        for where, message in connection.faults(tables, has_projections=self.is_folding):
            self._add(where, message)
        for where, message in connection.notes():
            self._add(where, message, is_note=True)

    # ---- events and payloads ----------------------------------------------------------------

    def _events(self, connection: _sql.Connection) -> None:
        n_events = connection.execute("SELECT count(*) FROM event").fetchone()[0]
        for number, row in enumerate(connection.stream(EVENTS)):
            if not self._is_plainly_good(row):
                self._event_at_length(row)
            if self._progress is not None and number % 1_000 == 999:
                self._progress(number + 1, n_events)
        if self._progress is not None:
            self._progress(n_events, n_events)

    def _is_plainly_good(self, row: tuple[Any, ...]) -> bool:
        """Whether all is well with an event; changes nothing when it is not."""
        seq, data, stored_leaf, salt, body, digest = row[:6]
        columns = row[6:]
        if not (type(data) is type(salt) is type(body) is bytes and seq == self._expected_seq):
            return False
        fields = self._forms.match(columns, data)
        if fields is None:
            return False
        leaf = leaf_hash(data)
        stream, version, recorded_at, previous = columns[0], columns[1], columns[6], columns[8]
        known = self._streams.get(stream, _NEW_STREAM)
        if not (
            leaf == stored_leaf
            and version == known[0] + 1
            and previous in known[1:]
            and recorded_at >= self._recorded_at
            and body_digest(salt, body) == columns[7] == digest
        ):
            return False
        self._expected_seq = seq + 1
        self._streams[stream] = (version, leaf, leaf)
        self._recorded_at = recorded_at
        if columns[2] == ERASURE:
            self._erasures.append((seq, body))
        refold = self._refold
        if refold is not None and refold.is_needed:
            if not refold.kinds or columns[2] in refold.kinds:
                event = Event(seq, envelope_of(fields), json.loads(body.decode()), leaf.hex())
                refold.add(event)
        return True

    def _event_at_length(self, row: tuple[Any, ...]) -> None:
        """Check an event step by step; when it is good, learn its form and fold it."""
        n_before = len(self.problems)
        envelope = self._event(row)
        if any(not problem.is_note for problem in self.problems[n_before:]) or envelope is None:
            return
        if envelope.keys() == ENVELOPE_KEYS:
            self._forms.learn(envelope)
        if self._refold is not None and self._refold.is_needed:
            try:
                self._refold.add(_events.read((row[0], *row[1:5])))
            except GoldenbatchError as error:
                self._refold.fail(str(error))

    def _event(self, row: tuple[Any, ...]) -> dict[str, Any] | None:
        seq, data, stored_leaf, salt, body, digest = row[:6]
        columns = row[6:]
        stream = columns[0]
        self._sequence(seq)
        if not isinstance(data, bytes):
            self._report(seq, stream, "its envelope is no longer a row of bytes.")
            data = str(data).encode("utf-8", "surrogateescape")
        leaf = leaf_hash(data)
        if leaf != stored_leaf:
            self._suspects[seq - 1] = leaf
        try:
            envelope = json.loads(data.decode())
            given = given_columns(envelope)
        except (ValueError, KeyError, TypeError, AttributeError):
            self._report(seq, stream, "its envelope cannot be read.")
            given = None
        if given is not None and given != columns:
            for name, said, there in zip(COLUMNS, given, columns, strict=True):
                if said != there:
                    shown = f"column {name} is {_shown(there)}, its envelope says {_shown(said)}."
                    self._report(seq, stream, shown)
        if given is not None and envelope.get("home") != self._home.uid:
            self._report(seq, stream, f"it belongs to home {_shown(envelope.get('home'))}.")
        if given is not None:
            self._chain(seq, given, stored_leaf, leaf)
        is_same = digest == columns[7]
        self._payload(seq, columns, salt, body, columns[7] if is_same else None)
        return envelope if given is not None else None

    def _report(self, seq: int, stream: str, message: str) -> None:
        self._add(f"event seq={seq}", message, seq=seq, stream=stream)

    def _sequence(self, seq: int) -> None:
        expected = self._expected_seq
        if seq != expected:
            last = f" to {seq - 1}" if seq - 1 > expected else ""
            self._add(f"event seq={expected}", f"event {expected}{last} is missing.", seq=expected)
        self._expected_seq = seq + 1

    def _chain(
        self, seq: int, fields: tuple[Any, ...], stored_leaf: bytes | None, leaf: bytes
    ) -> None:
        """Versions are contiguous, each event names the one before, time does not go back."""
        stream, version, recorded_at, previous = fields[0], fields[1], fields[6], fields[8]
        known = self._streams.get(stream, _NEW_STREAM)
        if version != known[0] + 1:
            self._report(seq, stream, f"it is version {version} after version {known[0]}.")
        elif previous not in known[1:]:
            self._report(seq, stream, "it does not name the event before it in its stream.")
        self._streams[stream] = (version, stored_leaf, leaf)
        if recorded_at < self._recorded_at:
            self._report(seq, stream, "it was recorded before the event before it.")
        self._recorded_at = recorded_at

    def _payload(
        self, seq: int, columns: tuple[Any, ...], salt: object, body: object, digest: object
    ) -> None:
        stream, kind = columns[0], columns[2]
        where = f"payload of event seq={seq}"
        if salt is None:
            self._add(where, "the payload is missing.", seq=seq, stream=stream)
        elif body is None:
            if salt == b"":
                self._erased[seq] = (stream, digest)
            else:
                self._add(where, "the payload was erased in part.", seq=seq, stream=stream)
        elif not (isinstance(salt, bytes) and isinstance(body, bytes)):
            self._add(where, "it is no longer a row of bytes.", seq=seq, stream=stream)
        elif body_digest(salt, body) == digest:
            if kind == ERASURE:
                self._erasures.append((seq, body))
        else:
            message = "the payload or its salt is not what was recorded."
            self._add(where, message, seq=seq, stream=stream)

    def _erasures_against_events(self) -> None:
        """Each payload that is gone must be named by an event, and each named one be gone."""
        said: dict[int, tuple[int, dict[str, Any]]] = {}
        for by, data in self._erasures:
            body = json.loads(data.decode())
            said.setdefault(body["seq"], (by, body))
        for seq, (stream, digest) in self._erased.items():
            by, body = said.pop(seq, (0, {}))
            where = f"payload of event seq={seq}"
            if not isinstance(digest, bytes) or body.get("digest") != digest.hex():
                message = "the payload was erased, and no event says so."
                self._add(where, message, seq=seq, stream=stream)
            else:
                message = f"the payload was erased by event {by}: {body['reason']}"
                self._add(where, message, seq=seq, stream=stream, is_note=True)
        for seq, (by, body) in said.items():
            message = f"event {by} says that the payload was erased, but it is there."
            self._add(f"payload of event seq={seq}", message, seq=seq, stream=body["erased_stream"])

    # ---- tree and checkpoints ---------------------------------------------------------------

    def _tree(self, connection: _sql.Connection, anchors: Sequence[str]) -> None:
        rows = _sql.checkpoints(connection)
        sizes = {size for size, _, _ in rows}
        parsed: list[tuple[str, Any]] = []
        for size, root, note in rows:
            parsed.append((f"checkpoint size={size}", self._note(size, root, note)))
        for number, note in enumerate(anchors, 1):
            parsed.append((f"anchor {number}", self._note(None, None, note, f"anchor {number}")))
        sizes |= {checkpoint.size for _, checkpoint in parsed if checkpoint}
        check = TreeCheck(connection, self._suspects, sizes)
        for problem in check.run():
            self._add(problem.where, problem.message, seq=problem.seq)
        n_events = connection.execute("SELECT count(*) FROM event").fetchone()[0]
        if n_events < check.size and self._expected_seq - 1 == n_events:
            first = n_events + 1
            message = f"events {first} to {check.size} were cut off; the tree has their leaves."
            self._add(f"event seq={first}", message, seq=first)
        for where, checkpoint in parsed:
            if checkpoint is not None:
                self._against(where, checkpoint, min(check.size, n_events), check)

    def _note(self, size: int | None, root: bytes | None, note: str, where: str = "") -> Any:
        where = where or f"checkpoint size={size}"
        try:
            if not self._keys:
                self._add(where, "its signature cannot be checked: no verifier key is known.")
            checkpoint = parse_checkpoint(note, self._keys or None)
            known = {(key.name, key.id) for key in self._keys}
            lines = parse_note(note).signatures
        except (ProofError, UnicodeError, TypeError) as error:
            self._add(where, f"the note does not hold: {error}")
            return None
        for name, key_id, _ in lines if self._keys else ():
            if (name, key_id) not in known:
                # Only lines of known keys are stored; others may sign what is kept elsewhere.
                text = f"nobody here knows the key of its signature line {name}."
                self._add(where, text, is_note=size is None)
        if checkpoint.origin != self._origin:
            self._add(where, f"it is of the log {checkpoint.origin}, not {self._origin}.")
        if size is not None and checkpoint.size != size:
            self._add(where, f"column size is {size}, the signed note says {checkpoint.size}.")
        if root is not None and checkpoint.root != root:
            self._add(where, "column root is not the root in the signed note.")
        return checkpoint

    def _against(self, where: str, checkpoint: Any, n_events: int, check: TreeCheck) -> None:
        size = checkpoint.size
        if size > n_events:
            self._add(
                where,
                f"it signs {size} events, the ledger has {n_events}: "
                f"the tail from event {n_events + 1} on was cut off.",
                seq=n_events + 1,
            )
        elif check.root(size) != checkpoint.root:
            self._add(where, f"the first {size} events are not those whose root was signed.")

    # ---- projections ------------------------------------------------------------------------

    def _begin_fold(
        self, connection: _sql.Connection, tables: Sequence[_projections.Table]
    ) -> None:
        self._refold = _refold.Refold(connection, tables)

    def _compare(self) -> None:
        for problem in self._refold.finish() if self._refold else ():
            self._add(problem.where, problem.message, is_note=problem.is_note)


def _shown(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)
