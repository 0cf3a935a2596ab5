"""Installation qualification: is what runs here what was released, and on what does it stand."""

from __future__ import annotations

import hashlib
import operator
import os
import platform
import re
import sqlite3
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.runtime._iq_database import database_items
from goldenbatch.runtime._iq_models import model_items

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

PACKAGE = "goldenbatch"
YEAR_2024_US = 1_704_067_200_000_000
MAX_FSYNC_MS = 5_000
MIN_SQLITE = (3, 37)
LOCK = "requirements.lock"
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(\[[^\]]*\])?([^;]*)")
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, ">": operator.gt,
}  # fmt: skip
IqOutcome = Literal["passed", "failed", "note"]


@dataclass(frozen=True)
class IqItem:
    """One item of the installation qualification.

    Attributes:
        name: What was looked at.
        expected: What it should be.
        found: What it is.
        outcome: Passed, failed, or a note: worth knowing, nothing is wrong.
    """

    name: str
    expected: str
    found: str
    outcome: IqOutcome

    def as_json(self) -> dict[str, Any]:
        """The item as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Installation:
    """What is installed.

    Attributes:
        software: Name and version of the package.
        digest: SHA-256 over path and digest of each of its files.
        items: What was looked at.
    """

    software: str
    digest: str
    items: tuple[IqItem, ...]

    @property
    def is_ok(self) -> bool:
        """Whether no item failed."""
        return all(one.outcome != "failed" for one in self.items)


def qualify_installation(site: LocalSite, *, has_scratch: bool = False) -> Installation:
    """Look at the installed package, what it needs, and the machine under the home.

    Args:
        site: The home under validation.
        has_scratch: Whether the checks of operation run on PostgreSQL, as the home does.
    """
    dist = distribution(PACKAGE)
    files = package_files()
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    items = [
        _release(dist, files),
        *_dependencies(dist),
        _python(),
        *_sqlite(),
        *(
            IqItem(name, expected, found, "passed" if is_right else "failed")
            for name, expected, found, is_right in database_items(site, has_scratch=has_scratch)
        ),
        *(IqItem(*row) for row in model_items(site)),
        _fsync(site.path),
        _clock(site),
        _kind(site),
        _integrity(site),
    ]
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Installation(f"{PACKAGE} {dist.version}", digest, tuple(items))


def package_files() -> dict[str, str]:
    """Path below the package to the SHA-256 of each of its installed files."""
    import goldenbatch

    root = Path(goldenbatch.__file__).parent
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found[path.relative_to(root).as_posix()] = _sha256(path)
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded_digests(dist: Distribution) -> dict[str, str]:
    """Path below the package to the SHA-256 that the installer's RECORD holds.

    Empty for an installation that only points to a folder of sources.
    """
    found: dict[str, str] = {}
    if '"editable": true' in (dist.read_text("direct_url.json") or ""):
        return found
    for one in dist.files or ():
        parts = one.parts
        if parts[0] == PACKAGE and one.hash is not None and one.hash.mode == "sha256":
            found["/".join(parts[1:])] = one.hash.value
    return found


def _release(dist: Distribution, files: Mapping[str, str]) -> IqItem:
    expected = recorded_digests(dist)
    name = "Files of the package"
    if not expected:
        return IqItem(
            name, "as the RECORD of the installation", f"{len(files)} files of a source folder: "
            "there is no RECORD to compare with; install the wheel for validation.", "note",
        )  # fmt: skip
    changed = [path for path, value in expected.items() if _as_record(files.get(path)) != value]
    added = [path for path in files if path not in expected]
    if changed or added:
        what = ", ".join([f"changed or missing: {one}" for one in changed[:3]]
                         + [f"added: {one}" for one in added[:3]])  # fmt: skip
        return IqItem(name, f"{len(expected)} files as recorded", what, "failed")
    return IqItem(name, "as recorded", f"{len(expected)} files as recorded", "passed")


def _as_record(digest: str | None) -> str:
    """A digest as RECORD files write it: URL-safe base 64 without padding."""
    if digest is None:
        return ""
    return urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()


def _dependencies(dist: Distribution) -> Iterator[IqItem]:
    """Each required package with its version, against what it must be and what is locked."""
    locked = locked_versions()
    if not locked:
        yield IqItem("Lock of versions", "packaged", "missing: only ranges are compared", "note")
    for text in sorted(dist.requires or ()):
        match = _REQUIREMENT.match(text)
        if match is None or "extra ==" in text:
            continue
        wanted = match[3].strip()
        name, lock = f"Package {match[1]}", locked.get(_normal(match[1]), ())
        try:
            version = distribution(match[1]).version
        except PackageNotFoundError:
            yield IqItem(name, wanted, "missing", "failed")
            continue
        is_in_range = all(_fits(version, one.strip()) for one in wanted.split(",") if one)
        outcome: IqOutcome = "passed" if is_in_range else "failed"
        if is_in_range and lock and version not in lock:
            outcome = "note"
        shown = f"{wanted}, locked {' or '.join(lock)}" if lock else wanted
        yield IqItem(name, shown, version, outcome)


def locked_versions() -> dict[str, tuple[str, ...]]:
    """Package to the versions that this release was tested with, one a Python; or nothing."""
    import goldenbatch

    root = Path(goldenbatch.__file__).parent
    for path in (root / LOCK, root.parents[1] / LOCK):
        if path.is_file():
            found: dict[str, tuple[str, ...]] = {}
            for name, version in _LOCKED.findall(path.read_text(encoding="utf-8")):
                found[_normal(name)] = (*found.get(_normal(name), ()), version)
            return found
    return {}


def _normal(name: str) -> str:
    """Name of a package as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _fits(version: str, wanted: str) -> bool:
    """Whether a version fits one part of a range such as `>=2.1`."""
    match = re.match(r"^(>=|<=|==|!=|<|>)\s*([0-9.]+)$", wanted)
    if match is None:
        return False
    found, limit = _numbers(version), _numbers(match[2])
    length = max(len(found), len(limit))
    found += (0,) * (length - len(found))
    limit += (0,) * (length - len(limit))
    return _COMPARE[match[1]](found, limit)


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"[0-9.]+", version)
    return tuple(int(part) for part in (release[0] if release else "0").split(".") if part)


def _python() -> IqItem:
    found = f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}"
    return IqItem("Python", ">=3.11", found, "passed" if sys.version_info >= (3, 11) else "failed")


def _sqlite() -> Iterator[IqItem]:
    is_new = sqlite3.sqlite_version_info >= MIN_SQLITE
    wanted = ".".join(str(part) for part in MIN_SQLITE)
    yield IqItem("SQLite", f">={wanted}", sqlite3.sqlite_version, "passed" if is_new else "failed")
    with closing(sqlite3.connect(":memory:")) as connection, connection:
        options = sorted(row[0] for row in connection.execute("PRAGMA compile_options"))
    connection.close()
    is_safe = "THREADSAFE=0" not in options
    yield IqItem(
        "SQLite, compile options", "not THREADSAFE=0", ", ".join(options),
        "passed" if is_safe else "failed",
    )  # fmt: skip


def _fsync(home: Path) -> IqItem:
    """Whether the home's file system writes through, and how long that takes."""
    name = "File system of the home"
    try:
        with tempfile.TemporaryFile(dir=home / "state") as file:
            begun = time.monotonic()
            file.write(b"fsync")
            file.flush()
            os.fsync(file.fileno())
            took = (time.monotonic() - begun) * 1000
    except OSError as error:
        return IqItem(name, "fsync works", f"fsync fails: {error.strerror}", "failed")
    outcome: IqOutcome = "passed" if took < MAX_FSYNC_MS else "failed"
    return IqItem(name, f"fsync within {MAX_FSYNC_MS} ms", f"{took:.1f} ms", outcome)


def _clock(site: LocalSite) -> IqItem:
    """Whether the clock is later than the ledger's newest event, and runs."""
    first = site.clock()
    second = site.clock()
    newest = max((e.envelope.recorded_at for e in site.ledger.events(site.ledger.head() - 1)),
                 default=0)  # fmt: skip
    is_sane = YEAR_2024_US < newest <= first <= second
    found = f"{(first - newest) / 1e6:.1f} s after the newest event"
    return IqItem("Clock", "after the newest event, running", found,
                  "passed" if is_sane else "failed")  # fmt: skip


def _kind(site: LocalSite) -> IqItem:
    kind = site.home.kind.value
    outcome: IqOutcome = "passed" if kind == "validation" else "note"
    return IqItem("Kind of the home", "validation", kind, outcome)


def _integrity(site: LocalSite) -> IqItem:
    report = _safely(site.verify)
    wrong = [str(one) for one in report.problems if not one.is_note] if report else ["unreadable"]
    found = f"{len(wrong)} problems: {wrong[0]}" if wrong else "verifies"
    return IqItem("Home under validation", "verifies", found, "failed" if wrong else "passed")


def _safely(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except GoldenbatchError:
        return None
