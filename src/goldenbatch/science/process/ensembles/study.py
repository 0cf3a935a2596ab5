"""A study: which model, recipe, figures, limits and factors. Every question is asked of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.ensembles import factors as _factors
from goldenbatch.science.process.ensembles.factors import Factor
from goldenbatch.science.process.ensembles.figures import Criterion, Figure, unit_of
from goldenbatch.science.process.integrate import Settings
from goldenbatch.science.process.model import Model, ModelRef

if TYPE_CHECKING:
    from goldenbatch.science.process.model import Given
    from goldenbatch.science.process.recipe import Recipe

T = TypeVar("T")
R = TypeVar("R")
Executor = Callable[[Callable[[T], R], Sequence[T]], Iterable[R]]
"""Maps a function over tasks, in order; joblib's or a thread pool's, wrapped by who calls."""

EngineChoice = Literal["auto", "casadi", "kernel", "simulate"]


def serial(function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
    """The executor that does one task after the other.

    >>> list(serial(abs, [-1, 2]))
    [1, 2]
    """
    return map(function, tasks)


@dataclass(frozen=True)
class Study:
    """What is run many times, and what is asked of each run.

    Attributes:
        model: A model, or its reference; an executor of other processes needs the reference.
        recipe: What is done, the factors at their nominal values.
        figures: Numbers that are kept of each run, besides those of the criteria.
        criteria: Limits that a feasible run meets, all of them.
        factors: What is varied on purpose.
        columns: Columns that are kept over time.
        settings: Of the solver.
        engine: `casadi`, `kernel` (compiled, for thousands of members), `simulate` (one by one,
            for controllers and faults); `auto`: by the recipe and the number of members.
        accepted_stops: Named events that may end a run; any other makes it infeasible.
        initial: Initial states that differ from the declared ones, where a question makes its
            own members (nominal runs, sensitivity, stress).
        parameters: Parameters that are known likewise, and then not varied.
    """

    model: Model | ModelRef
    recipe: Recipe
    figures: tuple[Figure, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    factors: tuple[Factor, ...] = ()
    columns: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    engine: EngineChoice = "auto"
    accepted_stops: tuple[str, ...] = ()
    initial: Mapping[str, Given] = field(default_factory=dict)
    parameters: Mapping[str, Given] = field(default_factory=dict)

    def load(self) -> Model:
        """The model."""
        return self.model.load() if isinstance(self.model, ModelRef) else self.model

    @property
    def all_figures(self) -> tuple[Figure, ...]:
        """Figures asked for and those of the criteria, each once."""
        every = (*self.figures, *(one.figure for one in self.criteria))
        return tuple(dict.fromkeys(every))

    def check(self) -> Model:
        """Refuse what cannot be answered, before anything is run; the model.

        Raises:
            DesignError: A factor or a criterion makes no sense.
            DataError: A column does not exist.
        """
        model = self.load()
        _factors.check(self.factors, model, self.recipe)
        for one in self.all_figures:
            if one.kind != "end_time":
                unit_of(model, one.column)
        for column in self.columns:
            unit_of(model, column)
        for criterion in self.criteria:
            criterion.limits(model)
        known = {one.name for one in model.watches if one.stops}
        strange = set(self.accepted_stops) - known
        if strange:
            raise DesignError(
                f"{model.name} has no event {sorted(strange)[0]!r} that ends a run.",
                hint=f"It has: {', '.join(sorted(known)) or 'none'}.",
            )
        return model

    def limits(self) -> Mapping[str, tuple[float, float]]:
        """Limits of every criterion in its figure's unit, by label."""
        model = self.load()
        return {one.label: one.limits(model) for one in self.criteria}

    def describe(self) -> dict[str, Any]:
        """What provenance says of it."""
        return {
            "figures": [one.name for one in self.all_figures],
            "criteria": {k: list(v) for k, v in self.limits().items()},
            "factors": [[one.name, one.low, one.high] for one in self.factors],
            "accepted_stops": list(self.accepted_stops),
        }
