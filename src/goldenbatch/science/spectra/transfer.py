"""A calibration of one instrument made to serve another, with few standards, as one frozen plan.

The way is chosen on the standards alone: each is left out in turn, and what the transferred
sensor says of it on the second instrument is compared with what the master says of it on the
first. No reference result is needed. A way must bring the spectra back to the model too: slope and
bias correct the value only, and may serve only where the spectra lie in the domain as they are.
Limits and interval are widened by what left-out standards ask for.

References:
    Feudale et al. (2002), Chemom. Intell. Lab. Syst. 64:181, doi:10.1016/S0169-7439(02)00085-0.
    Bouveresse and Massart (1996), Vib. Spectrosc. 11:3, doi:10.1016/0924-2031(95)00055-0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, complete, matrix
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.limits import box_limit
from goldenbatch.science.latent.plan import ScoringPlan
from goldenbatch.science.latent.steps import apply_steps
from goldenbatch.science.spectra.maps import TransferKind, TransferMethod, fit_map

_N_STANDARDS_MIN = 4
_NEARER = 0.5
"""A map brings spectra back where it takes at least half of their distance to the model."""


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """A transferred sensor and what it was chosen from.

    Attributes:
        plan: frozen, for raw spectra of the second instrument.
        method: chosen.
        rmse: method to root mean square of (left-out standard on the second instrument less the
            master's value of it on the first), in the unit of the target.
        untreated: the same without any transfer.
        n_standards: measured on both.
    """

    plan: ScoringPlan
    method: TransferMethod
    rmse: dict[TransferMethod, float]
    untreated: float
    n_standards: int

    @property
    def error(self) -> float:
        """What the transfer adds, by left-out standards."""
        return self.rmse[self.method]


def candidate_methods(n_standards: int) -> tuple[TransferMethod, ...]:
    """Return the usual ways for a number of standards.

    >>> len(candidate_methods(15)), candidate_methods(4)[1].words()
    (31, 'slope/bias')
    """
    most = n_standards - 2
    found = [TransferMethod(TransferKind.OFFSET), TransferMethod(TransferKind.SLOPE_BIAS)]
    ranks = [r for r in (1, 2, 3, 4, 5, 6, 8, 10, 12) if r <= most]
    found += [TransferMethod(TransferKind.DIRECT, r) for r in ranks]
    found += [TransferMethod(TransferKind.SPECTRAL_SPACE, r) for r in ranks if r > 1]
    for half in (2, 5, 10):
        found += [TransferMethod(TransferKind.PIECEWISE, r, half) for r in ranks[:4]]
    return tuple(found)


def transfer_plan(
    plan: ScoringPlan,
    master: ArrayLike,
    second: ArrayLike,
    methods: Sequence[TransferMethod] | None = None,
) -> Transfer:
    """Make the plan of one instrument read the spectra of another.

    Args:
        plan: of the master, with one target.
        master: standards on the master, raw, shape (n, p).
        second: the same standards on the second instrument, in the same order, raw, shape (n, p).
        methods: that are tried; the usual ones where none are given.

    Raises:
        DataError: fewer than 4 standards, or the two sets do not match.
        DesignError: the plan predicts nothing or more than one target.

    >>> from goldenbatch.science.spectra.calibration import calibrate
    >>> generator = np.random.default_rng(1)
    >>> y, axis = generator.uniform(0, 10, 30), np.arange(30.0)
    >>> peaks = np.exp(-0.1 * (axis - np.array([[12.0], [20.0]])) ** 2)
    >>> first = np.column_stack([y, generator.uniform(0, 10, 30)]) @ peaks
    >>> first += 0.01 * generator.standard_normal(first.shape)
    >>> plan = calibrate(first, axis, y).sensor.plan
    >>> found = transfer_plan(plan, first[:8], 1.2 * first[:8] + 0.3)
    >>> found.error < 0.1 * found.untreated
    True
    """
    if len(plan.facts.targets) != 1:
        message = f"a plan of {len(plan.facts.targets)} targets cannot be transferred; take one"
        raise DesignError(message)
    M, S = _treated(plan, master, second)
    wanted, bare = values(plan, M), _without_steps(plan)
    untreated = float(np.sqrt(np.mean((values(plan, S) - wanted) ** 2)))
    raw = float(np.median(bare.score(S).spe))
    errors: dict[TransferMethod, float] = {}
    back: list[TransferMethod] = []
    for method in methods or candidate_methods(len(M)):
        rows, found = _left_out(plan, method, M, S)
        errors[method] = float(np.sqrt(np.mean((found - wanted) ** 2)))
        if float(np.median(bare.score(rows).spe)) <= max(plan.facts.spe_limit, _NEARER * raw):
            back.append(method)
    method = min(back or errors, key=lambda one: errors[one])
    made = _transferred(plan, method, M, S, errors[method])
    return Transfer(made, method, errors, untreated, len(M))


def values(plan: ScoringPlan, treated: Floats) -> Floats:
    """Return predictions from treated spectra, shape (n,)."""
    arrays, targets = plan.arrays, plan.targets
    weights = (targets.loadings[0] @ arrays.projection) / arrays.scale
    return np.asarray(((treated - arrays.centre) @ weights) * targets.scale[0] + targets.centre[0])


def _treated(plan: ScoringPlan, master: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    both = []
    for one, name in ((master, "standards of the master"), (second, "standards of the second")):
        rows = complete(matrix(one, name), name)
        if rows.shape[1] != len(plan.facts.columns):
            message = (
                f"{name} have {rows.shape[1]} channels; the plan has {len(plan.facts.columns)}"
            )
            raise DataError(message)
        both.append(complete(apply_steps(plan.steps, rows), f"{name} after treatment"))
    if len(both[0]) != len(both[1]) or len(both[0]) < _N_STANDARDS_MIN:
        message = f"{len(both[0])} and {len(both[1])} standards; give at least 4, in pairs"
        raise DataError(message)
    return both[0], both[1]


def _left_out(
    plan: ScoringPlan, method: TransferMethod, M: Floats, S: Floats
) -> tuple[Floats, Floats]:
    """Each standard on the second instrument by a map made without it: spectrum and value."""
    rows, found = S.copy(), np.empty(len(M))
    for i in range(len(M)):
        kept = np.arange(len(M)) != i
        step = fit_map(method, S[kept], M[kept])
        if step is None:
            slope, bias = _slope_bias(plan, M[kept], S[kept])
            found[i] = bias + slope * values(plan, S[i : i + 1])[0]
        else:
            rows[i] = step.apply(S[i : i + 1])[0]
            found[i] = values(plan, rows[i : i + 1])[0]
    return rows, found


def _without_steps(plan: ScoringPlan) -> ScoringPlan:
    return replaced(plan, facts=replaced(plan.facts, columns=plan.model_columns), steps=())


def _slope_bias(plan: ScoringPlan, M: Floats, S: Floats) -> tuple[float, float]:
    read, wanted = values(plan, S), values(plan, M)
    spread = float(np.sum((read - read.mean()) ** 2))
    slope = float(np.sum((read - read.mean()) * (wanted - wanted.mean()))) / max(spread, 1e-300)
    return slope, float(wanted.mean() - slope * read.mean())


def _transferred(
    plan: ScoringPlan, method: TransferMethod, M: Floats, S: Floats, error: float
) -> ScoringPlan:
    """The plan with one more step, wider limits and a wider interval; slope and bias folded in."""
    targets = plan.targets
    wider = targets.variance + error * error
    step = fit_map(method, S, M)
    if step is None:
        slope, bias = _slope_bias(plan, M, S)
        moved = replaced(
            targets,
            loadings=targets.loadings * np.sign(slope),
            scale=targets.scale * abs(slope),
            centre=targets.centre * slope + bias,
            variance=targets.variance * slope * slope + error * error,
        )
        return replaced(plan, targets=moved)
    steps = (*plan.steps, step)
    t2, spe = _limits(plan, method, M, S)
    facts = replaced(plan.facts, t2_limit=t2, spe_limit=spe)
    return replaced(plan, facts=facts, targets=replaced(targets, variance=wider), steps=steps)


def _limits(plan: ScoringPlan, method: TransferMethod, M: Floats, S: Floats) -> tuple[float, float]:
    """Limits of T2 and SPE of the master, or of left-out standards where these are wider."""
    confidence = plan.facts.limits.get("confidence") or 0.99
    scores = _without_steps(plan).score(_left_out(plan, method, M, S)[0])
    t2, spe = box_limit(scores.t2, confidence), box_limit(scores.spe, confidence)
    return max(plan.facts.t2_limit, t2), max(plan.facts.spe_limit, spe)
