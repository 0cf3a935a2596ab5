"""Opens a file of the form that its card says, and checks its headers."""

from __future__ import annotations

from goldenbatch.connectors.tabular._asm import read_asm
from goldenbatch.connectors.tabular._batchml import read_batchml
from goldenbatch.connectors.tabular._books import read_xlsx
from goldenbatch.connectors.tabular._csv import read_csv
from goldenbatch.connectors.tabular._exports import read_ignition, read_pi
from goldenbatch.connectors.tabular._influx import read_annotated_csv, read_line_protocol
from goldenbatch.connectors.tabular._lims import read_lims
from goldenbatch.connectors.tabular._parquet import read_parquet
from goldenbatch.connectors.tabular._sheet import Sheet, trimmed
from goldenbatch.connectors.tabular.card import EXPORTS, TableSpec
from goldenbatch.core.errors import BadInputError


def read_sheet(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """Read a file of the form that the card says.

    Raises:
        BadInputError: The file as a whole cannot be read, or a declared column is missing.
    """
    if not content:
        raise BadInputError("the file is empty.", hint="Export it again.", file=file)
    sheet = _READERS[spec.format](content, spec, file)
    _rename(sheet, spec)
    _check_header(sheet, spec)
    return sheet


_READERS = {
    "csv": read_csv,
    "xlsx": read_xlsx,
    "parquet": read_parquet,
    "pi": read_pi,
    "ignition": read_ignition,
    "influx_lines": read_line_protocol,
    "influx_csv": read_annotated_csv,
    "batchml": read_batchml,
    "asm": read_asm,
    "lims": read_lims,
}


def _rename(sheet: Sheet, spec: TableSpec) -> None:
    """Names of the source in the columns that have them, where the card says what they are."""
    import pyarrow as pa

    for name in ("tag", "place") if spec.names and spec.format in EXPORTS else ():
        if name not in sheet.header:
            continue
        coded = trimmed(sheet.column(name)).combine_chunks().dictionary_encode()
        words = [spec.names.get(one, one) for one in coded.dictionary.to_pylist()]
        renamed = pa.array(words, pa.string()).take(coded.indices)
        sheet.columns[sheet.position(name)] = pa.chunked_array([renamed])


def _check_header(sheet: Sheet, spec: TableSpec) -> None:
    used = spec.declared_columns()
    lacking = [name for name in used if name not in sheet.header]
    if lacking:
        raise BadInputError(
            f"column {lacking[0]!r} of table {spec.name!r} is not in the file"
            f"{f' ({len(lacking) - 1} more are not)' if len(lacking) > 1 else ''}.",
            hint=f"The file has: {', '.join(sheet.header[:12])}"
            f"{' ...' if len(sheet.header) > 12 else ''}. Correct the card or the file.",
            file=sheet.file,
            line=spec.header,
            key=lacking[0],
        )
    doubled = [name for name in used if sheet.header.count(name) > 1]
    if doubled:
        raise BadInputError(
            f"column {doubled[0]!r} stands {sheet.header.count(doubled[0])} times in the file.",
            hint="Give each column a header of its own.",
            file=sheet.file,
            line=spec.header,
        )
    if spec.arrays or spec.format in EXPORTS:
        return
    unused = [name for name in sheet.header if name not in used]
    if unused:
        sheet.notes.append(f"columns that the card does not name: {', '.join(unused)}")
