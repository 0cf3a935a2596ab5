"""A log of events in memory, hashed as the ledger does it, for tests of pure folds."""

from __future__ import annotations

import hashlib

import rfc8785

from goldenbatch.core.records import Body, Envelope, Event, HomeKind, Projection


class Log:
    """Appends events to streams; every envelope holds the leaf of the one before."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def stream(self, name: str) -> list[Event]:
        return [event for event in self.events if event.stream == name]

    def add(self, stream: str, body: Body, actor: str = "u1", at: int = 0, **more) -> Event:
        before = self.stream(stream)
        envelope = Envelope(
            home="h1",
            home_kind=HomeKind.DEVELOPMENT,
            site="site",
            owner="",
            data_class=body.data_class,
            stream=stream,
            version=len(before) + 1,
            kind=more.pop("kind", body.kind),
            body_version=more.pop("body_version", body.body_version),
            actor=actor,
            recorded_at=at,
            body_digest=hashlib.sha256(rfc8785.dumps(body.as_json())).hexdigest(),
            previous=before[-1].leaf if before else "",
            **more,
        )
        leaf = hashlib.sha256(b"\0" + rfc8785.dumps(envelope.as_json())).hexdigest()
        event = Event(len(self.events) + 1, envelope, body.as_json(), leaf)
        self.events.append(event)
        return event

    def table(self, projection: Projection) -> dict[tuple, dict]:
        """Rows of a projection by key, each with exactly its columns."""
        rows: dict[tuple, dict] = {}
        for event in self.events:
            if projection.kinds and event.kind not in projection.kinds:
                continue
            for row in projection.fold(event, rows.get):
                assert set(row) == set(projection.columns)
                rows[tuple(row[name] for name in projection.key)] = row
        return rows
