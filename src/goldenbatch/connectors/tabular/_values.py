"""Numbers and results of cells: decimal marks, missing values, reporting limits."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.connectors.tabular._parts import ResultSpec
from goldenbatch.connectors.tabular._templates import placeholders
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.quantities import is_number
from goldenbatch.core.results import Result, ResultKind, ResultStatus

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from pydantic import ValidationError

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_LIMIT = re.compile(r"(<=|>=|≤|≥|<|>)\s*(\S.*)")
_OPERATORS = {"≤": "<=", "≥": ">="}
_EXACT = 2.0**53


class CellError(Exception):
    """A cell that cannot be read; the row is refused with this reason."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


def record_reason(error: ValidationError) -> str:
    """Why the cells of a row make no record."""
    first = error.errors()[0]
    where = ".".join(str(one) for one in first["loc"])
    if where in ("size", "quantity"):
        return f"{where}: {first['input']!r} is no quantity such as '12.5 kg'"
    return f"{where}: {first['msg']}"


def are_plain(spec: TableSpec) -> bool:
    """Whether numbers of a table can be decoded without a look at their text."""
    is_marked = any(is_number(mark.strip()) for mark in spec.missing)
    return spec.decimal == "." and not spec.thousands and not is_marked


def decoded_numbers(
    column: pa.ChunkedArray | None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
    """(values, is missing) of a decoded column; None where its text must be looked at."""
    if column is None:
        return None
    values = column.to_numpy()
    gaps = np.zeros(len(values), dtype=bool)
    if column.null_count:
        gaps = np.asarray(column.is_null().to_numpy(), dtype=bool)
    # NaN, infinity and large whole numbers need their text; NaN fails the comparison.
    is_fine = np.abs(values) < _EXACT
    return (values, gaps) if bool(np.all(is_fine | gaps)) else None


def numbers(
    column: pa.ChunkedArray, spec: TableSpec
) -> tuple[NDArray[np.float64], NDArray[np.bool_], dict[int, str]]:
    """(values, is missing, reason by row of each cell that is no number) of a column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.is_in(column, value_set=pa.array(spec.missing, pa.string()))
    texts = pc.if_else(missing, None, column) if pc.any(missing).as_py() else column
    is_bad = None
    try:
        if spec.decimal != "." or spec.thousands:
            raise pa.ArrowInvalid("marks are to be replaced first")
        cast = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        plain, missing, is_bad = _plain(column, spec)
        cast = plain.cast(pa.float64())
    values = cast.to_numpy()
    gap = np.asarray(missing.to_numpy(), dtype=bool)
    wrong = np.zeros(len(values), dtype=bool) if is_bad is None else is_bad.to_numpy().astype(bool)
    wrong |= ~gap & ~np.isfinite(values)
    problems = {
        int(row): f"{column[int(row)].as_py()!r} is no number" for row in np.flatnonzero(wrong)
    }
    with np.errstate(invalid="ignore"):
        large = np.flatnonzero(np.abs(values) >= _EXACT)
    for row in large.tolist():
        text = column[row].as_py().strip()
        if re.fullmatch(r"[+-]?\d+", text) and int(float(text)) != int(text):
            problems[row] = f"{text} has more digits than a number can hold exactly"
    return values, gap, problems


def _plain(
    column: pa.ChunkedArray, spec: TableSpec
) -> tuple[pa.ChunkedArray, pa.ChunkedArray, pa.ChunkedArray]:
    """(numbers with a decimal point, is missing, is no number)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(column)
    missing = pc.is_in(texts, value_set=pa.array([m.strip() for m in spec.missing], pa.string()))
    if spec.thousands:
        grouped = pc.match_substring_regex(texts, _groups(spec))
        texts = pc.if_else(grouped, pc.replace_substring(texts, spec.thousands, ""), "x")
    if spec.decimal == ",":
        point = pc.match_substring(texts, ".")  # a point beside a decimal comma is no number
        texts = pc.if_else(point, "x", pc.replace_substring(texts, ",", "."))
    texts = pc.utf8_ltrim(texts, "+")
    fits = pc.match_substring_regex(texts, _PLAIN)
    is_good = pc.and_(fits, pc.invert(missing))
    is_bad = pc.and_(pc.invert(fits), pc.invert(missing))
    return pc.if_else(is_good, texts, None), missing, is_bad


def _groups(spec: TableSpec) -> str:
    """Pattern of a number whose marks stand between thousands: 1.5 is not 15."""
    mark, decimal = re.escape(spec.thousands), re.escape(spec.decimal)
    return rf"^[+-]?(\d{{1,3}}({mark}\d{{3}})+({decimal}\d*)?|[^{mark}]*)$"


def quantity_cells(template: str, cells: Mapping[str, Any], spec: TableSpec) -> dict[str, Any]:
    """Cells of the template of a quantity, their numbers with a decimal point.

    Raises:
        CellError: A number contradicts the marks of the table.
    """
    found = dict(cells)
    space = " \u00a0" if spec.thousands.isspace() else ""
    start = re.compile(rf"[+-]?\d(?:[\d.,'{space}]*\d)?(?:[eE][+-]?\d+)?")
    for name in placeholders(template):
        text = cells.get(name)
        number = start.match(text) if isinstance(text, str) else None
        if number and name not in spec.constants:
            try:
                plain = number_text(number[0], spec)
            except CellError as error:
                raise CellError(error.kind, f"{name}: {error.reason}") from error
            found[name] = plain + str(text)[number.end() :]
    return found


def number_text(text: str, spec: TableSpec) -> str:
    """Digits as entered, with a decimal point.

    Raises:
        CellError: It is no number.
    """
    plain = text
    if spec.thousands:
        plain = text.replace(spec.thousands, "") if re.match(_groups(spec), text) else "x"
    if spec.decimal == ",":
        plain = "x" if "." in plain else plain.replace(",", ".")
    if not is_number(plain):
        raise CellError("number", f"{text!r} is no number")
    return plain


def _unmarked(text: str) -> str:
    found = _LIMIT.fullmatch(text)
    return found[2] if found else text


def _status(text: str) -> ResultStatus:
    try:
        return ResultStatus(text.strip().lower())
    except ValueError as error:
        known = ", ".join(one.value for one in ResultStatus)
        raise CellError("status", f"{text!r} is no status of a result: {known}") from error


def result_of(
    text: str, one: ResultSpec, spec: TableSpec, missing: Collection[str]
) -> Result | None:
    """Result of a cell; None where it is missing.

    Raises:
        CellError: The cell is no result of the kind that the card says.
    """
    if text in missing:
        return None
    test = one.test or one.column
    common: dict[str, Any] = {
        "test": test,
        "attribute": one.attribute or test,
        "unit": one.unit,
        "method": one.method,
        "method_version": one.method_version,
        "loq": one.loq,
    }
    if one.status:
        common |= {"status": _status(one.status), "cause": one.cause}
    # What has a unit is a number: one that cannot be read is no text, such as 1,5 or NaN.
    is_text = one.kind == "any" and not one.unit and not is_number(_unmarked(text))
    kind = "text" if is_text else one.kind
    if kind not in ("number", "any"):
        return Result(**common, value=text, kind=ResultKind(kind))
    if text in spec.below_limit:
        if not one.loq:
            raise CellError("limit", f"{one.column}: {text!r}, but the card states no loq")
        return Result(**common, value=one.loq, kind=ResultKind.CENSORED, operator="<")
    found = _LIMIT.fullmatch(text)
    if found:
        operator = _OPERATORS.get(found[1], found[1])
        value = number_text(found[2], spec)
        return Result(**common, value=value, kind=ResultKind.CENSORED, operator=operator)
    try:
        value = number_text(text, spec)
    except CellError as error:
        raise CellError(error.kind, f"{one.column}: {error.reason}") from error
    return Result(**common, value=value)
