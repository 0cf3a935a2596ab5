"""A restored home must not bring back what was deleted: neither before its backup nor after.

The copy's own ledger names what was deleted before it was made. What was deleted after it says
the newest backup in the same folder, if it is one of the same history.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goldenbatch.core.deletion import (
    PREFIX,
    DataDeleted,
    Deleted,
    records_digest,
    unfounded,
)
from goldenbatch.core.errors import GoldenbatchError, NotFoundError
from goldenbatch.core.holds import Hold, active_holds
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime._carry_out import CarryOut
from goldenbatch.runtime._clock import system_clock
from goldenbatch.runtime._retained import Retained
from goldenbatch.runtime.home import home_info, ledger_place, load_home, load_public_keys
from goldenbatch.runtime.projections import core_projections

if TYPE_CHECKING:
    from goldenbatch.core.site import HomeInfo
    from goldenbatch.runtime._snapshots import Snapshot, Vault
    from goldenbatch.stores.ledger import Ledger

LEDGER: Final = "ledger/ledger.sqlite"
_NODE: Final = "node"


@dataclass(frozen=True)
class _Later:
    """What the history after a snapshot says.

    Attributes:
        deletions: Body, and leaf of its event.
        holds: Holds that count there.
        notes: What could not be found out.
    """

    deletions: tuple[tuple[DataDeleted, str], ...] = ()
    holds: tuple[Hold, ...] = ()
    notes: tuple[str, ...] = ()


def delete_again(vault: Vault, snapshot: Snapshot, folder: Path) -> list[str]:
    """Delete from a restored home what was deleted; says what went, what is held and is lacking.

    Args:
        vault: Folder of the backups.
        snapshot: What was restored.
        folder: Where to; everything in it has been verified.
    """
    from goldenbatch.stores.historian import Historian
    from goldenbatch.stores.ledger import Keyring, Ledger
    from goldenbatch.stores.registry import Registry

    settings = load_home(folder)
    info, keys = home_info(settings), Keyring((), load_public_keys(folder))
    later = _later(vault, snapshot, info, keys)
    with ExitStack() as stack:
        place = ledger_place(folder, settings)
        ledger = stack.enter_context(
            Ledger.open(place, info, system_clock, core_projections(), keys=keys)
        )
        historian = stack.enter_context(
            Historian.open(folder / "historian", recorder=None, clock=system_clock)
        )
        registry = Registry(folder / "registry")
        own = active_holds(ledger.select("hold", {"is_active": 1}))
        holds = {one.hold: one for one in (*later.holds, *own)}

        def held_by(ref: str) -> list[str]:
            try:
                item = Retained(ledger, historian, registry).thing(ref).item
            except NotFoundError:
                return []
            return [one.hold for one in holds.values() if one.scope.covers(item)]

        carrier = CarryOut(ledger, historian, registry, held_by, is_restoring=True)
        _repeat(ledger, later, carrier)
        missing = sorted(holds.keys() - {one.hold for one in own})
        return [
            *later.notes,
            *carrier.reapply(),
            *(f"hold {name} was placed after this backup: place it again." for name in missing),
        ]


def _later(vault: Vault, snapshot: Snapshot, info: HomeInfo, keys: object) -> _Later:
    """What the newest backup of the same home says of the time after a snapshot."""
    for name in reversed(vault.names()):
        if name <= snapshot.name:
            break
        try:
            newer = vault.load(name)
            if newer.home == snapshot.home and newer.n_events > snapshot.n_events:
                return _said(vault, newer, snapshot, info, keys)
        except GoldenbatchError as error:
            return _Later(notes=(f"what was deleted after this backup is not known: {error}",))
    return _Later()


def _said(
    vault: Vault, newer: Snapshot, snapshot: Snapshot, info: HomeInfo, keys: object
) -> _Later:
    from goldenbatch.stores.ledger import Keyring, Ledger

    with tempfile.TemporaryDirectory(prefix="goldenbatch-restore-") as temporary:
        copy = Path(temporary) / "ledger.sqlite"
        entry = next(one for one in newer.files if one.path == LEDGER)
        with copy.open("wb") as stream:
            for data in vault.read(entry):
                stream.write(data)
        known = keys if isinstance(keys, Keyring) else None
        with Ledger.open(copy, info, system_clock, core_projections(), keys=known) as ledger:
            if ledger.root(snapshot.n_events).hex() != snapshot.root:
                words = f"the newer backup {newer.name} is of another history and was not asked."
                return _Later(notes=(words,))
            found = [
                (body, event.leaf)
                for event in ledger.events(snapshot.n_events, kinds={DataDeleted.kind})
                if isinstance(body := event.decode(), DataDeleted)
                and not unfounded(ledger.stream(PREFIX + body.deletion), event)
            ]
            return _Later(tuple(found), active_holds(ledger.select("hold", {"is_active": 1})))


def _repeat(ledger: Ledger, later: _Later, carrier: CarryOut) -> None:
    """Record in the restored home what was deleted after its backup, of what it still holds."""
    for body, leaf in later.deletions:
        left = [one for one in carrier.left(body) if _is_same(ledger, one)]
        if left:
            stream = PREFIX + body.deletion
            said = body.model_copy(update={"things": tuple(left), "repeats": leaf})
            ledger.append([NewEvent(stream, said, ledger.version(stream), actor=_NODE)])


def _is_same(ledger: Ledger, one: Deleted) -> bool:
    """Whether events are those that were deleted, by the digests in their envelopes."""
    if one.what != "record":
        return True
    events = [event for seq in one.seqs for event in ledger.events(seq - 1, seq)]
    return records_digest(events) == one.digest
