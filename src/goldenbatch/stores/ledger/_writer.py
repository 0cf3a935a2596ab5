"""The one writer: a thread that commits the appends of all callers together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenbatch.core.errors import IntegrityError, VersionConflictError
from goldenbatch.core.records import Event
from goldenbatch.core.site import Clock, HomeInfo
from goldenbatch.stores.ledger import _events, _folder, _projections, _sql
from goldenbatch.stores.ledger._inbox import Inbox, Request, answer
from goldenbatch.stores.ledger.errors import StorageError, UnknownOutcomeError
from goldenbatch.stores.ledger.tree import Frontier, cover

_MAX_BATCH = 2_000
_MAX_STREAMS = 100_000
_LARGE = 32


@dataclass
class Head:
    """Where the ledger stands: what is needed to place the next event."""

    seq: int = 0
    recorded_at: int = 0
    frontier: Frontier = field(default_factory=Frontier)
    streams: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    @classmethod
    def load(cls, connection: _sql.Connection) -> Head:
        """Read it from the database.

        Raises:
            IntegrityError: The events and the tree are of different size.
        """
        seq, recorded_at, n_leaves = _sql.tail(connection)
        if seq != n_leaves:
            raise IntegrityError(
                f"the ledger has {seq} events, its tree {n_leaves} leaves.",
                hint="Run `goldenbatch verify`; restore the home from its backup.",
            )
        keys = cover(0, seq)
        found = _sql.nodes(connection, keys)
        return cls(seq, recorded_at, Frontier(seq, [found[key] for key in keys]))


@dataclass
class _Batch:
    """Rows of the appends that will be committed together."""

    head: Head
    streams: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    payloads: list[tuple[int, bytes, bytes, bytes]] = field(default_factory=list)
    nodes: list[tuple[int, int, bytes]] = field(default_factory=list)
    mark: _sql.Mark = None

    def add(
        self,
        placed: Sequence[_events.Placed],
        streams: Mapping[str, tuple[int, bytes]],
        state: Head,
    ) -> None:
        """Take on the events of one append; `state` moves behind them."""
        for _, leaf, event_row, payload_row in placed:
            self.events.append(event_row)
            self.payloads.append(payload_row)
            self.nodes += state.frontier.add(leaf)
        self.streams.update(streams)
        last = placed[-1].event
        state.seq, state.recorded_at = last.seq, last.envelope.recorded_at
        self.mark = (last.seq, placed[-1].leaf)


class Writer:
    """Owner of the writing connection; every change of the database goes through it.

    A clock that was set back never takes `recorded_at` below the event before: the later of
    the two is kept, and `clock_behind_us` says by how much the clock was behind at most.
    """

    def __init__(
        self,
        engine: _sql.Engine,
        home: HomeInfo,
        clock: Clock,
        tables: Sequence[_projections.Table],
    ) -> None:
        if engine.writer is None:
            raise StorageError("the ledger is open for reading only.")
        self._engine, self._clock = engine, clock
        self._placer = _events.Placer(home)
        self._connection = engine.writer
        self._folder = _folder.Folder(tables)
        self._folder.connection = self._connection
        self._has_tidied = False
        self._head: Head | None = None
        self._token: object = None
        self._inbox = Inbox()
        self.clock_behind_us = 0
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    @property
    def recorded_at(self) -> int:
        """When the newest event that it knows was recorded; 0 when it knows none."""
        head = self._head
        return 0 if head is None else head.recorded_at

    def append(self, events: Sequence[_events.Prepared]) -> Sequence[Event]:
        """Append all or nothing; durable on return."""
        result: Sequence[Event] = self._submit(Request(events))
        return result

    def do(self, job: Callable[[_sql.Connection, Head], Any]) -> Any:
        """Run a job in the writer's thread, in a transaction of its own."""
        return self._submit(Request((), job))

    def close(self) -> None:
        """Finish what was asked for, then stop."""
        if self._inbox.close():
            self._thread.join()

    def _submit(self, request: Request) -> Any:
        self._inbox.put(request)
        return request.wait()

    def _run(self) -> None:
        while requests := self._inbox.take(_MAX_BATCH):
            self._serve(requests)

    def _serve(self, requests: Sequence[Request]) -> None:
        """Commit appends together; a job always alone and after them."""
        appends = [request for request in requests if request.job is None]
        for group in [appends, *([request] for request in requests if request.job)]:
            if group:
                self._commit(group)

    def _commit(self, requests: Sequence[Request]) -> None:
        """One transaction; results are handed out only after it is durable."""
        results: list[tuple[Request, Any, BaseException | None]] = []
        try:
            with self._engine.translated():
                self._connection.begin_write()
                head = self._fresh_head()
                batch = _Batch(head)
                batch_frontier, seq, recorded_at = head.frontier.copy(), head.seq, head.recorded_at
                state = Head(seq, recorded_at, batch_frontier)
                for request in requests:
                    results.append(self._attempt(request, batch, state))
                self._write(batch)
                self._connection.commit(batch.mark)
        except BaseException as error:
            self._roll_back()
            is_unknown = isinstance(error, UnknownOutcomeError)
            if len(requests) > 1 and not is_unknown:
                for request in requests:
                    self._commit([request])
                return
            results = [(request, None, error) for request in requests]
        else:
            self._advance(state, batch)
        answer(results)

    def _attempt(
        self, request: Request, batch: _Batch, state: Head
    ) -> tuple[Request, Any, BaseException | None]:
        """Place the events of one request, or leave no trace of it."""
        if request.job is not None:
            self._folder.clear()  # a job may rebuild what the folder knows
            return request, request.job(self._connection, batch.head), None
        is_large = len(request.events) >= _LARGE
        try:
            placed, streams = self._place(request.events, batch, state)
            if is_large:
                batch.add(placed, streams, state)
                self._send(batch)  # a server works on them while they are folded
            for item in placed:
                self._folder.fold(item.event)
        except _sql.ERRORS:
            raise
        except Exception as error:
            if is_large:
                raise
            self._folder.drop()
            return request, None, error
        self._folder.keep()
        if not is_large:
            batch.add(placed, streams, state)
        return request, tuple([item.event for item in placed]), None

    def _place(
        self, events: Sequence[_events.Prepared], batch: _Batch, state: Head
    ) -> tuple[list[_events.Placed], dict[str, tuple[int, bytes]]]:
        """Give events their places; changes nothing, so that they can still be refused."""
        now, seq = int(self._clock()), state.seq
        self.clock_behind_us = max(self.clock_behind_us, state.recorded_at - now)
        recorded_at = max(now, state.recorded_at)
        streams: dict[str, tuple[int, bytes]] = {}
        placed = []
        for prepared in events:
            name, expected = prepared.event.stream, prepared.event.expected_version
            version, previous = streams.get(name) or self._stream_head(name, batch)
            if version != expected:
                raise VersionConflictError(name, expected, version)
            seq += 1
            item = self._placer.place(prepared, seq, recorded_at, previous)
            streams[name] = (version + 1, item.leaf)
            placed.append(item)
        return placed, streams

    def _stream_head(self, name: str, batch: _Batch) -> tuple[int, bytes]:
        known = batch.streams.get(name) or batch.head.streams.get(name)
        return known or _sql.stream_head(self._connection, name)

    def _write(self, batch: _Batch) -> None:
        if batch.mark is not None:
            self._send(batch)
            self._folder.write()

    def _send(self, batch: _Batch) -> None:
        if not self._has_tidied:
            self._drop_unregistered()
        if batch.events:
            _sql.insert(self._connection, batch.events, batch.payloads, batch.nodes)
            batch.events, batch.payloads, batch.nodes = [], [], []

    def _drop_unregistered(self) -> None:
        """Tables that nobody folds here would silently fall behind: a later opening rebuilds."""
        registered = {table.projection.name for table in self._folder.tables}
        for name in _projections.stored(self._connection).keys() - registered:
            _projections.drop(self._connection, name)

    def _fresh_head(self) -> Head:
        """The head in memory, unless another process has written since."""
        known = self._head
        if known is None or self._connection.token(known.seq) != self._token:
            self._folder.clear()
            self._head = known = Head.load(self._connection)
            self._token = self._connection.token(known.seq)
        return known

    def _advance(self, state: Head, batch: _Batch) -> None:
        self._has_tidied = self._has_tidied or batch.mark is not None
        streams = batch.head.streams
        if len(streams) > _MAX_STREAMS:
            streams.clear()
        streams.update(batch.streams)
        self._head = Head(state.seq, state.recorded_at, state.frontier, streams)

    def _roll_back(self) -> None:
        self._folder.clear()
        self._head = None
        self._connection.roll_back()
