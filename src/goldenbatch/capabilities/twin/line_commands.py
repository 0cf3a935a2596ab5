"""The command of line twins: a plant, a line of vials or a tablet line, as its file says."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.core.errors import BadInputError

PLANT = "goldenbatch/line/1"
"""What a file without a schema is read as."""
_READERS = {
    PLANT: "plant_line",
    "goldenbatch/fill-line/1": "vial_line",
    "goldenbatch/tablet-line/1": "tablet_line",
}


def line_command(
    line: Annotated[Path, typer.Argument(help="Line (TOML); see docs/how-to/line-twin.md.")],
    out: Annotated[Path, typer.Option(help="Directory for tables and plots.")] = Path("line-out"),
) -> dict[str, Any]:
    """Simulate a plant, a line of vials or a tablet line; writes line.json, tables, a plot."""
    return dict(module_of(line).run_file(line, out))


def module_of(line: Path) -> Any:
    """The module that reads and runs a line, by the schema of its file.

    Raises:
        BadInputError: It is no line that is read here.
    """
    from goldenbatch.capabilities.twin._line_document import read_toml

    given = read_toml(line)
    schema = str(given.get("schema", PLANT))
    if schema not in _READERS:
        raise BadInputError(
            f"{schema!r} is not read here.",
            hint=f"Give one of {', '.join(_READERS)}.",
            file=str(line),
            key="schema",
        )
    return import_module(f"goldenbatch.capabilities.twin.{_READERS[schema]}")
