"""The archive of one batch: its whole record in files that can be read without this platform.

PDF/A and HTML for people, JSON and CSV for machines, the export with the proof, the verifier
that checks it, the trail, and a page that says in plain words what each file is.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import goldenbatch
from goldenbatch.core.config import banner
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.records import NewEvent, Row, to_iso
from goldenbatch.core.time import local_text
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime.audit import Trail
from goldenbatch.runtime.events import BatchArchived
from goldenbatch.runtime.export import PARTIAL, batch_settings, export

if TYPE_CHECKING:
    from goldenbatch.core.series import ReadingKind
    from goldenbatch.runtime.local import LocalSite

SUMS: Final = "SHA256SUMS"
VERIFIER: Final = "goldenbatch_verify.py"
_RESULTS: Final = (
    "sample", "test", "attribute", "operator", "value", "unit", "kind", "status", "cause",
    "method", "method_version", "loq", "material", "lot", "n_corrections",
)  # fmt: skip
Step = Callable[[str], None]


@dataclass(frozen=True)
class Archived:
    """What was written.

    Attributes:
        path: Folder of the archive.
        digest: SHA-256 of its list of digests, `SHA256SUMS`.
    """

    path: Path
    batch: str
    n_files: int
    n_events: int
    n_readings: int
    digest: str

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "path": str(self.path),
            "batch": self.batch,
            "n_files": self.n_files,
            "n_events": self.n_events,
            "n_readings": self.n_readings,
            "sums_digest": self.digest,
        }


def archive(site: LocalSite, batch: str, out: Path, *, on_step: Step | None = None) -> Archived:
    """Write the whole record of a batch into a new folder, and record that.

    Args:
        site: The home.
        batch: The batch, which has ended.
        out: Folder that is made; it must not exist, or be empty.
        on_step: Called with the name of each step.

    Raises:
        NotFoundError: There is no such batch.
        BadInputError: The batch has not ended.
        ConflictError: The folder is not empty.
    """
    tell = on_step or (lambda _: None)
    _require(site, batch, out)
    folder = out.with_name(out.name + PARTIAL)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        tell("closing")
        site.flush()
        n_events, n_readings = _fill(site, batch, folder, tell)
        sums = _sums(folder)
        write_durably(folder / SUMS, sums)
        if out.exists():
            out.rmdir()
        os.replace(folder, out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    done = Archived(
        path=out,
        batch=batch,
        n_files=sums.count(b"\n"),
        n_events=n_events,
        n_readings=n_readings,
        digest=hashlib.sha256(sums).hexdigest(),
    )
    body = BatchArchived(
        batch=batch,
        sums_digest=done.digest,
        n_files=done.n_files,
        n_events=n_events,
        n_readings=n_readings,
    )
    stream = f"archive/{batch}"
    version = site.ledger.version(stream)
    site.ledger.append([NewEvent(stream, body, version, actor=site.actor.uid)])
    return done


def check_archive(folder: Path) -> list[str]:
    """What of an archive is not as it was written; empty when all is.

    The proof itself is checked by the verifier that lies in it.
    """
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return [f"{SUMS} is missing or cannot be read."]
    wanted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    problems = []
    for name, digest in wanted.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing.")
        elif _digest(path) != digest:
            problems.append(f"{name} is not what was written.")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    problems += [f"{name} was added." for name in sorted(found - wanted.keys() - {SUMS})]
    return problems


# ---- inside ---------------------------------------------------------------------------------


def _require(site: LocalSite, batch: str, out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConflictError(f"{out} is not empty.", hint="Name a folder that is new.")
    windows = site.windows(batch)
    row = site.ledger.select("batch", {"batch": batch}, limit=1)[0]
    if row["ended_at"] is None or not windows:
        raise BadInputError(
            f"batch {batch!r} has not ended.", hint="An archive holds the whole of a batch."
        )


def _fill(site: LocalSite, batch: str, folder: Path, tell: Step) -> tuple[int, int]:
    from goldenbatch.capabilities.execution import write_report, write_trail

    tell("dossier")
    write_report(site, batch, folder / "dossier")
    tell("trail")
    trail = Trail(site)
    page = trail.page(trail.of_batch(batch), limit=None).as_json()
    write_trail(site, page, folder / "trail")
    tell("records")
    records = {"batch": batch, "home": site.home.name, "entries": page["entries"]}
    _write_json(folder / "records.json", {**records, "events": list(_events(site, page))})
    _write_results(site, batch, folder / "results.csv")
    tell("readings")
    n_readings = _write_readings(site, batch, folder / "readings.csv")
    tell("export")
    settings = batch_settings(site, batch)
    done = export(site.path, folder / "export", settings)
    verifier = files("goldenbatch.verifier") / VERIFIER
    (folder / VERIFIER).write_bytes(verifier.read_bytes())
    public = site.layout.public_key.read_text("ascii").strip()
    (folder / "public_key.txt").write_text(public + "\n", encoding="ascii")
    (folder / "README.txt").write_text(_readme(site, batch, public), encoding="utf-8")
    return done.n_events, n_readings


def _events(site: LocalSite, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for entry in page["entries"]:
        for event in site.ledger.events(entry["seq"] - 1, entry["seq"]):
            yield {"seq": event.seq, "envelope": event.envelope.as_json(), "body": event.body}


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def _write_results(site: LocalSite, batch: str, path: Path) -> None:
    lots = site.ledger.select("genealogy", {"batch": batch}, ("material", "lot"))
    rows: list[Row] = list(site.ledger.select("result", {"batch": batch}, ("sample", "test")))
    for lot in lots:
        where = {"material": lot["material"], "lot": lot["lot"]}
        rows += site.ledger.select("result", where, ("sample", "test"))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*_RESULTS, "performed_at"])
        for row in rows:
            done = row["performed_at"]
            when = "" if done is None else to_iso(int(done))
            writer.writerow([*(row[name] for name in _RESULTS), when])


def _tags(site: LocalSite, batch: str) -> dict[ReadingKind, list[str]]:
    """Tags at the places where the batch was made, all when no place is known."""
    places = {row["place"] for row in site.ledger.select("phase", {"batch": batch})}
    places |= {row["place"] for row in site.ledger.select("batch", {"batch": batch})}
    starts = tuple(f"{place}/" for place in places if place)
    found: dict[ReadingKind, list[str]] = {}
    for tag, kind in sorted(site.historian.tags().items()):
        if not starts or tag.startswith(starts):
            found.setdefault(kind, []).append(tag)
    return found


def _write_readings(site: LocalSite, batch: str, path: Path) -> int:
    units = {tag.name: tag.unit for tag in site.plant.tags}
    n_readings = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["tag", "time", "value", "unit", "quality"])
        for tags in _tags(site, batch).values():
            for tag in tags:
                for window in site.windows(batch):
                    table = site.historian.read([tag], window).table
                    for row in table.to_pylist():
                        n_readings += 1
                        writer.writerow(_reading(row, units.get(tag, "")))
    return n_readings


def _reading(row: dict[str, Any], unit: str) -> list[Any]:
    time, value = row["time"], row["value"]
    moment = time if isinstance(time, int) else int(time.timestamp() * 1e6 + 0.5)
    if isinstance(value, float):
        shown: Any = repr(value)
    elif isinstance(value, list | tuple):
        shown = " ".join(repr(one) for one in value)
    else:
        shown = value
    return [row["tag"], to_iso(moment), shown, unit, row["quality"]]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sums(folder: Path) -> bytes:
    paths: Sequence[Path] = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths]
    return "".join(lines).encode()


def _readme(site: LocalSite, batch: str, public: str) -> str:
    home = site.home
    warning = f"\n{banner(home.kind)}\n" if banner(home.kind) else ""
    return f"""THE RECORD OF BATCH {batch}
{warning}
Site: {home.site}. Home: {home.name} ({home.uid}).
Written {local_text(site.clock(), home.zone)} by goldenbatch {goldenbatch.__version__}.

This folder holds all that was recorded of the batch. You need no special program to read it:
a PDF reader, a browser, a table program or a text editor will do.

dossier/        The batch record for people: PDF (PDF/A-2b) and one HTML page, with its proof.
trail/          The audit trail: who did what, when, why, old value and new value. PDF, HTML,
                CSV for a table program, JSON Lines (one entry a line).
records.json    Every event of the batch as it was recorded: envelope and content.
results.csv     Results of the laboratory, with units, methods and status.
readings.csv    Readings of the sensors while the batch ran: tag, time (UTC), value, unit,
                quality (OPC UA code; 0 is good). Numbers have all their digits.
export/         The same records as exact bytes, with their proof.
{VERIFIER}  A short program that checks the proof. It is meant to be read first.
public_key.txt  The public key of the home. Compare it with the one that the site gave you by
                another way: {public}
{SUMS}      SHA-256 (FIPS 180-4) of every file here.

HOW TO CHECK IT

1. That no file has changed:            sha256sum -c {SUMS}
2. That the records are those that were made, in their order, and who signed them
   (Python 3.11 or newer with the package "cryptography"):
                                        python {VERIFIER} export --key KEY
   where KEY is the public key that the site gave you.

HOW THE PROOF WORKS

Each event's envelope is one line of canonical JSON (RFC 8785). Its SHA-256, after a zero byte,
is a leaf of a Merkle tree (RFC 6962). The content of an event is bound by a digest in its
envelope: SHA-256 of a random salt and the content. The root of the tree is signed (Ed25519,
RFC 8032) in a checkpoint. A signature of a person covers the leaf of the version that they
signed. Should no program run any more, these rules are enough to write one.

TEXT is UTF-8. CSV follows RFC 4180. Times with Z are UTC.
"""
