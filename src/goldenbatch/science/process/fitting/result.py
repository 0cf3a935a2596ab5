"""What a fit gives: estimates with errors, residuals, how each start ended, provenance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.fitting.laplace import truncated_draws
from goldenbatch.science.process.fitting.unknowns import Unknown, outer
from goldenbatch.science.process.posterior import Posterior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.declarations import Noise

FitStatus = Literal["converged", "stopped", "failed"]
"""An optimum was reached; the budget ran out before; every start failed."""


@dataclass(frozen=True)
class Estimate:
    """One unknown after a fit.

    Attributes:
        name: Of the parameter, or `x0.<state>`.
        batch: To which it belongs; empty: shared.
        value: In the declared unit.
        se: Standard error by the curvature at the optimum; infinite where the data do not hold
            it, nan at a bound.
        lower: Bound of the search.
        upper: Bound of the search.
        is_at_bound: Whether the search ended at one.
        unit: UCUM code.
    """

    name: str
    batch: str
    value: float
    se: float
    lower: float
    upper: float
    is_at_bound: bool
    unit: str


@dataclass(frozen=True)
class Start:
    """How one start of the search ended.

    Attributes:
        began: Where, by label, in the declared units.
        ended: Where; empty if it failed at once.
        objective: At its end; infinite if it failed.
        status: How.
        reason: In the solver's words.
        n_runs: Runs of a batch that it took.
    """

    began: dict[str, float]
    ended: dict[str, float]
    objective: float
    status: FitStatus
    reason: str
    n_runs: int


@dataclass(frozen=True)
class Residuals:
    """Of one output in one batch, in the unit of the output.

    Attributes:
        batch: Name.
        output: Name.
        unit: UCUM code.
        time: When sampled. Shape `(n,)`, as the others.
        measured: Values.
        predicted: By the model at the estimates.
        sd: Error of measurement that they were weighed with.
    """

    batch: str
    output: str
    unit: str
    time: NDArray[np.float64]
    measured: NDArray[np.float64]
    predicted: NDArray[np.float64]
    sd: NDArray[np.float64]

    @property
    def rmse(self) -> float:
        """Root mean square of measured minus predicted."""
        return float(np.sqrt(np.mean((self.measured - self.predicted) ** 2)))

    @property
    def standardised(self) -> NDArray[np.float64]:
        """Measured minus predicted, over the error of measurement."""
        return (self.measured - self.predicted) / self.sd


@dataclass(frozen=True)
class FitProvenance:
    """Enough to make the fit again.

    Attributes:
        model: Name.
        version: Of the model.
        model_digest: Of the model.
        data_digest: Of recipes and data.
        method: How it was searched.
        settings: Of search and solver.
        seed: Of the starts.
        engine: Name and version of the solver.
    """

    model: str
    version: str
    model_digest: str
    data_digest: str
    method: str
    settings: dict[str, Any]
    seed: int
    engine: str


@dataclass(frozen=True)
class Fit:
    """The best of all starts.

    Attributes:
        estimates: In the order of every vector here.
        objective: Minus twice the log-posterior up to a constant: sum of the losses of the
            standardised residuals, plus the squared standardised distances from the priors.
        n_data: Measured values that it rests on.
        n_missing: Values that were missing.
        residuals: One for each output and batch.
        status: How it ended.
        reason: In the solver's words.
        starts: All of them, the best first.
        unknowns: What was looked for.
        inner: Estimates on the inner scale of the search. Shape `(n_unknowns,)`.
        sensitivity: Derivatives of the predictions by the inner unknowns, over the errors of
            measurement. Shape `(n_data, n_unknowns)`.
        information: Fisher information of the data on the inner scale, expected under the
            errors of measurement. Shape `(n_unknowns, n_unknowns)`.
        curvature: `information` (weighed by the loss) and that of the priors.
        gradient: Half the derivative of the objective: zero except at bounds.
        sd: Error of measurement of each value. Shape `(n_data,)`.
        noises: Of each measured output: declared, or estimated where it was not known.
        fixed: Parameters that were not fitted, at values other than the declared: constant
            columns of every posterior.
        provenance: Where it comes from.
    """

    estimates: tuple[Estimate, ...]
    objective: float
    n_data: int
    n_missing: int
    residuals: tuple[Residuals, ...]
    status: FitStatus
    reason: str
    starts: tuple[Start, ...]
    unknowns: tuple[Unknown, ...] = field(repr=False)
    inner: NDArray[np.float64] = field(repr=False)
    sensitivity: NDArray[np.float64] = field(repr=False)
    information: NDArray[np.float64] = field(repr=False)
    curvature: NDArray[np.float64] = field(repr=False)
    gradient: NDArray[np.float64] = field(repr=False)
    sd: NDArray[np.float64] = field(repr=False)
    noises: dict[str, Noise] = field(repr=False)
    fixed: dict[str, float] = field(repr=False)
    provenance: FitProvenance = field(repr=False)

    def __getitem__(self, label: str) -> Estimate:
        """The estimate of a name, `name@batch` where it belongs to one.

        Raises:
            DataError: It was not fitted.
        """
        for one, unknown in zip(self.estimates, self.unknowns, strict=True):
            if unknown.label == label:
                return one
        labels = ", ".join(one.label for one in self.unknowns)
        raise DataError(f"{label!r} was not fitted.", hint=f"Fitted were: {labels}.")

    @property
    def values(self) -> dict[str, float]:
        """Estimates by label."""
        return {u.label: e.value for u, e in zip(self.unknowns, self.estimates, strict=True)}

    @property
    def reduced_chi2(self) -> float:
        """Mean squared standardised residual per degree of freedom.

        About 1 where model and declared errors are right; far above, the model misses something
        or the errors are larger than declared, and all intervals are too narrow.
        """
        freedom = self.n_data - len(self.unknowns)
        total = sum(float((one.standardised**2).sum()) for one in self.residuals)
        return total / freedom if freedom > 0 else float("nan")

    def rmse(self, output: str) -> float:
        """Root mean square error of an output over all batches, in its unit."""
        parts = [one for one in self.residuals if one.output == output]
        if not parts:
            raise DataError(f"the fit has no data of {output!r}.", hint="")
        errors = np.concatenate([one.measured - one.predicted for one in parts])
        return float(np.sqrt(np.mean(errors**2)))

    def parameters(self, batch: str = "") -> dict[str, float]:
        """Estimated parameters: the shared, and those of a batch where one is named."""
        return {u.name: e.value for u, e in zip(self.unknowns, self.estimates, strict=True)
                if u.kind == "parameter" and u.batch in ("", batch)}  # fmt: skip

    def initial(self, batch: str) -> dict[str, float]:
        """Estimated initial states of a batch."""
        return {u.name.removeprefix("x0."): e.value
                for u, e in zip(self.unknowns, self.estimates, strict=True)
                if u.kind == "initial" and u.batch == batch}  # fmt: skip

    def posterior(
        self, n_draws: int, seed: int, *, batch: str = "", inflation: float = 1.0
    ) -> Posterior:
        """Draws from the normal approximation at the optimum, inside the bounds (Laplace).

        Directions that the data do not hold are drawn from the whole width of the bounds, so
        that a prediction shows what is not known. On a curved ridge the normal approximation
        is not enough: use `sampler.sample`.

        Args:
            n_draws: How many.
            seed: Of the generator.
            batch: Draw also the parameters and initial states of this batch.
            inflation: Factor of the variances, such as `reduced_chi2` where the residuals are
                larger than the declared errors.
        """
        low, high = (np.array(side) for side in zip(*(u.box for u in self.unknowns), strict=True))
        inner = truncated_draws(
            self.inner, self.curvature / inflation, self.gradient / inflation, (low, high),
            n_draws, seed=seed,
        )  # fmt: skip
        return self.as_posterior(inner, f"laplace, seed {seed}", batch)

    def as_posterior(self, inner: NDArray[np.float64], method: str, batch: str = "") -> Posterior:
        """Inner draws of all unknowns as the posterior of a batch, in declared units."""
        chosen = [k for k, one in enumerate(self.unknowns) if one.batch in ("", batch)]
        values = np.array([outer(self.unknowns, row) for row in inner])[:, chosen]
        names = tuple(self.unknowns[k].name for k in chosen)
        held = {name: value for name, value in self.fixed.items() if name not in names}
        constant = np.tile(np.array([*held.values()]), (len(values), 1))
        values = np.concatenate([values, constant], axis=1)
        names = (*names, *held)
        of = self.provenance
        return Posterior(of.model, of.model_digest, names, values, method, of.data_digest)
