"""The contract of pages: what a capability, or another company's package, adds to the interface.

A capability names objects of the three classes in its manifest (`pages`, `tiles`, `widgets`). Each
has two functions. `load` asks the node as the person who looks, in a worker thread, and gives
plain data; `show` makes elements of that data and asks nothing. What a person may not read is
refused by the node in `load`, and the page says so; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from goldenbatch.core.site import Site
    from goldenbatch.ui.web.view import View

T = TypeVar("T")


class Api(Protocol):
    """The REST API of the node as the person who looks; paths are those below `/api/v1`."""

    def get(self, path: str, **params: Any) -> Any:
        """JSON of a GET; parameters that are None are left out.

        Raises:
            GoldenbatchError: What the node answered, as its own class.
        """

    def post(self, path: str, body: Any = None) -> Any:
        """JSON of a POST.

        Raises:
            GoldenbatchError: What the node answered, as its own class.
        """


@dataclass(frozen=True)
class Asked:
    """What a page was asked for, and by whom.

    Attributes:
        site: The site as the person may see it (through the node).
        api: The node's API with the person's rights, for what the site has no port for.
        path: Values of the path: `{"unit": "R-101"}` of `/units/{unit}`.
        values: Values of the query string, each once.
    """

    site: Site
    api: Api
    path: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str, default: str = "") -> str:
        """A value of the query string."""
        return self.values.get(name, default)


class Group(StrEnum):
    """The parts of the menu, in their order."""

    OVERVIEW = "Overview"
    PRODUCTION = "Production"
    QUALITY = "Quality"
    MODELS = "Models"
    ENGINEERING = "Engineering"
    RECORDS = "Records"
    ADMINISTRATION = "Administration"


Load = Callable[[Asked], T]
"""Asks the node, in a worker thread; gives plain data (a dataclass of the page's module)."""

Show = Callable[["View", T], None]
"""Makes the elements; runs on the event loop and must not block."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page of its own address.

    Attributes:
        path: Such as `/units/{unit}`; those of a capability begin with its name (`/twin/studio`).
        title: For the menu and the window, to be translated (a msgid).
        group: Where it stands in the menu.
        load: Gives the data.
        show: Shows it.
        icon: Name of a Material icon, for the menu.
        order: Place in its group; smaller is higher.
        in_menu: False for pages that are reached from others (all with values in the path).
        refresh_s: Seconds after which it is loaded and shown again by itself; 0: never. Live
            signals need none: a trend is pushed to.
        classes: Data classes that one must be able to read for it to be in the menu, by value.
    """

    path: str
    title: str
    group: Group
    load: Load[T]
    show: Show[T]
    icon: str = "article"
    order: int = 100
    in_menu: bool = True
    refresh_s: float = 0
    classes: tuple[str, ...] = ("operational",)


class Place(StrEnum):
    """Pages of the platform that take parts of others; `home` is what waits for one person."""

    HOME = "home"
    ENTERPRISE = "enterprise"
    SITE = "site"
    UNIT = "unit"
    BATCH = "batch"
    FINDING = "finding"


@dataclass(frozen=True)
class Tile(Generic[T]):
    """A figure on an overview, with the way to what is behind it.

    Attributes:
        title: What the figure is of (a msgid).
        load: Gives its data.
        show: Shows it: usually one `elements.figure`.
        places: `Place.SITE`, `Place.ENTERPRISE` or both.
        order: Smaller is earlier.
        refresh_s: Seconds after which it is loaded again.
    """

    title: str
    load: Load[T]
    show: Show[T]
    places: tuple[Place, ...] = (Place.SITE,)
    order: int = 100
    refresh_s: float = 10
    classes: tuple[str, ...] = ("operational",)


@dataclass(frozen=True)
class Widget(Generic[T]):
    """A part of the page of a unit, a batch or a finding.

    `Asked.path` names what the page is of: `unit`, `batch` or `finding` (a uid).

    Attributes:
        title: Its heading (a msgid).
        place: Where it stands.
        load: Gives its data; None: it has nothing to show here and is left out.
        show: Shows it.
        order: Smaller is higher.
        refresh_s: Seconds after which it is loaded again; 0: never.
    """

    title: str
    place: Place
    load: Load[T | None]
    show: Show[T]
    order: int = 100
    refresh_s: float = 0
    classes: tuple[str, ...] = ("operational",)


class Parts(Protocol):
    """The parts that capabilities bring to the platform's pages."""

    def tiles_of(self, place: Place) -> Sequence[tuple[str, Tile[Any]]]:
        """Tiles of an overview, in their order, with their full names."""

    def widgets_of(self, place: Place) -> Sequence[tuple[str, Widget[Any]]]:
        """Widgets of a page, in their order, with their full names."""
