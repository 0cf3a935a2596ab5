"""What leaves its physical bounds or its calibrated range: one comparison while nothing does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.process.declarations import Quantity
from goldenbatch.science.process.result import NoteKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model

_SLACK = 1e-6


class Ranges:
    """Bounds and calibrated ranges of all that a model declares."""

    def __init__(self, model: Model) -> None:
        """Lay the bounds out as vectors."""
        self._quantities: Sequence[Quantity] = (
            *model.states, *model.algebraics, *model.inputs, *model.parameters,
        )  # fmt: skip
        low, high = [], []
        for one in self._quantities:
            valid, slack = one.valid or (-inf, inf), _SLACK * one.scale
            low += [max(one.lower, valid[0]) - slack] * one.size
            high += [min(one.upper, valid[1]) + slack] * one.size
        self._low, self._high = np.array(low), np.array(high)

    def left(
        self,
        x: NDArray[np.float64],
        z: NDArray[np.float64],
        u: NDArray[np.float64],
        p: NDArray[np.float64],
    ) -> Iterator[tuple[NoteKind, str, str]]:
        """Kind of note, name and text of everything that is outside."""
        values = np.concatenate([x, z, u, p])
        if not ((values >= self._low) & (values <= self._high)).all():
            yield from self._named(values)

    def _named(self, values: NDArray[np.float64]) -> Iterator[tuple[NoteKind, str, str]]:
        place = 0
        for one in self._quantities:
            own, slack = values[place : place + one.size], _SLACK * one.scale
            place += one.size
            if own.min() < one.lower - slack or own.max() > one.upper + slack:
                yield "bound", one.name, f"{one.name} is beyond what is physical: {own}"
            if one.valid and not (
                own.min() >= one.valid[0] - slack and own.max() <= one.valid[1] + slack
            ):
                low, high = one.valid
                text = f"{one.name} leaves its calibrated range of {low:g} to {high:g} {one.unit}"
                yield "extrapolation", one.name, text
