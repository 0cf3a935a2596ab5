"""Verification of a large ledger by two processes: one checks, this one folds meanwhile.

The fold is Python code of capabilities and cannot leave this process; what is checked needs
only the place of the ledger. Both read the same rows, which are only ever added to.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from goldenbatch.core.records import Event, HomeKind, Projection
from goldenbatch.core.site import HomeInfo
from goldenbatch.stores.ledger import _events, _projections, _refold, _verify
from goldenbatch.stores.ledger._open import open_engine
from goldenbatch.stores.ledger._problem import Problem
from goldenbatch.stores.ledger._verify_form import Forms, envelope_of
from goldenbatch.stores.ledger.errors import StorageError
from goldenbatch.stores.ledger.notes import VerifierKey

if TYPE_CHECKING:
    from goldenbatch.stores.ledger._sql import Connection

FROM_EVENTS = 100_000
"""Below this, starting a process costs more than it saves."""

_MODULE = "goldenbatch.stores.ledger._verify_two"


class Other:
    """The process that checks everything but the projections.

    Args:
        where: Path or URL of the ledger.
        home: The home that all events must belong to.
        origin: Name of the log.
        keys: Known verifier keys.
        tables: Projections that are kept, of which it needs the definitions only.
        anchors: Notes kept elsewhere.
    """

    def __init__(
        self,
        where: str,
        home: HomeInfo,
        origin: str,
        keys: Sequence[VerifierKey],
        tables: Sequence[_projections.Table],
        anchors: Sequence[str],
    ) -> None:
        self._task = json.dumps(
            {
                "where": where,
                "home": asdict(home),
                "origin": origin,
                "keys": [str(key) for key in keys],
                "tables": [_definition(table.projection) for table in tables],
                "anchors": list(anchors),
            }
        )
        self._process = subprocess.Popen(  # noqa: S603 (this interpreter, a module of ours)
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
        with suppress(BrokenPipeError):  # it has ended already: `result` says so
            if self._process.stdin is not None:
                self._process.stdin.write(self._task + "\n")
                self._process.stdin.flush()

    def result(self) -> tuple[list[Problem], bool]:
        """Its problems, and whether the events are sound.

        Raises:
            StorageError: It ended without an answer.
        """
        text = ""
        with suppress(BrokenPipeError):
            text, _ = self._process.communicate()
        if self._process.wait() != 0 or not text:
            raise StorageError(
                "the process that checks the ledger ended without an answer.",
                hint="Run `goldenbatch verify` again.",
            )
        answer = json.loads(text)
        return [Problem(**one) for one in answer["problems"]], answer["is_sound"]

    def stop(self) -> None:
        """End it, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def run(
    connection: Connection,
    other: Other,
    tables: Sequence[_projections.Table],
    progress: Callable[[int, int], None] | None,
) -> list[Problem]:
    """Fold the projections anew here while the other process checks all else."""
    try:
        refold = _refold.Refold(connection, tables)
        _fold(connection, refold, progress)
        problems, is_sound = other.result()
    finally:
        other.stop()
    if is_sound:
        return [*problems, *refold.finish()]
    note = Problem("projection", "not compared, as the events are damaged.", is_note=True)
    return [*problems, note]


def _fold(
    connection: Connection, refold: _refold.Refold, progress: Callable[[int, int], None] | None
) -> None:
    n_events = connection.execute("SELECT count(*) FROM event").fetchone()[0]
    try:
        for number, event in enumerate(_unhashed(connection), 1):
            refold.add(event)
            if progress is not None and number % 1_000 == 0:
                progress(number, n_events)
    except Exception as error:  # a damaged row: the other process names it
        refold.fail(str(error))
    if progress is not None:
        progress(n_events, n_events)


def _unhashed(connection: Connection) -> Iterator[Event]:
    """Events as they stand; their hashes are checked by the other process."""
    forms = Forms()
    for row in connection.stream(_verify.EVENTS):
        fields = forms.match(row[6:], row[1])
        if fields is None or row[4] is None:
            event = _events.read((row[0], *row[1:5]))
            envelope = json.loads(row[1])
            if envelope.keys() == _verify.ENVELOPE_KEYS:
                forms.learn(envelope)
            yield event
        else:
            yield Event(row[0], envelope_of(fields), json.loads(row[4].decode()), row[2].hex())


def _definition(projection: Projection) -> dict[str, Any]:
    return {
        "name": projection.name,
        "version": projection.version,
        "columns": dict(projection.columns),
        "key": list(projection.key),
        "kinds": sorted(projection.kinds),
        "indexes": [list(index) for index in projection.indexes],
    }


def _projection(given: dict[str, Any]) -> Projection:
    return Projection(
        given["name"],
        given["version"],
        given["columns"],
        tuple(given["key"]),
        frozenset(given["kinds"]),
        lambda _event, _lookup: (),
        tuple(tuple(index) for index in given["indexes"]),
    )


def main() -> None:
    """Check the ledger that the first line names; answer with its problems."""
    task = json.loads(sys.stdin.readline())
    given = task["home"]
    home = HomeInfo(**{**given, "kind": HomeKind(given["kind"])})
    engine = open_engine(task["where"], read_only=True)
    try:
        projections = [_projection(one) for one in task["tables"]]
        tables = _projections.tables_of(projections, engine.dialect)
        keys = [VerifierKey.parse(key) for key in task["keys"]]
        check = _verify.Check(home, task["origin"], keys, None, is_folding=False)
        with engine.reading() as connection:
            connection.begin_read()
            problems = check.run(connection, tables, task["anchors"])
    finally:
        engine.close()
    answer = {"problems": [asdict(one) for one in problems], "is_sound": check.is_sound}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
