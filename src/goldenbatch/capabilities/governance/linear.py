"""Trainer of linear models: ridge regression on scaled inputs, with a conformal interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.capabilities.governance.selecting import read_table
from goldenbatch.core.artefacts import LINEAR
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.model_training import Frozen, TrainingRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    _Fitted = tuple[Floats, float, Floats]

CODE_VERSION = "linear-1"
LEAST_ROWS = 8


class LinearSettings(BaseModel):
    """Settings of a linear model.

    Attributes:
        ridge: Penalty on the coefficients of scaled inputs, a share of the number of rows.
        coverage: Of the interval, from groups that were left out.
        n_folds: Parts in which groups are left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ridge: float = Field(default=1e-6, ge=0)
    coverage: float = Field(default=0.9, gt=0.5, lt=1)
    n_folds: int = Field(default=5, ge=2)


def train_linear(rows: TrainingRows, settings: Mapping[str, Any], seed: int) -> Frozen:
    """Fit a linear model; the seed deals the groups to the folds.

    Raises:
        BadInputError: A setting is impossible, or there are too few rows or groups.
    """
    from goldenbatch.science.predictors import LinearModel
    from goldenbatch.science.statistics import conformal_half_width

    chosen = read_table(LinearSettings, settings, "settings")
    groups = sorted(set(rows.groups))
    if len(rows.reference) < LEAST_ROWS or len(groups) < chosen.n_folds:
        raise BadInputError(
            f"{len(rows.reference)} rows in {len(groups)} groups are too few for a linear model.",
            hint=f"Give at least {LEAST_ROWS} rows in {chosen.n_folds} groups.",
            key="data",
        )
    order = np.random.default_rng(seed).permutation(len(groups))
    fold_of = {groups[g]: k % chosen.n_folds for k, g in enumerate(order.tolist())}
    folds = np.asarray([fold_of[one] for one in rows.groups])
    left_out = np.empty_like(rows.reference)
    for fold in range(chosen.n_folds):
        is_out = folds == fold
        fitted = _fit(rows.inputs[~is_out], rows.reference[~is_out], chosen.ridge)
        left_out[is_out] = _predict(fitted, rows.inputs[is_out])
    residuals = left_out - rows.reference
    coefficients, intercept, centre = _fit(rows.inputs, rows.reference, chosen.ridge)
    half_width = conformal_half_width(residuals, chosen.coverage)
    has_interval = bool(np.isfinite(half_width))
    model = LinearModel(
        inputs=rows.names,
        outputs=(rows.output,),
        coefficients=(tuple(coefficients.tolist()),),
        intercept=(intercept,),
        centre=tuple(centre.tolist()),
        half_width=(half_width,) if has_interval else (),
        coverage=chosen.coverage if has_interval else 0.0,
        lower=tuple(rows.inputs.min(axis=0).tolist()),
        upper=tuple(rows.inputs.max(axis=0).tolist()),
    )
    return Frozen(
        content=model.to_bytes(),
        media_type=LINEAR,
        method="ridge regression on scaled inputs",
        code_version=CODE_VERSION,
        settings=chosen.model_dump(mode="json"),
        measures={"rmse_left_out": float(np.sqrt(np.mean(residuals**2)))},
        seeds={"folds": seed},
    )


def _fit(inputs: Floats, reference: Floats, ridge: float) -> _Fitted:
    """Coefficients, value at the centre, and the centre."""
    centre = inputs.mean(axis=0)
    scale = inputs.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    scaled = (inputs - centre) / scale
    mean = float(reference.mean())
    penalty = np.sqrt(ridge * len(inputs)) * np.eye(inputs.shape[1])
    left = np.concatenate([scaled, penalty])
    right = np.concatenate([reference - mean, np.zeros(inputs.shape[1])])
    solved = np.linalg.lstsq(left, right, rcond=None)[0]
    return solved / scale, mean, centre


def _predict(fitted: _Fitted, inputs: Floats) -> Floats:
    coefficients, mean, centre = fitted
    return np.asarray(mean + np.einsum("ij,j->i", inputs - centre, coefficients))
