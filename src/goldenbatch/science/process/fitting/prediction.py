"""Predicting a batch that was not fitted: median, interval, what it was worth, naive rivals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.fitting.evaluator import FIT_SETTINGS
from goldenbatch.science.process.fitting.shooting import Shooter
from goldenbatch.science.process.integrate import Settings, StepError
from goldenbatch.science.process.result import Note
from goldenbatch.science.process.simulation import simulate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.declarations import Noise
    from goldenbatch.science.process.fitting.problem import Batch, Problem
    from goldenbatch.science.process.fitting.result import Fit
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.posterior import Posterior


@dataclass(frozen=True)
class Asked:
    """How to predict.

    Attributes:
        level: Of the interval.
        seed: Of initial states and errors of measurement.
        noise: Errors of measurement that differ from the declared, such as `Fit.noises`.
        inflation: Factor of their variances, such as `Fit.reduced_chi2`.
        domain: Range of states and outputs in the fitted batches, by `domain_of`: outside it
            the prediction is marked as extrapolated, besides the declared calibrated ranges.
        solver: Of the runs.
    """

    level: float = 0.95
    seed: int = 0
    noise: Mapping[str, Noise] = field(default_factory=dict)
    inflation: float = 1.0
    domain: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    solver: Settings = FIT_SETTINGS

    def __post_init__(self) -> None:
        """Refuse a level that is no probability."""
        if not 0.0 < self.level < 1.0:
            raise DesignError(f"a level of {self.level:g}.", hint="Give one such as 0.95.")


@dataclass(frozen=True)
class Prediction:
    """Of one output of one batch.

    Attributes:
        batch: Name.
        output: Name.
        unit: UCUM code.
        time: In the model's time unit. Shape `(n_times,)`, as all the others.
        median: Of the model's output over the draws.
        lower: Lower end of the interval for a measurement, errors of measurement included.
        upper: Upper end.
        model_lower: Lower end of the interval for the output itself.
        model_upper: Upper end.
        draws: For a measurement. Shape `(n_members, n_times)`.
        level: Of both intervals.
        n_failed: Draws that could not be run; they are missing from the intervals.
        failures: Their reasons, each once.
        notes: What a run at the mean of the posterior said of bounds and extrapolation.
        posterior: Digest of the draws.
        model_digest: Of the model.
    """

    batch: str
    output: str
    unit: str
    time: NDArray[np.float64]
    median: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    model_lower: NDArray[np.float64]
    model_upper: NDArray[np.float64]
    draws: NDArray[np.float64] = field(repr=False)
    level: float
    n_failed: int
    failures: tuple[str, ...]
    notes: tuple[Note, ...]
    posterior: str
    model_digest: str

    @property
    def is_extrapolated(self) -> bool:
        """Whether the batch leaves the range that the model was calibrated in."""
        return any(note.kind == "extrapolation" for note in self.notes)


def predict(
    model: Model, batch: Batch, posterior: Posterior, asked: Asked | None = None
) -> dict[str, Prediction]:
    """Predict the outputs that the batch has times for, by every draw of a posterior.

    Initial states are those of the draws where they have them; else those of the batch, drawn
    from the priors in `unknown_initial` about them.

    Args:
        model: That the posterior belongs to.
        batch: Its recipe, initial states and times; its measured values are not looked at.
        posterior: Of a fit to other batches.
        asked: How to predict.

    Raises:
        DataError: The posterior is of another model, or no draw could be run.

    >>> from goldenbatch.science.process import ModelBuilder, Noise, Recipe
    >>> from goldenbatch.science.process.fitting import Batch, Measured, Problem, fit, score
    >>> m = ModelBuilder("fall", version="1", title="First order", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0, lower=0.0)
    >>> m.derivative(c, -m.parameter("k", "1/h", value=0.5, lower=0.1, upper=2.0) * c)
    >>> m.output("y", c, "g/L", noise=Noise(0.01))
    >>> t = np.array([1.0, 4.0])
    >>> batch = Batch("a", Recipe(4.0, 4.0), {"y": Measured(t, np.exp(-0.4 * t))})
    >>> problem = Problem(m.build(), (batch,), fitted=("k",))
    >>> got = predict(problem.loaded, batch, fit(problem).posterior(50, seed=1))["y"]
    >>> score(got, batch.data["y"]).rmse < 0.005
    True
    """
    asked = asked or Asked()
    posterior.check(model)
    times = np.unique(np.concatenate([one.times for one in batch.data.values()] or [np.empty(0)]))
    if not times.size:
        raise DataError(f"batch {batch.name!r} has no times to predict at.", hint="Give some.")
    shooter = Shooter(model, batch.recipe, times, asked.solver)
    random = np.random.default_rng(asked.seed)
    members, reasons = [], []
    for row in range(len(posterior.draws)):
        p, x = _member(model, batch, posterior, row, random)
        try:
            members.append(shooter.run(p, x)[0])
        except (StepError, DataError) as error:
            reasons.append(str(error))
    if not members:
        raise DataError(f"no draw could be run: {reasons[0]}", hint="Look at the posterior.")
    notes = _notes(model, batch, posterior, asked.domain)
    said = (len(reasons), tuple(dict.fromkeys(reasons)), notes)
    place = {one.name: k for k, one in enumerate(model.outputs)}
    block = np.array(members)
    return {
        name: _prediction(
            model, batch, name, block[:, np.searchsorted(times, one.times), place[name]],
            (asked, random, posterior.digest, said),
        )
        for name, one in batch.data.items()
    }  # fmt: skip


def _member(
    model: Model, batch: Batch, posterior: Posterior, row: int, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    columns = {name: k for k, name in enumerate(model.columns("parameters"))}
    places = {name: k for k, name in enumerate(model.columns("states"))}
    parameters, start = posterior.member(row)
    p = model.parameter_vector(batch.parameters)
    for name, value in parameters.items():
        if name.partition("[")[0] not in batch.parameters:
            p[columns[name]] = value
    x = model.x0(p, batch.initial)
    for state, prior in batch.unknown_initial.items():
        declared = next(one for one in model.states if one.name == state)
        where = model.at("states", state)
        if prior is None or prior.kind == "uniform":
            continue
        noise = prior.sd * random.standard_normal(declared.size)
        drawn = x[where] + noise if prior.kind == "normal" else x[where] * np.exp(noise)
        x[where] = np.clip(drawn, declared.lower, declared.upper)
    for name, value in start.items():
        x[places[name]] = value
    return p, x


def domain_of(
    problem: Problem, found: Fit, names: Sequence[str] = ()
) -> dict[str, tuple[float, float]]:
    """Range of states and outputs over the fitted batches, up to their last sample.

    Args:
        problem: That was fitted.
        found: The fit.
        names: States and outputs whose range matters, such as concentrations and temperatures;
            empty: the measured outputs.

    Raises:
        DataError: A batch cannot be run at the estimates.

    >>> from goldenbatch.science.process import ModelBuilder, Noise, Recipe
    >>> from goldenbatch.science.process.fitting import Batch, Measured, Problem, fit
    >>> m = ModelBuilder("fall", version="1", title="First order", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0, lower=0.0)
    >>> m.derivative(c, -m.parameter("k", "1/h", value=0.5, lower=0.1, upper=2.0) * c)
    >>> m.output("y", c, "g/L", noise=Noise(0.01))
    >>> t = np.array([1.0, 4.0])
    >>> batch = Batch("a", Recipe(4.0, 4.0), {"y": Measured(t, np.exp(-0.4 * t))})
    >>> problem = Problem(m.build(), (batch,), fitted=("k",))
    >>> [round(end, 3) for end in domain_of(problem, fit(problem))["y"]]
    [0.202, 1.0]
    """
    model = problem.loaded
    chosen = tuple(names) or tuple(problem.noises)
    columns: dict[str, list[NDArray[np.float64]]] = {name: [] for name in chosen}
    for batch in problem.batches:
        p = problem.parameters_of(batch)
        start = by_name(model, "states", found.initial(batch.name), model.x0(p, batch.initial))
        run = simulate(
            model, batch.recipe, initial={**batch.initial, **start},
            parameters=by_name(model, "parameters", found.parameters(batch.name), p, whole=True),
        )  # fmt: skip
        if run.status == "failed":
            raise DataError(f"batch {batch.name!r} cannot be run: {run.reason}", hint="")
        last = max((float(one.times.max()) for one in batch.data.values() if one.times.size),
                   default=float("inf"))  # fmt: skip
        for name, parts in columns.items():
            parts.append(run[name][run.time <= last * (1.0 + 1e-9)])
    return {n: (float(min(map(np.min, p))), float(max(map(np.max, p))))
            for n, p in columns.items()}  # fmt: skip


def by_name(
    model: Model,
    kind: str,
    elements: Mapping[str, float],
    base: NDArray[np.float64],
    *,
    whole: bool = False,
) -> dict[str, list[float]]:
    """Elements such as `k` and `k[1]` as `simulate` takes them: whole vectors by name.

    Args:
        model: Whose they are.
        kind: `parameters` or `states`.
        elements: Values by element; others are left alone.
        base: Values of the elements that are not given. Shape `(n,)`.
        whole: Also those of which no element is given.
    """
    values = base.copy()
    for place, name in enumerate(model.columns(kind)):
        values[place] = elements.get(name, values[place])
    return {
        one.name: values[model.at(kind, one.name)].tolist()
        for one in getattr(model, kind)
        if whole or set(one.elements) & set(elements)
    }


def _notes(
    model: Model,
    batch: Batch,
    posterior: Posterior,
    domain: Mapping[str, tuple[float, float]],
) -> tuple[Note, ...]:
    """What a run at the mean says of bounds, events, the calibrated and the fitted range."""
    mean = dict(zip(posterior.names, map(float, posterior.mean), strict=True))
    base = model.parameter_vector(batch.parameters)
    parameters = by_name(model, "parameters", mean, base)
    try:
        run = simulate(model, batch.recipe, initial=batch.initial,
                       parameters={**parameters, **batch.parameters})  # fmt: skip
    except DataError:
        return ()
    said = [note for note in run.notes if note.kind in ("bound", "extrapolation", "event")]
    for name, (low, high) in domain.items():
        slack = 0.05 * (high - low)
        column = run[name]
        beyond = np.flatnonzero((column < low - slack) | (column > high + slack))
        if beyond.size:
            text = (
                f"{name} reaches {column.min():.3g} to {column.max():.3g} {run.units[name]}, the "
                f"fitted batches {low:.3g} to {high:.3g}"
            )
            said.append(Note(float(run.time[beyond[0]]), "extrapolation", name, text))
    return tuple(said)


def _prediction(
    model: Model,
    batch: Batch,
    name: str,
    values: NDArray[np.float64],
    rest: tuple[Asked, np.random.Generator, str, tuple[int, tuple[str, ...], tuple[Note, ...]]],
) -> Prediction:
    asked, random, digest, (n_failed, failures, notes) = rest
    output = next(one for one in model.outputs if one.name == name)
    noise = asked.noise.get(name, output.noise)
    drawn = values
    if noise is not None:
        sd = np.sqrt(asked.inflation * (noise.sd**2 + (noise.relative * values) ** 2))
        drawn = values + sd * random.standard_normal(values.shape)
    tails = [0.5 * (1.0 - asked.level), 0.5 * (1.0 + asked.level)]
    lower, upper = np.quantile(drawn, tails, axis=0)
    model_lower, model_upper = np.quantile(values, tails, axis=0)
    return Prediction(
        batch.name, name, output.unit, batch.data[name].times, np.median(values, axis=0),
        lower, upper, model_lower, model_upper, drawn, asked.level, n_failed, failures, notes,
        digest, model.digest,
    )  # fmt: skip


def without_values(batch: Batch) -> Batch:
    """The batch with its times but not its values: what a predictor may see."""
    data = {
        n: replace(one, values=np.full(one.times.size, np.nan)) for n, one in batch.data.items()
    }
    return replace(batch, data=data)
