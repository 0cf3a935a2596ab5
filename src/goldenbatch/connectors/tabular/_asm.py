"""Allotrope Simple Model: measurements of samples as a long table, a row for each result.

References:
    Allotrope Foundation, ASM schemas (REC/2023/09 and later); as the converters of the
    open-source package allotropy (MIT) write them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    rows: list[list[str]] = []
    lines: list[int] = []
    refused: list[Refused] = []
    seen: Counter[tuple[str, str]] = Counter()
    for number, (measurement, context) in enumerate(found, start=1):
        sample = _sample(measurement)
        results = list(_results(measurement, ""))
        if not sample.get("sample identifier"):
            raw = json.dumps(measurement, ensure_ascii=False)
            refused.append(Refused(number, "sample", "the measurement names no sample", raw))
            continue
        identifier, batch = (
            str(sample["sample identifier"]),
            str(sample.get("batch identifier", "")),
        )
        device = str(measurement.get("device identifier", ""))
        for test, value, unit in results:
            seen[identifier, test] += 1
            n = seen[identifier, test]
            name = test if n == 1 else f"{test} ({n})"
            rows.append(
                [identifier, batch, name, value, unit, context.time, context.analyst,
                 context.method, device]
            )  # fmt: skip
            lines.append(number)

    def raw_row(line: int) -> str:
        return json.dumps(found[line - 1][0], ensure_ascii=False)

    return from_rows(file, HEADER, rows, lines, raw_row, refused)


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
            yield f"{name} {key}".strip(), _text(value["value"]), unit_of(value.get("unit"))
        elif isinstance(value, dict | list):
            yield from _results(value, name)


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def unit_of(text: Any) -> str:
    """UCUM of a unit of ASM; one that is not known stays as it is.

    >>> unit_of("10^6 cells/mL"), unit_of("degC"), unit_of("mmol/L")
    ('10*6.{cells}/mL', 'Cel', 'mmol/L')
    """
    return _UNITS.get(str(text).strip().lower(), str(text).strip()) if text else ""
