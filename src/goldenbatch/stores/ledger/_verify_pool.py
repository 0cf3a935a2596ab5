"""Verification of a large ledger by several processes, each with parts of the events.

They answer whether their part is sound. When one is not, all is gone through once more in
this process, event by event, to name what is not as it was. The projections are folded here:
their folds are code of capabilities, which the other processes do not know.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.records import Event, HomeKind, Projection
from goldenbatch.core.site import HomeInfo
from goldenbatch.stores.ledger import _events, _projections, _refold, _sql, _verify
from goldenbatch.stores.ledger._open import open_engine
from goldenbatch.stores.ledger._problem import Problem
from goldenbatch.stores.ledger._verify_form import ENVELOPE_KEYS, Forms, envelope_of
from goldenbatch.stores.ledger._verify_pages import Sound, check_part, has_strays
from goldenbatch.stores.ledger.errors import StorageError
from goldenbatch.stores.ledger.notes import VerifierKey

if TYPE_CHECKING:
    from goldenbatch.stores.ledger._projections import Table
    from goldenbatch.stores.ledger._sql import Connection

FROM_EVENTS = 100_000
"""Below this, starting processes costs more than it saves."""

MAX_PART = 65_536
"""Events of a part at most: what a process must remember of them bounds its memory."""

_MAX_PROCESSES, _CACHE_KIB = 8, 65_536
_MODULE = "goldenbatch.stores.ledger._verify_pool"
Progress = Callable[[int, int], None] | None
Job = tuple[str, int, int]


def task(
    where: str,
    home: HomeInfo,
    origin: str,
    keys: Sequence[VerifierKey],
    tables: Sequence[Table],
    anchors: Sequence[str],
) -> dict[str, Any]:
    """What each process must know.

    Args:
        where: Path or URL of the ledger.
        home: The home that all events must belong to.
        origin: Name of the log.
        keys: Known verifier keys.
        tables: Projections that are kept, of which they need the definitions only.
        anchors: Notes kept elsewhere.
    """
    return {
        "where": where,
        "home": asdict(home),
        "origin": origin,
        "keys": [str(key) for key in keys],
        "tables": [_definition(table.projection) for table in tables],
        "anchors": list(anchors),
    }


def n_processes() -> int:
    """How many processes this machine has room for."""
    try:
        n_cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        n_cores = os.cpu_count() or 1
    return min(n_cores, _MAX_PROCESSES)


class Pool:
    """Processes that take one job after the other.

    Args:
        given: See `task`.
        n_workers: How many processes.
    """

    def __init__(self, given: dict[str, Any], n_workers: int) -> None:
        self._workers = [self._start(json.dumps(given)) for _ in range(n_workers)]

    @staticmethod
    def _start(given: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 (this interpreter, a module of ours)
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
        with suppress(BrokenPipeError):  # it has ended already: the first answer is missing
            if process.stdin is not None:
                process.stdin.write(given + "\n")
                process.stdin.flush()
        return process

    def run(self, jobs: Sequence[Job], on_done: Callable[[Job], None]) -> list[dict[str, Any]]:
        """The answers to jobs, in their order.

        Raises:
            StorageError: A process ended without an answer.
        """
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for place in range(len(jobs)):
            waiting.put(place)
        answers: dict[int, dict[str, Any]] = {}
        done: queue.SimpleQueue[int | None] = queue.SimpleQueue()

        def serve(process: subprocess.Popen[str]) -> None:
            with suppress(OSError, ValueError, queue.Empty):
                while True:
                    place = waiting.get_nowait()
                    answers[place] = _asked(process, jobs[place])
                    done.put(place)
            done.put(None)

        threads = [threading.Thread(target=serve, args=(one,)) for one in self._workers]
        for thread in threads:
            thread.start()
        n_ended = 0
        while n_ended < len(threads):
            number = done.get()
            n_ended += number is None
            if number is not None:
                on_done(jobs[number])
        for thread in threads:
            thread.join()
        if len(answers) < len(jobs):
            raise StorageError(
                "a process that checks the ledger ended without an answer.",
                hint="Run `goldenbatch verify` again.",
            )
        return [answers[number] for number in range(len(jobs))]

    def stop(self) -> None:
        """End them."""
        for process in self._workers:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # what was still to be written is of no use
                    if pipe is not None:
                        pipe.close()


def _asked(process: subprocess.Popen[str], job: Job) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process has no pipes")
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())  # an empty line: ValueError
    return answer


def jobs_for(n_events: int, n_workers: int, *, is_folding: bool) -> list[Job]:
    """What there is to do, the long jobs first."""
    n_parts = max(4 * n_workers, -(-n_events // MAX_PART))
    borders = [n_events * number // n_parts for number in range(n_parts + 1)]
    return [
        ("file", int(is_folding), 0),
        ("tree", 0, 0),
        *(("events", *two) for two in pairwise(borders)),
    ]


def run(
    connection: Connection,
    check: _verify.Check,
    given: dict[str, Any],
    tables: Sequence[Table],
    progress: Progress,
) -> list[Problem]:
    """Check all by several processes, and then, where wanted, fold the projections anew here.

    Args:
        connection: Reading connection, in a transaction.
        check: Takes what they found, and names what is wrong where something is.
        given: See `task`.
        tables: Projections that are kept.
        progress: Called with (events checked, all events).

    Raises:
        StorageError: A process ended without an answer.
    """
    n_events, n_done = _sql.last_seq(connection), 0

    def on_done(job: Job) -> None:
        nonlocal n_done
        n_done += job[2] - job[1] if job[0] == "events" else 0
        if progress is not None:
            progress(n_done, n_events)

    n_workers = n_processes()
    jobs, pool = jobs_for(n_events, n_workers, is_folding=check.is_folding), Pool(given, n_workers)
    try:
        answers = pool.run(jobs, on_done)
    finally:
        pool.stop()
    parts = [_sound(one["sound"]) for one in answers[2:] if one["sound"] is not None]
    if len(parts) < len(answers) - 2 or answers[0]["has_strays"]:
        return check.run(connection, tables, given["anchors"])
    check.take(parts, [Problem(**one) for two in answers[:2] for one in two["problems"]])
    if check.is_sound and check.is_folding and tables:
        refold = _refold.Refold(connection, tables)
        _fold(connection, refold, progress)
        return [*check.problems, *refold.finish()]
    return check.problems


def _fold(connection: Connection, refold: _refold.Refold, progress: Progress) -> None:
    n_events = _sql.last_seq(connection)
    try:
        for number, event in enumerate(_unhashed(connection), 1):
            refold.add(event)
            if progress is not None and number % 1_000 == 0:
                progress(number, n_events)
    except (GoldenbatchError, *_sql.ERRORS, ValueError) as error:
        refold.fail(str(error))
    if progress is not None:
        progress(n_events, n_events)


def _unhashed(connection: Connection) -> Iterator[Event]:
    """Events as they stand; their hashes were checked."""
    forms = Forms()
    for row in connection.stream(_verify.EVENTS):
        fields = forms.match(row[6:], row[1])
        if fields is None or row[4] is None:
            event = _events.read((row[0], *row[1:5]))
            envelope = json.loads(row[1])
            if envelope.keys() == ENVELOPE_KEYS:
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


def _as_json(sound: Sound | None) -> dict[str, Any] | None:
    if sound is None:
        return None
    return {
        "erased": [[seq, stream, digest.hex()] for seq, (stream, digest) in sound.erased.items()],
        "erasures": [[seq, body.hex()] for seq, body in sound.erasures],
    }


def _sound(given: dict[str, Any]) -> Sound:
    return Sound(
        {seq: (stream, bytes.fromhex(digest)) for seq, stream, digest in given["erased"]},
        [(seq, bytes.fromhex(body)) for seq, body in given["erasures"]],
    )


# ---- in the other process -----------------------------------------------------------------------


class _Worker:
    def __init__(self, given: dict[str, Any], connection: Connection) -> None:
        home = given["home"]
        self._home = HomeInfo(**{**home, "kind": HomeKind(home["kind"])})
        self._given, self._connection = given, connection
        self._keys = [VerifierKey.parse(key) for key in given["keys"]]
        self._forms = Forms()
        connection.begin_read()

    def answer(self, kind: str, first: int, last: int) -> dict[str, Any]:
        """The answer to a job."""
        given, connection = self._given, self._connection
        if kind == "events":
            with _strictly(connection):
                sound = check_part(connection, self._home.uid, first, last, self._forms)
            return {"sound": _as_json(sound)}
        check = _verify.Check(self._home, given["origin"], self._keys, None, is_folding=bool(first))
        if kind == "tree":
            found = check.tree_alone(connection, given["anchors"])
            return {"problems": [asdict(one) for one in found]}
        projections = [_projection(one) for one in given["tables"]]
        tables = _projections.tables_of(projections, connection.dialect)
        found = check.file_alone(connection, tables)
        return {
            "problems": [asdict(one) for one in found],
            "has_strays": has_strays(connection),
        }


@contextmanager
def _strictly(connection: Any) -> Iterator[None]:
    """Refuse damaged text, which is quicker than to take it in; `_verify` names it."""
    if connection.dialect.name != "sqlite":
        yield
        return
    before, connection.text_factory = connection.text_factory, str
    try:
        yield
    finally:
        connection.text_factory = before


def main() -> None:
    """Take what the first line gives; answer each further line, a job, with a line."""
    given = json.loads(sys.stdin.readline())
    engine = open_engine(given["where"], read_only=True)
    try:
        with engine.reading() as connection:
            if connection.dialect.name == "sqlite":
                connection.execute(f"PRAGMA cache_size = {-_CACHE_KIB}")
            worker = _Worker(given, connection)
            for line in sys.stdin:
                sys.stdout.write(json.dumps(worker.answer(*json.loads(line))) + "\n")
                sys.stdout.flush()
    finally:
        engine.close()


if __name__ == "__main__":
    main()
