"""What is to be fitted: batches with their recipes and data, and what is unknown of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.declarations import Noise, Prior
from goldenbatch.science.process.fitting.loss import Loss
from goldenbatch.science.process.fitting.unknowns import Unknown, unknowns_of
from goldenbatch.science.process.model import Model, ModelRef, to_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Given
    from goldenbatch.science.process.recipe import Recipe


@dataclass(frozen=True)
class Measured:
    """What was measured of one output in one batch.

    Attributes:
        times: When the sample was taken, in the model's time unit since the start of the run
            (holds included); any order and spacing. Shape `(n,)`.
        values: In the declared unit of the output; nan where one is missing. Shape `(n,)`.
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse times that are no times; values may be missing."""
        times, values = np.asarray(self.times, float), np.asarray(self.values, float)
        if times.ndim != 1 or times.shape != values.shape:
            raise DataError(
                f"{times.shape} times for {values.shape} values.", hint="Give one time for each."
            )
        if not np.isfinite(times).all() or (times < 0.0).any() or np.isinf(values).any():
            raise DataError(
                "a sample has no time, one before the run, or an infinite value.",
                hint="Leave missing values as nan; drop samples without a time.",
            )
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class Batch:
    """One run of the plant: what was done, what is known of its start, what was measured.

    Attributes:
        name: Unique in a problem.
        recipe: What was done; its inputs as they were, without controllers and faults.
        data: Measured outputs by name.
        initial: Initial states that are known, or guesses of those that are not.
        unknown_initial: States whose initial value is to be found, each with what is believed
            of it about its guess; None: its bounds only.
        parameters: Parameters that are known to be different in this batch.
    """

    name: str
    recipe: Recipe
    data: Mapping[str, Measured] = field(default_factory=dict)
    initial: Mapping[str, Given] = field(default_factory=dict)
    unknown_initial: Mapping[str, Prior | None] = field(default_factory=dict)
    parameters: Mapping[str, Given] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Several batches that share a model.

    Attributes:
        model: Or a reference to it, which is needed to fit in other processes.
        batches: With their data.
        fitted: Names of parameters that are the same in all batches and unknown.
        per_batch: Names of parameters that are unknown and differ from batch to batch.
        parameters: Values of parameters that are not the declared ones: fixed, or to start at.
        bounds: Narrower than the declared ones, by name of parameter or `x0.<state>`.
        priors: By name of parameter; `declared`: those that the model declares (MAP); empty:
            bounds only (maximum likelihood).
        noise: Errors of measurement by output, where they differ from the declared; None: not
            known, estimated from the residuals.
        loss: How much a residual counts.
        logarithmic: Parameters to be searched on a logarithmic scale, besides those with a
            lognormal prior and those whose lower bound is above zero.
    """

    model: Model | ModelRef
    batches: tuple[Batch, ...]
    fitted: tuple[str, ...] = ()
    per_batch: tuple[str, ...] = ()
    parameters: Mapping[str, Given] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    priors: Mapping[str, Prior] | Literal["declared"] = field(default_factory=dict)
    noise: Mapping[str, Noise | None] = field(default_factory=dict)
    loss: Loss = field(default_factory=Loss)
    logarithmic: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be fitted before anything is run."""
        names = [one.name for one in self.batches]
        if not names or len(set(names)) != len(names) or not all(names):
            raise DesignError(f"batches are called {names}.", hint="Give each a name of its own.")
        model = self.loaded
        outputs = {one.name for one in model.outputs}
        for batch in self.batches:
            strangers = set(batch.data) - outputs
            if strangers:
                raise DataError(
                    f"batch {batch.name!r} has data of {sorted(strangers)[0]!r}, no output of "
                    f"{model.name}.",
                    hint=f"Outputs: {', '.join(sorted(outputs))}.",
                )
            _check_recipe(batch)
        if self.loss.kind != "squares" and any(one is None for one in self.noises.values()):
            raise DesignError(
                "a robust loss needs the size of the errors, but an output has no noise.",
                hint="Give `noise` for each measured output.",
            )

    @property
    def loaded(self) -> Model:
        """The model itself."""
        return self.model.load() if isinstance(self.model, ModelRef) else self.model

    @property
    def noises(self) -> dict[str, Noise | None]:
        """Noise of each output that has data; None: to be estimated."""
        measured = {name for batch in self.batches for name in batch.data}
        declared = {one.name: one.noise for one in self.loaded.outputs if one.name in measured}
        return declared | {n: noise for n, noise in self.noise.items() if n in declared}

    @property
    def unknowns(self) -> tuple[Unknown, ...]:
        """What is to be found, in the order of every vector of a fit."""
        return unknowns_of(self)

    @property
    def digest(self) -> str:
        """SHA-256 of the data and recipes."""
        hasher = hashlib.sha256()
        for batch in self.batches:
            head = [batch.name, batch.recipe.digest, sorted(map(str, batch.initial.items()))]
            hasher.update(json.dumps(head, ensure_ascii=False).encode())
            for name in sorted(batch.data):
                one = batch.data[name]
                hasher.update(name.encode())
                hasher.update(np.ascontiguousarray(one.times, "<f8").tobytes())
                hasher.update(np.ascontiguousarray(one.values, "<f8").tobytes())
        return hasher.hexdigest()

    def parameters_of(self, batch: Batch) -> NDArray[np.float64]:
        """Parameters of a batch before anything is fitted. Shape `(n_p,)`."""
        return self.loaded.parameter_vector({**self.parameters, **batch.parameters})


def _check_recipe(batch: Batch) -> None:
    recipe = batch.recipe
    rules = {"controllers": recipe.controllers, "faults": recipe.faults,
             "adjustments": recipe.adjustments, "resets": recipe.resets}  # fmt: skip
    given = [name for name, value in rules.items() if value]
    if given:
        raise DesignError(
            f"the recipe of batch {batch.name!r} has {', '.join(given)}.",
            hint="Fit to the inputs as they were applied: give them as profiles.",
        )


def measured(
    model: Model, output: str, times: Sequence[float], values: Sequence[float | str | None]
) -> Measured:
    """Data of an output whose values may be texts with units; None is missing.

    Raises:
        DataError: There is no such output, or a text is no quantity of its dimension.

    >>> from goldenbatch.science.process import ModelBuilder
    >>> m = ModelBuilder("still", version="1", title="Nothing happens", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0)
    >>> m.derivative(c, 0)
    >>> m.output("y", c, "g/L")
    >>> measured(m.build(), "y", [0.0, 1.0], ["900 mg/L", None]).values
    array([0.9, nan])
    """
    unit = next((one.unit for one in model.outputs if one.name == output), None)
    if unit is None:
        raise DataError(f"{model.name} has no output {output!r}.", hint="")
    numbers = [
        np.nan
        if value is None or (not isinstance(value, str) and np.isnan(value))
        else to_unit(value, unit, f"{output} at {time:g}")
        for time, value in zip(times, values, strict=True)
    ]
    return Measured(np.array(times, float), np.array(numbers, float))
