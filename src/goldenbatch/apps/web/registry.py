"""The pages, tiles and widgets there are: the platform's own and those of capabilities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from goldenbatch.apps.web.pages._live_offers import LIVE_PAGES
from goldenbatch.apps.web.pages._overview_offers import OVERVIEW_PAGES
from goldenbatch.apps.web.pages._record_offers import RECORD_PAGES
from goldenbatch.core.capability import Offer
from goldenbatch.runtime.discovery import Discovery, discover
from goldenbatch.ui.web.pages import Page, Place, Tile, Widget

OWN_PAGES: Final = (
    *OVERVIEW_PAGES,
    *LIVE_PAGES,
    *RECORD_PAGES,
    Offer("tour", "goldenbatch.apps.web.pages.tour:TOUR", "Six steps over the site"),
    Offer("tour-step", "goldenbatch.apps.web.pages.tour:STEP", "The way to a step of the tour"),
)
"""The platform's own pages."""

OWN_TILES: Final[tuple[Offer, ...]] = ()
OWN_WIDGETS: Final[tuple[Offer, ...]] = ()


@dataclass
class Registry:
    """What there is to show.

    Attributes:
        pages: By full name, such as `twin.studio`.
        broken: What could not be loaded, in words: it is told and stops nothing else.
    """

    pages: dict[str, Page[Any]] = field(default_factory=dict)
    tiles: dict[str, Tile[Any]] = field(default_factory=dict)
    widgets: dict[str, Widget[Any]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def tiles_of(self, place: Place) -> list[tuple[str, Tile[Any]]]:
        """Tiles of an overview, in their order."""
        found = [(name, one) for name, one in self.tiles.items() if place in one.places]
        return sorted(found, key=lambda one: (one[1].order, one[0]))

    def widgets_of(self, place: Place) -> list[tuple[str, Widget[Any]]]:
        """Widgets of a page, in their order."""
        found = [(name, one) for name, one in self.widgets.items() if one.place is place]
        return sorted(found, key=lambda one: (one[1].order, one[0]))


def load_registry(discovery: Discovery | None = None) -> Registry:
    """Load all there is; what cannot be loaded is named and left out."""
    found = Registry()
    discovery = discovery or discover()
    kinds: tuple[tuple[str, dict[str, Any], type, tuple[Offer, ...]], ...] = (
        ("pages", found.pages, Page, OWN_PAGES),
        ("tiles", found.tiles, Tile, OWN_TILES),
        ("widgets", found.widgets, Widget, OWN_WIDGETS),
    )
    for kind, kept, wanted, own in kinds:
        for name, offer in _offers(discovery, kind, own):
            _add(found, kept, wanted, name, offer)
    _leave_out_doubles(found)
    return found


def _offers(discovery: Discovery, kind: str, own: tuple[Offer, ...]) -> Iterator[tuple[str, Offer]]:
    yield from ((one.name, one) for one in own)
    yield from discovery.offers(kind)


def _add(found: Registry, kept: dict[str, Any], wanted: type, name: str, offer: Offer) -> None:
    try:
        loaded = offer.load()
    except Exception as error:  # whatever an outside package throws, the others must show
        found.broken.append(f"{name}: {error}")
        return
    if isinstance(loaded, wanted):
        kept[name] = loaded
    else:
        found.broken.append(f"{name}: {offer.target} is no {wanted.__name__}")


def _leave_out_doubles(found: Registry) -> None:
    paths: dict[str, str] = {}
    for name, page in list(found.pages.items()):
        if page.path in paths:
            found.broken.append(f"{name}: {page.path} is the page {paths[page.path]} already")
            del found.pages[name]
        paths.setdefault(page.path, name)
