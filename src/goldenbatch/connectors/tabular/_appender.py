"""Appends the events of an import in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldenbatch.core.records import NewEvent

if TYPE_CHECKING:
    from goldenbatch.connectors.tabular._known import Draft
    from goldenbatch.core.site import LedgerPort


class Appender:
    """Appends drafts in groups, at the versions of streams that it keeps count of."""

    def __init__(self, ledger: LedgerPort, actor: str, n_group: int = 500) -> None:
        self._ledger, self._actor, self._n_group = ledger, actor, n_group
        self._versions: dict[str, int] = {}

    def append(self, drafts: list[Draft]) -> int:
        """Append the drafts, group by group, each all or nothing; how many there were."""
        for at in range(0, len(drafts), self._n_group):
            group = drafts[at : at + self._n_group]
            self._ledger.append([self._event(draft) for draft in group])
        return len(drafts)

    def forget(self) -> None:
        """Somebody else may have appended meanwhile: read the versions again."""
        self._versions.clear()

    def _event(self, draft: Draft) -> NewEvent:
        version = self._versions.get(draft.stream)
        if version is None:
            version = self._ledger.version(draft.stream)
        self._versions[draft.stream] = version + 1
        return NewEvent(draft.stream, draft.body, version, self._actor, performed_at=draft.at)
