"""Files of the tables wherever they lie: at home, or in a tier by URL, told by the records.

Writing, the Delta log of the tables and all that is new is at home. A file that went to a tier
is read from there once it is away from home; while both have it, from home.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from goldenbatch.core.errors import BadInputError, IntegrityError, UnreachableError
from goldenbatch.stores.historian import _compactions, _files, _tiers
from goldenbatch.stores.historian._manifest import FileEntry
from goldenbatch.stores.historian._places import Folder, Place
from goldenbatch.stores.historian._tiers import Tier, Tiers, TierStep

T = TypeVar("T")
MARK = "goldenbatch-tier.json"
_PATIENCE = {"max_retries": "4", "retry_timeout": "30s", "connect_timeout": "10s"}
"""Whoever reads waits for a tier that is away: seconds, not minutes."""
_FRESH, _TICK_NS = object(), 50_000_000
AWAY_S = 5.0
"""So long a tier that could not be reached is not asked again, lest every page waits for it."""


def open_tier(tier: Tier, cache: Path, cache_bytes: int) -> Place:
    """The place of a tier: a folder by `file://`, or a bucket.

    Raises:
        BadInputError: The URL is none.
    """
    scheme, _, rest = tier.url.partition("://")
    if scheme == "file" and rest.startswith("/"):
        return Folder(Path(rest))
    if not rest or scheme == "file":
        raise BadInputError(
            f"the url {tier.url!r} of tier {tier.name!r} is none.",
            hint="Give file:///path/of/folder, s3://bucket/path, abfss://... or gs://...",
        )
    from goldenbatch.stores.historian._bucket import Bucket, environment

    return Bucket(tier.url, cache, cache_bytes, lambda: {**_PATIENCE, **environment(tier.name)})


class Tiered:
    """The tables of a historian at home, with what went to tiers.

    Args:
        home: Where the tables lie.
        folder: The historian's folder.
        cache_bytes: So much of what was read from a tier is kept on this machine.
    """

    def __init__(self, home: Place, folder: Path, cache_bytes: int) -> None:
        self.home, self._folder, self._cache_bytes = home, folder, cache_bytes
        self._lock = threading.Lock()
        self._known: tuple[object, Tiers] = (None, Tiers())
        self._lineage: tuple[object, _compactions.Lineage] = (None, _compactions.Lineage())
        self._places: dict[Tier, Place] = {}
        self._away: dict[Tier, tuple[float, str]] = {}

    # ---- what lies where --------------------------------------------------------------------

    def tiers(self) -> Tiers:
        """Records of all steps, read anew when there are more of them."""
        stamp = _stamp(self._folder / _tiers.FOLDER)
        with self._lock:
            if stamp is _FRESH or stamp != self._known[0]:
                self._known = (stamp, _tiers.load(self._folder))
            return self._known[1]

    def elsewhere(self, kind: str, compaction: int) -> tuple[FileEntry, ...]:
        """Files of a kind in tiers whose readings no compaction up to a number took elsewhere."""
        found = self.tiers().of_kind(kind)
        if not found:
            return ()
        stamp = _stamp(self._folder / _compactions.FOLDER)
        with self._lock:
            if stamp is _FRESH or stamp != self._lineage[0]:
                self._lineage = (stamp, _compactions.load(self._folder))
            lineage = self._lineage[1]
        for one in lineage.records:
            if one.kind == kind and one.number <= compaction:
                for file in one.removed:
                    found.pop(file.path, None)
        return tuple(file for _, file in found.values())

    def place_of(self, tier: Tier) -> Place:
        """The place of a tier."""
        with self._lock:
            if tier not in self._places:
                cache = self._folder / "cache" / f"tier-{tier.name}"
                self._places[tier] = open_tier(tier, cache, self._cache_bytes)
            return self._places[tier]

    def require_there(self, tier: Tier) -> Place:
        """The place of a tier that can be reached and is this historian's.

        Raises:
            UnreachableError: It is away, such as a disk that is not mounted.
        """

        def own(place: Place) -> Place:
            if not place.has("", MARK):
                raise OSError(f"there is no {MARK} in it: is it mounted?")
            return place

        return self.ask(tier, f"tier {tier.name!r} at {tier.url}", own)

    def claim(self, tier: Tier) -> None:
        """Make a tier this historian's: a mark that tells an empty mount from the real place.

        Raises:
            UnreachableError: It is away.
            BadInputError: It is another historian's.
        """
        place, name = self.place_of(tier), self._own_name()
        try:
            if place.has("", MARK):
                self._require_own(tier, place)
            else:
                if isinstance(place, Folder):
                    Path(place.path("", "")).mkdir(parents=True, exist_ok=True)
                data = json.dumps({"historian": name, "tier": tier.name}).encode()
                place.write("", MARK, memoryview(data))
        except OSError as error:
            raise _away(tier, f"tier {tier.name!r} at {tier.url}", str(error)) from error

    def _own_name(self) -> str:
        """Name by which tiers know this historian, made once."""
        path = self._folder / "tiers.json"
        if not path.exists():
            import uuid

            _files.write_atomic(path, json.dumps({"historian": uuid.uuid4().hex}).encode())
        found: str = json.loads(path.read_bytes())["historian"]
        return found

    def _require_own(self, tier: Tier, place: Place) -> None:
        said = json.loads(place.content("", MARK))
        if said.get("historian") != self._own_name():
            raise BadInputError(
                f"{tier.url} holds the readings of another historian.",
                hint="Give each home a place of its own.",
            )

    def ask(self, tier: Tier, what: str, ask: Callable[[Place], T]) -> T:
        """Ask a tier for something; not being there is told apart from not having it."""
        with self._lock:
            until, why = self._away.get(tier, (0.0, ""))
        if time.monotonic() < until:
            raise _away(tier, what, why)
        place = self.place_of(tier)
        try:
            if isinstance(place, Folder) and not place.has("", MARK):
                raise OSError(f"there is no {MARK} in it: is it mounted?")
            return ask(place)
        except OSError as error:
            with self._lock:
                self._away[tier] = (time.monotonic() + AWAY_S, str(error))
            raise _away(tier, what, str(error)) from error

    def forget_away(self) -> None:
        """Ask tiers again that could not be reached."""
        with self._lock:
            self._away.clear()

    def _step(self, kind: str, name: str) -> TierStep | None:
        """The step by which a file went to a tier, unless it is still at home."""
        step = self.tiers().ever.get((kind, name))
        if step is None or (isinstance(self.home, Folder) and self.home.has(kind, name)):
            return None
        return step

    # ---- a place ----------------------------------------------------------------------------

    @property
    def options(self) -> dict[str, str] | None:
        """What delta-rs needs to reach the tables at home."""
        return self.home.options

    def uri(self, kind: str) -> str:
        """Name of a table at home for delta-rs."""
        return self.home.uri(kind)

    def path(self, kind: str, name: str) -> str:
        """Full name of a file, for people and engines."""
        step = self._step(kind, name)
        place = self.home if step is None else self.place_of(Tier(step.tier, step.url))
        return place.path(kind, name)

    def local(self, kind: str, name: str, size: int) -> Path:
        """The file on this machine, fetched where it lies elsewhere.

        Raises:
            IntegrityError: It is missing.
            UnreachableError: Its tier is away; names the tier and the day.
        """
        return self._wherever(kind, name, lambda place: place.local(kind, name, size))

    def source(self, kind: str, name: str, size: int) -> Any:
        """An open file of a bucket, read by ranges; None where there is one on this machine."""
        return self._wherever(kind, name, lambda place: place.source(kind, name, size))

    def fresh(self, kind: str, name: str, size: int) -> Path:
        """The file as it is now where it lies, whatever was fetched before."""
        return self._wherever(kind, name, lambda place: place.fresh(kind, name, size))

    def take(self, kind: str, name: str, source: Path) -> None:
        """Copy a file of this machine into its place at home."""
        self.home.take(kind, name, source)

    def _wherever(self, kind: str, name: str, ask: Callable[[Place], T]) -> T:
        """Ask the place where a file lies, also when it goes to its tier meanwhile."""
        step = self._step(kind, name)
        if step is None:
            try:
                return self._at_home(kind, lambda: ask(self.home))
            except IntegrityError:
                step = self._step(kind, name)
                if step is None:
                    raise
        return self._of(step, name, ask)

    def _at_home(self, kind: str, ask: Callable[[], T]) -> T:
        """Ask the place of the tables; a bucket may be away, a folder is not."""
        if isinstance(self.home, Folder):
            return ask()
        try:
            return ask()
        except OSError as error:
            words = str(error).partition("\n")[0][:200]
            raise UnreachableError(
                f"the readings ({kind}) lie at {self.home.uri(kind)}, which cannot be reached "
                f"({words}).",
                hint="Nothing is lost: what is in the log can be read; ask again later.",
            ) from error

    def _of(self, step: TierStep, name: str, ask: Callable[[Place], T]) -> T:
        tier = Tier(step.tier, step.url)
        day = name.partition("/")[0].removeprefix("date=")
        what = f"the readings ({step.kind}) of {day} lie in tier {tier.name!r} at {tier.url}, which"
        return self.ask(tier, what, ask)

    def content(self, kind: str, name: str) -> bytes:
        """Content of a small file at home."""
        return self.home.content(kind, name)

    def has_table(self, kind: str) -> bool:
        """Whether a table was made."""
        return self.home.has_table(kind)

    def has(self, kind: str, name: str) -> bool:
        """Whether a file is there, at home or in a tier.

        Raises:
            UnreachableError: Its tier is away.
        """
        if self.home.has(kind, name):
            return True
        step = self.tiers().ever.get((kind, name))
        return step is not None and self._of(step, name, lambda place: place.has(kind, name))

    def write(self, kind: str, name: str, data: memoryview) -> None:
        """Write a file where it belongs, durable on return."""
        step = self._step(kind, name)
        if step is None or (kind, name) not in self.tiers().now:
            self.home.write(kind, name, data)
        else:
            self._of(step, name, lambda place: place.write(kind, name, data))

    def adopt(self, kind: str, name: str, source: Path) -> None:
        """Take a file of this machine into its place at home."""
        self.home.adopt(kind, name, source)

    def delete(self, kind: str, names: Iterable[str]) -> None:
        """Delete files wherever they are, for good on return.

        Raises:
            UnreachableError: A tier is away; what is at home went.
        """
        chosen = list(names)
        self.home.delete(kind, chosen)
        ever = self.tiers().ever
        for name in chosen:
            step = ever.get((kind, name))
            if step is not None:
                self._of(step, name, lambda place, one=name: place.delete(kind, [one]))  # type: ignore[misc]

    def settle(self, kind: str) -> None:
        """Make the names of new folders durable."""
        self.home.settle(kind)

    def settle_log(self, kind: str) -> None:
        """Make the newest entries of the Delta log durable."""
        self.home.settle_log(kind)

    def discard_torn(self, kind: str) -> None:
        """Take away a newest commit that a power cut has torn."""
        self.home.discard_torn(kind)

    def log_folder(self, kind: str) -> Path:
        """The Delta log at home."""
        return self.home.log_folder(kind)


def _away(tier: Tier, what: str, why: str) -> UnreachableError:
    words = why.partition("\n")[0][:200]
    return UnreachableError(
        f"{what} cannot be reached ({words}).",
        hint="Nothing is lost, and other days can be read: see to the tier and ask again.",
    )


def _stamp(folder: Path) -> object:
    try:
        status = folder.stat()
    except FileNotFoundError:
        return None
    # Within a tick of the file system's clock a second change would look like the first.
    is_fresh = abs(time.time_ns() - status.st_mtime_ns) < _TICK_NS
    return _FRESH if is_fresh else (status.st_mtime_ns, status.st_ino)
