"""Calculated data and data cubes of documents of the Allotrope Simple Model.

References:
    Allotrope Foundation, ASM schemas: calculated data documents with their data sources, and
    data cubes (`cube-structure`, `data`), REC/2023/09 and later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from goldenbatch.connectors.tabular._sheet import Refused, Sheet, from_rows
from goldenbatch.core.errors import BadInputError

Document = Mapping[str, Any]
META = ("sample", "batch", "label", "device", "unit", "axis_unit", "time")
"""Columns of a sheet of cubes, before those of the axis."""


def plain_text(value: Any) -> str:
    """A value of JSON as the text of a cell."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


# ---- calculated data -----------------------------------------------------------------------------
def calculated_data(node: Any) -> Iterator[dict[str, Any]]:
    """All calculated data documents, wherever they stand."""
    if isinstance(node, list):
        for one in node:
            yield from calculated_data(one)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == "calculated data document":
            listed = value if isinstance(value, list) else [value]
            yield from (one for one in listed if isinstance(one, dict))
        else:
            yield from calculated_data(value)


def calculated_result(document: Document) -> tuple[str, str, str] | None:
    """(name, value, unit) of a calculated data document; None where it has none."""
    name, result = document.get("calculated data name"), document.get("calculated result")
    if not name or not isinstance(result, dict) or result.get("value") is None:
        return None
    return str(name), plain_text(result["value"]), str(result.get("unit") or "")


def _sources(document: Document) -> list[str]:
    listed = (document.get("data source aggregate document") or {}).get("data source document", [])
    found = listed if isinstance(listed, list) else [listed]
    return [str(one.get("data source identifier", "")) for one in found if isinstance(one, dict)]


def owners_of(
    calculated: Sequence[Document], measurements: Sequence[Document]
) -> dict[int, list[int]]:
    """A measurement of each sample that each calculated document is made of, by its `id()`.

    Sources that are calculated themselves are followed; one that is not in the file counts as
    a sample of its own, so that nothing is taken for whole that is not.
    """
    samples: dict[str, int] = {}
    of_measurement: dict[str, int] = {}
    for at, one in enumerate(measurements):
        sample = (one.get("sample document") or {}).get("sample identifier")
        name = str(one.get("measurement identifier", ""))
        if sample and name:
            of_measurement[name] = samples.setdefault(str(sample), at)
    by_name = {str(one.get("calculated data identifier", "")): one for one in calculated}
    found: dict[int, list[int]] = {}
    for one in calculated:
        waiting, seen, mine = _sources(one), set[str](), set[int]()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in of_measurement:
                mine.add(of_measurement[name])
            elif name in by_name:
                waiting += _sources(by_name[name])
            else:
                mine.add(-1)
        found[id(one)] = sorted(mine) if mine != {-1} else []
    return found


def why_not_one(of: Sequence[int]) -> str:
    """Why a calculated value is a result of no sample."""
    if not of:
        return "the calculated value names no measurement of the file that it is made of"
    return f"it is calculated of {len(of)} samples, so it is a result of none of them"


# ---- data cubes ----------------------------------------------------------------------------------
def cube_sheet(file: str, name: str, found: Sequence[tuple[Document, Any]]) -> Sheet:
    """Data cubes of a name, a row each: what they are of, then a column for each of the axis.

    Cubes of one dimension and one measure, all on the axis of the first, are taken; others are
    refused by name.

    Raises:
        BadInputError: No measurement has such a cube.
    """
    rows: list[list[str]] = []
    lines: list[int] = []
    refused: list[Refused] = []
    axis: list[str] | None = None
    for number, (measurement, context) in enumerate(found, start=1):
        cube = measurement.get(name)
        if not isinstance(cube, dict):
            continue
        try:
            mine, values, units = _one_dimensional(cube)
            if axis is not None and mine != axis:
                raise ValueError("its axis is not that of the first cube of the file")
        except ValueError as error:
            raw = json.dumps(measurement, ensure_ascii=False)
            refused.append(Refused(number, "cube", f"{name}: {error}", raw))
            continue
        axis = mine
        sample = measurement.get("sample document") or {}
        head = [plain_text(sample.get(f"{one} identifier")) for one in ("sample", "batch")]
        head += [plain_text(cube.get("label")), plain_text(measurement.get("device identifier"))]
        rows.append([*head, *units, context.time, *values])
        lines.append(number)
    if axis is None and not refused:
        named = sorted({key for one, _ in found for key in one if key.endswith("data cube")})
        raise BadInputError(
            f"no measurement has a {name!r}.",
            hint=f"There are: {', '.join(named) or 'no data cubes'}.",
            file=file,
        )

    def raw_row(line: int) -> str:
        return json.dumps(found[line - 1][0], ensure_ascii=False)

    return from_rows(file, (*META, *(axis or [])), rows, lines, raw_row, refused)


def _one_dimensional(cube: Document) -> tuple[list[str], list[str], list[str]]:
    """(axis, values, units of both) of a cube with one dimension and one measure.

    Raises:
        ValueError: It is another.
    """
    structure = cube.get("cube-structure") or cube.get("cube structure")
    data = cube.get("data")
    if not isinstance(structure, dict) or not isinstance(data, dict):
        raise ValueError("it has no structure or no data")
    kinds = [structure.get(one) for one in ("dimensions", "measures")]
    parts = [data.get(one) for one in ("dimensions", "measures")]
    if not all(isinstance(one, list) and len(one) == 1 for one in (*kinds, *parts)):
        raise ValueError("only cubes of one dimension and one measure can be an array")
    axis, values = (one[0] for one in parts if one)
    if not isinstance(axis, list) or not isinstance(values, list):
        raise ValueError("its dimension is a function or its data are no list")
    if len(axis) != len(values) or not axis:
        raise ValueError(f"{len(values)} values on an axis of {len(axis)}")
    units = [plain_text(one[0].get("unit")) for one in reversed(kinds) if one]
    return [plain_text(one) for one in axis], [plain_text(one) for one in values], units
