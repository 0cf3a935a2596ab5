"""Tables of a calibration trial: spectra and results of each instrument, and who is whose twin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.capabilities.monitoring._trial_columns import numbers
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialData, TrialFile

if TYPE_CHECKING:
    from goldenbatch.core.series import Floats

_SIDES = ("train_", "test_", "shared_")


@dataclass(frozen=True, eq=False)
class Instrument:
    """What one instrument measured on one side of the split.

    Attributes:
        name: Of the role, without `train_` or `test_`.
        axis: Of the spectra, shape (p,).
        spectra: Shape (n, p).
        results: Of the laboratory, shape (n,).
        mass: Of each sample; ones where the trial file names no column, shape (n,).
        groups: Lot, scale or the like of each row; empty where none is named.
        samples: Name of each sample where the file has one, else its place in the file.
        n_left_out: Rows without a result, a mass or a whole spectrum.
    """

    name: str
    axis: Floats
    spectra: Floats
    results: Floats
    mass: Floats
    groups: tuple[str, ...]
    samples: tuple[str, ...]
    n_left_out: int


def instruments(file: TrialFile, side: TrialData) -> dict[str, Instrument]:
    """Each role as one instrument, in the order of the trial file.

    Raises:
        BadInputError: A column is missing or holds no numbers, or no row is whole.
    """
    found = [_instrument(file, side, role) for role in file.files if role in side.tables]
    axes = {one.axis.tobytes() for one in found}
    if len(axes) > 1:
        raise BadInputError(
            "the instruments do not have the same axis.",
            hint="Bring the spectra of all of them to one axis first.",
            key="columns.spectra",
        )
    return {one.name: one for one in found}


def pairs(first: Instrument, second: Instrument) -> tuple[list[int], list[int]]:
    """Rows of the samples that both instruments measured, in the order of the first.

    Raises:
        BadInputError: The rows cannot be told to be the same samples.
    """
    place = {name: i for i, name in enumerate(second.samples)}
    both = [(i, place[name]) for i, name in enumerate(first.samples) if name in place]
    one, other = [i for i, _ in both], [j for _, j in both]
    is_same = np.array_equal(first.results[one], second.results[other])
    if not both or not is_same:
        raise BadInputError(
            f"rows of {first.name} and {second.name} are not the same samples: their results "
            "differ.",
            hint="Name the column of sample names in columns.sample.",
            key="columns.sample",
        )
    return one, other


def _instrument(file: TrialFile, side: TrialData, role: str) -> Instrument:
    table = side.tables[role]
    channels = side.names(file, "spectra", role)
    rows = np.array([numbers(table[name], name) for name in channels], dtype=np.float64).T
    axis = np.array(numbers(channels, "spectra"), dtype=np.float64)
    order = np.argsort(axis, kind="stable")
    results = _column(file, side, role, "target")
    has_mass = "mass" in file.columns
    mass = _column(file, side, role, "mass") if has_mass else np.ones(len(results))
    is_whole = np.isfinite(rows).all(axis=1) & np.isfinite(results) & (mass > 0)
    kept = np.flatnonzero(is_whole).tolist()
    if not kept:
        raise BadInputError(
            f"no row of role {role!r} has a whole spectrum and a result.", key="columns"
        )
    return Instrument(
        name=_name(role),
        axis=axis[order],
        spectra=rows[np.ix_(kept, order.tolist())],
        results=results[kept],
        mass=mass[kept],
        groups=_texts(file, side, role, "group", kept),
        samples=_texts(file, side, role, "sample", kept) or tuple(str(i) for i in kept),
        n_left_out=len(results) - len(kept),
    )


def _column(file: TrialFile, side: TrialData, role: str, key: str) -> Floats:
    name = side.names(file, key, role)[0]
    return np.array(numbers(side.tables[role][name], name), dtype=np.float64)


def _texts(
    file: TrialFile, side: TrialData, role: str, key: str, kept: Sequence[int]
) -> tuple[str, ...]:
    """Cells of all columns of a key as one text each; empty where the key is not given."""
    if key not in file.columns:
        return ()
    table, names = side.tables[role], side.names(file, key, role)
    return tuple(" ".join(_text(table[name][i]) for name in names) for i in kept)


def _text(cell: Any) -> str:
    if isinstance(cell, float) and math.isfinite(cell) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _name(role: str) -> str:
    for side in _SIDES:
        if role.startswith(side):
            return role.removeprefix(side)
    return role
