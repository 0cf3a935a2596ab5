"""XML as a plain tree with line numbers; documents that define entities are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from goldenbatch.core.errors import BadInputError

MAX_DEPTH = 200
"""Elements within one another; no real document comes near."""


@dataclass
class Element:
    """An element by its name without namespace.

    Attributes:
        line: Where it begins.
        text: Its text before its first child, without white space around it.
    """

    name: str
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, *names: str) -> Iterator[Element]:
        """Children of these names."""
        return (one for one in self.children if one.name in names)

    def first(self, *names: str) -> str:
        """Text of the first child that has one, by the order of the names."""
        found = (one.text for name in names for one in self.all(name))
        return next((text for text in found if text), "")

    def below(self, *names: str) -> Iterator[Element]:
        """Elements of these names at any depth, not within one another."""
        for one in self.children:
            if one.name in names:
                yield one
            else:
                yield from one.below(*names)


def parse_xml(content: bytes, file: str) -> Element:
    """The root of a document.

    A document type declaration is refused, whatever it holds: entities can make a small file
    fill the memory, or read other files.

    Raises:
        BadInputError: It is no XML, or declares a document type; names file and line.
    """
    parser = expat.ParserCreate(namespace_separator="|")
    root = Element("", 0)
    stack, texts = [root], [""]

    def refuse(*_: Any) -> None:
        raise BadInputError(
            "the document declares a type or entities, which is not read.",
            hint="Export it without a DOCTYPE.", file=file, line=parser.CurrentLineNumber,
        )  # fmt: skip

    def start(name: str, _: Any) -> None:
        if len(stack) > MAX_DEPTH:
            raise BadInputError(
                f"elements are more than {MAX_DEPTH} deep.", file=file,
                line=parser.CurrentLineNumber,
            )  # fmt: skip
        one = Element(name.rpartition("|")[2], parser.CurrentLineNumber)
        stack[-1].children.append(one)
        stack.append(one)
        texts.append("")

    def end(_: str) -> None:
        stack.pop().text = texts.pop().strip()

    def data(text: str) -> None:
        if not stack[-1].children:
            texts[-1] += text

    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse  # type: ignore[assignment]
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = data
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise BadInputError(
            f"this is no XML ({expat.ErrorString(error.code)}).",
            hint="Export it again.",
            file=file,
            line=error.lineno,
        ) from error
    return root.children[0]
