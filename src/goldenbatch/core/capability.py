"""What a capability brings, as pure data; its code is imported only when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from goldenbatch.core.errors import NotFoundError

ENTRY_POINT_GROUP = "goldenbatch.capabilities"
Tier = Literal["bronze", "silver", "gold", "platinum"]


@dataclass(frozen=True)
class Offer:
    """One thing that a capability offers.

    Attributes:
        name: Name below the capability's name: `charts` of `monitoring` is
            `monitoring.charts`.
        target: Dotted name of what it is: `package.module:attribute`.
        help: One line.
    """

    name: str
    target: str
    help: str

    def load(self) -> Any:
        """Import the target.

        Raises:
            NotFoundError: The module or the attribute does not exist.
        """
        module_name, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module_name), attribute)
        except (ImportError, AttributeError) as error:
            raise NotFoundError(
                f"offer {self.name!r} points to {self.target!r}, which cannot be loaded: {error}.",
                hint="Install the package that brings it, or correct its _capability.py.",
            ) from error


Offers = Mapping[str, tuple[Offer, ...]]
"""Kind of offer (`analysts`, `trials`, ...: the fields of `Capability`) to what a room brings."""


@dataclass(frozen=True)
class Capability:
    """The manifest of a capability, found by the entry point group of the same name.

    Attributes:
        name: Folder name, unique.
        title: For people.
        tier: Maturity (see CONTRIBUTING).
        analysts: Targets are `AnalystFactory`.
        trials: Targets are classes that satisfy `Trial`, made without arguments.
        fits: Functions `(site, name) -> Sequence[ModelFitted]` that fit, freeze and record
            the models of an adopted analyst; each named as the kind of analyst.
        trainers: Functions that fit and freeze a model to given rows and record nothing
            (`core.model_training.Trainer`); each named as the kind of analyst.
        commands: Targets are Typer applications or functions for the command line.
        routes: Targets are functions `(get_site) -> fastapi.APIRouter`.
        pages: Targets are `goldenbatch.ui.web.pages.Page` (loaded only by the web application).
        tiles: Targets are `goldenbatch.ui.web.pages.Tile`: figures on the overviews.
        widgets: Targets are `goldenbatch.ui.web.pages.Widget`: parts of the pages of a unit, a
            batch or a finding.
        record_types: Modules whose import registers record types; the attribute is one.
        projections: Targets are `Projection`.
        documents: Targets are functions `(site, batch) -> Sequence[Chart | Bars]` (of the
            `ui` kit) that add to the dossier of a batch.
        facts: Targets are providers of facts for `core.authority`.
        acts: Targets are functions `(site, by, values) -> Intent` (`core.acts.ActFunction`).
    """

    name: str
    title: str
    tier: Tier
    analysts: tuple[Offer, ...] = ()
    trials: tuple[Offer, ...] = ()
    fits: tuple[Offer, ...] = ()
    trainers: tuple[Offer, ...] = ()
    commands: tuple[Offer, ...] = ()
    routes: tuple[Offer, ...] = ()
    pages: tuple[Offer, ...] = ()
    tiles: tuple[Offer, ...] = ()
    widgets: tuple[Offer, ...] = ()
    record_types: tuple[Offer, ...] = ()
    projections: tuple[Offer, ...] = ()
    documents: tuple[Offer, ...] = ()
    facts: tuple[Offer, ...] = ()
    acts: tuple[Offer, ...] = ()

    @classmethod
    def of_rooms(cls, rooms: Iterable[Offers], *, name: str, title: str, tier: Tier) -> Capability:
        """A capability whose rooms each list what they bring, in the order of the rooms.

        Raises:
            TypeError: A room has a kind of offer that there is not.
        """
        offers: dict[str, tuple[Offer, ...]] = {}
        for room in rooms:
            for kind, own in room.items():
                offers[kind] = (*offers.get(kind, ()), *own)
        return cls(name, title, tier, **offers)

    def offer(self, kind: str, name: str) -> Offer:
        """The offer of a kind (`analysts`, `trials`, ...) by name.

        Raises:
            NotFoundError: There is none of that name.
        """
        offers: tuple[Offer, ...] = getattr(self, kind)
        for one in offers:
            if one.name == name:
                return one
        names = ", ".join(f"{self.name}.{one.name}" for one in offers) or "none"
        raise NotFoundError(
            f"capability {self.name!r} has no {kind} named {name!r}.", hint=f"It has: {names}."
        )
