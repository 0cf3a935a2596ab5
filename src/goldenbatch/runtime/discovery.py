"""Capabilities by entry point, lazily; a broken one is named and does not stop the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, cast

from goldenbatch.core.capability import ENTRY_POINT_GROUP, Capability, Offer
from goldenbatch.core.errors import GoldenbatchError, NotFoundError

if TYPE_CHECKING:
    from goldenbatch.core.analyst import AnalystFactory
    from goldenbatch.core.records import Projection
    from goldenbatch.core.trial import Trial


@dataclass(frozen=True)
class Broken:
    """An entry point whose manifest or offer cannot be used.

    Attributes:
        name: Name of the entry point, or `capability.offer`.
        package: Distribution that brings it, with its version; empty when unknown.
        error: What is wrong, in words.
    """

    name: str
    package: str
    error: str


@dataclass(frozen=True)
class Discovery:
    """The capabilities that are installed, by name, and those that are broken."""

    capabilities: Mapping[str, Capability]
    broken: tuple[Broken, ...] = ()

    def offers(self, kind: str) -> Iterator[tuple[str, Offer]]:
        """Full name (`monitoring.charts`) and offer of all offers of a kind."""
        for name in sorted(self.capabilities):
            for offer in getattr(self.capabilities[name], kind):
                yield f"{name}.{offer.name}", offer

    def offer(self, kind: str, full_name: str) -> Offer:
        """The offer of a kind by full name.

        Raises:
            NotFoundError: Nothing of that name is installed; says what is.
        """
        owner, _, name = full_name.partition(".")
        capability = self.capabilities.get(owner)
        if capability is not None:
            return capability.offer(kind, name)
        for broken in self.broken:
            if broken.name == owner:
                raise NotFoundError(
                    f"capability {owner!r} ({broken.package or 'unknown package'}) is broken: "
                    f"{broken.error}",
                    hint="Repair or remove that package.",
                )
        known = ", ".join(one for one, _ in self.offers(kind)) or "none"
        raise NotFoundError(
            f"no capability is named {owner!r} (asked for {full_name!r}).",
            hint=f"Installed {kind}: {known}.",
        )


def discover(points: Iterable[EntryPoint] | None = None) -> Discovery:
    """Load the manifests of all capabilities and nothing else of them.

    Args:
        points: Entry points to look at; those of the installed packages by default.
    """
    found: dict[str, Capability] = {}
    broken: list[Broken] = []
    everything = entry_points(group=ENTRY_POINT_GROUP) if points is None else points
    for point in sorted(everything, key=lambda one: (one.name, one.value)):
        outcome = _manifest(point, found)
        if isinstance(outcome, Capability):
            found[outcome.name] = outcome
        elif outcome is not None:
            broken.append(outcome)
    return Discovery(found, tuple(broken))


def _manifest(point: EntryPoint, found: Mapping[str, Capability]) -> Capability | Broken | None:
    package = f"{point.dist.name} {point.dist.version}" if point.dist is not None else ""
    try:
        loaded = point.load()
    except Exception as error:  # whatever an outside package throws, the others must run
        return Broken(point.name, package, f"{point.value} cannot be loaded: {_words(error)}")
    if not isinstance(loaded, Capability):
        kind = type(loaded).__name__
        return Broken(point.name, package, f"{point.value} is a {kind}, not a Capability.")
    if loaded.name != point.name:
        return Broken(point.name, package, f"its manifest calls itself {loaded.name!r}.")
    known = found.get(loaded.name)
    if known == loaded:
        return None
    if known is not None:
        return Broken(point.name, package, "another package has brought that name already.")
    return loaded


def analyst_factory(full_name: str, discovery: Discovery | None = None) -> AnalystFactory:
    """The factory of analysts of a name such as `monitoring.charts`."""
    return cast("AnalystFactory", _found(discovery).offer("analysts", full_name).load())


def trial(full_name: str, discovery: Discovery | None = None) -> Trial:
    """A trial of a name such as `monitoring.soft_sensor`, made without arguments."""
    return cast("Trial", _found(discovery).offer("trials", full_name).load()())


def commands(discovery: Discovery | None = None) -> dict[str, Offer]:
    """Commands by full name; the command line loads a target when it is asked for."""
    return dict(_found(discovery).offers("commands"))


def projections(discovery: Discovery | None = None) -> tuple[list[Projection], list[Broken]]:
    """Projections of all capabilities, and the ones that could not be loaded."""
    loaded, broken = _load_all("projections", discovery)
    return cast("list[Projection]", loaded), broken


def register_record_types(discovery: Discovery | None = None) -> list[Broken]:
    """Import the modules that bring record types; returns those that could not be."""
    return _load_all("record_types", discovery)[1]


def facts(discovery: Discovery | None = None) -> tuple[dict[str, Any], list[Broken]]:
    """Providers of facts for the authority table, by full name."""
    chosen = _found(discovery)
    providers: dict[str, Any] = {}
    broken: list[Broken] = []
    for full_name, offer in chosen.offers("facts"):
        outcome = _load(full_name, offer)
        if isinstance(outcome, Broken):
            broken.append(outcome)
        else:
            providers[full_name] = outcome
    return providers, broken


def _found(discovery: Discovery | None) -> Discovery:
    return discover() if discovery is None else discovery


def _load_all(kind: str, discovery: Discovery | None) -> tuple[list[Any], list[Broken]]:
    loaded: list[Any] = []
    broken: list[Broken] = []
    for full_name, offer in _found(discovery).offers(kind):
        outcome = _load(full_name, offer)
        (broken if isinstance(outcome, Broken) else loaded).append(outcome)
    return loaded, broken


def _load(full_name: str, offer: Offer) -> Any:
    try:
        return offer.load()
    except GoldenbatchError as error:
        return Broken(full_name, "", str(error))
    except Exception as error:  # an outside module may throw anything on import
        return Broken(full_name, "", f"{offer.target} cannot be loaded: {_words(error)}")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
