"""All units of a site scored in one pass; each gets the bits that its own plan gives alone.

Plans of one shape are stacked and summed together, with the inner loops that a plan by itself
has: sums are never padded, as a longer sum would be cut in other places. Plans of other shapes
are other stacks; one plan that many units share is scored as one block. A row with gaps, and a
plan with steps, goes through the unit's own plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, Integers
from goldenbatch.science.errors import DataError
from goldenbatch.science.latent.plan import ScoringPlan
from goldenbatch.science.latent.steps import row_squares, sum_in_parts


@dataclass(frozen=True, slots=True, eq=False)
class FleetScores:
    """Scores of n units at t ticks; the axis of ticks is left out where one tick was given.

    Attributes:
        t2, spe: shape (t, n); NaN where not scored.
        in_domain, is_scored: shape (t, n).
        n_missing: columns missing of those that the unit has, shape (t, n).
        scores: coordinates in the model plane, NaN beyond a unit's own, shape (t, n, a_most).
    """

    t2: Floats
    spe: Floats
    in_domain: Bools
    is_scored: Bools
    n_missing: Integers
    scores: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Stack:
    """Plans of one shape, one after the other."""

    places: Integers
    plans: tuple[ScoringPlan, ...]
    centre: Floats
    scale: Floats
    projection: Floats
    loadings: Floats
    spread: Floats
    t2_limit: Floats
    spe_limit: Floats


class FleetPlan:
    """The frozen plans of many units; the number of columns and components may differ.

    Args:
        plans: one a unit.

    >>> from goldenbatch.science.latent.pca import PCA
    >>> rows = np.array([[1.0, 2.1], [2.0, 3.9], [3.0, 6.2], [4.0, 7.8], [5.0, 10.1]])
    >>> one, other = PCA(1).fit(rows).plan(), PCA(1).fit(rows * [1.0, -1.0]).plan()
    >>> scores = FleetPlan([one, other]).score([[2.0, 3.0], [2.0, -3.0]])
    >>> bool(scores.spe[0] == one.score([2.0, 3.0]).spe[0]), scores.t2.shape
    (True, (2,))

    Raises:
        DataError: no plan was given.
    """

    def __init__(self, plans: Sequence[ScoringPlan]) -> None:
        if not plans:
            message = "a fleet needs at least one plan"
            raise DataError(message)
        self.plans = tuple(plans)
        self.n_columns = max(len(plan.facts.columns) for plan in plans)
        self.n_components = max(len(plan.arrays.projection) for plan in plans)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the digests of the plans, in their order."""
        return hashlib.sha256("".join(plan.digest for plan in self.plans).encode()).hexdigest()

    @cached_property
    def _groups(self) -> tuple[tuple[ScoringPlan, Integers], ...]:
        """Units that share a plan that is scored as a block, and each plan with steps."""
        groups: list[tuple[ScoringPlan, Integers]] = []
        for places in _alike(plan.digest for plan in self.plans):
            plan = self.plans[places[0]]
            if len(places) > 1 or plan.steps:
                groups.append((plan, places))
        return tuple(groups)

    @cached_property
    def _stacks(self) -> tuple[_Stack, ...]:
        taken = {int(place) for _, places in self._groups for place in places}
        own = np.array([i for i in range(len(self.plans)) if i not in taken], dtype=np.int64)
        shapes = (
            (self.plans[i].arrays.projection.shape, self.plans[i].facts.arithmetic) for i in own
        )
        return tuple(_stack(self.plans, own[places]) for places in _alike(shapes))

    def score(self, rows: ArrayLike) -> FleetScores:
        """Score the rows of all units at one tick or at several.

        Args:
            rows: shape (n_units, n_columns), or (n_ticks, n_units, n_columns); NaN where missing
                and beyond the columns of a unit. A unit of which nothing came is all NaN.

        Raises:
            DataError: another number of units or columns, or a value is infinite.
        """
        block = np.ascontiguousarray(rows, dtype=np.float64)
        is_one = block.ndim == 2
        block = block[None] if is_one else block
        if block.ndim != 3 or block.shape[1:] != (len(self.plans), self.n_columns):
            message = (
                f"rows have shape {block.shape}; this fleet takes (n_ticks, {len(self.plans)}, "
                f"{self.n_columns})"
            )
            raise DataError(message)
        if np.isinf(block).any():
            message = "rows have infinite values; mark missing values with NaN"
            raise DataError(message)
        found = _empty(len(block), len(self.plans), self.n_components)
        for plan, places in self._groups:
            own = block[:, places, : len(plan.facts.columns)]
            _take_block(found, plan, places, own)
        for stack in self._stacks:
            _take_stack(found, stack, block)
        return _first(found) if is_one else found


def _alike(keys: Iterable[object]) -> list[Integers]:
    """Places of equal keys together, in order of appearance."""
    places: dict[object, list[int]] = {}
    for i, key in enumerate(keys):
        places.setdefault(key, []).append(i)
    return [np.array(one, dtype=np.int64) for one in places.values()]


def _stack(plans: Sequence[ScoringPlan], places: Integers) -> _Stack:
    chosen = tuple(plans[i] for i in places)
    first = chosen[0]
    rebuilt = [p.rebuild if first.facts.arithmetic == 1 else p.arrays.loadings for p in chosen]
    return _Stack(
        places,
        chosen,
        np.stack([plan.arrays.centre for plan in chosen]),
        np.stack([plan.arrays.scale for plan in chosen]),
        np.stack([plan.arrays.projection for plan in chosen]),
        np.stack(rebuilt),
        np.stack([plan.spread for plan in chosen]),
        np.array([plan.facts.t2_limit for plan in chosen]),
        np.array([plan.facts.spe_limit for plan in chosen]),
    )


def _empty(n_ticks: int, n_units: int, n_components: int) -> FleetScores:
    shape = (n_ticks, n_units)
    return FleetScores(
        np.full(shape, np.nan),
        np.full(shape, np.nan),
        np.zeros(shape, dtype=np.bool_),
        np.zeros(shape, dtype=np.bool_),
        np.zeros(shape, dtype=np.int64),
        np.full((*shape, n_components), np.nan),
    )


def _first(found: FleetScores) -> FleetScores:
    return FleetScores(
        found.t2[0],
        found.spe[0],
        found.in_domain[0],
        found.is_scored[0],
        found.n_missing[0],
        found.scores[0],
    )


def _take_block(found: FleetScores, plan: ScoringPlan, places: Integers, rows: Floats) -> None:
    """Score units that share a plan, shape (t, n_places, p)."""
    shape = rows.shape[:2]
    part = plan.score(rows.reshape(-1, rows.shape[2]))
    for name in ("t2", "spe", "in_domain", "is_scored", "n_missing"):
        getattr(found, name)[:, places] = getattr(part, name).reshape(shape)
    a = part.scores.shape[1]
    found.scores[:, places, :a] = part.scores.reshape(*shape, a)


def _take_stack(found: FleetScores, stack: _Stack, block: Floats) -> None:
    """Score plans of one shape together; rows with gaps by their own plan afterwards."""
    n_units, a, p = stack.projection.shape
    is_all = n_units == block.shape[1] and p == block.shape[2]
    rows = block if is_all else np.ascontiguousarray(block[:, stack.places, :p])
    shape = (len(rows), n_units)
    Z = rows - stack.centre
    Z /= stack.scale
    T = sum_in_parts("tuj,ukj->tuk", Z, stack.projection)
    if stack.plans[0].facts.arithmetic == 1:
        Z -= sum_in_parts("tuk,ujk->tuj", T, stack.loadings)
    else:
        Z -= np.einsum("tuk,ukj->tuj", T, stack.loadings, optimize=False)
    spe = row_squares(Z.reshape(-1, p)).reshape(shape)
    t2 = row_squares((T / stack.spread).reshape(-1, a)).reshape(shape)
    has_gaps = np.isnan(spe)
    found.t2[:, stack.places], found.spe[:, stack.places] = t2, spe
    found.is_scored[:, stack.places] = True
    found.in_domain[:, stack.places] = (t2 <= stack.t2_limit) & (spe <= stack.spe_limit)
    found.scores[:, stack.places, :a] = T
    if has_gaps.any():
        is_silent = np.asarray(np.isnan(rows).all(axis=2))
        _take_silent(found, stack.places, is_silent, p)
        has_gaps &= ~is_silent
    for i in np.flatnonzero(has_gaps.any(axis=0)):
        ticks = np.flatnonzero(has_gaps[:, i])
        _take_rows(found, stack.plans[i], ticks, int(stack.places[i]), rows[ticks, i])


def _take_silent(found: FleetScores, places: Integers, is_silent: Bools, p: int) -> None:
    """Units of which nothing came are not scored; no plan need be asked."""
    ticks, units = np.nonzero(is_silent)
    for name in ("t2", "spe", "scores"):
        getattr(found, name)[ticks, places[units]] = np.nan
    found.is_scored[ticks, places[units]] = False
    found.n_missing[ticks, places[units]] = p


def _take_rows(
    found: FleetScores, plan: ScoringPlan, ticks: Integers, place: int, rows: Floats
) -> None:
    """Score rows of one unit by its own plan."""
    part = plan.score(rows)
    for name in ("t2", "spe", "in_domain", "is_scored", "n_missing"):
        getattr(found, name)[ticks, place] = getattr(part, name)
    found.scores[ticks, place, : part.scores.shape[1]] = part.scores
