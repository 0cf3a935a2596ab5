"""Allotrope Simple Model: measurements of samples as a long table, a row for each result.

References:
    Allotrope Foundation, ASM schemas (REC/2023/09 and later); as the converters of the
    open-source package allotropy (MIT) write them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.tabular._asm_parts import (
    calculated_data,
    calculated_result,
    cube_sheet,
    owners_of,
    plain_text,
    why_not_one,
)
from goldenbatch.connectors.tabular._sheet import Refused, Sheet, from_rows
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.connectors.tabular.card import TableSpec

HEADER = ("sample", "batch", "test", "value", "unit", "time", "analyst", "method", "device")
"""Columns of the sheet; a row is one result, its line the number of the measurement."""
_UNITS = {
    "(unitless)": "", "unitless": "", "degc": "Cel", "ph": "[pH]", "mmhg": "mm[Hg]",
    "µm": "um", "μm": "um", "µl": "uL", "μl": "uL", "µg/ml": "ug/mL", "μg/ml": "ug/mL",
    "10^6 cells/ml": "10*6.{cells}/mL", "10^6 cells": "10*6.{cells}", "cell": "{cells}",
    "cells/ml": "{cells}/mL", "mau": "{mAU}", "rfu": "{RFU}", "rlu": "{RLU}", "#": "{count}",
    "mosm/kg": "mosm/kg", "m": "m", "rpm": "{rpm}",
}  # fmt: skip
"""Units of ASM that are not UCUM as they stand."""
_ASIDE = (
    "sample document", "device control aggregate document", "data processing document",
    "custom information document", "custom information aggregate document",
    "image aggregate document", "error aggregate document", "diagnostic trace aggregate document",
    "calculated data aggregate document",
)  # fmt: skip
"""Parts of a measurement that are settings and context, not results."""


@dataclass(frozen=True)
class _Context:
    """What holds for all measurements below it."""

    analyst: str = ""
    method: str = ""
    time: str = ""

    def within(self, node: Mapping[str, Any]) -> _Context:
        def told(name: str, before: str) -> str:
            found = node.get(name)
            return found if isinstance(found, str) and found else before

        return _Context(
            told("analyst", self.analyst),
            told("analytical method identifier", self.method),
            told("measurement time", self.time),
        )


def read_asm(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """Measurement documents of any technique; values keep the digits that they are written with.

    A value calculated of measurements of one sample is a result of it; one over several samples is
    refused by name. With `cube` of the table the data cubes of that name are read instead.
    A test that a sample has several times in a file is numbered: which of them counts, or
    their mean, is not ours to say.

    Raises:
        BadInputError: It is no JSON, or no ASM document.
    """
    try:
        text = content.decode("utf-8-sig" if spec.encoding == "auto" else spec.encoding)
        root = _plain(json.loads(text, parse_float=str, parse_int=str, parse_constant=_refuse))
    except (UnicodeDecodeError, LookupError, RecursionError) as error:
        raise BadInputError(f"it is no text of JSON ({error}).", file=file) from error
    except json.JSONDecodeError as error:
        raise BadInputError(
            f"this is no JSON ({error.msg}).", hint="Export it again.", file=file, line=error.lineno
        ) from error
    found = list(_measurements(root, _Context()))
    if not found:
        raise BadInputError(
            "there is no measurement document in it.",
            hint="ASM has a measurement aggregate document with measurement documents.",
            file=file,
        )
    if spec.cube:
        return cube_sheet(file, spec.cube, found)
    table = _Table([], [], [])
    for number, (measurement, context) in enumerate(found, start=1):
        sample = _sample(measurement)
        if not sample.get("sample identifier"):
            table.refuse(number, "the measurement names no sample", measurement)
            continue
        device = str(measurement.get("device identifier", ""))
        for result in _results(measurement, ""):
            table.add(number, sample, result, context, device)
    calculated = list(calculated_data(root))
    owners = owners_of(calculated, [one for one, _ in found])
    for number, one in enumerate(calculated, start=len(found) + 1):
        made = calculated_result(one)
        if made is None:
            continue
        of = owners.get(id(one), [])
        if len(of) != 1:
            table.refuse(number, why_not_one(of), one)
            continue
        measurement, context = found[of[0]]
        device = str(measurement.get("device identifier", ""))
        table.add(number, _sample(measurement), made, context, device)
    documents = [*(one for one, _ in found), *calculated]

    def raw_row(line: int) -> str:
        return json.dumps(documents[line - 1], ensure_ascii=False)

    return from_rows(file, HEADER, table.rows, table.lines, raw_row, table.refused)


@dataclass
class _Table:
    """Rows while they are made; a test that a sample has again is numbered."""

    rows: list[list[str]]
    lines: list[int]
    refused: list[Refused]
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def refuse(self, line: int, reason: str, document: Mapping[str, Any]) -> None:
        raw = json.dumps(document, ensure_ascii=False)
        self.refused.append(Refused(line, "sample", reason, raw))

    def add(
        self,
        line: int,
        sample: Mapping[str, Any],
        result: tuple[str, str, str],
        context: _Context,
        device: str,
    ) -> None:
        identifier, batch = (
            str(sample.get(f"{one} identifier", "")) for one in ("sample", "batch")
        )
        test, value, unit = result
        self.seen[identifier, test] += 1
        n = self.seen[identifier, test]
        name = test if n == 1 else f"{test} ({n})"
        self.rows.append(
            [identifier, batch, name, value, unit_of(unit), context.time, context.analyst,
             context.method, device]
        )  # fmt: skip
        self.lines.append(line)


def _refuse(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no value of JSON", "", 0)


def _plain(node: Any) -> Any:
    """Names with spaces: older documents write hyphens."""
    if isinstance(node, dict):
        return {key.replace("-", " "): _plain(value) for key, value in node.items()}
    return [_plain(one) for one in node] if isinstance(node, list) else node


def _measurements(node: Any, context: _Context) -> Iterator[tuple[dict[str, Any], _Context]]:
    if isinstance(node, list):
        for one in node:
            yield from _measurements(one, context)
    if not isinstance(node, dict):
        return
    inner = context.within(node)
    for key, value in node.items():
        if key == "measurement document":
            listed = value if isinstance(value, list) else [value]
            yield from ((one, inner.within(one)) for one in listed if isinstance(one, dict))
        elif isinstance(value, dict | list):
            yield from _measurements(value, inner)


def _sample(measurement: Mapping[str, Any]) -> Mapping[str, Any]:
    found = measurement.get("sample document")
    return found if isinstance(found, dict) else {}


def _results(node: Any, name: str) -> Iterator[tuple[str, str, str]]:
    """Quantities below a node as (test, value, unit)."""
    if isinstance(node, list):
        for one in node:
            yield from _results(one, name)
    if not isinstance(node, dict):
        return
    named = node.get("analyte name") or node.get("written name")
    name = str(named) if named else name
    for key, value in node.items():
        if key in _ASIDE or key.endswith("data cube"):
            continue
        if isinstance(value, dict) and "value" in value:
            yield f"{name} {key}".strip(), plain_text(value["value"]), str(value.get("unit") or "")
        elif isinstance(value, dict | list):
            yield from _results(value, name)


def unit_of(text: Any) -> str:
    """UCUM of a unit of ASM; one that is not known stays as it is.

    >>> unit_of("10^6 cells/mL"), unit_of("degC"), unit_of("mmol/L")
    ('10*6.{cells}/mL', 'Cel', 'mmol/L')
    """
    return _UNITS.get(str(text).strip().lower(), str(text).strip()) if text else ""
