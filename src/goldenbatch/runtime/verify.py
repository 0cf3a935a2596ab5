"""One verification of a whole home: ledger, historian, registry, and what binds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from goldenbatch.core.chunks import ChunkClosed
from goldenbatch.core.config import HOME_FILE
from goldenbatch.core.errors import GoldenbatchError, IntegrityError, LockedError, NotFoundError
from goldenbatch.core.records import Body
from goldenbatch.core.tiering import TIER_STREAM
from goldenbatch.runtime._clock import system_clock
from goldenbatch.runtime._verify_deletions import (
    Deletions,
    check_deletions,
    recorded_deletions,
)
from goldenbatch.runtime._verify_links import check_links
from goldenbatch.runtime.home import Layout, home_info, ledger_place, load_home, load_keys
from goldenbatch.runtime.projections import core_projections

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

Part = Literal[
    "home", "keys", "ledger", "historian", "registry", "links", "analysts", "signatures", "models"
]
N_BLOCKS = 50
"""Newest blocks of logged predictions that are predicted again, of each model."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was recorded.

    Attributes:
        part: Which part of the home it was found in.
        where: Table and key, file, stream or name.
        message: What is wrong, in plain words.
        is_note: True when it is worth knowing but does not speak against the home.
    """

    part: Part
    where: str
    message: str
    is_note: bool = False

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.part}: {self.where}: {self.message}"


@dataclass(frozen=True)
class VerifyReport:
    """What a verification found.

    Attributes:
        problems: What is wrong, notes among it.
        counts: What was looked at: events, frames, artefacts, signatures, ...
    """

    problems: tuple[Problem, ...]
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether nothing speaks against the home."""
        return all(one.is_note for one in self.problems)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        rows = [
            {"part": one.part, "where": one.where, "message": one.message, "is_note": one.is_note}
            for one in self.problems
        ]
        return {"is_ok": self.is_ok, "problems": rows, "counts": dict(self.counts)}


def verify(
    home: LocalSite | Path | str,
    *,
    progress: Progress | None = None,
    has_projections: bool = True,
) -> VerifyReport:
    """Check everything that a home stores, naming each thing that is not as it was recorded.

    A folder is opened for reading only, since opening it for work puts right what a crash
    has left; a home that cannot be opened is checked part by part.

    Args:
        home: A site that is open, or the folder of a home that nobody holds.
        progress: Called with (events checked, all events).
        has_projections: Fold the ledger's projections anew, too, and compare them. They are
            proved by nothing but the events, and to fold them takes most of the time.

    Raises:
        NotFoundError: The folder is no home.
        LockedError: Another process holds it.
    """
    from goldenbatch.runtime.local import LocalSite

    if isinstance(home, LocalSite):
        return _verify_site(home, progress, has_projections=has_projections)
    try:
        site = LocalSite.open(home, read_only=True)
    except LockedError:
        raise
    except Exception as error:  # damage may show as anything: look at each part by itself
        if isinstance(error, NotFoundError) and not (Path(home) / HOME_FILE).is_file():
            raise
        return _verify_parts(Path(home), progress, error)
    with site:
        return _verify_site(site, progress, has_projections=has_projections)


def _verify_site(
    site: LocalSite, progress: Progress | None, *, has_projections: bool
) -> VerifyReport:
    # A large ledger is checked by processes of its own; meanwhile the rest is checked here.
    with ThreadPoolExecutor(1) as other:
        ledger = other.submit(lambda: list(_ledger(site.ledger, progress, has_projections)))
        problems, counts = _verify_rest(site)
    if not has_projections:
        note = Problem("ledger", "projection", "not compared, as it was not asked for.", True)
        problems.append(note)
    return VerifyReport((*ledger.result(), *problems), counts)


def _verify_rest(site: LocalSite) -> tuple[list[Problem], dict[str, int]]:
    """All but the ledger by itself."""
    said = _deletions(site.ledger)
    problems = [
        *_keys(site.path),
        *_historian(site.historian, site.ledger, said),
        *_registry(site.registry),
    ]
    counts = {
        "events": site.ledger.head(),
        "checkpoints": len(_safely(site.ledger.checkpoints)),
        "frames": site.historian.head(),
        "artefacts": len(_safely(lambda: list(site.registry.digests()))),
    }
    try:
        links = check_links(site, said.artefacts if said is not None else {})
        problems += [Problem(*row) for row in links.problems]
        if said is not None:
            problems += [Problem(*row) for row in check_deletions(site, said)]
        counts |= links.counts
        problems += _predictions(site, counts)
    except GoldenbatchError as error:
        # An event that cannot be read is named by the ledger's own check above.
        problems.append(Problem("links", "ledger", f"could not be followed to the end: {error}"))
    return problems, counts


def _predictions(site: LocalSite, counts: dict[str, int]) -> Iterator[Problem]:
    """The newest logged predictions, made again from their logged inputs."""
    from goldenbatch.runtime.prediction_replay import replay_logs

    for one in replay_logs(site, N_BLOCKS):
        counts["predictions"] = counts.get("predictions", 0) + one.n_rows
        where = f"model/{one.use}"
        yield from (Problem("models", where, words) for words in one.problems)
        yield from (Problem("models", where, words, is_note=True) for words in one.notes)
        if one.n_blocks > one.n_replayed and not one.problems:
            words = f"the newest {one.n_replayed} of {one.n_blocks} blocks were predicted again."
            yield Problem("models", where, words, is_note=True)


def _verify_parts(path: Path, progress: Progress | None, reason: Exception) -> VerifyReport:
    """Each part by itself, of a home that does not open."""
    from goldenbatch.stores.historian import Historian
    from goldenbatch.stores.ledger import Keyring, Ledger
    from goldenbatch.stores.registry import Registry

    problems = [Problem("home", str(path), f"it does not open: {_words(reason)}")]
    try:
        settings = load_home(path)
        info, place = home_info(settings), ledger_place(path, settings)
    except GoldenbatchError:
        return VerifyReport(tuple(problems))
    layout, faults = Layout(path), list(_keys(path))
    known = () if faults else load_keys(path, info).known()
    problems += faults
    with ExitStack() as stack:
        ledger: Ledger | None = None
        with _named(problems, "ledger", layout.ledger):
            ledger = stack.enter_context(
                Ledger.open(
                    place,
                    info,
                    system_clock,
                    core_projections(),
                    read_only=True,
                    keys=Keyring((), known),
                )
            )
            problems += _ledger(ledger, progress, True)
        with _named(problems, "historian", layout.historian):
            historian = stack.enter_context(
                Historian.open(layout.historian, recorder=None, clock=system_clock, read_only=True)
            )
            said = _deletions(ledger) if ledger is not None else None
            problems += _historian(historian, ledger, said)
        with _named(problems, "registry", layout.registry):
            problems += _registry(Registry(layout.registry))
    return VerifyReport(tuple(problems))


@contextmanager
def _named(problems: list[Problem], part: Part, where: Path) -> Iterator[None]:
    """Whatever a damaged part throws becomes a problem that names it."""
    try:
        yield
    except Exception as error:
        problems.append(Problem(part, str(where), f"it cannot be read: {_words(error)}"))


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, GoldenbatchError) else f"{type(error).__name__}: {error}"


def _keys(path: Path) -> Iterator[Problem]:
    try:
        load_keys(path, home_info(load_home(path)))
    except GoldenbatchError as error:
        yield Problem("keys", str(Layout(path).key), str(error))
    if Layout(path).key.parent.stat().st_mode & 0o077:
        yield Problem("keys", str(Layout(path).key.parent), "others may read it.", is_note=True)


def _ledger(ledger: Any, progress: Progress | None, has_projections: bool) -> Iterator[Problem]:
    for found in ledger.verify(progress, has_projections=has_projections):
        yield Problem("ledger", found.where, found.message, found.is_note)


def _deletions(ledger: Any) -> Deletions | None:
    """What the ledger says was deleted; None when it cannot be read, which its check names."""
    try:
        return recorded_deletions(ledger)
    except GoldenbatchError:
        return None


def _historian(historian: Any, ledger: Any, said: Deletions | None) -> Iterator[Problem]:
    recorded: list[ChunkClosed] | None = None
    steps: list[Body] | None = None
    if ledger is not None:
        try:
            events = ledger.events(kinds={ChunkClosed.kind})
            bodies = [event.decode() for event in events]
            recorded = [body for body in bodies if isinstance(body, ChunkClosed)]
            bodies = [event.decode() for event in ledger.stream(TIER_STREAM)]
            steps = [body for body in bodies if body is not None]
        except IntegrityError:
            recorded = None  # which event it is, the ledger's own check says
    deleted = said.readings if said is not None else None
    for found in historian.verify(recorded, deleted, steps):
        yield Problem("historian", found.where, found.message)


def _registry(registry: Any) -> Iterator[Problem]:
    try:
        damaged = registry.check()
    except GoldenbatchError as error:  # a bucket that cannot be reached
        yield Problem("registry", registry.url, str(error))
        return
    for digest in damaged:
        yield Problem("registry", digest, "the artefact is not what was put under its digest.")


def _safely(read: Callable[[], list[Any]]) -> list[Any]:
    """What is read, or nothing when it is damaged: the ledger's own check names it."""
    try:
        return read()
    except GoldenbatchError:
        return []
