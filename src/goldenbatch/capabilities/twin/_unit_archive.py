"""Looking at a unit of another tool before anything of it is unpacked or run."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Any

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.errors import DataError
from goldenbatch.science.process.recipe import MAX_INTERVALS

MAX_BYTES = 2 * 1024**3
"""Of all files of a unit together, unpacked."""
DESCRIPTION = "modelDescription.xml"


def check_archive(path: Path) -> None:
    """Refuse what is no unit, or would fill the disk or another folder when unpacked.

    Raises:
        BadInputError: It is no ZIP archive, is damaged, has no description, is too large or
            has a name that leads elsewhere.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            damaged = "" if sum(e.file_size for e in entries) > MAX_BYTES else archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise _no_unit(path, f"it cannot be read as a ZIP archive: {error}") from error
    if damaged:
        raise _no_unit(path, f"{damaged!r} in it is damaged")
    if DESCRIPTION not in {one.filename for one in entries}:
        raise _no_unit(path, f"it has no {DESCRIPTION}")
    for one in entries:
        name = PurePosixPath(one.filename)
        if name.is_absolute() or ".." in name.parts or set(one.filename) & set("\\:\0"):
            raise _no_unit(path, f"{one.filename!r} in it leads out of its folder")
    size = sum(one.file_size for one in entries)
    if size > MAX_BYTES:
        raise _no_unit(path, f"it unpacks to {size / 2**20:,.0f} MiB")


def read_description(fmpy: Any, path: Path) -> Any:
    """The description of a unit, by FMPy.

    Raises:
        BadInputError: It is none.
    """
    check_archive(path)
    try:
        return fmpy.read_model_description(str(path))
    except Exception as error:  # FMPy and its XML library raise what they like
        raise _no_unit(path, f"its {DESCRIPTION} cannot be read: {error}") from error


def check_run(
    description: Any,
    span: tuple[float, float],
    inputs: Mapping[str, float | tuple[Sequence[float], Sequence[float]]],
    parameters: Mapping[str, float],
) -> None:
    """Refuse a run that cannot be: times, inputs that are none, values that are no numbers.

    Args:
        description: As FMPy read it.
        span: Duration and interval.
        inputs: Values, or times and values.
        parameters: Start values.

    Raises:
        DataError: It is named.
    """
    duration, interval = span
    is_run = 0.0 < interval <= duration and isfinite(duration)
    if not is_run or duration / interval > MAX_INTERVALS:
        raise DataError(
            f"a run of {duration:g} in intervals of {interval:g} cannot be.",
            hint=f"Give positive times, and at most {MAX_INTERVALS:,} intervals.",
        )
    taken = {v.name for v in description.modelVariables if v.causality == "input"}
    for name, given in inputs.items():
        if name not in taken:
            shown = ", ".join(sorted(taken)[:12]) or "none"
            raise DataError(f"{name!r} is no input of the unit.", hint=f"Inputs: {shown}.")
        values = given[1] if isinstance(given, tuple) else [given]
        _check_finite(name, values)
    for name, value in parameters.items():
        _check_finite(name, [value])


def _check_finite(name: str, values: Sequence[float]) -> None:
    if not all(isfinite(value) for value in values):
        raise DataError(f"{name!r} is given as {values[0]}.", hint="Give finite numbers.")


def _no_unit(path: Path, why: str) -> BadInputError:
    return BadInputError(f"this is no unit: {why}.", hint="Ask for a sound one.", file=str(path))
