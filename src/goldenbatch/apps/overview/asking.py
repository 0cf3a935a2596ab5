"""A person at a home: the site as they see it, and what they may do there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from goldenbatch.core.records import DataClass, Row
from goldenbatch.runtime.seen import SeenSite

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.core.site import Site
    from goldenbatch.runtime.authority import Asked
    from goldenbatch.runtime.local import LocalSite

MANY = 500
"""So many values at most stand in one condition of a selection."""


@dataclass
class Looker:
    """Who looks.

    Attributes:
        home: The home itself.
        site: The home as they may see it; the whole for its own command line.
        user: The person; None: the home's own command line, which decides and signs nothing.
    """

    home: LocalSite
    site: Site
    user: UserState | None = None

    @cached_property
    def classes(self) -> frozenset[DataClass]:
        """Classes of data that they may read."""
        found = self.site
        return found.classes if isinstance(found, SeenSite) else frozenset(DataClass)

    def rows(
        self,
        projection: str,
        where: Mapping[str, Any] | None = None,
        order_by: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Row]:
        """Rows of a projection that they may see."""
        return list(self.site.ledger.select(projection, where, order_by, limit))

    def rows_of(self, projection: str, column: str, values: Sequence[str]) -> list[Row]:
        """Rows whose column is one of many values."""
        unique = list(dict.fromkeys(values))
        found: list[Row] = []
        for start in range(0, len(unique), MANY):
            found += self.rows(projection, {column: unique[start : start + MANY]})
        return found

    def count(self, projection: str, where: Mapping[str, Any] | None = None) -> int:
        """Number of rows that they may see."""
        ledger: Any = self.site.ledger
        return int(ledger.count(projection, where))

    @cached_property
    def asked(self) -> Asked | None:
        """The policy and the facts that answer for them, read once."""
        if self.user is None:
            return None
        return self.home.people.authority.ask(self.user)

    def is_allowed(self, action: str) -> bool:
        """Whether they may do something at all, whatever the record."""
        return self.asked is not None and self.asked.may(action, "none/none", ()).is_allowed

    def may(self, action: str, projection: str, where: Mapping[str, Any]) -> list[Row]:
        """Rows of records to which they may do something; none for a command line."""
        if self.user is None:
            return []
        return self.home.people.authority.rows_for(self.user, action, projection, where)
