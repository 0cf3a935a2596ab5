"""Checks of the qualification: the trail is whole, tells alterations, and can be given away."""

from __future__ import annotations

import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from goldenbatch.core.batches import BatchCorrected, BatchEnded
from goldenbatch.core.config import NOT_FOR_GMP, banner
from goldenbatch.core.errors import DeniedError, GoldenbatchError, VersionConflictError
from goldenbatch.core.records import HomeKind, NewEvent
from goldenbatch.runtime._oq_bench import (
    Bench,
    batch,
    expect,
    record,
    refused,
)
from goldenbatch.runtime._oq_database import FORBIDDEN
from goldenbatch.runtime.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

HOUR_US = 3_600_000_000


def altered_record_named(bench: Bench) -> str:
    """One byte of a stored record is changed past all guards; verification names the event."""
    path = bench.home()
    with bench.site(path) as site:
        stream = batch(bench, site)
        seq = site.ledger.stream(stream)[0].seq
        site.flush()
    expect(verify(path).is_ok, "an unchanged home does not verify.")
    with bench.unguarded(path) as connection:
        (body,) = connection.execute("SELECT bytes FROM payload WHERE seq = ?", (seq,)).fetchone()
        altered = body.replace(b"OQ-1", b"OQ-2", 1)
        connection.execute("UPDATE payload SET bytes = ? WHERE seq = ?", (altered, seq))
    found = [one for one in verify(path).problems if not one.is_note]
    expect(any(f"seq={seq}" in one.where for one in found), f"event {seq} was not named.")
    return f"event {seq}: {found[0].message}"


def deleted_tail_named(bench: Bench) -> str:
    """The newest event is deleted past all guards; verification says that it is missing."""
    path = bench.home()
    with bench.site(path) as site:
        batch(bench, site)
        site.flush()
        head = site.ledger.head()
    with bench.unguarded(path) as connection:
        connection.execute("DELETE FROM event WHERE seq = ?", (head,))
        connection.execute("DELETE FROM payload WHERE seq = ?", (head,))
    report = verify(path)
    expect(not report.is_ok, f"the loss of event {head} was not found.")
    return f"event {head}: {next(one for one in report.problems if not one.is_note).message}"


def ledger_only_adds(bench: Bench) -> str:
    """UPDATE and DELETE of events are refused by the database itself."""
    path = bench.home()
    if bench.scratch is not None:
        words = bench.scratch.refusals(path)
        n_tried = 2 * len(FORBIDDEN) - 2
        expect(len(words) == n_tried, f"only {len(words)} of {n_tried} changes were refused.")
        return "; ".join(words)
    with closing(sqlite3.connect(path / "ledger" / "ledger.sqlite")) as connection, connection:
        words = []
        for sql in ("UPDATE event SET stream = 'x/y'", "DELETE FROM event"):
            try:
                connection.execute(sql)
            except sqlite3.DatabaseError as error:
                words.append(str(error))
    connection.close()
    expect(len(words) == 2, "a change of the ledger's file was not refused.")
    return "; ".join(words)


def concurrent_append_one_wins(bench: Bench) -> str:
    """Eight writers append the same version of a record: one wins, seven are told."""
    with bench.site() as site:
        stream = batch(bench, site)
        body = BatchEnded(batch="OQ-1", ended_at=bench.clock(), outcome="completed")

        def write(number: int) -> bool:
            try:
                site.ledger.append([NewEvent(stream, body, 1, actor=f"writer-{number}")])
            except VersionConflictError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = sum(pool.map(write, range(8)))
        expect(won == 1, f"{won} of 8 writers wrote the same version.")
        expect(site.ledger.version(stream) == 2, "the record has not two versions.")
        return f"1 of 8 won; {stream} is at version 2"


def old_value_and_reason_kept(bench: Bench) -> str:
    """A correction shows the old value, the new one, who, when and why; the first entry stays."""
    from goldenbatch.core.audit import TrailFilter
    from goldenbatch.runtime.audit import Trail

    with bench.site() as site:
        stream = batch(bench, site, product="OLD")
        actor = bench.person(site, "performer").uid
        change = {"batch": "OQ-1", "field": "product", "old": "OLD", "new": "NEW"}
        record(site, stream, BatchCorrected(**change, reason="slip of the pen"), actor)
        page = Trail(site).page(TrailFilter(streams=(stream,)))
        line = page.lines[-1].as_json()
        shown = json.dumps(line)
        for word in ("OLD", "NEW", "slip of the pen", "Performer"):
            expect(word in shown, f"the trail does not show {word!r}.")
        expect(line["act"] == "corrected", "the trail does not call it a correction.")
        first = site.ledger.stream(stream)[0]
        expect((first.body or {}).get("product") == "OLD", "the first entry is gone.")
        return f"events {first.seq} and {line['seq']}: product OLD -> NEW, slip of the pen"


def late_entry_marked(bench: Bench) -> str:
    """An entry long after the act bears the server's time, and is marked as late."""
    from goldenbatch.core.audit import TrailFilter
    from goldenbatch.runtime.audit import Trail

    with bench.site() as site:
        stream = batch(bench, site)
        actor = bench.person(site, "performer").uid
        then = bench.clock() - HOUR_US
        ended = BatchEnded(batch="OQ-1", ended_at=then, outcome="completed")
        event = record(site, stream, ended, actor, then)
        gap = event.envelope.recorded_at - then
        expect(gap >= HOUR_US, "the server's time is not that of the entry.")
        late = Trail(site).page(TrailFilter(streams=(stream,), is_late=True)).lines
        expect(len(late) == 1, "the trail does not mark the late entry.")
        return f"event {event.seq}: recorded {gap // 1_000_000} s after the act, marked late"


def clock_never_goes_back(bench: Bench) -> str:
    """The clock is set back by an hour: times of records do not go back, and it is told."""
    with bench.site() as site:
        stream = batch(bench, site)
        before = site.ledger.stream(stream)[-1].envelope.recorded_at
        bench.clock.ahead_us = -HOUR_US
        second = batch(bench, site, "OQ-2")
        after = site.ledger.stream(second)[-1].envelope.recorded_at
        bench.clock.ahead_us = 0
        expect(after >= before, "the time of a record went back.")
        expect(site.ledger.clock_behind_us >= HOUR_US // 2, "the clock's fault was not told.")
        return f"set back 3600 s; reported behind by {site.ledger.clock_behind_us // 1_000_000} s"


def projections_equal_events(bench: Bench) -> str:
    """All tables for lists are folded anew from the events, and equal row by row."""
    with bench.site() as site:
        stream = batch(bench, site)
        bench.sign(site, stream, "performed", "performer")
        found = [one for one in site.ledger.check_projections() if not one.is_note]
        expect(not found, f"{len(found)} differences, first {found[:1]}.")
        rebuilt = site.ledger.rebuild("batch")
        expect(rebuilt == 1, "the list of batches was not rebuilt.")
        return f"{len(site.ledger.projections())} tables equal the events"


def copy_verifies_outside(bench: Bench) -> str:
    """A copy of a record verifies without the home; changed by one letter it does not."""
    from goldenbatch.runtime.proofs import check_proof_file

    with bench.site() as site:
        stream = batch(bench, site)
        bench.sign(site, stream, "performed", "performer")
        bundle = site.ledger.proof_bundle([one.seq for one in site.ledger.stream(stream)])
        key = str(site.keys.signers[0].verifier)
    file = bench.folder / "copy.json"
    file.write_text(json.dumps(bundle), encoding="utf-8")
    report = check_proof_file(file, key)
    expect(report.is_ok and report.n_events == 2, f"the copy does not verify: {report.problems}.")
    first = bundle["events"][0]
    first["body"] = first["body"].replace("OQ-1", "OQ-2", 1)
    file.write_text(json.dumps(bundle), encoding="utf-8")
    try:
        is_taken = check_proof_file(file, key).is_ok
    except GoldenbatchError:
        is_taken = False
    expect(not is_taken, "an altered copy was taken for sound.")
    return f"2 events under the checkpoint of {report.tree_size}; the altered copy was refused"


def forged_checkpoint_refused(bench: Bench) -> str:
    """A checkpoint signed by another key than the home's is refused."""
    from goldenbatch.stores.ledger import ProofError, Signer
    from goldenbatch.stores.ledger.notes import checkpoint_note, parse_checkpoint

    with bench.site() as site:
        own = site.keys.signers[0]
        true = site.ledger.checkpoint()
    other = Signer.create(bench.folder / f"forger-{bench.n_homes}.pem", own.verifier.name)
    false = checkpoint_note(true.origin, true.size, b"\0" * 32, [other])
    parse_checkpoint(true.note, [own.verifier])
    return refused(
        "a forged checkpoint", lambda: parse_checkpoint(false.note, [own.verifier]), ProofError
    )


def trail_can_be_searched_and_copied(bench: Bench) -> str:
    """The trail is searched by person and text, and written as PDF, JSON Lines and CSV."""
    from goldenbatch.capabilities.execution import write_trail
    from goldenbatch.core.audit import TrailFilter
    from goldenbatch.runtime.audit import Trail

    with bench.site() as site:
        stream = batch(bench, site)
        wanted = TrailFilter(actor=bench.person(site, "performer").uid, text="oq-1")
        page = Trail(site).page(wanted, limit=None)
        expect([one.entry.event.stream for one in page.lines] == [stream], "search is wrong.")
        written = write_trail(site, page.as_json(), bench.folder / f"trail-{bench.n_homes}")
    missing = {"pdf", "html", "jsonl", "csv", "proof"} - written.keys()
    expect(not missing, f"no copy as {', '.join(sorted(missing))}.")
    return f"1 entry found; copies: {', '.join(sorted(written))}"


def trail_review_needs_showing(bench: Bench) -> str:
    """A review of the trail is refused to whom it was not shown, and taken once it was."""
    from goldenbatch.core.audit import TrailFilter
    from goldenbatch.runtime.audit import Trail, review_stream

    with bench.site() as site:
        wanted = TrailFilter(streams=(batch(bench, site),))
        trail, stream = Trail(site), review_stream(wanted)

        def review(login: str) -> object:
            return trail.review(stream, 1, login, bench.entry, "nothing found")

        words = refused("a review of what was not shown", lambda: review("approver"),
                        GoldenbatchError)  # fmt: skip
        trail.open(wanted, bench.person(site, "approver").uid)
        refused("a review by another person", lambda: review("verifier"), GoldenbatchError)
        review("approver")
        return f"before the showing: {words}"


def configuration_is_recorded(bench: Bench) -> str:
    """A change of the plant's data is an event with version and digest; without one, refused."""
    from goldenbatch.core.plant import PLANT_STREAM
    from goldenbatch.runtime._oq_bench import PLANT

    with bench.site() as site:
        changed = PLANT.replace('"95.0"', '"96.0"')
        words = refused(
            "a changed plant under the old version",
            lambda: site.adopt_plant(changed),
            GoldenbatchError,
        )
        site.adopt_plant(changed.replace('version = "1"', 'version = "2"'))
        event = site.ledger.stream(PLANT_STREAM)[-1]
        expect(event.envelope.version == 2, "the change of the plant is no event.")
        return f"event {event.seq}, digest {(event.body or {})['digest'][:16]}; {words}"


def home_kind_is_shown(bench: Bench) -> str:
    """Every home that is not for production says so, and its kind cannot be edited."""
    expect(NOT_FOR_GMP in banner(HomeKind.VALIDATION), "the kind of the home is not shown.")
    path = bench.home()
    file = path / "home.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"validation"', '"production"'), encoding="utf-8")
    words = refused("another kind of home", lambda: _open(bench, path), GoldenbatchError)
    shutil.rmtree(path)
    return words


def _open(bench: Bench, path: Path) -> None:
    with bench.site(path):
        pass


def record_has_no_gap(bench: Bench) -> str:
    """An entry that skips a version of its record is refused: nothing goes before its time."""
    with bench.site() as site:
        stream = batch(bench, site)
        body = BatchEnded(batch="OQ-1", ended_at=bench.clock(), outcome="completed")
        return refused(
            "a gap in a record",
            lambda: site.ledger.append([NewEvent(stream, body, 5, actor="x")]),
            VersionConflictError, DeniedError,
        )  # fmt: skip
