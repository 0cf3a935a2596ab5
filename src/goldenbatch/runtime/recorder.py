"""The recorder: how a store has something proved, bound to the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.records import Body, NewEvent

if TYPE_CHECKING:
    from goldenbatch.core.site import LedgerPort


class LedgerRecorder:
    """Appends what a store gives it; the same again does nothing."""

    def __init__(self, ledger: LedgerPort, actor: str = "node") -> None:
        self._ledger = ledger
        self._actor = actor

    def record(self, stream: str, version: int, body: Body) -> None:
        """Append `body` as `version` of `stream`; the same again does nothing.

        Raises:
            IntegrityError: That version exists with another body, or one before is missing.
        """
        head = self._ledger.version(stream)
        if version == head + 1:
            self._ledger.append([NewEvent(stream, body, head, actor=self._actor)])
            return
        if version > head:
            raise IntegrityError(
                f"version {version} of {stream} is to be recorded, the ledger has {head}.",
                hint="The ledger is older than the store: restore both from one backup.",
            )
        known = self._ledger.stream(stream, version - 1)[0]
        if known.decode() != body:
            raise IntegrityError(
                f"event {known.seq} ({stream}, version {version}) has another content than the "
                "store gives it now.",
                hint="Run `goldenbatch verify`; restore the home from its backup.",
            )
