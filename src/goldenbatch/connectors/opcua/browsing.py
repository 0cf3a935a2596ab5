"""What a server offers, and proposals of tags and items made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.connectors.opcua._session import Session
from goldenbatch.connectors.opcua._structures import DEFINITION, StructureError, Structures
from goldenbatch.connectors.opcua._units import ucum_of
from goldenbatch.connectors.opcua._values import flatten, is_structure, kind_of
from goldenbatch.connectors.opcua.settings import read_settings
from goldenbatch.core.series import ReadingKind

if TYPE_CHECKING:
    from goldenbatch.core.acquisition import SourceContext

OBJECTS, SERVER = 85, 2253
HIERARCHICAL, HAS_PROPERTY = 33, 46
OBJECT, VARIABLE = 1, 2
DESCRIPTION, HISTORIZING, DATA_TYPE, VALUE = 5, 20, 14, 13
MAX_DEPTH: Final = 25
MAX_NODES: Final = 1_000_000
N_SIGNAL: Final = 60
TEXT_TYPES: Final = frozenset({12, 13, 14, 16, 17, 18, 19, 20, 21})
"""Built-in types whose values are texts: String, DateTime, Guid, XmlElement, NodeId, ..."""


@dataclass
class _Found:
    node: Any
    path: tuple[str, ...]
    unit: str = ""
    low: float | None = None
    high: float | None = None
    properties: dict[str, Any] = field(default_factory=dict)


async def browse(context: SourceContext, root: str = "i=85") -> Sequence[Mapping[str, Any]]:
    """The variables of a server below a node, a mapping a tag.

    Each has `address` (for an item's `node`), `name` (of a tag below the card's place), `unit`
    (UCUM), `kind`, `path`, `low` and `high` of the EURange, `description`, `has_history` and
    `field` (of a structure; else empty).

    Args:
        context: Card, secrets, folder.
        root: Node below which to look.

    Raises:
        SourceError: A person must mend the card, the trust list or the server.
        OSError: The server does not answer.
    """
    session = await Session.open(context, read_settings(context))
    try:
        found = await _variables(session, session.node(root))
        place = context.card.place
        return [row async for row in _rows(session, found, f"{place}/" if place else "")]
    finally:
        await session.close()


async def _variables(session: Session, root: Any) -> list[_Found]:
    """All variables below a node, each once, with the properties that say its unit."""
    level: list[tuple[Any, tuple[str, ...]]] = [(root, ())]
    known, found = {root}, []
    for _ in range(MAX_DEPTH):
        following: list[tuple[Any, tuple[str, ...]]] = []
        for (_, path), references in zip(
            level, await _children(session, [one for one, _ in level], HIERARCHICAL), strict=True
        ):
            for one in references:
                node = one.NodeId
                is_own = node.NamespaceIndex == 0 and node.Identifier == SERVER
                if node in known or is_own or one.ReferenceTypeId.Identifier == HAS_PROPERTY:
                    continue
                known.add(node)
                inner = (*path, str(one.BrowseName.Name))
                if int(one.NodeClass) == VARIABLE:
                    found.append(_Found(node, inner))
                following.append((node, inner))
        level = following
        if not level or len(known) > MAX_NODES:
            break
    await _units(session, found)
    return found


async def _children(session: Session, nodes: Sequence[Any], reference: int) -> list[list[Any]]:
    """References of nodes downwards, in as many calls as the server wants."""
    from asyncua import ua

    step = session.limit("MaxNodesPerBrowse", 500)
    found: list[list[Any]] = []
    for first in range(0, len(nodes), step):
        wanted = [
            ua.BrowseDescription(
                NodeId=node,
                BrowseDirection=ua.BrowseDirection.Forward,
                ReferenceTypeId=ua.NodeId(reference),
                IncludeSubtypes=True,
                NodeClassMask=OBJECT | VARIABLE,
                ResultMask=ua.BrowseResultMask.All,
            )
            for node in nodes[first : first + step]
        ]
        results = await session.raw.browse(ua.BrowseParameters(NodesToBrowse=wanted))
        for result in results:
            found.append(list(result.References or ()))
            point = result.ContinuationPoint
            while point:
                more = ua.BrowseNextParameters(ContinuationPoints=[point])
                (rest,) = await session.raw.browse_next(more)
                found[-1] += rest.References or ()
                point = rest.ContinuationPoint
    return found


async def _units(session: Session, found: Sequence[_Found]) -> None:
    """Units and ranges out of the properties of variables."""
    nodes: list[Any] = []
    owners: list[tuple[_Found, str]] = []
    children = await _children(session, [one.node for one in found], HAS_PROPERTY)
    for one, references in zip(found, children, strict=True):
        for reference in references:
            name = str(reference.BrowseName.Name)
            if name in ("EngineeringUnits", "EURange", "EnumStrings"):
                nodes.append(reference.NodeId)
                owners.append((one, name))
    for (one, name), value in zip(owners, await session.read(nodes), strict=True):
        held = _held(value)
        if name == "EURange" and hasattr(held, "Low"):
            one.low, one.high = float(held.Low), float(held.High)
        elif name == "EngineeringUnits" and hasattr(held, "UnitId"):
            shown, described = held.DisplayName, held.Description
            one.unit = ucum_of(held.UnitId, _text(shown), _text(described))
        elif name == "EnumStrings" and isinstance(held, list):
            one.properties["states"] = [f"{i} {_text(text)}" for i, text in enumerate(held)]


def _text(localised: Any) -> str:
    return getattr(localised, "Text", None) or ""


async def _rows(session: Session, found: Sequence[_Found], prefix: str) -> Any:
    """A row for each variable, or for each field of a structure."""
    nodes = [one.node for one in found]
    values = await session.read(nodes, VALUE)
    types = await session.read(nodes, DATA_TYPE)
    texts = await session.read(nodes, DESCRIPTION)
    historizing = await session.read(nodes, HISTORIZING)
    structures, names = Structures(session), _Names()
    states = await _states(session, {_held(one) for one in types})
    for i, one in enumerate(found):
        value = _held(values[i])
        one.properties.setdefault("states", states.get(_held(types[i]), ()))
        row = {
            "address": session.text(one.node),
            "path": "/".join(one.path),
            "unit": one.unit,
            "low": one.low,
            "high": one.high,
            "description": _described(one, _text(_held(texts[i]))),
            "has_history": bool(_held(historizing[i])),
        }
        name = prefix + names.give(".".join(one.path))
        async for path, kind in _parts(structures, value, _held(types[i])):
            unit = one.unit or ("1" if kind in ("number", "array") else "")
            whole = f"{name}.{path}" if path else name
            yield {**row, "name": whole, "kind": kind, "unit": unit, "field": path}


async def _states(session: Session, types: set[Any]) -> dict[Any, tuple[str, ...]]:
    """Names of the values of enumerations, by data type, as `0 Idle`."""
    own = [one for one in types if one is not None and one.NamespaceIndex != 0]
    found = {}
    for one, definition in zip(own, await session.read(own, DEFINITION), strict=True):
        fields = getattr(_held(definition), "Fields", None) or ()
        named = tuple(f"{one.Value} {one.Name}" for one in fields if hasattr(one, "Value"))
        if named:
            found[one] = named
    return found


def _held(value: Any) -> Any:
    return value.Value.Value if value.Value is not None else None


async def _parts(structures: Structures, value: Any, data_type: Any) -> Any:
    """Field and kind of each tag that a variable becomes."""
    if value is not None and is_structure(value) and not isinstance(value, list):
        try:
            apart = await structures.take_apart(value)
        except StructureError:
            return
        for path, inner in flatten(apart):
            yield path, kind_of(inner) or "text"
        return
    yield "", kind_of(value) or _kind_of_type(data_type)


def _kind_of_type(data_type: Any) -> ReadingKind:
    number = getattr(data_type, "Identifier", 0) if data_type is not None else 0
    if getattr(data_type, "NamespaceIndex", 1) != 0:
        return "number"
    return "reference" if number == 15 else "text" if number in TEXT_TYPES else "number"


def _described(one: _Found, text: str) -> str:
    parts = [text] if text else []
    if one.low is not None and one.high is not None:
        parts.append(f"range {one.low:g} to {one.high:g}{' ' + one.unit if one.unit else ''}")
    states = one.properties.get("states")
    if states:
        parts.append("states " + ", ".join(states))
    return "; ".join(parts)


class _Names:
    """Names of signals that can be names of tags, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, wanted: str) -> str:
        plain = "".join(
            one if one.isascii() and (one.isalnum() or one in "_.-") else "_" for one in wanted
        )
        plain = plain[-N_SIGNAL:].lstrip(".") or "signal"
        name, n = plain, 2
        while name in self._given:
            name, n = f"{plain[: N_SIGNAL - 5]}_{n}", n + 1
        self._given.add(name)
        return name


# ---- proposals ------------------------------------------------------------------------------


def propose_plant(rows: Sequence[Mapping[str, Any]]) -> str:
    """Tables of tags for `plant.toml`, to be read and corrected by a person.

    Args:
        rows: As `browse` gives them.

    >>> row = {"name": "site/press/Force", "unit": "kN", "kind": "number", "description": "0 to 9"}
    >>> print(propose_plant([row]).rstrip())
    [[tags]]
    name = "site/press/Force"
    unit = "kN"
    description = "0 to 9"
    """
    return "".join(_tables(rows))


def _tables(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield f"[[tags]]\nname = {_quoted(row['name'])}\nunit = {_quoted(row['unit'])}\n"
        if row["kind"] != "number":
            yield f"kind = {_quoted(row['kind'])}\n"
        if row.get("description"):
            yield f"description = {_quoted(row['description'])}\n"
        yield "\n"


def propose_card(rows: Sequence[Mapping[str, Any]]) -> str:
    """Items for a card of this connector; a structure is one item.

    >>> row = {"name": "Force", "address": "nsu=urn:p;s=F", "kind": "number"}
    >>> print(propose_card([row]).rstrip())
    [[settings.items]]
    node = "nsu=urn:p;s=F"
    tag = "Force"
    """
    lines, known = [], set()
    for row in rows:
        if row["address"] in known:
            continue
        known.add(row["address"])
        part = row.get("field", "")
        tag = row["name"].removesuffix(f".{part}") if part else row["name"]
        lines.append("[[settings.items]]\n")
        lines.append(f"node = {_quoted(row['address'])}\ntag = {_quoted(tag)}\n")
        if row["kind"] != "number" and not part:
            lines.append(f"kind = {_quoted(row['kind'])}\n")
        lines.append("\n")
    return "".join(lines)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
