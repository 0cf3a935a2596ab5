"""An ONNX model, read by its wire format: what it needs, and nothing of it is executed.

Refused are: weights in other files (a path is followed when the model is loaded), operators of
makers other than ONNX (they come as shared libraries), functions of its own, and operators that
draw random numbers (the same input must give the same output).

References:
    onnx.proto3 of ONNX IR version 13; Protocol Buffers, "Encoding".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from goldenbatch.core._artefact_errors import ArtefactContentError

DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
RANDOM: Final = frozenset(
    "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike".split()
)
_MAX_DEPTH = 24
_EXTERNAL = 1
_RUN = re.compile(
    rb"(?:(?:\x3d.{4})++|(?:\x40[\x80-\xff]{0,9}+[\x00-\x7f])++"
    rb"|(?:\x4a\x04LEAF|\x4a\x0aBRANCH_LEQ|\x4a\x09BRANCH_LT)++)++",
    re.DOTALL,
)
"""Runs of floats, integers and kinds of nodes: most of what a forest is made of."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
Field = tuple[int, int, memoryview, int]
"""Number, wire type, content, value of a number."""


@dataclass
class OnnxFacts:
    """What a model says of itself.

    Attributes:
        producer: Who wrote it, and its version.
        opsets: Domain to version.
        operators: `domain:name` of all operators, `name` of those of ONNX itself.
        metadata: Texts that its maker put in.
        n_inputs: Inputs of the graph that are no weights.
    """

    producer: str = ""
    opsets: dict[str, int] = field(default_factory=dict)
    operators: set[str] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    n_inputs: int = 0


def check_onnx(content: bytes) -> None:
    """Refuse what is no ONNX model, or needs more than ONNX itself.

    Raises:
        ArtefactContentError: Saying which.
    """
    onnx_facts(content)


def onnx_facts(content: bytes) -> OnnxFacts:
    """What an ONNX model is made of.

    Raises:
        ArtefactContentError: It is none, or needs more than ONNX itself.
    """
    facts, graph = OnnxFacts(), None
    try:
        for number, wire, data, value in _fields(memoryview(content)):
            if number == 7 and wire == _BYTES:
                graph = data
            elif number == 8 and wire == _BYTES:
                domain, version = _opset(data)
                facts.opsets[domain] = version
            elif number == 14 and wire == _BYTES:
                key, text = _pair(data)
                facts.metadata[key] = text
            elif number in (2, 3) and wire == _BYTES:
                facts.producer = f"{facts.producer} {bytes(data).decode()}".strip()
            elif number in (20, 25):
                kind = "functions of its own" if number == 25 else "training"
                _refuse(f"it has {kind}", "Export it for inference, with functions inlined.")
            elif number == 1 and (wire != _VARINT or not 3 <= value <= 64):
                raise ValueError("its version is impossible")
        if graph is None or not facts.opsets:
            raise ValueError("it has no graph, or no set of operators")
        _graph(graph, facts, 0)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        if isinstance(error, ArtefactContentError):
            raise
        raise ArtefactContentError(
            f"the content is no ONNX model: {error}.", hint="Write it with `onnx.save_model`."
        ) from error
    _check_domains(facts)
    return facts


def onnx_chain(content: bytes) -> list[tuple[str, dict[str, Any]]] | None:
    """Operators and their attributes, of a graph that is one chain without weights.

    Attributes are numbers, lists of numbers, or bytes.

    Returns:
        Operators in order; None where the graph is no chain.
    """
    parts = [data for number, _, data, _ in _fields(memoryview(content)) if number == 7]
    graph = list(_fields(parts[-1]))
    if any(number in (5, 15) for number, _, _, _ in graph):
        return None
    chain, last = [], ""
    for number, _, data, _ in graph:
        if number != 1:
            continue
        fields = list(_fields(data))
        texts = [[bytes(one).decode() for n, _, one, _ in fields if n == which] for which in (1, 2)]
        inputs, outputs = texts
        if len(inputs) != 1 or len(outputs) != 1 or (last and inputs[0] != last):
            return None
        last = outputs[0]
        kind = next(bytes(one).decode() for n, _, one, _ in fields if n == 4)
        chain.append((kind, dict(_value(one) for n, _, one, _ in fields if n == 5)))
    return chain


def _value(data: memoryview) -> tuple[str, Any]:
    """Name and value of an attribute."""
    name = ""
    value: Any = None
    floats: list[float] = []
    for number, wire, part, whole in _fields(data):
        if number == 1:
            name = bytes(part).decode()
        elif number == 2:
            (value,) = struct.unpack("<f", part)
        elif number == 3:
            value = whole
        elif number == 4:
            value = bytes(part)
        elif number == 7:
            floats += struct.unpack(f"<{len(part) // 4}f", part) if wire != _VARINT else ()
    return name, floats or value


def _check_domains(facts: OnnxFacts) -> None:
    foreign = sorted(one for one in facts.operators if one.partition(":")[1])
    if foreign:
        _refuse(
            f"it needs {', '.join(foreign[:5])}, which is no operator of ONNX",
            "Export it with standard operators only.",
        )
    drawn = sorted(facts.operators & RANDOM)
    if drawn:
        _refuse(
            f"it draws random numbers ({', '.join(drawn)})",
            "The same input must give the same output: export it for inference.",
        )


def _refuse(why: str, hint: str) -> None:
    raise ArtefactContentError(f"the ONNX model is refused: {why}.", hint=hint)


def _graph(data: memoryview, facts: OnnxFacts, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError("its graphs are nested too deeply")
    n_nodes = n_inputs = n_initialisers = 0
    for number, wire, part, _ in _fields(data):
        if wire != _BYTES:
            continue
        if number == 1:
            n_nodes += 1
            _node(part, facts, depth)
        elif number == 5:
            n_initialisers += 1
            _tensor(part)
        elif number == 15:
            _sparse(part)
        elif number == 11:
            n_inputs += 1
    if not depth:
        facts.n_inputs = n_inputs
        if not n_nodes:
            raise ValueError("its graph has no node")


def _node(data: memoryview, facts: OnnxFacts, depth: int) -> None:
    operator = domain = ""
    for number, wire, part, _ in _fields(data):
        if wire != _BYTES:
            continue
        if number == 4:
            operator = bytes(part).decode()
        elif number == 7:
            domain = bytes(part).decode()
        elif number == 5:
            _attribute(part, facts, depth)
    if not operator:
        raise ValueError("a node names no operator")
    facts.operators.add(operator if domain in DOMAINS else f"{domain}:{operator}")


def _attribute(data: memoryview, facts: OnnxFacts, depth: int) -> None:
    for number, wire, part, _ in _fields(data, _RUN):
        if wire != _BYTES:
            continue
        if number in (5, 10):
            _tensor(part)
        elif number in (6, 11):
            _graph(part, facts, depth + 1)
        elif number in (22, 23):
            _sparse(part)


def _sparse(data: memoryview) -> None:
    for number, wire, part, _ in _fields(data):
        if number in (1, 2) and wire == _BYTES:
            _tensor(part)


def _tensor(data: memoryview) -> None:
    for number, _, _, value in _fields(data):
        if number == 13 or (number == 14 and value == _EXTERNAL):
            _refuse(
                "its weights lie in another file",
                "Save it whole: `onnx.save_model(model, path, save_as_external_data=False)`.",
            )


def _opset(data: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for number, wire, part, value in _fields(data):
        if number == 1 and wire == _BYTES:
            domain = bytes(part).decode()
        elif number == 2:
            version = value
    return domain, version


def _pair(data: memoryview) -> tuple[str, str]:
    found = {number: part for number, wire, part, _ in _fields(data) if wire == _BYTES}
    empty = memoryview(b"")
    return bytes(found.get(1, empty)).decode(), bytes(found.get(2, empty)).decode()


def _fields(data: memoryview, skipped: re.Pattern[bytes] | None = None) -> Iterator[Field]:
    """Fields of a message; groups, which ONNX does not use, are no ONNX.

    Args:
        data: The message.
        skipped: Runs of whole fields that are passed over at once.
    """
    place, end, empty = 0, len(data), memoryview(b"")
    while place < end:
        run = skipped.match(data, place) if skipped is not None else None
        if run is not None:
            place = run.end()
            continue
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if not number:
            raise ValueError("a field has the number 0")
        if wire == _VARINT:
            value, place = _varint(data, place)
            yield number, wire, empty, value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(wire, -1)
        if wire == _BYTES:
            size, place = _varint(data, place)
        if size < 0 or place + size > end:
            raise ValueError("a field is cut short")
        yield number, wire, data[place : place + size], 0
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
