"""Linear models: as JSON, readable by people, and exact in every contribution."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import PredictorError
from goldenbatch.science.latent.steps import row_dot
from goldenbatch.science.predictors.prediction import (
    Explanation,
    Predicted,
    PredictorFacts,
    input_rows,
)

FORMAT = "goldenbatch linear model 1"
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class LinearModel:
    """value = intercept + coefficients (x - centre); m outputs, p inputs.

    Attributes:
        inputs: Names, p of them.
        outputs: Names, m of them.
        coefficients: m rows of p numbers.
        intercept: The value at the centre, m numbers.
        centre: The average row, p numbers; contributions are counted from it.
        half_width: Half of the prediction interval, m numbers; empty: none.
        coverage: Of that interval.
        lower, upper: The domain of each input, p numbers; empty: not known.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    coefficients: tuple[Numbers, ...]
    intercept: Numbers
    centre: Numbers
    half_width: Numbers = ()
    coverage: float = 0.0
    lower: Numbers = ()
    upper: Numbers = ()

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            PredictorError: They do not, or a number is not finite.
        """
        p, m = len(self.inputs), len(self.outputs)
        is_sized = (
            p > 0
            and m > 0
            and len(self.coefficients) == len(self.intercept) == m
            and all(len(row) == p for row in self.coefficients)
            and len(self.centre) == p
            and len(self.half_width) in (0, m)
            and len(self.lower) == len(self.upper)
            and len(self.lower) in (0, p)
        )
        flat = [*(one for row in self.coefficients for one in row), *self.intercept, *self.centre,
                *self.half_width, *self.lower, *self.upper]  # fmt: skip
        is_width = bool(self.half_width) == (0 < self.coverage < 1)
        is_width = is_width and all(one >= 0 for one in self.half_width)
        is_box = all(a <= b for a, b in zip(self.lower, self.upper, strict=False))
        if not (
            is_sized and np.isfinite(np.array(flat, dtype=float)).all() and is_width and is_box
        ):
            message = "the parts of the linear model do not fit together, or a number is not finite"
            raise PredictorError(message)

    def to_bytes(self) -> bytes:
        """Canonical JSON; equal models give equal bytes.

        >>> b'"coefficients":[[2.0]]' in LinearModel(("x",), ("y",), ((2.0,),), (1.0,), (0.0,)
        ... ).to_bytes()
        True
        """
        values = asdict(self) | {"format": FORMAT}
        return json.dumps(
            values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what `to_bytes` wrote, or a person did.

        Raises:
            PredictorError: It is no linear model.
        """
        try:
            values = json.loads(content)
            if values.pop("format") != FORMAT:
                message = f"it is of another format than {FORMAT!r}"
                raise ValueError(message)
            return cls(**{name: _frozen(value) for name, value in values.items()})
        except PredictorError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            message = f"the linear model cannot be read: {error}"
            raise PredictorError(message) from error


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(one) for one in value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class LinearPredictor:
    """Predicts by a linear model, with one fixed order of accumulation and no BLAS.

    Args:
        model: The numbers.
        facts: Of the model that it stands for, where that is another kind.

    >>> model = LinearModel(("a", "b"), ("y",), ((2.0, -1.0),), (10.0,), (1.0, 1.0))
    >>> found = LinearPredictor(model).predict([[2.0, 1.0]], explain=True)
    >>> found.value, found.contributions
    (array([[12.]]), array([[[ 2., -0.]]]))
    """

    def __init__(self, model: LinearModel, facts: PredictorFacts | None = None) -> None:
        self.model = model
        self._facts = facts or PredictorFacts(
            kind="linear",
            inputs=model.inputs,
            outputs=model.outputs,
            contributors=model.inputs,
            explanation=Explanation.ADDITIVE,
            coverage=model.coverage,
            has_domain=bool(model.lower),
        )

    @property
    def facts(self) -> PredictorFacts:
        """What it is and what it can say."""
        return self._facts

    @cached_property
    def _arrays(self) -> tuple[Floats, Floats, Floats, Floats]:
        model = self.model
        half = np.array(model.half_width or [np.nan] * len(model.outputs))
        return np.array(model.coefficients), np.array(model.intercept), np.array(model.centre), half

    def predict(self, X: ArrayLike, *, explain: bool = False) -> Predicted:
        """Predict rows; a row with a missing input is not scored.

        Args:
            X: shape (n_rows, n_inputs); NaN marks missing.
            explain: Split each prediction over the inputs too.

        Raises:
            DataError: The number of columns is another, or a value is infinite.
        """
        rows = input_rows(X, self._facts)
        coefficients, intercept, centre, half = self._arrays
        shifted = rows - centre
        value = row_dot(shifted, coefficients) + intercept
        in_domain = np.asarray(np.isfinite(value).all(axis=1))
        if self.model.lower:
            is_inside = (rows >= self.model.lower) & (rows <= self.model.upper)
            in_domain &= is_inside.all(axis=1)
        parts = base = None
        if explain:
            parts = shifted[:, None, :] * coefficients[None, :, :]
            base = np.broadcast_to(intercept, value.shape).copy()
        return Predicted(value, value - half, value + half, in_domain, parts, base)
