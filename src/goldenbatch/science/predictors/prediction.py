"""What every predictor gives: values, intervals, contributions, and whether it may be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, matrix
from goldenbatch.science.errors import DataError


class Explanation(StrEnum):
    """How a predictor splits a prediction over its inputs."""

    ADDITIVE = "additive"
    """The model is a sum: each part is exact."""
    TREE_SHAP = "tree-shap"
    """Shapley values of the trees, exact for the weights of their training data."""
    NONE = "none"
    """The model cannot say."""


@dataclass(frozen=True)
class PredictorFacts:
    """What a predictor is and what it can say.

    Attributes:
        kind: Such as pls, pca, linear, lightgbm, onnx, scikit-learn.
        inputs: Names of the columns of a row, in order.
        outputs: Names of the columns of the value.
        contributors: What contributions are over; the inputs, or what steps make of them.
        explanation: How contributions come about.
        explained: `value`, or `raw score` where the model bends a sum into its value.
        coverage: Of the interval; 0 where there is none.
        has_domain: Whether the model itself knows where it holds.
        is_row_by_row: Whether the engine is asked for one row at a time, as its blocks differ.
        engine: Libraries that compute it, and their versions; empty: NumPy alone.
        notes: What else a reader of the model card should know.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    contributors: tuple[str, ...] = ()
    explanation: Explanation = Explanation.NONE
    explained: str = "value"
    coverage: float = 0.0
    has_domain: bool = False
    is_row_by_row: bool = False
    engine: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """Predictions of n rows with m outputs, explained by q contributors.

    Attributes:
        value: shape (n, m); NaN where the row cannot be scored.
        lower, upper: of the interval, shape (n, m); NaN where there is none.
        in_domain: scored, and within the model's own domain where it knows one, shape (n,).
        contributions: shape (n, m, q); with the baseline they sum to what is explained. None
            where they were not asked for, or the model cannot say.
        baseline: what is predicted of the average row, shape (n, m); None with contributions.
    """

    value: Floats
    lower: Floats
    upper: Floats
    in_domain: Bools
    contributions: Floats | None = None
    baseline: Floats | None = None


class Predictor(Protocol):
    """A fitted model. The same row gives the same bits alone and in any block, on any thread."""

    @property
    def facts(self) -> PredictorFacts:
        """What it is and what it can say."""

    def predict(self, X: ArrayLike, *, explain: bool = False) -> Predicted:
        """Predict rows.

        Args:
            X: shape (n_rows, n_inputs); NaN marks missing.
            explain: Split each prediction over the inputs too.

        Raises:
            DataError: The number of columns is another, or a value is infinite.
        """


def input_rows(X: ArrayLike, facts: PredictorFacts) -> Floats:
    """Rows as every predictor takes them.

    Raises:
        DataError: The number of columns is another, or a value is infinite.
    """
    rows = matrix(X, "X")
    if rows.shape[1] != len(facts.inputs):
        message = f"rows have {rows.shape[1]} columns; the model has {len(facts.inputs)} inputs"
        raise DataError(message)
    return rows


def plain(value: Floats) -> Predicted:
    """Values alone: no interval, and in the domain where there is a number.

    >>> plain(np.array([[1.0], [np.nan]])).in_domain
    array([ True, False])
    """
    missing = np.full_like(value, np.nan)
    return Predicted(value, missing, missing, np.asarray(np.isfinite(value).all(axis=1)))


def is_same_alone(predictor: Predictor, X: ArrayLike, *, explain: bool = True) -> bool:
    """Whether rows give the same bits alone, in a block and in another order.

    To be asked on every platform on which a model is installed.

    Args:
        predictor: What is asked.
        X: shape (n_rows, n_inputs).
        explain: Compare contributions too.
    """
    rows = np.ascontiguousarray(X, dtype=np.float64)
    block = predictor.predict(rows, explain=explain)
    turned = predictor.predict(rows[::-1], explain=explain)
    alone = [predictor.predict(rows[i : i + 1], explain=explain) for i in range(len(rows))]
    return all(
        _same(getattr(block, name), getattr(turned, name), [getattr(one, name) for one in alone])
        for name in ("value", "lower", "upper", "in_domain", "contributions", "baseline")
    )


def _same(
    block: Floats | Bools | None,
    turned: Floats | Bools | None,
    alone: list[Floats | Bools | None],
) -> bool:
    if block is None or turned is None:
        return block is turned and all(one is None for one in alone)
    parts = [one for one in alone if one is not None]
    whole = block.tobytes()
    return whole == turned[::-1].tobytes() and whole == b"".join(one.tobytes() for one in parts)
