"""Checks of the qualification: what outsiders hold in their hands, and what they can tell by it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goldenbatch.core.batches import BatchCreated, BatchEnded
from goldenbatch.core.config import CheckpointSettings
from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.runtime._oq_bench import (
    Bench,
    CheckFailedError,
    NotApplicableError,
    NotRunError,
    batch,
    expect,
    record,
    refused,
)
from goldenbatch.runtime.archive import VERIFIER, archive, check_archive
from goldenbatch.runtime.archive import check_archive as check_sums
from goldenbatch.runtime.export import ExportSettings, export
from goldenbatch.runtime.verify import verify

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

MOST_EVENTS: Final = 20_000
"""How many of the newest events of a large home are exported to be verified."""

MOST_READINGS: Final = 1_000_000
TIMEOUT_S: Final = 600
SECRET: Final = "a name that must go"  # noqa: S105  no secret of anybody's


def verifier_text() -> str:
    """The verifier as it is handed to outsiders."""
    return (files("goldenbatch.verifier") / VERIFIER).read_text("utf-8")


def verified_outside(folder: Path, subject: Path, key: str) -> tuple[bool, list[str]]:
    """What the verifier says of an export, run by itself: it can import nothing of the platform.

    Args:
        folder: Where the verifier is laid.
        subject: The export.
        key: Public key of the home.
    """
    program = folder / VERIFIER
    program.write_text(verifier_text(), encoding="utf-8")
    command = [sys.executable, "-I", str(program), str(subject), "--key", key]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if done.returncode not in (0, 1) or not lines:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CheckFailedError(f"the verifier did not run: {said[-1:] or lines[-1:]}.")
    return done.returncode == 0, lines


def _altered(export_folder: Path) -> int:
    """Change one letter in the content of the newest event that has any, as a forger would."""
    path = export_folder / "events.jsonl"
    lines = path.read_text("utf-8").splitlines()
    for number in range(len(lines) - 1, -1, -1):
        entry = json.loads(lines[number])
        if entry["body"] and len(entry["body"]) > 2:
            body = entry["body"]
            place = next(n for n in range(len(body) - 1, -1, -1) if body[n].isalnum())
            letter = "7" if body[place] != "7" else "8"
            entry["body"] = f"{body[:place]}{letter}{body[place + 1 :]}"
            lines[number] = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            return int(entry["seq"])
    raise NotRunError("no event of the export has a content that could be altered.")


def _both_ways(folder: Path, made: Path, key: str) -> str:
    """The verifier takes an export, and names the event that was altered in it."""
    is_ok, lines = verified_outside(folder, made, key)
    expect(is_ok, f"the verifier does not take the export: {lines[-2:]}.")
    seq = _altered(made)
    is_taken, said = verified_outside(folder, made, key)
    expect(not is_taken, "the verifier takes an export that was altered.")
    expect(
        any(one.startswith(f"WRONG: Event {seq}:") for one in said),
        f"the verifier does not name event {seq}, which was altered: {said[-3:]}.",
    )
    return f"{lines[0]} Event {seq} altered: {said[-1]}"


def export_verifies_by_the_verifier_alone(bench: Bench) -> str:
    """An export verifies by the verifier file alone, which names one letter that was altered."""
    path, out = bench.home(), bench.folder / f"export-{bench.n_homes}"
    with bench.site(path) as site:
        bench.sign(site, batch(bench, site), "performed", "performer")
        key = str(site.keys.signers[0].verifier)
    export(path, out, ExportSettings())
    return _both_ways(bench.folder, out, key)


def this_home_verifies_by_the_verifier_alone(bench: Bench) -> str:
    """An export of this home itself verifies by the verifier alone; an altered one does not."""
    site = bench.home_site
    if site is None:
        raise NotRunError("no home is open besides the scratch homes.")
    site.ledger.checkpoint()
    head = site.ledger.head()
    chunks = site.ledger.events(kinds={"ChunkClosed"})
    n_readings = sum(int((one.body or {}).get("n_readings", 0)) for one in chunks)
    since, has_chunks = max(0, head - MOST_EVENTS), n_readings <= MOST_READINGS
    out = bench.folder / "export-of-home"
    try:
        done = export(site.path, out, ExportSettings(since=since, has_chunks=has_chunks))
        words = _both_ways(bench.folder, out, str(site.keys.signers[0].verifier))
    finally:
        shutil.rmtree(out, ignore_errors=True)
    left = "" if has_chunks else f"; {n_readings} readings were left out"
    return f"{done.n_events} of {head} events{left}. {words}"


def rewritten_history_refused_by_witness(bench: Bench) -> str:
    """A witness signs what adds to what it has seen, and refuses a history that was rewritten."""
    from goldenbatch.runtime.witness import (
        WitnessRefusedError,
        cosign,
        init_witness,
        keep_response,
        make_request,
    )

    home, folder = bench.home(), bench.folder / f"witness-{bench.n_homes}"
    with _kept(bench, home) as site:
        batch(bench, site)
        origin, key = site.ledger.origin, str(site.keys.signers[0].verifier)
    fork = bench.folder / f"fork-{bench.n_homes}"
    bench.copy(home, fork)
    with _kept(bench, home) as site:
        batch(bench, site, "OQ-2")
    public = str(init_witness(folder, "qualification.witness"))
    answer = cosign(folder, make_request(home), origin=origin, key=key)
    with _kept(bench, home) as site:
        seen = keep_response(site, answer, public).size
        batch(bench, site, "OQ-3")
    added = cosign(folder, make_request(home), origin=origin)
    with _kept(bench, home) as site:
        newest = keep_response(site, added).size
    expect(newest > seen, "the witness did not sign what was added.")
    with _kept(bench, fork) as site:
        while site.ledger.head() <= newest:
            batch(bench, site, f"FALSE-{site.ledger.head()}")
            site.ledger.checkpoint()
    request = make_request(fork, since=newest)
    words = refused(
        "a rewritten history", lambda: cosign(folder, request, origin=origin), WitnessRefusedError
    )
    return f"signed up to event {newest}; another history: {words}"


@contextmanager
def _kept(bench: Bench, path: Path) -> Iterator[LocalSite]:
    """A scratch home that is opened again, and has a checkpoint when it is closed."""
    with bench.site(path) as site:
        yield site
        site.ledger.checkpoint()


def checkpoints_come_by_themselves(bench: Bench) -> str:
    """The head of the tree is signed after so many events, and after so much time, by itself."""
    from goldenbatch.runtime.checkpoints import Checkpointer

    seconds = [0.0]
    settings = CheckpointSettings(n_events=3, interval_s=60)
    with bench.site() as site:
        site.ledger.checkpoint()
        Checkpointer(site.ledger, settings, timer=lambda: seconds[0])

        def sizes() -> int:
            return max(one.size for one in site.ledger.checkpoints())

        before = site.ledger.head()
        batch(bench, site, "OQ-1")
        batch(bench, site, "OQ-2")
        expect(sizes() == before, "it was signed before its time.")
        batch(bench, site, "OQ-3")
        expect(sizes() == before + 3, "it was not signed after the third event.")
        batch(bench, site, "OQ-4")
        seconds[0] += settings.interval_s
        batch(bench, site, "OQ-5")
        expect(sizes() == before + 5, "it was not signed after its time.")
        signed = before + 5
        site.ledger.on_append = site.checkpointer.appended
    own = bench.home_site.settings.checkpoints if bench.home_site else CheckpointSettings()
    return (
        f"signed up to events {before + 3} and {signed}; this home signs after {own.n_events} "
        f"events or {own.interval_s} s"
    )


def erasure_takes_two_and_keeps_the_proof(bench: Bench) -> str:
    """What must be erased goes by the word of two people; that it stood there stays provable."""
    from goldenbatch.stores.ledger import Erasure

    path = bench.home()
    with bench.site(path) as site:
        asks, agrees = (bench.person(site, one).uid for one in ("admin", "approver"))
        body = BatchCreated(batch="OQ-1", product="OQ", attributes={"patient": SECRET})
        event = record(site, "batch/OQ-1", body, asks)
        erasures = {two: Erasure(event.seq, "qualification", asks, two) for two in (asks, agrees)}
        words = refused(
            "an erasure by one person", lambda: site.ledger.erase(erasures[asks]), BadInputError
        )
        said = site.ledger.erase(erasures[agrees])
        (left,) = site.ledger.stream("batch/OQ-1")
        expect(left.body is None, "the content can still be read.")
        expect(left.leaf == event.leaf, "its place in the proof has changed.")
        site.flush()
    found = [one.name for one in path.rglob("*") if one.is_file()
             and SECRET.encode() in one.read_bytes()]  # fmt: skip
    expect(not found, f"what was erased still stands in {', '.join(found)}.")
    problems = [one for one in verify(path).problems if not one.is_note]
    # This one was recorded by hand: the proof holds, and that nobody signed a deletion is said.
    named = [one for one in problems if "no deletion that two people signed" in one.message]
    expect(problems == named, f"the home does not verify after it: {problems[:1]}.")
    expect(len(named) == 1, "an erasure outside of a signed deletion is not named.")
    return f"event {event.seq} erased, event {said.seq} says why; one person alone: {words}"


def archive_reads_without_the_platform(bench: Bench) -> str:
    """The archive of a batch holds all for people and machines, and names what was altered."""
    out = bench.folder / f"archive-{bench.n_homes + 1}"
    with bench.site() as site:
        stream = batch(bench, site, started_at=bench.clock())
        uid = bench.person(site, "performer").uid
        ended = BatchEnded(batch="OQ-1", ended_at=bench.clock(), outcome="completed")
        record(site, stream, ended, uid)
        bench.sign(site, stream, "performed", "performer")
        done = archive(site, "OQ-1", out)
        key = str(site.keys.signers[0].verifier)
    expect(not check_archive(out), f"a fresh archive is not as written: {check_archive(out)[:1]}.")
    wanted = {"README.txt", "records.json", "results.csv", "readings.csv", VERIFIER, "SHA256SUMS"}
    missing = wanted - {one.name for one in out.iterdir()}
    expect(not missing, f"it lacks {', '.join(sorted(missing))}.")
    expect(list(out.glob("dossier/*.pdf")), "it holds no PDF for people.")
    is_ok, lines = verified_outside(bench.folder, out / "export", key)
    expect(is_ok, f"the verifier does not take it: {lines[-2:]}.")
    file = out / "records.json"
    file.write_text(file.read_text("utf-8").replace("OQ-1", "OQ-9", 1), encoding="utf-8")
    named = check_archive(out)
    expect(any("records.json" in one for one in named), "a file that was altered is not named.")
    return f"{done.n_files} files, {done.n_events} events; {lines[-1]} Altered: {named[0]}"


def inspectors_copy_verifies_alone(bench: Bench) -> str:
    """A copy to take away is checked by itself, names what was altered, and is on record."""
    from goldenbatch.runtime.inspection import CopyScope, copies, take_copy

    out = bench.folder / f"copy-{bench.n_homes + 1}"
    with bench.site() as site:
        bench.sign(site, batch(bench, site), "performed", "performer")
        who = bench.person(site, "approver")
        made = take_copy(site, who, out, CopyScope(), recipient="An Inspector", reason="OQ")
        key = str(site.keys.signers[0].verifier)
        told = copies(site)[0]
    expect(not check_sums(out), f"a fresh copy is not as written: {check_sums(out)[:1]}.")
    wanted = {"README.txt", VERIFIER, "public_keys.txt", "SHA256SUMS"}
    missing = wanted - {one.name for one in out.iterdir()}
    expect(not missing, f"it lacks {', '.join(sorted(missing))}.")
    expect(list(out.glob("trail/*.pdf")), "it holds no print of the trail.")
    shown = (told["recipient"], told["handed_by"], told["sums_digest"])
    expect(
        shown == ("An Inspector", who.uid, digest_of(out / "SHA256SUMS")),
        f"the record of the copy says {shown}.",
    )
    words = _both_ways(out, out / "export", key)
    named = check_sums(out)
    expect(any("events.jsonl" in one for one in named), "the list of digests names no change.")
    return f"event {made.event.seq}; {words}"


def damaged_backup_named(bench: Bench) -> str:
    """A backup with one byte changed is not restored, and the drill says what is wrong."""
    from goldenbatch.runtime import backup as backups

    with bench.site() as site:
        batch(bench, site)
        folder = bench.folder / f"backup-{bench.n_homes}"
        folder.mkdir()
        backups.backup(site, folder)
        largest = max((one for one in folder.rglob("*") if one.is_file()), key=_size)
        largest.chmod(0o600)
        data = bytearray(largest.read_bytes())
        data[len(data) // 2] ^= 1
        largest.write_bytes(bytes(data))
        try:
            found = backups.drill(site, folder)
        except IntegrityError as error:
            return f"refused: {error.message}"
    expect(not found.is_ok, "a backup that was damaged passes the drill.")
    return f"the drill says: {found.problems[0]}"


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size


def database_only_adds(bench: Bench) -> str:
    """Where the ledger lies in PostgreSQL, its role cannot change, delete or unguard records."""
    site = bench.home_site
    url = site.settings.ledger.url if site is not None else ""
    if not url:
        raise NotApplicableError("the ledger of this home lies in a file, not in PostgreSQL.")
    return _only_adds(url)


_FORBIDDEN: Final = (
    "UPDATE event SET stream = stream",
    "DELETE FROM event",
    "TRUNCATE event",
    "UPDATE payload SET bytes = NULL",
    "DELETE FROM node",
    "UPDATE checkpoint SET note = note",
    "ALTER TABLE event DISABLE TRIGGER ALL",
    "DROP TRIGGER event_no_change ON event",
)


def _only_adds(url: str) -> str:
    """Try, in transactions that are rolled back, what the role must not be able to do."""
    from goldenbatch.stores.ledger._postgres_url import driver, split_url

    psycopg = driver()
    clean, schema = split_url(url)
    refusals = (psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException)
    with psycopg.connect(clean, autocommit=True) as connection:
        connection.execute(f'SET search_path = "{schema}"')
        connection.execute("SET lock_timeout = '5s'")
        taken = []
        for sql in _FORBIDDEN:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(sql)
            except refusals:
                continue
            taken.append(sql)
        expect(not taken, f"the role of this home was allowed: {'; '.join(taken)}.")
        version, fsync, role, is_super = connection.execute(
            "SELECT current_setting('server_version'), current_setting('fsync'),"
            " current_user::text, rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    expect(fsync == "on", "the server runs with fsync off: it may lose acknowledged records.")
    expect(not is_super, f"the role {role} is a superuser.")
    return f"PostgreSQL {version}, role {role}: {len(_FORBIDDEN)} forbidden statements refused"
