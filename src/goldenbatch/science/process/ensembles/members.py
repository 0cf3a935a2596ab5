"""Members of an ensemble: parameters and initial states, one row each, and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.posterior import Posterior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.declarations import Parameter
    from goldenbatch.science.process.ensembles.factors import Factor
    from goldenbatch.science.process.model import Given, Model

Method = Literal["random", "latin hypercube", "sobol"]


@dataclass(frozen=True)
class Members:
    """Rows of parameters and starts of one model.

    Attributes:
        model_digest: Of the model that they belong to.
        parameters: In the order of `p`. Shape `(n, n_p)`.
        starts: In the order of `x`. Shape `(n, n_x)`.
        varied: Names of what differs between rows.
        method: How they were chosen.
        posterior: Digest of the draws; empty where there are none.
    """

    model_digest: str
    parameters: NDArray[np.float64]
    starts: NDArray[np.float64]
    varied: tuple[str, ...]
    method: str
    posterior: str = ""

    @property
    def n(self) -> int:
        """How many."""
        return int(self.parameters.shape[0])

    @property
    def digest(self) -> str:
        """SHA-256 of all rows."""
        hasher = hashlib.sha256(self.model_digest.encode())
        for block in (self.parameters, self.starts):
            hasher.update(np.ascontiguousarray(block, dtype="<f8").tobytes())
        return hasher.hexdigest()

    @classmethod
    def nominal(
        cls,
        model: Model,
        initial: Mapping[str, Given] | None = None,
        parameters: Mapping[str, Given] | None = None,
    ) -> Members:
        """One member: as declared, but for what is known of starts and parameters."""
        p = model.parameter_vector(parameters)
        return cls(model.digest, p[None, :], model.x0(p, initial)[None, :], (), "nominal")

    @classmethod
    def of(
        cls,
        model: Model,
        draws: Posterior,
        initial: Mapping[str, Given] | None = None,
        parameters: Mapping[str, Given] | None = None,
    ) -> Members:
        """One member for each draw.

        Args:
            model: That they were fitted with.
            draws: From a fit, or from the prior.
            initial: Initial states that are known; a draw's own `x0.` comes first.
            parameters: That are known and not drawn; a draw's own value comes first.

        Raises:
            DataError: The draws are of another model, or name what it has not.
        """
        draws.check(model)
        n = len(draws.draws)
        p = np.tile(model.parameter_vector(parameters), (n, 1))
        places = {name: k for k, name in enumerate(model.columns("parameters"))}
        states = {f"x0.{name}": k for k, name in enumerate(model.columns("states"))}
        for column, name in enumerate(draws.names):
            if name in places:
                p[:, places[name]] = draws.draws[:, column]
            elif name not in states:
                raise DataError(f"{model.name} has no {name!r}.", hint="Fit it again.")
        x = _starts(model, p, initial)
        for column, name in enumerate(draws.names):
            if name in states:
                x[:, states[name]] = draws.draws[:, column]
        return cls(model.digest, p, x, draws.names, draws.method, draws.digest)

    @classmethod
    def spread(
        cls,
        model: Model,
        n: int,
        seed: int,
        *,
        method: Method = "sobol",
        names: Sequence[str] | None = None,
        initial: Mapping[str, Given] | None = None,
        parameters: Mapping[str, Given] | None = None,
    ) -> Members:
        """Members that cover the declared priors evenly (see `from_unit`)."""
        names = _unknown(model, names, parameters)
        chosen = varied_parameters(model, names)
        cube = unit_points(n, sum(one.size for one in chosen), seed, method)
        made = cls.from_unit(model, cube, names=names, initial=initial, parameters=parameters)
        return replace(made, method=f"{method}, seed {seed}")

    @classmethod
    def from_unit(
        cls,
        model: Model,
        cube: NDArray[np.float64],
        *,
        names: Sequence[str] | None = None,
        initial: Mapping[str, Given] | None = None,
        parameters: Mapping[str, Given] | None = None,
    ) -> Members:
        """Members at points of the unit cube, through the priors' quantile functions.

        Args:
            model: With priors.
            cube: A column for each element of a parameter with a prior. Shape `(n, n_varied)`.
            names: Only these parameters.
            initial: Initial states that are known.
            parameters: That are known; they are not varied.
        """
        names = _unknown(model, names, parameters)
        p = np.tile(model.parameter_vector(parameters), (len(cube), 1))
        column = 0
        varied: list[str] = []
        for one in varied_parameters(model, names):
            place = model.at("parameters", one.name)
            for k, element in enumerate(one.elements):
                p[:, place.start + k] = quantile(one, k, cube[:, column])
                varied.append(element)
                column += 1
        x = _starts(model, p, initial)
        return cls(model.digest, p, x, tuple(varied), "points of the unit cube")

    def with_levels(
        self, model: Model, factors: Sequence[Factor], levels: NDArray[np.float64]
    ) -> Members:
        """Members with the factors on parameters and starts at their values.

        Args:
            model: Theirs.
            factors: Of a study; those on the recipe are passed over.
            levels: Shape `(n, n_factors)`.
        """
        p, x = self.parameters.copy(), self.starts.copy()
        for factor, column in zip(factors, levels.T, strict=True):
            if factor.kind == "parameter":
                p[:, model.columns("parameters").index(factor.target)] = column
        before, after = (_starts(model, block, None) for block in (self.parameters, p))
        # A start that follows from parameters follows the new ones; one that was given stays.
        x = np.where(x == before, after, x)
        for factor, column in zip(factors, levels.T, strict=True):
            if factor.kind == "start":
                x[:, model.columns("states").index(factor.target)] = column
        return replace(self, parameters=p, starts=x)

    def take(self, rows: NDArray[np.int64] | slice) -> Members:
        """Some of the rows."""
        return replace(self, parameters=self.parameters[rows], starts=self.starts[rows])


def _unknown(
    model: Model, names: Sequence[str] | None, known: Mapping[str, Given] | None
) -> Sequence[str] | None:
    """Names to vary without those that are known."""
    if not known:
        return names
    every = [one.name for one in varied_parameters(model, None)] if names is None else names
    return [name for name in every if name not in known]


def varied_parameters(model: Model, names: Sequence[str] | None) -> list[Parameter]:
    """Parameters with a prior, or those of them that are named, in declared order.

    Raises:
        DataError: A name has no prior.
    """
    having = {one.name: one for one in model.parameters if one.prior is not None}
    missing = [name for name in names or () if name not in having]
    if missing:
        raise DataError(
            f"parameter {missing[0]!r} of {model.name} has no prior.", hint="Declare one."
        )
    return [one for name, one in having.items() if names is None or name in names]


def unit_points(n: int, n_dimensions: int, seed: int, method: Method) -> NDArray[np.float64]:
    """Points of the unit cube, never on its faces. Shape `(n, n_dimensions)`.

    Sobol points are scrambled; their count is best a power of two.

    References:
        McKay, Beckman and Conover (1979), Technometrics 21:239, doi:10.2307/1268522.
        Owen (1998), J. Complexity 14:466, doi:10.1006/jcom.1998.0487.

    >>> unit_points(4, 2, seed=1, method="latin hypercube").shape
    (4, 2)
    """
    from scipy.stats import qmc

    if n < 1 or seed < 0:
        raise DesignError(
            f"{n} members by seed {seed} cannot be drawn.",
            hint="Give at least one, and a seed from 0 on.",
        )
    if n_dimensions == 0:
        return np.empty((n, 0))
    if method == "sobol":
        engine = qmc.Sobol(n_dimensions, rng=np.random.default_rng(seed))
        # More than asked and cut: SciPy warns at counts that are no power of two.
        points = engine.random_base2(max(0, int(np.ceil(np.log2(max(n, 1))))))[:n]
    elif method == "latin hypercube":
        points = qmc.LatinHypercube(n_dimensions, rng=np.random.default_rng(seed)).random(n)
    else:
        points = np.random.default_rng(seed).random((n, n_dimensions))
    tiny = 2.0**-40
    clipped: NDArray[np.float64] = np.clip(points, tiny, 1.0 - tiny)
    return clipped


def quantile(one: Parameter, element: int, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles of a parameter's prior, cut at its bounds.

    Args:
        one: With a prior.
        element: Of a vector.
        u: Probabilities. Shape `(n,)`.
    """
    from scipy.special import ndtr, ndtri

    prior = one.prior
    if prior is None or prior.kind == "uniform":
        return one.lower + u * (one.upper - one.lower)
    centre = one.value[element]
    if prior.kind == "normal":
        low, high = ((end - centre) / prior.sd for end in (one.lower, one.upper))
    else:
        with np.errstate(divide="ignore"):
            low, high = (
                float(np.log(max(end, 0.0) / centre)) / prior.sd for end in (one.lower, one.upper)
            )
    from_, to = ndtr(low), ndtr(high)
    score = ndtri(from_ + u * (to - from_))
    made: NDArray[np.float64] = (
        centre + prior.sd * score if prior.kind == "normal" else centre * np.exp(prior.sd * score)
    )
    return made


def _starts(
    model: Model, p: NDArray[np.float64], initial: Mapping[str, Given] | None
) -> NDArray[np.float64]:
    """Initial states of every row. Shape `(n, n_x)`."""
    known = model.x0(p[0], initial) if len(p) else np.empty(model.n_x)
    starts = (
        np.array(model.start_function(p.T), dtype=float).T if len(p) else np.empty((0, model.n_x))
    )
    starts = np.broadcast_to(starts.reshape(-1, model.n_x), (len(p), model.n_x)).copy()
    for name in initial or ():
        place = model.at("states", name)
        starts[:, place] = known[place]
    return starts
