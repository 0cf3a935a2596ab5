"""Units that a watch judges: what rows of one batch, or of one block of rows, are on average.

Rows follow one another and are alike; batches are independent, or nearly. So a chart sees one
point a batch: the mean of its inputs and outputs, and how many rows had no valid prediction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.capabilities.governance.live_rows import LiveRows, RowBlock
    from goldenbatch.capabilities.governance.watched import Told, Watched

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Unit:
    """A batch or a block that is over.

    Attributes:
        key: Batch, or batch and number of the block.
        n_rows: Rows of it.
        n_bad: Rows without a valid prediction: an input missing, or outside the domain.
        features: Mean of each feature over complete rows; NaN where there is none.
        output: Mean of what the model said; NaN where it said nothing.
        start, end: Times of its first and its last row.
    """

    key: str
    n_rows: int
    n_bad: int
    features: tuple[float, ...]
    output: float
    start: int
    end: int

    @property
    def is_whole(self) -> bool:
        """Whether it has features and an output."""
        return all(map(math.isfinite, (*self.features, self.output)))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; what is missing is null."""
        features = [_null(one) for one in self.features]
        return {**asdict(self), "features": features, "output": _null(self.output)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        features = tuple(math.nan if one is None else one for one in plain["features"])
        output = math.nan if plain["output"] is None else plain["output"]
        return cls(**{**plain, "features": features, "output": output})


class Units:
    """Sums rows up by unit; goes on from its JSON state.

    Args:
        model: Whose rows.
        block_rows: Rows of a block; 0: a unit is a batch.
        most: Most features of an array; channels beyond them are taken together in bands.
        kept: What it remembered.
    """

    def __init__(
        self, model: Watched, block_rows: int, most: int, kept: dict[str, Any] | None
    ) -> None:
        self._block_rows = block_rows
        # Neighbouring channels are alike; inputs of other kinds have no common mean.
        n_inputs = len(model.inputs)
        self._bands = _bands(n_inputs, most if model.is_array else n_inputs)
        self.labels = _labels(model, self._bands)
        self._open: dict[str, dict[str, Any]] = {
            key: dict(one) for key, one in (kept or {}).get("open", {}).items()
        }
        self._blocks: dict[str, int] = dict((kept or {}).get("blocks", {}))
        self._done: list[str] = list((kept or {}).get("done", ()))

    def to_json(self) -> dict[str, Any]:
        """What it remembers."""
        return {"open": self._open, "blocks": self._blocks, "done": self._done[-200:]}

    def features(self, values: Floats) -> Floats:
        """Features of rows, shape (n_rows, n_features)."""
        columns = [values[:, first:last].mean(axis=1) for first, last in self._bands]
        return np.stack(columns, axis=1)

    def add(self, block: RowBlock, told: Told) -> None:
        """Take rows with what was said of them."""
        features = self.features(block.values)
        is_said = np.isfinite(told.value) & np.isfinite(features).all(axis=1)
        for i, (time, batch) in enumerate(zip(block.times, block.batches, strict=True)):
            key = self._key(batch)
            if key in self._done:
                continue  # a row that came after its batch was judged
            one = self._open.setdefault(
                key, {"n": 0, "bad": 0, "said": 0, "x": [0.0] * len(self._bands), "y": 0.0,
                      "start": time, "end": time, "batch": batch},
            )  # fmt: skip
            one["n"] += 1
            one["bad"] += not (is_said[i] and told.in_domain[i])
            one["start"], one["end"] = min(one["start"], time), max(one["end"], time)
            if is_said[i]:
                one["said"] += 1
                one["x"] = [a + float(b) for a, b in zip(one["x"], features[i], strict=True)]
                one["y"] += float(told.value[i])

    def closed(self, rows: LiveRows | None = None) -> list[Unit]:
        """Units that are over, in order of time; all of them without rows to ask."""
        newest = max((one["end"] for one in self._open.values()), default=0)
        over = [
            key for key, one in self._open.items()
            if rows is None or self._is_over(one, newest, rows)
        ]  # fmt: skip
        over.sort(key=lambda key: self._open[key]["start"])
        self._done += over
        return [_unit(key, self._open.pop(key)) for key in over]

    def _is_over(self, one: dict[str, Any], newest: int, rows: LiveRows) -> bool:
        if self._block_rows:
            return int(one["n"]) >= self._block_rows
        later = [other for other in self._open.values() if other["batch"] != one["batch"]]
        is_left = any(other["end"] > one["end"] for other in later) and newest > one["end"]
        return rows.is_ended(one["batch"]) or is_left

    def _key(self, batch: str) -> str:
        if not self._block_rows:
            return batch
        number = self._blocks.setdefault(batch, 1)
        key = f"{batch}/{number}" if batch else f"block {number}"
        if self._open.get(key, {"n": 0})["n"] >= self._block_rows:
            self._blocks[batch] = number + 1
            return self._key(batch)
        return key


def _unit(key: str, one: dict[str, Any]) -> Unit:
    n = one["said"]
    features = tuple(total / n if n else math.nan for total in one["x"])
    output = one["y"] / n if n else math.nan
    return Unit(key, one["n"], one["bad"], features, output, one["start"], one["end"])


def _null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _bands(n_inputs: int, most: int) -> list[tuple[int, int]]:
    borders = np.linspace(0, n_inputs, max(1, min(n_inputs, most)) + 1).round().astype(int).tolist()
    return list(pairwise(borders))


def _labels(model: Watched, bands: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """Names of the features: an input, or the first and last of those taken together."""
    names = model.inputs
    own = model.tags[0] if model.is_array and model.tags else ""
    return tuple(
        f"{own} {names[first]}".strip() if last - first == 1
        else f"{own} {names[first]} to {names[last - 1]}".strip()
        for first, last in bands
    )  # fmt: skip
