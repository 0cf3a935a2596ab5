"""A loaded model that answers: its predictor, held to what its intended use states.

Rows are gone through in parts of a fixed size, so that a million rows take no more memory than
they and their answers; a row gives the same bits in any part, so the size changes nothing.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.prediction import (
    ModelRef,
    Outside,
    Prediction,
    PredictionBlock,
    input_digest,
    input_head,
)
from goldenbatch.runtime._served_rows import (
    outside_words,
    prediction_of,
    require_rows,
    row_of,
    some,
    with_one_nan,
)

if TYPE_CHECKING:
    from goldenbatch.core.model_card import ContextOfUse, IntendedUse
    from goldenbatch.core.series import Flags, Floats, Integers
    from goldenbatch.science.predictors import Predicted, Predictor

STEP: Final = 4096
"""Rows that a predictor is asked at a time."""


@dataclass(frozen=True)
class Facts:
    """What is known of a version that is served.

    Attributes:
        media_type: Type of the artefact.
        intended: What it is for.
    """

    ref: ModelRef
    media_type: str
    intended: IntendedUse


class Served:
    """A model that may serve; satisfies `goldenbatch.core.prediction.ServedModel`.

    Args:
        facts: What is known of the version.
        predictor: Made of its artefact.
        guard: Asked before each prediction whether it serves still; raises where it does not.

    Raises:
        IntegrityError: The intended use bounds an input that the artefact does not have, or names
            no output of it.
    """

    def __init__(
        self, facts: Facts, predictor: Predictor, guard: Callable[[], None] | None = None
    ) -> None:
        self.facts, self.predictor, self._guard = facts, predictor, guard
        self._output = _output(facts, predictor)
        stated = {one.name: one for one in facts.intended.inputs}
        self._require_checkable(stated)
        names = [name for name in self.inputs if name in stated]
        self._columns: Integers | None = None
        if tuple(names) != self.inputs:
            self._columns = np.array([self.inputs.index(name) for name in names], dtype=np.int64)
        self._least = np.array([_bound(stated[name].lower, -math.inf) for name in names])
        self._most = np.array([_bound(stated[name].upper, math.inf) for name in names])
        self._head = hashlib.sha256(input_head(self.inputs, 1))

    def guarded(self, guard: Callable[[], None]) -> Served:
        """The same model, asked before each prediction whether it serves still."""
        other = copy.copy(self)
        other._guard = guard  # noqa: SLF001 (a copy of this class's own)
        return other

    def _require_checkable(self, stated: Mapping[str, Any]) -> None:
        for name, one in stated.items():
            if name not in self.inputs and (one.lower is not None or one.upper is not None):
                raise IntegrityError(
                    f"the intended use of {self.ref.use} bounds the input {name!r}, which the "
                    f"artefact of version {self.ref.version} does not have: nothing would check "
                    "it.",
                    hint="State bounds under the names that the artefact gives its inputs.",
                )

    @property
    def ref(self) -> ModelRef:
        """Which model in which version."""
        return self.facts.ref

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of its inputs, in order."""
        return self.predictor.facts.inputs

    @property
    def unit(self) -> str:
        """UCUM code of the output."""
        return self.facts.intended.output_unit

    @property
    def contingency(self) -> str:
        """What is done where there is no valid prediction."""
        return self.facts.intended.contingency

    @property
    def context(self) -> ContextOfUse:
        """Products, places and phases that it may be used for."""
        return self.facts.intended.context

    @property
    def confidence(self) -> float | None:
        """Of its intervals; None where it gives none."""
        return self.predictor.facts.coverage or None

    # ---- predicting -----------------------------------------------------------------------------

    def predict(self, rows: Floats, *, explain: bool = True) -> PredictionBlock:
        """Predict rows, shape (n_rows, n_inputs); NaN where missing.

        Raises:
            BadInputError: The shape is not that of the inputs, or they are no numbers.
            ConflictError: Another version serves by now.
            NotFoundError: None serves by now; the contingency is named.
        """
        table = require_rows(rows, self.inputs)
        if self._guard is not None:
            self._guard()
        if len(table) <= STEP:
            canonical, outside, found = self._part(table, explain=explain)
            return self._block(outside, found, self._digest(canonical))
        return self._long(table, explain=explain)

    def _digest(self, canonical: Floats) -> str:
        if len(canonical) != 1:
            parts = [canonical.data] if canonical.size else []
            return input_digest(self.inputs, len(canonical), parts)
        digest = self._head.copy()
        digest.update(canonical.data)
        return digest.hexdigest()

    def _part(self, table: Floats, *, explain: bool) -> tuple[Floats, Integers, _Columns]:
        """Canonical rows, why each is outside, and what the model says of them."""
        missing = np.isnan(table)
        canonical = with_one_nan(table, missing)
        part, gaps = canonical, missing
        if self._columns is not None:
            part, gaps = canonical[:, self._columns], missing[:, self._columns]
        outside = np.where(gaps.any(axis=1), int(Outside.MISSING), 0)
        strange = ((part < self._least) | (part > self._most)).any(axis=1)
        outside |= np.where(strange, int(Outside.RANGE), 0)
        is_infinite = np.asarray(np.isinf(canonical).any(axis=1))
        rows = canonical
        if is_infinite.any():
            rows = canonical.copy()
            rows[is_infinite] = np.nan
        found = _columns(self.predictor.predict(rows, explain=explain), self._output)
        if is_infinite.any():
            outside[is_infinite] = int(Outside.INFINITE)
            found.clear(is_infinite)
        has_none = ~np.isfinite(found.values)
        outside |= np.where(has_none, int(Outside.NO_VALUE), 0)
        outside |= np.where(found.in_domain | has_none, 0, int(Outside.MODEL))
        return canonical, outside.astype(np.int64, copy=False), found

    def _long(self, table: Floats, *, explain: bool) -> PredictionBlock:
        """Many rows, part by part into arrays of the whole."""
        n = len(table)
        whole: _Columns | None = None
        outside = np.empty(n, dtype=np.int64)

        def parts() -> Iterator[memoryview]:
            nonlocal whole
            for start in range(0, n, STEP):
                end = min(n, start + STEP)
                canonical, why, found = self._part(table[start:end], explain=explain)
                whole = found.empty(n) if whole is None else whole
                whole.put(start, end, found)
                outside[start:end] = why
                yield canonical.data

        digest = input_digest(self.inputs, n, parts())
        return self._block(outside, cast("_Columns", whole), digest)

    def _block(self, outside: Integers, found: _Columns, digest: str) -> PredictionBlock:
        return PredictionBlock(
            found.values, found.lower, found.upper, self.confidence, found.contributions,
            found.baseline, self.predictor.facts.contributors, outside, self.inputs, self.ref,
            digest,
        )  # fmt: skip

    def predict_one(
        self, row: Mapping[str, float | None] | Sequence[float | None], *, explain: bool = True
    ) -> Prediction:
        """Predict one row, by names or in the order of the inputs; None where missing.

        Raises:
            BadInputError: An input is missing in name, unknown, or no number.
            ConflictError: Another version serves by now.
            NotFoundError: None serves by now; the contingency is named.
        """
        table = row_of(row, self.ref.use, self.inputs)
        block = self.predict(table, explain=explain)
        return prediction_of(block, self.reason(table[0], int(block.outside[0])))

    def reason(self, row: Floats, outside: int) -> str:
        """Why a row is outside its context of use, in words; empty where it is not."""
        if not outside:
            return ""
        flags = Outside(outside)
        which: list[str] = []
        names = self.inputs
        chosen = range(len(names)) if self._columns is None else self._columns.tolist()
        for place, column in enumerate(chosen):
            value = row[column]
            if np.isnan(value):
                which.append(f"{names[column]} has no value")
            elif not self._least[place] <= value <= self._most[place]:
                low, high = self._least[place], self._most[place]
                which.append(f"{names[column]} = {value:.6g} is not in {low:g} to {high:g}")
        if Outside.INFINITE in flags:
            which += [names[column] for column in np.flatnonzero(np.isinf(row))]
        text = outside_words(outside)
        return f"{text}: {some(which)}" if which else text


class _Columns:
    """What a predictor says, of the one output that is served."""

    __slots__ = ("baseline", "contributions", "in_domain", "lower", "upper", "values")

    def __init__(
        self,
        values: Floats,
        lower: Floats,
        upper: Floats,
        in_domain: Flags,
        contributions: Floats | None,
        baseline: Floats | None,
    ) -> None:
        self.values, self.lower, self.upper = values, lower, upper
        self.in_domain, self.contributions, self.baseline = in_domain, contributions, baseline

    def _each(self) -> list[Any]:
        return [getattr(self, name) for name in self.__slots__]

    def clear(self, rows: Flags) -> None:
        """Say nothing of rows."""
        for name in self.__slots__:
            column = getattr(self, name)
            if column is not None and name != "in_domain":
                column = np.array(column)
                column[rows] = np.nan
                setattr(self, name, column)

    def empty(self, n: int) -> _Columns:
        """Room for n rows of the same form."""
        made = {
            name: None if one is None else np.empty((n, *one.shape[1:]), dtype=one.dtype)
            for name, one in zip(self.__slots__, self._each(), strict=True)
        }
        return _Columns(**made)  # type: ignore[arg-type]

    def put(self, start: int, end: int, part: _Columns) -> None:
        """Put a part in its place."""
        for mine, other in zip(self._each(), part._each(), strict=True):
            if mine is not None:
                mine[start:end] = other


def _columns(found: Predicted, output: int) -> _Columns:
    parts, base = found.contributions, found.baseline
    return _Columns(
        found.value[:, output], found.lower[:, output], found.upper[:, output], found.in_domain,
        None if parts is None else parts[:, output], None if base is None else base[:, output],
    )  # fmt: skip


def _output(facts: Facts, predictor: Predictor) -> int:
    """Place of the output that is served."""
    names, wanted = predictor.facts.outputs, facts.intended.output
    if len(names) == 1:
        return 0
    if wanted not in names:
        raise IntegrityError(
            f"the artefact of {facts.ref} gives {some(names)}, and the intended use names "
            f"{wanted!r}.",
            hint="State the output under the name that the artefact gives it.",
        )
    return names.index(wanted)


def _bound(value: float | None, other: float) -> float:
    return other if value is None else value
