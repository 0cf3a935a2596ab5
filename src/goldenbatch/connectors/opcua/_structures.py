"""Structures that a server defines: decoded by their declared fields.

The definitions are read as data and walked. Nothing that a server says is turned into code.

References:
    OPC 10000-3, 8.48 (StructureDefinition); OPC 10000-6, 5.2.6 and 5.2.7 (encoding).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua._session import Session

DEFINITION: Final = 23
HAS_ENCODING, HAS_SUBTYPE = 38, 45
ENUMERATION, STRUCTURE = 29, 22
LAST_BUILT_IN: Final = 25
MAX_DEPTH: Final = 16
MAX_ELEMENTS: Final = 1_000_000


class StructureError(Exception):
    """A structure that cannot be taken apart; says why."""


@dataclass(frozen=True)
class Field:
    """A declared field: `built_in` is a type number, or `layout` is a structure of its own."""

    name: str
    built_in: int
    layout: Layout | None
    is_array: bool
    is_optional: bool


@dataclass(frozen=True)
class Layout:
    """The declared fields of a structure, in the order of their encoding."""

    fields: tuple[Field, ...]
    is_union: bool
    has_mask: bool


class Structures:
    """The structures of one server, learnt when they are first met."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._encodings: dict[Any, Layout] = {}
        self._types: dict[Any, Layout | int] = {}

    async def take_apart(self, value: Any) -> Any:
        """A value with every structure in it as a mapping of its fields.

        Raises:
            StructureError: The server does not say what it is, or it is not what it says.
        """
        from asyncua import ua

        if isinstance(value, list | tuple):
            return [await self.take_apart(one) for one in value]
        if not isinstance(value, ua.ExtensionObject):
            return value
        if value.Body is None:
            return {}
        layout = await self._of_encoding(value.TypeId)
        buffer = ua.utils.Buffer(value.Body)
        try:
            return _decode(layout, buffer, 0)
        except StructureError:
            raise
        except Exception as error:  # bytes of a stranger: whatever they do, it is not a value
            raise StructureError(
                f"{value.TypeId.to_string()} is not encoded as declared"
            ) from error

    async def _of_encoding(self, encoding: Any) -> Layout:
        if encoding not in self._encodings:
            data_type = await self._parent(encoding, HAS_ENCODING)
            if data_type is None:
                raise StructureError(f"{encoding.to_string()} is the encoding of no data type")
            found = await self._of_type(data_type, 0)
            if not isinstance(found, Layout):
                raise StructureError(f"{data_type.to_string()} is no structure")
            self._encodings[encoding] = found
        return self._encodings[encoding]

    async def _parent(self, node: Any, reference: int) -> Any:
        """The node that a reference of a type points from."""
        from asyncua import ua

        what = ua.BrowseDescription(
            NodeId=node,
            BrowseDirection=ua.BrowseDirection.Inverse,
            ReferenceTypeId=ua.NodeId(reference),
            IncludeSubtypes=True,
            ResultMask=ua.BrowseResultMask.None_,
        )
        parameters = ua.BrowseParameters(NodesToBrowse=[what])
        (result,) = await self._session.raw.browse(parameters)
        return result.References[0].NodeId if result.References else None

    async def _of_type(self, data_type: Any, depth: int) -> Layout | int:
        """Layout of a structure, or the number of the built-in type that a type comes from."""
        if depth > MAX_DEPTH:
            raise StructureError(f"{data_type.to_string()} is nested more than {MAX_DEPTH} deep")
        if data_type not in self._types:
            self._types[data_type] = await self._learn(data_type, depth)
        return self._types[data_type]

    async def _learn(self, data_type: Any, depth: int) -> Layout | int:
        from asyncua import ua

        if data_type.NamespaceIndex == 0 and data_type.Identifier in _BASIC:
            return _BASIC[data_type.Identifier]
        (found,) = await self._session.read([data_type], DEFINITION)
        definition = found.Value.Value if found.Value is not None else None
        if isinstance(definition, ua.StructureDefinition):
            return await self._layout(definition, depth)
        if isinstance(definition, ua.EnumDefinition):
            return 6
        parent = await self._parent(data_type, HAS_SUBTYPE)
        if parent is None or parent == ua.NodeId(STRUCTURE):
            raise StructureError(f"the server does not define {data_type.to_string()}")
        return await self._of_type(parent, depth + 1)

    async def _layout(self, definition: Any, depth: int) -> Layout:
        kind = int(definition.StructureType)
        if kind > 2:
            raise StructureError("structures with subtyped values are not taken apart")
        fields = []
        for one in definition.Fields or ():
            found = await self._of_type(one.DataType, depth + 1)
            layout = found if isinstance(found, Layout) else None
            built_in = found if isinstance(found, int) else 0
            is_array = one.ValueRank >= 1
            is_optional = kind == 1 and bool(one.IsOptional)
            fields.append(Field(one.Name or "", built_in, layout, is_array, is_optional))
        return Layout(tuple(fields), is_union=kind == 2, has_mask=kind == 1)


_BASIC = {number: number for number in range(1, LAST_BUILT_IN + 1) if number != STRUCTURE}
_BASIC |= {ENUMERATION: 6, 24: 24, 26: 24, 27: 24, 28: 24, STRUCTURE: STRUCTURE}


def _decode(layout: Layout, buffer: Any, depth: int) -> dict[str, Any]:
    from asyncua.ua.ua_binary import Primitives

    if depth > MAX_DEPTH:
        raise StructureError(f"it is nested more than {MAX_DEPTH} deep")
    if layout.is_union:
        which = Primitives.UInt32.unpack(buffer)
        if not 0 < which <= len(layout.fields):
            return {}
        one = layout.fields[which - 1]
        return {one.name: _value(one, buffer, depth)}
    mask = Primitives.UInt32.unpack(buffer) if layout.has_mask else 0
    found: dict[str, Any] = {}
    bit = 0
    for one in layout.fields:
        if one.is_optional:
            is_there = bool(mask >> bit & 1)
            bit += 1
            if not is_there:
                continue
        found[one.name] = _value(one, buffer, depth)
    return found


def _value(field: Field, buffer: Any, depth: int) -> Any:
    from asyncua import ua
    from asyncua.ua.ua_binary import Primitives, unpack_uatype, unpack_uatype_array

    layout = field.layout
    if layout is None:
        kind = ua.VariantType(field.built_in)
        if field.is_array:
            return unpack_uatype_array(kind, buffer)
        return unpack_uatype(kind, buffer)
    if not field.is_array:
        return _decode(layout, buffer, depth + 1)
    n = Primitives.Int32.unpack(buffer)
    if n > MAX_ELEMENTS:
        raise StructureError(f"field {field.name} says it has {n} elements")
    return [_decode(layout, buffer, depth + 1) for _ in range(max(0, n))]
