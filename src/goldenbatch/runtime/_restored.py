"""A restored home: its ledger put into a database where asked for, and all of it verified."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from goldenbatch.core.config import (
    HistorianSettings,
    LedgerSettings,
    load_settings,
    save_settings,
)
from goldenbatch.core.errors import ConflictError, GoldenbatchError
from goldenbatch.core.tiering import TIER_STREAM
from goldenbatch.runtime._clock import system_clock
from goldenbatch.runtime.home import (
    Layout,
    home_info,
    ledger_place,
    load_home,
    load_public_keys,
)
from goldenbatch.runtime.moving import checked_url
from goldenbatch.runtime.projections import core_projections

if TYPE_CHECKING:
    from goldenbatch.runtime._snapshots import Snapshot


def require_empty(url: str) -> None:
    """Refuse before anything is written what could only fail later."""
    from goldenbatch.stores.ledger import n_stored, shown_place

    if not url:
        return
    checked_url(url)
    if n_stored(url):
        raise ConflictError(
            f"{shown_place(url)} holds a ledger already.",
            hint="Install an empty one under another schema: `goldenbatch ledger install`.",
        )


def fill_database(folder: Path, url: str) -> None:
    """Put the restored file into the database, byte by byte, and name it in the settings."""
    from goldenbatch.stores.ledger import Keyring, Ledger, transfer_ledger

    file = Layout(folder).ledger
    transfer_ledger(file, url)
    settings = load_settings(folder).model_copy(update={"ledger": LedgerSettings(url=url)})
    save_settings(folder, settings)
    file.unlink()
    keys = Keyring((), load_public_keys(folder))
    with Ledger.open(url, home_info(settings), system_clock, core_projections(), keys=keys):
        pass  # its projections are folded anew


def fill_bucket(folder: Path, url: str) -> None:
    """Put the restored tables of readings into a bucket, and name it in the settings."""
    from goldenbatch.stores.historian import put_tables

    settings = load_settings(folder)
    historian = HistorianSettings.model_validate(
        settings.historian.model_dump() | {"tables_url": url}
    )
    put_tables(Layout(folder).historian, url)
    save_settings(folder, settings.model_copy(update={"historian": historian}))


def verify_restored(folder: Path, snapshot: Snapshot) -> tuple[int, list[str]]:
    """When the last event was recorded, and what of a restored home does not verify."""
    from goldenbatch.core.chunks import ChunkClosed
    from goldenbatch.stores.historian import Historian
    from goldenbatch.stores.ledger import Keyring, Ledger
    from goldenbatch.stores.registry import Registry

    settings = load_home(folder)
    info, problems, recorded_at = home_info(settings), [], 0
    try:
        keys = Keyring((), load_public_keys(folder))
        with ExitStack() as stack:
            ledger = stack.enter_context(
                Ledger.open(
                    ledger_place(folder, settings),
                    info,
                    system_clock,
                    core_projections(),
                    read_only=True,
                    keys=keys,
                )
            )
            anchors = [snapshot.checkpoint] if snapshot.checkpoint else []
            found = ledger.verify(anchors=anchors)
            problems += [f"ledger: {one.where}: {one.message}" for one in found if not one.is_note]
            if (ledger.head(), ledger.root().hex()) != (snapshot.n_events, snapshot.root):
                problems.append("ledger: its root is not that of the home at the backup.")
            for event in ledger.events(ledger.head() - 1):
                recorded_at = event.envelope.recorded_at
            bodies = [event.decode() for event in ledger.events(kinds={ChunkClosed.kind})]
            # Opened once for writing, which makes the index of keys and cuts a torn tail.
            Historian.open(folder / "historian", recorder=None, clock=system_clock).close()
            historian = stack.enter_context(
                Historian.open(folder / "historian", recorder=None, clock=system_clock,
                               read_only=True)
            )  # fmt: skip
            closed = [body for body in bodies if isinstance(body, ChunkClosed)]
            moves = [event.decode() for event in ledger.stream(TIER_STREAM)]
            steps = [one for one in moves if one is not None]
            faults = historian.verify(closed, steps=steps)
            problems += [f"historian: {one.where}: {one.message}" for one in faults]
            if historian.head() < snapshot.n_frames:
                problems.append(
                    f"historian: it ends at frame {historian.head()}, not {snapshot.n_frames}."
                )
        damaged = Registry(folder / "registry").check()
        problems += [f"registry: artefact {digest} is damaged." for digest in damaged]
    except GoldenbatchError as error:
        problems.append(str(error))
    return recorded_at, problems
