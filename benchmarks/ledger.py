"""Speed of the ledger beside plain SQLite inserts of the same bytes, in one run.

    python benchmarks/ledger.py [--events N] [--postgres URL] [--out FILE]

With the URL of an administrator of a PostgreSQL server both are measured there too, in schemas
of their own that are dropped afterwards. `one_projection` keeps one table of batches beside the
proof; `with_home_projections` keeps the tables of every home as well, three of which take up
every event of whatever kind; `without_projection` keeps none.

Plain means: the same canonical envelopes and payloads, put into one table by the same number
of callers, with the same durability (WAL, synchronous=FULL) and the same group commit, but
without tree, versions, projections or checks.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path

from goldenbatch.core.records import Body, HomeKind, NewEvent, Projection, record_type
from goldenbatch.core.site import HomeInfo
from goldenbatch.runtime.projections import core_projections
from goldenbatch.stores.ledger import Keyring, Ledger, Signer, verify_proof

HOME = HomeInfo("bench", "Bench", HomeKind.DEMONSTRATION, "bench", "UTC")
N_WRITERS, BATCH = 32, 100


@record_type
class BenchStepRecorded(Body):
    """A step of a batch record, about 250 bytes as JSON."""

    batch: str
    step: str
    parameter: str
    value: str
    equipment: str
    procedure: str
    comment: str


def _fold(event, lookup):
    body = event.body
    old = lookup((body["batch"],))
    yield {
        "batch": body["batch"],
        "n_steps": (old["n_steps"] if old else 0) + 1,
        "changed_at": event.envelope.recorded_at,
    }


PROJECTION = Projection(
    "bench_batch",
    1,
    {"batch": "TEXT", "n_steps": "INTEGER", "changed_at": "INTEGER"},
    ("batch",),
    frozenset({"BenchStepRecorded"}),
    _fold,
)


def event(stream, version):
    body = BenchStepRecorded(
        batch=stream,
        step=f"U1.P2.O{version % 9}",
        parameter="inlet air temperature",
        value=f"{60 + version % 7}.5 Cel",
        equipment="site/granulation/dryer_1",
        procedure="SOP-00317 version 12",
        comment="as in the master record; nothing unusual was seen by the operator",
    )
    return NewEvent(f"batch/{stream}", body, version, "u-7f3a", performed_at=1_700_000_000_000_000)


def open_ledger(folder, projections, url=""):
    path = folder / "key.pem"
    origin = f"goldenbatch/{HOME.uid}"
    signer = Signer.load(path, origin) if path.exists() else Signer.create(path, origin)
    keys = Keyring((signer,))
    clock = lambda: time.time_ns() // 1_000  # noqa: E731
    return Ledger.open(url or folder / "ledger.sqlite", HOME, clock, projections, keys=keys)


class Plain:
    """One table, one writer with group commit: what any application would do."""

    insert = "INSERT INTO e(envelope, body) VALUES (?,?)"
    begin = "BEGIN IMMEDIATE"

    def __init__(self, path):
        self._connection = self.connect(path)
        self._queue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def connect(self, path):
        """A connection with the table made."""
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE e(seq INTEGER PRIMARY KEY, envelope BLOB, body BLOB)")
        return connection

    def append(self, rows):
        """Insert rows, durable on return."""
        future = Future()
        self._queue.put((rows, future))
        future.result()

    def _run(self):
        while (item := self._queue.get()) is not None:
            items = [item]
            try:
                while True:
                    items.append(self._queue.get_nowait())
            except queue.Empty:
                pass
            self._connection.execute(self.begin)
            for rows, _ in items:
                self.add(rows)
            self._connection.execute("COMMIT")
            for _, future in items:
                future.set_result(None)

    def add(self, rows):
        """Insert rows in the transaction."""
        self._connection.executemany(self.insert, rows)

    def close(self):
        """Finish."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()


class PlainPostgres(Plain):
    """The same in PostgreSQL."""

    insert = "INSERT INTO e(envelope, body) VALUES (%s,%s)"
    begin = "BEGIN"

    def connect(self, path):
        """A connection with the table made anew."""
        import psycopg

        connection = psycopg.connect(path, autocommit=True)
        connection.execute("DROP TABLE IF EXISTS pg_temp.e, public.e")
        connection.execute(
            "CREATE TABLE e(seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            " envelope BYTEA, body BYTEA)"
        )
        return connection

    def add(self, rows):
        """Insert rows in the transaction."""
        with self._connection.cursor() as cursor:
            cursor.executemany(self.insert, rows)


def timed(work, n_threads=1):
    """Seconds that `work(thread number)` takes in all threads together."""
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_threads)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def ledger_rate(folder, projections, n_threads, n_calls, size, url=""):
    # Callers bring their records, as they bring their rows to the plain table.
    calls = [
        [[event(f"{n}", c * size + i) for i in range(size)] for c in range(n_calls)]
        for n in range(n_threads)
    ]
    with open_ledger(folder, projections, url) as ledger:

        def work(number):
            for events in calls[number]:
                ledger.append(events)

        return n_threads * n_calls * size / timed(work, n_threads), ledger.head()


def plain_rate(folder, rows, n_threads, n_calls, size, url=""):
    plain = PlainPostgres(url) if url else Plain(folder / "plain.sqlite")

    def work(number):
        for call in range(n_calls):
            start = (number * n_calls + call) * size
            plain.append(rows[start : start + size])

    rate = n_threads * n_calls * size / timed(work, n_threads)
    plain.close()
    return rate


def stored_rows(folder):
    connection = sqlite3.connect(folder / "ledger.sqlite")
    sql = "SELECT envelope, bytes FROM event JOIN payload USING (seq) ORDER BY seq"
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


KEPT = {
    "one_projection": [PROJECTION],
    "with_home_projections": [PROJECTION, *core_projections()],
    "without_projection": [],
}


def compare(base, name, n_threads, n_calls, size, n_rounds=5):
    """Rounds in turn with the plain table, so that a busy machine strikes all alike."""
    n_events, plains = n_threads * n_calls * size, []
    ours = {kept: [] for kept in KEPT}
    for number in range(n_rounds):
        for kept, projections in KEPT.items():
            folder = base / f"{name}{number}_{kept}"
            folder.mkdir()
            ours[kept].append(ledger_rate(folder, projections, n_threads, n_calls, size)[0])
            if len(plains) == number:
                rows = stored_rows(folder)
                plains.append(plain_rate(folder, rows, n_threads, n_calls, size))
    found = summary(n_events, ours, plains)
    found["bytes_per_event"] = round(sum(len(e) + len(b) for e, b in rows) / len(rows))
    return found


def summary(n_events, ours, plains):
    """Medians of the rounds; a ratio is the median of those of each round."""
    found = {"events": n_events, "plain_per_s": round(statistics.median(plains))}
    for kept, rates in ours.items():
        ratios = [rate / plain for rate, plain in zip(rates, plains, strict=True)]
        found[kept] = {
            "per_s": round(statistics.median(rates)),
            "ratio": round(statistics.median(ratios), 3),
            "ratio_of_bests": round(max(rates) / max(plains), 3),
        }
    return found


def compare_postgres(base, url, name, n_threads, n_calls, size, n_rounds=3):
    """The same on a PostgreSQL server, with the rows of a ledger in a file."""
    import psycopg

    from goldenbatch.stores.ledger import install_postgres

    sign = "&" if "?" in url else "?"
    ours, plains = {kept: [] for kept in KEPT if kept != "without_projection"}, []
    folder = base / f"postgres_{name}"
    folder.mkdir()
    ledger_rate(folder, [PROJECTION], n_threads, n_calls, size)
    rows = stored_rows(folder)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        role = connection.execute("SELECT current_user").fetchone()[0]
        for number in range(n_rounds):
            plains.append(plain_rate(folder, rows, n_threads, n_calls, size, url))
            connection.execute("DROP TABLE e")
            for kept, rates in ours.items():
                schema = f"bench_{os.getpid()}_{name}{number}"
                place = f"{url}{sign}schema={schema}"
                install_postgres(place, role)
                made = ledger_rate(folder, KEPT[kept], n_threads, n_calls, size, place)
                rates.append(made[0])
                connection.execute(f"DROP SCHEMA {schema} CASCADE")
    return summary(n_threads * n_calls * size, ours, plains)


def proofs(base, n_events):
    """Time of proofs and of full verification on a ledger of `n_events`."""
    folder = base / "large"
    folder.mkdir()
    with open_ledger(folder, [PROJECTION]) as ledger:
        start, size = time.perf_counter(), 1_000
        for call in range(n_events // size):
            ledger.append([event(str(call % 50), call // 50 * size + i) for i in range(size)])
        loaded_s = time.perf_counter() - start
        ledger.checkpoint()
        head, n = ledger.head(), 2_000
        seqs = [1 + i * 7919 % head for i in range(n)]
        start = time.perf_counter()
        made = [ledger.proof(seq) for seq in seqs]
        proof_s = (time.perf_counter() - start) / n
        envelopes = {e.seq: e.envelope for s in seqs[:200] for e in ledger.events(s - 1, s)}
        key = ledger.keys.known()[0]
        start = time.perf_counter()
        for proof, seq in zip(made[:200], seqs, strict=False):
            verify_proof(proof, envelopes[seq], key)
        check_s = (time.perf_counter() - start) / 200
        start = time.perf_counter()
        problems = ledger.verify()
        verify_s = time.perf_counter() - start
    size_bytes = (folder / "ledger.sqlite").stat().st_size
    if problems:
        sys.exit(f"the ledger does not verify: {problems[0]}")
    return {
        "events": head,
        "load_per_s": round(head / loaded_s),
        "proof_ms": round(proof_s * 1e3, 4),
        "proof_check_ms": round(check_s * 1e3, 4),
        "proof_hashes": max(len(proof.hashes) for proof in made),
        "verify_s": round(verify_s, 2),
        "verify_events_per_s": round(head / verify_s),
        "bytes_per_event_on_disk": round(size_bytes / head),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--postgres", default=os.environ.get("GOLDENBATCH_POSTGRES", ""))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("GOLDENBATCH_BENCH_DIR")) as name:
        base = Path(name)
        result = {
            "benchmark": "ledger",
            "single_appends_32_writers": compare(base, "single", N_WRITERS, 100, 1),
            "batches_of_100": compare(base, "batch", 1, 60, BATCH),
            "proofs": proofs(base, options.events),
        }
        if options.postgres:
            result["postgres"] = {
                "single_appends_32_writers": compare_postgres(
                    base, options.postgres, "single", N_WRITERS, 60, 1
                ),
                "batches_of_100": compare_postgres(base, options.postgres, "batch", 1, 60, BATCH),
            }
    text = json.dumps(result, indent=2)
    if options.out:
        options.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
