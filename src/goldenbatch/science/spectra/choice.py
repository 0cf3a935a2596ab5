"""Choice of treatment and number of components on left-out rows, and the honest error of it.

Candidates are declared beforehand. Whole groups (scale, lot, instrument) are left out where they
are given, else repeated folds. The error of the chosen model is flattered by the choice; that of
the procedure comes from an outer loop, in which the choice itself is made without the rows that
it is judged on.

References:
    Filzmoser, Liebmann and Varmuza (2009), J. Chemom. 23:160, doi:10.1002/cem.1225 (repeated
    double cross-validation).
    Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning, section 7.10
    (one-standard-error rule; here with the standard error of paired differences).
    Cawley and Talbot (2010), J. Mach. Learn. Res. 11:2079 (bias by selection).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, complete, matrix, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.selection import grouped_folds
from goldenbatch.science.latent.steps import apply_steps
from goldenbatch.science.spectra._paths import Split, left_out, products
from goldenbatch.science.spectra.preprocess import Treatment, fit_steps

_N_ROWS_MIN = 8
_TO_NORMAL = 1.4826
"""Standard deviation of normal values by their median absolute value."""


class Rule(StrEnum):
    """How one candidate is taken among many.

    `best` takes the smallest loss. `one-standard-error` takes the fewest components, then the
    smallest loss, among the candidates that are worse than the best by at most one standard error
    of the paired difference. `auto` is the second where groups are left out, as another group is
    to be expected, else the first.
    """

    AUTO = "auto"
    BEST = "best"
    ONE_STANDARD_ERROR = "one-standard-error"


@dataclass(frozen=True, slots=True)
class ChoiceSettings:
    """What is fixed before a reference result is seen.

    Attributes:
        treatments: that are tried; `candidate_treatments()` where none are given.
        n_components_max: largest number of components tried.
        n_folds: of each repetition; no use where groups are left out.
        n_repeats: of the folds, each shuffled anew.
        rule: see `Rule`.
        bound: an error counts at most as this many robust standard deviations of the best
            candidate, so that a wrong reference result does not choose the model; 0: as it is.
        seed: of the shuffles.
    """

    treatments: tuple[Treatment, ...] = ()
    n_components_max: int = 12
    n_folds: int = 10
    n_repeats: int = 5
    rule: Rule = Rule.AUTO
    bound: float = 3.0
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What was chosen, and what it was chosen from.

    Attributes:
        treatment: chosen.
        n_components: chosen.
        rule: in force.
        treatments: all candidates, m of them.
        rmse: of left-out rows, shape (m, n_components_max).
        loss: root of the bounded mean squared error that the rule looked at, the same shape.
        predicted: left-out predictions of the chosen candidate, shape (n,).
        splits: rows of the fits and rows left out.
    """

    treatment: Treatment
    n_components: int
    rule: Rule
    treatments: tuple[Treatment, ...]
    rmse: Floats
    loss: Floats
    predicted: Floats
    splits: tuple[Split, ...]

    @property
    def place(self) -> int:
        """Place of the chosen treatment among the candidates."""
        return self.treatments.index(self.treatment)

    @property
    def rmse_chosen(self) -> float:
        """RMSE of left-out rows of the chosen candidate; flattered by the choice."""
        return float(self.rmse[self.place, self.n_components - 1])


@dataclass(frozen=True, slots=True, eq=False)
class NestedError:
    """Error of the whole procedure on rows that had no part in any choice.

    Attributes:
        rmse: of all rows.
        predicted: shape (n,).
        chosen: treatment and number of components of each outer fold.
    """

    rmse: float
    predicted: Floats
    chosen: tuple[tuple[Treatment, int], ...]


def candidate_treatments(
    ranges: Sequence[tuple[float, float] | None] = (None,), window: int = 15
) -> tuple[Treatment, ...]:
    """Return the usual treatments of near-infrared spectra, for each range of the axis.

    None; SNV; first derivatives with the window and with a wide one, second derivative with the
    wide one; SNV before and after each of these.

    >>> len(candidate_treatments()), candidate_treatments()[1].order
    (12, ('snv',))
    """
    wide = 2 * ((window * 5) // 6) + 1
    filters = [(window, 1), (wide, 1), (window, 2), (wide, 2)]
    plain = [((), window, 1), (("snv",), window, 1)]
    derived = [(("savitzky-golay",), w, d) for w, d in filters]
    first = [(("snv", "savitzky-golay"), w, d) for w, d in filters]
    last = [(("savitzky-golay", "snv"), w, d) for w, d in (filters[0], filters[3])]
    return tuple(
        Treatment(lower, upper, order, w, 2, d)
        for lower, upper in (limits or (None, None) for limits in ranges)
        for order, w, d in (*plain, *derived, *first, *last)
    )


def repeated_folds(n: int, n_folds: int, n_repeats: int, seed: int) -> tuple[Split, ...]:
    """Return splits of shuffled folds, each repetition shuffled anew.

    >>> [left.tolist() for _, left in repeated_folds(4, 2, 1, 0)]
    [[0, 2], [1, 3]]
    """
    if not 2 <= n_folds <= n or n_repeats < 1:
        message = f"{n} rows cannot be split into {n_folds} folds {n_repeats} times"
        raise DesignError(message)
    generator = np.random.default_rng(seed)
    found: list[Split] = []
    for _ in range(n_repeats):
        for part in np.array_split(generator.permutation(n), n_folds):
            left = np.sort(part).astype(np.int64)
            found.append((np.setdiff1d(np.arange(n), left), left))
    return tuple(found)


def choose(
    spectra: ArrayLike,
    axis: ArrayLike,
    reference: ArrayLike,
    settings: ChoiceSettings | None = None,
    groups: Sequence[Hashable] | None = None,
) -> Choice:
    """Choose treatment and number of components on left-out rows.

    Args:
        spectra: shape (n, p), complete.
        axis: of the spectra, rising, shape (p,).
        reference: results of the laboratory, shape (n,), complete.
        settings: chosen beforehand.
        groups: scale, lot or instrument of each row; each is left out as a whole.

    Raises:
        DataError: fewer than 8 rows, or missing values.
        DesignError: settings that give no model.

    >>> generator = np.random.default_rng(1)
    >>> y, axis = generator.uniform(0, 10, 20), np.arange(30.0)
    >>> spectra = np.outer(y, np.exp(-0.1 * (axis - 15) ** 2)) + 0.01 * generator.random((20, 30))
    >>> found = choose(spectra, axis, y, ChoiceSettings((Treatment(order=()),), 3))
    >>> found.n_components, found.rule.value
    (1, 'best')
    """
    settings = settings or ChoiceSettings()
    rows, results = checked(spectra, reference)
    kernels = kernels_of(settings, rows, axis)
    return _choose(kernels, results, settings, groups)


def nested_error(
    spectra: ArrayLike,
    axis: ArrayLike,
    reference: ArrayLike,
    settings: ChoiceSettings | None = None,
    groups: Sequence[Hashable] | None = None,
) -> NestedError | None:
    """Return the error of choosing and fitting, on rows outside both; None with two groups.

    With groups, one group is judged at a time and the others choose by leaving one another out.

    >>> generator = np.random.default_rng(1)
    >>> y, axis = generator.uniform(0, 10, 20), np.arange(30.0)
    >>> spectra = np.outer(y, np.exp(-0.1 * (axis - 15) ** 2)) + 0.01 * generator.random((20, 30))
    >>> found = nested_error(spectra, axis, y, ChoiceSettings((Treatment(order=()),), 3, n_folds=5))
    >>> found is not None and found.rmse < 0.1
    True
    """
    settings = settings or ChoiceSettings()
    rows, results = checked(spectra, reference)
    kernels = kernels_of(settings, rows, axis)
    if groups is None:
        outer = repeated_folds(len(rows), min(settings.n_folds, len(rows)), 1, settings.seed + 1)
    elif len(set(groups)) <= 2:
        return None
    else:
        outer = group_splits(groups)
    predicted = np.full(len(rows), np.nan)
    chosen: list[tuple[Treatment, int]] = []
    for kept, left in outer:
        inner = [groups[i] for i in kept] if groups is not None else None
        parts = [K[np.ix_(kept, kept)] for K in kernels]
        found = _choose(parts, results[kept], settings, inner)
        whole = left_out(kernels[found.place], results, [(kept, left)], found.n_components)
        predicted[left] = whole[left, -1]
        chosen.append((found.treatment, found.n_components))
    rmse = float(np.sqrt(np.mean((predicted - results) ** 2)))
    return NestedError(rmse, predicted, tuple(chosen))


def group_splits(groups: Sequence[Hashable]) -> tuple[Split, ...]:
    """Return one split per group, in order of appearance.

    >>> [left.tolist() for _, left in group_splits(["a", "b", "a"])]
    [[0, 2], [1]]
    """
    everyone = np.arange(len(groups))
    return tuple((np.setdiff1d(everyone, fold), fold) for fold in grouped_folds(groups))


def checked(spectra: ArrayLike, reference: ArrayLike) -> tuple[Floats, Floats]:
    """Return complete spectra and results that belong together.

    Raises:
        DataError: fewer than 8, missing values, or numbers that do not match.

    >>> [one.shape for one in checked(np.eye(8), np.arange(8.0))]
    [(8, 8), (8,)]
    """
    rows = complete(matrix(spectra, "spectra"), "spectra")
    results = complete(vector(reference, "reference"), "reference")
    if len(rows) != len(results) or len(rows) < _N_ROWS_MIN:
        message = f"{len(rows)} spectra with {len(results)} results; give at least 8 of each"
        raise DataError(message)
    return rows, results


def kernels_of(settings: ChoiceSettings, rows: Floats, axis: ArrayLike) -> list[Floats]:
    """Products of the spectra after each candidate treatment, shape (n, n) each.

    The mean spectrum that MSC refers to is made on all rows: it holds no result.
    """
    found = []
    for treatment in treatments_of(settings):
        treated = apply_steps(fit_steps(treatment, rows, axis), rows)
        found.append(products(complete(treated, f"spectra after {treatment.order}")))
    return found


def treatments_of(settings: ChoiceSettings) -> tuple[Treatment, ...]:
    """The candidates of the settings."""
    return settings.treatments or candidate_treatments()


def _choose(
    kernels: Sequence[Floats],
    results: Floats,
    settings: ChoiceSettings,
    groups: Sequence[Hashable] | None,
) -> Choice:
    splits = _splits(len(results), settings, groups)
    n_max = min(settings.n_components_max, min(len(kept) for kept, _ in splits) - 2)
    if n_max < 1:
        message = "the rows that are left for a fit carry no component; leave fewer out"
        raise DesignError(message)
    predicted = np.stack([left_out(K, results, splits, n_max) for K in kernels])
    residuals = predicted - results[None, :, None]
    squared = np.swapaxes(residuals**2, 1, 2)
    counted = _bounded(squared, settings.bound)
    weights = _weights(groups, len(results))
    rule = settings.rule
    if rule is Rule.AUTO:
        rule = Rule.BEST if groups is None else Rule.ONE_STANDARD_ERROR
    place, a = _taken(counted, weights, rule)
    treatments = treatments_of(settings)
    return Choice(
        treatment=treatments[place],
        n_components=a + 1,
        rule=rule,
        treatments=treatments,
        rmse=np.sqrt(squared.mean(axis=2)),
        loss=np.sqrt(counted @ weights),
        predicted=predicted[place, :, a],
        splits=splits,
    )


def _splits(
    n: int, settings: ChoiceSettings, groups: Sequence[Hashable] | None
) -> tuple[Split, ...]:
    if groups is not None:
        return group_splits(groups)
    return repeated_folds(n, min(settings.n_folds, n), settings.n_repeats, settings.seed)


def _bounded(squared: Floats, bound: float) -> Floats:
    """Squared errors, each cut at the bound; shape (m, n_components, n)."""
    if not bound > 0:
        return squared
    spread = _TO_NORMAL * np.sqrt(np.median(squared, axis=2))
    most = bound * float(spread.min())
    return np.minimum(squared, most * most) if most > 0 else squared


def _weights(groups: Sequence[Hashable] | None, n: int) -> Floats:
    """Each group counts alike, whatever its size; they sum to one."""
    if groups is None:
        return np.full(n, 1.0 / n)
    sizes: dict[Hashable, int] = {}
    for one in groups:
        sizes[one] = sizes.get(one, 0) + 1
    return np.array([1.0 / (sizes[one] * len(sizes)) for one in groups])


def _taken(counted: Floats, weights: Floats, rule: Rule) -> tuple[int, int]:
    """Place of the treatment and of the number of components."""
    means = counted @ weights
    best = np.unravel_index(int(means.argmin()), means.shape)
    if rule is Rule.BEST:
        return int(best[0]), int(best[1])
    worse = counted - counted[best]
    excess = worse @ weights
    spread = np.sqrt(np.maximum((worse**2) @ weights - excess**2, 0.0))
    is_near = excess <= spread / np.sqrt(len(weights))
    a = int(np.flatnonzero(is_near.any(axis=0))[0])
    places = np.flatnonzero(is_near[:, a])
    return int(places[means[places, a].argmin()]), a
