"""Whether a Delta log says just what was committed: outside readers believe all of it.

They leave files out by partition and statistics and decode columns by the log's schema, so that
a changed entry would hide readings from them, though every Parquet file is whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goldenbatch.core.series import ReadingKind
from goldenbatch.stores.historian._compactions import Lineage
from goldenbatch.stores.historian._delta import APP, COMPACTION_APP, delta_schema
from goldenbatch.stores.historian._manifest import FileEntry
from goldenbatch.stores.historian._tiers import TIER_APP, Tiers

Entry = tuple[str, Any]
Files = Mapping[str, tuple[int, FileEntry]]
"""By path: the hand-over and its file."""

_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
_LAST = "_last_checkpoint"
_PROTOCOL = {"minReaderVersion": 1, "minWriterVersion": 2}


@dataclass(frozen=True)
class Made:
    """What has been committed to a table.

    Attributes:
        files: Files of all hand-overs, finished or begun.
        gone: Hand-overs whose readings were deleted.
        lineage: Compactions, finished or begun.
        tiers: Files that went to tiers, or are on their way.
    """

    files: Files
    gone: Collection[int] = ()
    lineage: Lineage = field(default_factory=Lineage)
    tiers: Tiers = field(default_factory=Tiers)


def check_delta_log(log: Path, kind: ReadingKind, made: Made) -> Iterator[tuple[str, str]]:
    """Entries of a table's log that nobody has made, as file and message.

    Args:
        log: The log's folder.
        kind: Of its readings.
        made: What hand-overs, deletions and compactions have committed.
    """
    if not log.is_dir():
        return
    names = sorted(path.name for path in log.iterdir() if path.is_file())
    versions = [int(match[1]) for match in map(_COMMIT.fullmatch, names) if match]
    if versions != list(range(len(versions))):
        yield str(log), "a commit is missing"
    commits: dict[int, list[Entry]] = {version: [] for version in versions}
    for version in versions:
        path = log / f"{version:020d}.json"
        try:
            commits[version] = _actions(path)
        except (ValueError, TypeError, AttributeError) as error:
            yield str(path), f"cannot be read ({error})"
            continue
        yield from (
            (str(path), text) for text in _check_commit(commits[version], version, kind, made)
        )
    for name in names:
        match = _CHECKPOINT.fullmatch(name)
        if match:
            yield from _check_checkpoint(log / name, int(match[1]), commits)
        elif name == _LAST:
            yield from _check_last(log / name, names)


def _actions(path: Path) -> list[Entry]:
    """Entries of a commit, without those that say nothing of the readings."""
    lines = path.read_text("utf-8").splitlines()
    found = [json.loads(line, object_pairs_hook=_unique) for line in lines]
    return [(name, _filled(value)) for entry in found for name, value in entry.items()]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ in which of two equal keys they take."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _filled(value: Any) -> Any:
    """The same without what is null: writers may leave it out."""
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def _expected_add(file: FileEntry, *, is_new: bool = True) -> dict[str, Any]:
    return {
        "path": file.path,
        "partitionValues": {"date": file.date},
        "size": file.size,
        "modificationTime": 0,
        "dataChange": is_new,
        "stats": file.stats,
    }


def _check_commit(
    actions: list[Entry], version: int, kind: ReadingKind, made: Made
) -> Iterator[str]:
    said = [(name, value) for name, value in actions if name != "commitInfo"]
    if version == 0:
        yield from _check_creation(said, kind)
        return
    marks = [value for name, value in said if name == "txn"]
    if any(mark.get("appId") == COMPACTION_APP for mark in marks):
        yield from _check_compaction(said, marks, kind, made.lineage)
        return
    if any(mark.get("appId") == TIER_APP for mark in marks):
        yield from _check_leaving(said, marks, kind, made.tiers)
        return
    numbers: set[int] = set()
    for name, value in said:
        known = made.files.get(str(value.get("path")))
        if name == "add":
            if known is None:
                yield f"adds {value.get('path')!r}, which no hand-over has written"
                continue
            numbers.add(known[0])
            if value != _expected_add(known[1]):
                yield f"its entry of {known[1].path} was changed"
        elif name == "remove":
            if known is None or known[0] not in made.gone:
                yield f"removes {value.get('path')!r}, which was not deleted"
        elif name != "txn":
            yield f"holds {name!r}, which no hand-over commits"
    if marks != [{"appId": APP, "version": n} for n in numbers]:
        yield "does not name the hand-over that it holds"
    n_files = sum(1 for n, _ in made.files.values() if n in numbers)
    if sum(1 for name, _ in said if name == "add") != n_files:
        yield "does not hold every file of its hand-over"


def _check_compaction(
    said: list[Entry], marks: list[Any], kind: ReadingKind, lineage: Lineage
) -> Iterator[str]:
    """It takes out and puts in just what its record names."""
    number = marks[0].get("version") if len(marks) == 1 else 0
    own = [one for one in lineage.records if (one.number, one.kind) == (number, kind)]
    if not own:
        yield f"is of compaction {number}, of which there is no record"
        return
    wanted = [("txn", marks[0])]
    wanted += [("add", _expected_add(file, is_new=False)) for file in own[0].added]
    removed = [str(value.get("path")) for name, value in said if name == "remove"]
    if sorted(removed) != sorted(file.path for file in own[0].removed):
        yield f"does not take out the files that compaction {number} has merged"
    if any(value.get("dataChange") for name, value in said if name == "remove"):
        yield "takes readings out, which no compaction does"
    if _sorted([one for one in said if one[0] != "remove"]) != _sorted(wanted):
        yield f"does not put in the file that compaction {number} has made"


def _check_leaving(
    said: list[Entry], marks: list[Any], kind: ReadingKind, tiers: Tiers
) -> Iterator[str]:
    """It takes out just what its record says lies in a tier."""
    number = marks[0].get("version") if len(marks) == 1 else 0
    own = [one for one in tiers.records if (one.number, one.kind) == (number, kind)]
    if not own:
        yield f"is of step {number} to a tier, of which there is no record"
        return
    removed = [value for name, value in said if name == "remove"]
    if sorted(str(one.get("path")) for one in removed) != sorted(f.path for f in own[0].added):
        yield f"does not take out the files that step {number} put into a tier"
    if any(one.get("dataChange") for one in removed):
        yield "takes readings out, which no move to a tier does"
    if len(said) != len(removed) + 1:
        yield "holds more than a move to a tier"


def _check_creation(said: list[Entry], kind: ReadingKind) -> Iterator[str]:
    from deltalake import Schema

    if sorted(name for name, _ in said) != ["metaData", "protocol"]:
        yield "does not just make the table"
        return
    data = dict(said)
    if data["protocol"] != _PROTOCOL:
        yield "the protocol of the table was changed"
    own = dict(data["metaData"])
    schema = Schema.from_arrow(delta_schema(kind)).to_json()
    is_same_schema = json.loads(own.pop("schemaString", "0")) == json.loads(schema)
    fixed = {key: value for key, value in own.items() if key not in ("id", "createdTime")}
    if not is_same_schema or fixed != {
        "format": {"provider": "parquet", "options": {}},
        "partitionColumns": ["date"],
        "configuration": {},
    }:
        yield "the description of the table was changed"


def _check_checkpoint(
    path: Path, version: int, commits: Mapping[int, list[Entry]]
) -> Iterator[tuple[str, str]]:
    """A checkpoint repeats all commits up to its own; readers take it in their place."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path, page_checksum_verification=True).to_pylist()
        held = [
            (name, _plain(value))
            for row in rows
            for name, value in row.items()
            if value is not None
        ]
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        yield str(path), f"cannot be read ({error})"
        return
    said = [entry for n, entries in commits.items() if n <= version for entry in entries]
    newest = {value.get("appId"): value for name, value in said if name == "txn"}
    gone = {value.get("path") for name, value in said if name == "remove"}
    wanted = [
        (name, value)
        for name, value in said
        if name not in ("txn", "commitInfo", "remove")
        and not (name == "add" and value.get("path") in gone)
    ]
    wanted += [("txn", value) for value in newest.values()]
    # It may still name what was taken out; a name that no commit takes out is a forgery.
    held = [(name, v) for name, v in held if name != "remove" or v.get("path") not in gone]
    if _sorted(held) != _sorted(wanted):
        yield str(path), "does not hold what its commits hold"


def _plain(value: Any) -> Any:
    """A checkpoint's value as it stands in JSON: maps come as lists of pairs."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None} | {
            k: dict(v) for k, v in value.items() if k in _MAPS and v is not None
        }
    return value


_MAPS: Collection[str] = ("partitionValues", "configuration", "options", "tags")


def _sorted(entries: list[Entry]) -> list[str]:
    return sorted(json.dumps(entry, sort_keys=True) for entry in entries)


def _check_last(path: Path, names: Collection[str]) -> Iterator[tuple[str, str]]:
    found = [int(match[1]) for match in map(_CHECKPOINT.fullmatch, names) if match]
    try:
        version = json.loads(path.read_bytes())["version"]
    except (ValueError, TypeError, KeyError) as error:
        yield str(path), f"cannot be read ({error})"
        return
    if version != max(found, default=-1):
        yield str(path), "does not name the newest checkpoint"
