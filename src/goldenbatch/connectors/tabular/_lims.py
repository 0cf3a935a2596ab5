"""Exchange with a laboratory: orders of samples go out, samples and results come back.

Both are a long table, a row for each test of a sample, as CSV, or the same nested as JSON. The
columns of an order stand in the answer as they went out; the laboratory fills in the rest.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.tabular._csv import decode_text
from goldenbatch.connectors.tabular._sheet import Refused, Sheet, from_rows
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import to_iso

if TYPE_CHECKING:
    from goldenbatch.connectors.tabular.card import TableSpec
    from goldenbatch.core.sampling import SampleOrdered

ORDER = (
    "sample", "batch", "product", "point", "container", "plan", "laboratory", "due_at",
    "test", "attribute", "method", "unit", "result_due_at",
)  # fmt: skip
"""Columns of an order."""
HEADER = (
    "sample", "batch", "material", "lot", "point", "container", "plan", "taken_at",
    "test", "attribute", "method", "method_version", "value", "unit", "loq", "performed_at",
    "status", "cause", "version", "reason",
)  # fmt: skip
"""Columns of an answer that are read; of them only `sample` must be there."""
ORDERS_FORM = "goldenbatch/sample-orders/1"
RESULTS_FORM = "goldenbatch/sample-results/1"
_OF_SAMPLE = ("sample", "batch", "material", "lot", "point", "container", "plan", "taken_at")


def orders_csv(orders: Iterable[SampleOrdered]) -> bytes:
    """Orders as CSV (RFC 4180, UTF-8): a row for each test, or one where none is asked for."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ORDER, lineterminator="\r\n")
    writer.writeheader()
    for one in orders:
        head = _head(one)
        for test in one.tests or (None,):
            row = {} if test is None else test.model_dump(exclude={"due_at"})
            due_at = to_iso(test.due_at) if test is not None and test.due_at is not None else ""
            writer.writerow({**head, **row, "result_due_at": due_at})
    return out.getvalue().encode()


def orders_json(orders: Iterable[SampleOrdered]) -> bytes:
    """Orders as JSON: `{"form": ..., "orders": [{..., "tests": [...]}]}`."""
    found = []
    for one in orders:
        tests = [
            {**test.model_dump(exclude={"due_at"}),
             **({"result_due_at": to_iso(test.due_at)} if test.due_at is not None else {})}
            for test in one.tests
        ]  # fmt: skip
        found.append({**_head(one), "tests": tests})
    document = {"form": ORDERS_FORM, "orders": found}
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _head(one: SampleOrdered) -> dict[str, Any]:
    shown = one.model_dump(include=set(ORDER) - {"due_at"})
    return {**shown, "due_at": to_iso(one.due_at)}


def read_lims(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """What a laboratory answers, as CSV or JSON; columns that are not there are empty.

    Raises:
        BadInputError: It is neither, or names no sample.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _read_json(content, spec, file)
    text = decode_text(content, spec.encoding, file)
    source = io.StringIO(text.content.decode("utf-8", "replace"), newline="")
    reader = csv.reader(source, delimiter=spec.separator, quotechar=spec.quote or None)
    rows: list[list[str]] = []
    lines: list[int] = []
    refused: list[Refused] = []
    header: list[str] = []
    start = 1
    try:
        for cells in reader:
            if not header and any(one.strip() for one in cells):
                header = [one.strip() for one in cells]
                _check(header, file, start)
            elif any(one.strip() for one in cells):
                if len(cells) != len(header):
                    why = f"{len(cells)} cells, but {len(header)} headers"
                    refused.append(Refused(start, "ragged", why, text.raw(start)))
                else:
                    found = dict(zip(header, cells, strict=True))
                    rows.append([found.get(name, "").strip() for name in HEADER])
                    lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise BadInputError(
            f"it cannot be read as cells ({error}).", hint="Check `quote` and `separator`.",
            file=file, line=start,
        ) from error  # fmt: skip
    _check(header, file, start)
    sheet = from_rows(file, HEADER, rows, lines, text.raw, refused)
    others = [name for name in header if name not in {*HEADER, *ORDER}]
    if others:
        sheet.notes.append(f"columns that are not read: {', '.join(others)}")
    if not text.content.endswith(b"\n"):
        sheet.notes.append("the last line has no line end: the file may be cut off")
    return sheet


def _check(header: Sequence[str], file: str, line: int) -> None:
    doubled = [one for one in header if one in HEADER and header.count(one) > 1]
    if "sample" in header and not doubled:
        return
    what = f"column {doubled[0]!r} stands twice" if doubled else "there is no column `sample`"
    raise BadInputError(
        f"{what} among {', '.join(header[:12]) or 'no headers'}.",
        hint=f"An answer of a laboratory has the columns {', '.join(HEADER)}.",
        file=file,
        line=line,
    )


def _read_json(content: bytes, spec: TableSpec, file: str) -> Sheet:
    try:
        text = content.decode("utf-8-sig" if spec.encoding == "auto" else spec.encoding)
        root = json.loads(text, parse_float=str, parse_int=str, parse_constant=_refuse)
    except (UnicodeDecodeError, LookupError, RecursionError) as error:
        raise BadInputError(f"it is no text of JSON ({error}).", file=file) from error
    except json.JSONDecodeError as error:
        raise BadInputError(
            f"this is no JSON ({error.msg}).", hint="Export it again.", file=file, line=error.lineno
        ) from error
    listed = root.get("samples", root.get("orders")) if isinstance(root, dict) else None
    if not isinstance(listed, list):
        raise BadInputError(
            "it has no list `samples`.",
            hint=f'{{"form": "{RESULTS_FORM}", "samples": [{{"sample": ..., "results": [...]}}]}}',
            file=file,
        )
    rows: list[list[str]] = []
    lines: list[int] = []
    refused: list[Refused] = []
    for number, one in enumerate(listed, start=1):
        try:
            found = list(_rows(one))
        except (TypeError, ValueError) as error:
            raw = json.dumps(one, ensure_ascii=False)
            refused.append(Refused(number, "sample", f"it is no sample ({error})", raw))
            continue
        rows += found
        lines += [number] * len(found)

    def raw_row(line: int) -> str:
        return json.dumps(listed[line - 1], ensure_ascii=False)

    return from_rows(file, HEADER, rows, lines, raw_row, refused)


def _rows(one: Any) -> Iterator[list[str]]:
    """A row for each result of a sample, or one where there is none."""
    if not isinstance(one, dict):
        raise TypeError("not an object")
    head = {name: _cell(one.get(name)) for name in _OF_SAMPLE}
    results = one.get("results", one.get("tests", []))
    if not isinstance(results, list) or not all(isinstance(two, dict) for two in results):
        raise TypeError("its results are no list of objects")
    for two in results or [{}]:
        cells: Mapping[str, str] = {
            **head,
            **{name: _cell(two.get(name)) for name in HEADER if name not in _OF_SAMPLE},
        }
        yield [cells[name] for name in HEADER]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value.strip()
    raise ValueError(f"{value!r} is neither text nor number")


def _refuse(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no value of JSON", "", 0)
