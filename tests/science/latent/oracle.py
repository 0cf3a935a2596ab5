"""Scoring as it was first written, step by step: what faster code must equal to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from goldenbatch.science.latent.plan import ScoringPlan


def as_of_old(plan: ScoringPlan) -> ScoringPlan:
    """The same model, reckoned as plans of the first arithmetic are."""
    facts = replace(plan.facts, arithmetic=1)
    return ScoringPlan(facts, plan.arrays, plan.targets, plan.steps)


def bits(array):
    """Numbers as integers: NaN equals itself, and 0.0 is not -0.0."""
    array = np.ascontiguousarray(array)
    return array.view(np.int64) if array.dtype == np.float64 else array


def _dot(left, right):
    n_parts = range(0, left.shape[1], 4096)
    total = None
    for start in n_parts:
        first = np.ascontiguousarray(left[:, start : start + 4096])
        second = np.ascontiguousarray(right[:, start : start + 4096])
        part = np.einsum("ij,kj->ik", first, second, optimize=False)
        total = part if total is None else total + part
    return total


def _squares(rows):
    return np.array([_dot(row[None], row[None])[0, 0] for row in rows])


def score_whole(plan: ScoringPlan, rows):
    """T2, SPE and values of rows without gaps or steps, a row at a time, first arithmetic."""
    arrays, targets = plan.arrays, plan.targets
    Z = (rows - arrays.centre) / arrays.scale
    T = np.vstack([_dot(z[None], arrays.projection) for z in Z])
    rest = np.vstack([z - _dot(t[None], arrays.loadings.T)[0] for z, t in zip(Z, T, strict=True)])
    t2 = _squares(T / np.sqrt(arrays.score_variance))
    values = _dot(T, targets.loadings) * targets.scale + targets.centre
    return t2, _squares(rest), values


def filtered(rows, coefficients):
    """A Savitzky-Golay filter with repeated ends, tap by tap."""
    half = len(coefficients) // 2
    padded = np.pad(rows, ((0, 0), (half, half)), mode="edge")
    out = padded[:, : rows.shape[1]] * coefficients[0]
    for i in range(1, len(coefficients)):
        out = out + padded[:, i : i + rows.shape[1]] * coefficients[i]
    return out
