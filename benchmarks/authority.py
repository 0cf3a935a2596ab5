"""CPU time of one decision, and of a list of all that somebody may sign, of many records.

`python -m benchmarks.authority [--records 100000]` prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import sys
import time

from goldenbatch.core.access import Accountable, IdentityKnown, InWindow, RightsReviewed, Standing
from goldenbatch.core.authority import first_policy, may
from goldenbatch.core.facts import Calibrated, RecordFacts, account_facts
from goldenbatch.core.people import UserState
from goldenbatch.core.record_links import PROJECTIONS
from goldenbatch.core.selection import selection
from goldenbatch.core.site import Actor
from goldenbatch.core.training import Trained
from goldenbatch.core.visibility import stream_sql

POLICY = first_policy()


def facts() -> dict:
    """All facts that the first policy asks for, of one person trained on 200 procedures."""
    users = {"u": UserState("u", "u", "u", (("quality_reviewer", 2),))}
    standings = {"u": Standing("u", "user/u@3", "user/u@4")}
    procedures = [
        {"procedure": f"P{n}", "issued": 1, "version": "1", "effective_from": 0,
         "approved_by": "q", "is_withdrawn": 0}
        for n in range(200)
    ]  # fmt: skip
    trainings = [
        {"uid": "u", "procedure": f"P{n}", "version": "1", "completed_at": 0, "expires_at": None,
         "stream_version": n}
        for n in range(200)
    ]  # fmt: skip
    more = (
        Trained.of(procedures, trainings), IdentityKnown(standings), Accountable(standings),
        InWindow(POLICY, standings), RightsReviewed(POLICY, 0),
        Calibrated({"mill": "late"}),
    )  # fmt: skip
    return {**account_facts(users), **{one.name: one for one in more}}


def database(n_records: int) -> sqlite3.Connection:
    """Batches, each with three people, one procedure and one place; every tenth approved."""
    made = sqlite3.connect(":memory:")
    for projection in PROJECTIONS:
        names = ", ".join(projection.columns)
        made.execute(
            f"CREATE TABLE p_{projection.name}({names}, PRIMARY KEY({', '.join(projection.key)}))"
        )
        for number, index in enumerate(projection.indexes):
            made.execute(
                f"CREATE INDEX i_{projection.name}_{number} ON p_{projection.name}"
                f"({', '.join(index)})"
            )
    made.execute("CREATE TABLE p_batch(batch TEXT PRIMARY KEY)")
    for n in range(n_records):
        stream = f"batch/{n}"
        made.execute("INSERT INTO p_batch VALUES(?)", (str(n),))
        links = [("by:BatchCreated", f"w{n % 50}"), ("by:PhaseStarted", "u" if n % 7 == 0 else "v"),
                 ("sign:verified", "u" if n % 11 == 0 else "x"), ("cites", f"P{n % 250}"),
                 ("equipment", "mill" if n % 13 == 0 else "tank")]  # fmt: skip
        made.executemany(
            "INSERT INTO p_record_link VALUES(?, ?, ?)", [(stream, *one) for one in links]
        )
        if n % 10 == 0:
            made.execute(
                "INSERT INTO p_record_state VALUES(?, 'approved', 1, 1, '{}', '', '')", (stream,)
            )
    return made


def lists_ms(n_records: int) -> dict:
    """CPU time of the list of all records that a reviewer may sign."""
    known, actor = facts(), Actor("u", frozenset({"quality_reviewer"}))
    made = database(n_records)
    lists = []
    for _ in range(9):
        start = time.process_time()
        found = selection(POLICY, actor, "sign:reviewed", known, 1).clause
        where = found.on(stream_sql("batch"))
        sql = f"SELECT count(*) FROM p_batch WHERE {where.sql}"
        n_found = made.execute(sql, where.parameters).fetchone()[0]
        lists.append(time.process_time() - start)
    return {"median": statistics.median(lists) * 1e3, "n_records": n_records, "n_found": n_found}


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=100_000)
    given = parser.parse_args(arguments)
    known, actor = facts(), Actor("u", frozenset({"quality_reviewer"}))
    record = RecordFacts("batch/1", 9, cites=frozenset({"P1", "P2"}), equipment=frozenset({"tank"}))
    one = []
    for _ in range(2000):
        start = time.process_time()
        may(POLICY, actor, "sign:reviewed", record, known, 1)
        one.append(time.process_time() - start)
    answer = {
        "may_ms": {"median": statistics.median(one) * 1e3, "p99": sorted(one)[1980] * 1e3},
        "list_ms": lists_ms(given.records),
    }  # fmt: skip
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
