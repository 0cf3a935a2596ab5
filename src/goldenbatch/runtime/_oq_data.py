"""Checks of the qualification: what comes in, what is worked out from it, what can be restored."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from goldenbatch.core.analyst import AnalystAdopted
from goldenbatch.core.batches import BatchEnded, SampleTaken
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.intake import FileImported, RowsQuarantined
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultKind, ResultsReported
from goldenbatch.runtime._oq_bench import TAG, Bench, NotRunError, batch, expect, record, refused

if TYPE_CHECKING:
    from pathlib import Path

    from goldenbatch.connectors.tabular.importing import ImportReport
    from goldenbatch.runtime.local import LocalSite

CARD = f"""name = "oq"

[[table]]
name = "log"
files = ["log.csv"]
time = {{ column = "time", zone = "UTC" }}

[[table.tag]]
column = "temperature"
tag = "{TAG}"
unit = "Cel"
"""
LOG = "time,temperature\n2024-01-01T00:00:00,20.1\n2024-01-01T00:01:00,20.2\nyesterday,20.3\n"
CHARTS = {"attributes": ["assay"], "n_reference": 10, "sigma": "overall",
          "rules": ["nelson-1"], "autocorrelation": "ignore"}  # fmt: skip
N_BATCHES = 14


def _imported(bench: Bench, site: LocalSite, text: str = LOG) -> tuple[Path, ImportReport]:
    from goldenbatch.connectors.tabular import import_card, load_card

    folder = bench.folder / f"files-{bench.n_homes}"
    folder.mkdir(exist_ok=True)
    (folder / "log.csv").write_text(text, encoding="utf-8")
    (folder / "oq.toml").write_text(CARD, encoding="utf-8")
    return folder, import_card(site, load_card(folder / "oq.toml"), folder)


def quarantine_accounts_for_all_rows(bench: Bench) -> str:
    """Each row of a file is taken or refused with its reason and its text; none is lost."""
    with bench.site() as site:
        _, report = _imported(bench, site)
        n_rows, n_rejected = report.total("n_rows"), report.total("n_rejected")
        n_taken = report.total("n_accepted") + report.total("n_unchanged")
        expect((n_rows, n_taken, n_rejected) == (3, 2, 1), "rows are missing in the account.")
        kept = list(site.ledger.events(kinds={RowsQuarantined.kind}))
        expect(kept, "the refused row is no event.")
        text = site.registry.get(str((kept[0].body or {})["artefact"])).decode()
        expect("yesterday" in text, "the text of the refused row is not kept.")
        return f"3 rows: 2 taken, 1 in quarantine by event {kept[0].seq}"


def original_file_kept(bench: Bench) -> str:
    """The file that was imported is kept as it came, under its digest."""
    with bench.site() as site:
        _imported(bench, site)
        (event,) = site.ledger.events(kinds={FileImported.kind})
        digest = str((event.body or {})["digest"])
        content = site.registry.get(digest)
        expect(content == LOG.encode(), "the kept file is not the one that was imported.")
        expect(hashlib.sha256(content).hexdigest() == digest, "its digest is another.")
        return f"event {event.seq}, SHA-256 {digest}"


def import_again_adds_nothing(bench: Bench) -> str:
    """The same file again adds no reading and no record."""
    with bench.site() as site:
        _imported(bench, site)
        before = site.historian.head()
        _, report = _imported(bench, site)
        expect(site.historian.head() == before, "readings were doubled.")
        expect(report.total("n_readings") == 0, "readings were counted again.")
        return f"historian stays at frame {before}"


def changed_reading_is_a_conflict(bench: Bench) -> str:
    """A file that contradicts what is recorded changes nothing and is shown as a conflict."""
    with bench.site() as site:
        _imported(bench, site)
        before = site.historian.digest(TAG, (0, 2**60))
        _, report = _imported(bench, site, LOG.replace("20.2", "99.9"))
        expect(site.historian.digest(TAG, (0, 2**60)) == before, "a reading was overwritten.")
        expect(report.total("n_conflicts") >= 1, "the contradiction was not told.")
        return f"{report.total('n_conflicts')} conflict; digest of the readings {before[0][:16]}"


def impossible_value_refused(bench: Bench) -> str:
    """A result that says it is a number and is none is refused; a sound one is taken."""
    words = refused("a result of no number", lambda: _result_of("abc"), BadInputError)
    expect(_result_of("99.60").value == "99.60", "a sound result lost its digits.")
    return words


def _result_of(value: str) -> Result:
    from pydantic import ValidationError

    entries: dict[str, Any] = {"test": "assay", "attribute": "assay", "kind": ResultKind.NUMBER,
                               "value": value, "unit": "%"}  # fmt: skip
    try:
        return Result(**entries)
    except (ValidationError, ValueError) as error:
        raise BadInputError(f"{value!r} was refused as a number.") from error


def _history(bench: Bench, site: LocalSite) -> None:
    """Ten quiet batches and four more, one of them far away, watched by control charts."""
    uid = bench.person(site, "performer").uid
    site.adopt("oq", "monitoring.charts", CHARTS)
    for number in range(N_BATCHES):
        name, at = f"OQ-{number:02}", 1_700_000_000_000_000 + number * 3_600_000_000
        stream = batch(bench, site, name, started_at=at)
        ended = BatchEnded(batch=name, ended_at=at + 1, outcome="completed")
        record(site, stream, ended, uid)
        value = f"{100 + number % 3 + (9 if number == 12 else 0)}.0"
        result = _result_of(value).model_copy(update={"performed_at": at + 2})
        taken = SampleTaken(sample=name, batch=name, taken_at=at + 1)
        reported = ResultsReported(sample=name, batch=name, results=(result,))
        record(site, f"sample/{name}", taken, uid)
        record(site, f"sample/{name}", reported, uid)
        if number % 5 == 4:
            site.wake()
    site.wake()


def replay_as_seen_equals(bench: Bench) -> str:
    """An analyst run twice over the logged history finds what it found live, to the last digit."""
    with bench.site() as site:
        _history(bench, site)
        first, second = site.replay("as-seen"), site.replay("as-seen")
        expect(first.n_live >= 1, "the batch that is far away was not found.")
        expect(first.is_equal, f"replay differs: {first.differences[:1]}.")
        expect(first.as_json() == second.as_json(), "two replays differ.")
        return f"{first.n_ticks} ticks, {first.n_live} transitions, twice the same"


def analyst_version_locked(bench: Bench) -> str:
    """An analyst of another version than the adopted one does not run."""
    with bench.site() as site:
        body = AnalystAdopted(
            name="oq", analyst="monitoring.charts", version="another", settings=CHARTS
        )
        site.ledger.append([NewEvent("analyst/oq", body, 0, actor="x")])
        batch(bench, site)
        site.wake()
        failed = [e for e in site.ledger.stream("analyst/oq") if e.kind == "AnalystFailed"]
        expect(failed, "an analyst of another version ran.")
        return f"event {failed[0].seq}: {(failed[0].body or {})['error']}"


def dossier_is_readable_and_proved(bench: Bench) -> str:
    """The whole record of a batch is written for people and machines, with a proof that holds."""
    from pathlib import Path

    from goldenbatch.capabilities.execution import write_report
    from goldenbatch.runtime.proofs import check_proof_file

    with bench.site() as site:
        stream = batch(bench, site)
        bench.sign(site, stream, "performed", "performer")
        written = write_report(site, "OQ-1", bench.folder / f"dossier-{bench.n_homes}")
        key = str(site.keys.signers[0].verifier)
    expect({"pdf", "html", "proof"} <= written.keys(), f"only {sorted(written)} were written.")
    html = Path(written["html"]).read_text(encoding="utf-8")
    expect("OQ-1" in html, "the dossier does not name its batch.")
    report = check_proof_file(Path(written["proof"]), key)
    expect(report.is_ok, f"its proof does not hold: {report.problems[:1]}.")
    expect(any("Performer" in one for one in report.signatures), "the signature is not proved.")
    return f"{', '.join(sorted(written))}; {report.n_events} events proved"


def restore_drill(bench: Bench) -> str:
    """A backup is taken, read back, restored elsewhere, and verifies to the last event."""
    if importlib.util.find_spec("goldenbatch.runtime.backup") is None:
        raise NotRunError("this installation brings no backup.")
    backups = importlib.import_module("goldenbatch.runtime.backup")
    with bench.site() as site:
        batch(bench, site)
        head, folder = site.ledger.head(), bench.folder / f"backup-{bench.n_homes}"
        folder.mkdir()
        made = backups.backup(site, folder)
        found = backups.drill(site, folder)
        expect(found.is_ok, f"the restored home does not verify: {found.problems[:1]}.")
        expect(made["n_events"] >= head, "the backup holds fewer events than the home.")
        return f"{made['n_events']} events restored; manifest {made['manifest_digest'][:16]}"


def unknown_tag_refused(bench: Bench) -> str:
    """Readings of a tag that the plant does not describe are refused, naming the tag."""
    from goldenbatch.connectors.tabular import import_card, load_card

    with bench.site() as site:
        folder = bench.folder / f"files-{bench.n_homes}"
        folder.mkdir(exist_ok=True)
        (folder / "log.csv").write_text(LOG, encoding="utf-8")
        (folder / "oq.toml").write_text(CARD.replace(TAG, f"{TAG}_2"), encoding="utf-8")
        return refused(
            "an unknown tag",
            lambda: import_card(site, load_card(folder / "oq.toml"), folder),
            NotFoundError,
        )
