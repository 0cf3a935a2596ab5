"""Watches the units that a server states of its nodes, so that two are never mixed in one tag.

They are read when a connection is made, and when a value says that its meaning has changed.

References:
    OPC 10000-8, 5.2 (SemanticsChanged) and 5.6.3 (EUInformation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.connectors.opcua._units import ucum_of

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua._items import Item
    from goldenbatch.connectors.opcua._session import Session
    from goldenbatch.connectors.opcua._taking import Taker
    from goldenbatch.core.acquisition import Outlet
    from goldenbatch.core.site import Clock
    from goldenbatch.core.source_units import UnitBook

HAS_PROPERTY: Final = 46
SEMANTICS_CHANGED: Final = 0x4000
"""Bit of a status code: what the value means is not what it meant (OPC 10000-4, 7.39.1)."""


class UnitWatch:
    """Reads the engineering units of items, and sends readings of other units apart.

    Args:
        session: Where.
        taker: Knows the tags.
        book: Knows their units.
        outlet: Where it is told.
        clock: Present time.
    """

    def __init__(
        self, session: Session, taker: Taker, book: UnitBook, outlet: Outlet, clock: Clock
    ) -> None:
        self._session, self._taker, self._book = session, taker, book
        self._outlet, self._clock = outlet, clock
        self._nodes: dict[int, Any] = {}

    async def look(self, items: Sequence[Item], *, is_new: bool = False) -> None:
        """Read the units of items and hold them to those of their tags.

        Args:
            items: Which.
            is_new: Look anew for the properties that say it.
        """
        live = [one for one in items if one.node is not None]
        if is_new:
            await self._find(live)
        asked = [one for one in live if one.handle in self._nodes]
        values = await self._session.read([self._nodes[one.handle] for one in asked])
        now = self._clock()
        for item, value in zip(asked, values, strict=True):
            tag = self._book.tag_of(item.tag, _stated(value), now)
            item.code = self._taker.know(tag, item.spec.kind)
        await self._book.tell(self._outlet)

    async def _find(self, items: Sequence[Item]) -> None:
        """The property of each item that says its unit; most servers have few of them."""
        from asyncua import ua

        element = ua.RelativePathElement(
            ReferenceTypeId=ua.NodeId(HAS_PROPERTY),
            IsInverse=False,
            IncludeSubtypes=True,
            TargetName=ua.QualifiedName("EngineeringUnits", 0),
        )
        step = self._session.limit("MaxNodesPerTranslateBrowsePathsToNodeIds", 1000)
        for first in range(0, len(items), step):
            part = items[first : first + step]
            paths = [ua.BrowsePath(one.node, ua.RelativePath([element])) for one in part]
            results = await self._session.raw.translate_browsepaths_to_nodeids(paths)
            for item, result in zip(part, results, strict=True):
                self._nodes.pop(item.handle, None)
                if result.StatusCode.is_good() and result.Targets:
                    self._nodes[item.handle] = result.Targets[0].TargetId


def _stated(value: Any) -> str:
    """The unit in a property; empty when it says none."""
    held: Any = value.Value.Value if value.Value is not None else None
    if not hasattr(held, "UnitId"):
        return ""
    shown, described = (
        getattr(one, "Text", None) or "" for one in (held.DisplayName, held.Description)
    )
    is_said = held.UnitId > 0 or shown.strip() or described.strip()
    return ucum_of(held.UnitId, shown, described) if is_said else ""
