"""What a running batch will end with: partial least squares on unfolded batches so far.

References:
    Nomikos and MacGregor (1995), Chemom. Intell. Lab. Syst. 30:97,
    doi:10.1016/0169-7439(95)00043-7 (multi-way PLS).
    Arteaga and Ferrer (2002), J. Chemom. 16:408, doi:10.1002/cem.750 (trimmed scores).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError
from goldenbatch.science.latent._pls_kernels import fit_nipals
from goldenbatch.science.latent.batch._planes import added, trimmed_scores

_RIDGE = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """One predicted outcome.

    Attributes:
        name: of the outcome.
        centre: mean of the golden batches, by phase.
        loadings: of each phase, shape (k, p, a).
        weights: of the trimmed scores at each grid point of each phase, shape (k, a).
    """

    name: str
    centre: Mapping[str, float]
    loadings: Mapping[str, Floats]
    weights: Mapping[str, Floats]

    def step(
        self, sums: Floats, phase: str, new: Floats, first: int, n_after: Sequence[int]
    ) -> tuple[Floats, Floats]:
        """Predict after each sample of a phase.

        Args:
            sums: trimmed scores so far, over earlier phases too, shape (a,).
            phase: its name.
            new: deviations at new grid points, shape (n_new, p).
            first: number of the first of them.
            n_after: how many of the new points lie before each sample's end.

        Returns:
            The next sums, and predictions, shape (n,).
        """
        loadings, weights = self.loadings[phase], self.weights[phase]
        steps = added(new[:, :, None] * loadings[first : first + len(new)], 1)
        total = np.add.accumulate(np.concatenate([sums[None], steps]), axis=0)
        own = np.array(n_after, dtype=np.int64)
        last = np.maximum(first + own - 1, 0)
        values = self.centre[phase] + added(total[own] * weights[last], 1)
        return total[-1], values


def fit_forecast(
    name: str, cubes: Mapping[str, Floats], outcomes: Mapping[str, Floats], n_components: int
) -> Forecast:
    """Fit the forecast of one outcome.

    Args:
        name: of the outcome.
        cubes: phase, in order, to deviations on its grid, shape (n, k, p); 0 where not reached.
        outcomes: phase to what is predicted in it of each golden batch, shape (n,).
        n_components: of the PLS.

    Raises:
        DataError: the outcome is missing for a batch.
    """
    whole = outcomes[next(iter(cubes))]
    n = len(whole)
    if any(np.isnan(one).any() for one in outcomes.values()):
        message = f"outcome {name!r} is missing for a golden batch; leave one of them out"
        raise DataError(message)
    centre = {phase: float(outcomes[phase].mean()) for phase in cubes}
    y = whole - whole.mean()
    Z = np.concatenate([cube.reshape(n, -1) for cube in cubes.values()], axis=1)
    n_components = max(1, min(n_components, n - 2))
    R = _projection(Z, y, n_components)
    loadings: dict[str, Floats] = {}
    trimmed: dict[str, Floats] = {}
    start, before = 0, np.zeros((n, n_components))
    for phase, cube in cubes.items():
        _, k, p = cube.shape
        own = np.ascontiguousarray(R[:, start : start + k * p].T).reshape(k, p, n_components)
        start += k * p
        loadings[phase] = own
        trimmed[phase] = before[:, None, :] + trimmed_scores(cube, own)
        before = trimmed[phase][:, -1]
    ridge = _RIDGE * float(np.sum(before**2)) / n_components
    weights = {
        phase: _regressed(one, outcomes[phase] - centre[phase], ridge)
        for phase, one in trimmed.items()
    }
    return Forecast(name, centre, loadings, weights)


def _projection(Z: Floats, y: Floats, n_components: int) -> Floats:
    """Projection of a PLS; nothing for an outcome that does not vary: the mean is foreseen."""
    if not float(np.ptp(y)) > 1e-12 * max(float(np.abs(y).max()), 1e-300) or not Z.any():
        return np.zeros((n_components, Z.shape[1]))
    return fit_nipals(Z, y[:, None], n_components).projection(n_components)


def _regressed(trimmed: Floats, y: Floats, ridge: float) -> Floats:
    """Weights of the trimmed scores for the outcome at each grid point, shape (k, a).

    The ridge is a share of what whole batches say: a start that says nothing predicts the mean.
    """
    gram = np.einsum("nka,nkb->kab", trimmed, trimmed)
    gram = gram + max(ridge, 1e-12) * np.eye(trimmed.shape[2])
    cross = np.einsum("nka,n->ka", trimmed, y)[:, :, None]
    return np.ascontiguousarray(np.linalg.solve(gram, cross)[:, :, 0])
