"""Faults of stated size, planted into good batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.latent.batch import BatchPlan, BatchRun
from goldenbatch.science.latent.batch.unfolding import at_maturity

Floats = NDArray[np.float64]


class PlantedFault(BaseModel):
    """A fault that a trial plants into each good batch that was left out.

    Attributes:
        name: For the table.
        kind: `bias` (the variable is off by `size`), `drift` (grows to `size` by the end of the
            phase), `stuck` (stays at its value of that moment plus `size`) or `length` (the phase
            takes longer by `size`).
        phase: Where.
        variable: Which; none for `length`.
        size: In standard deviations of the variable about its golden course, or of the length
            of the phase.
        onset: Share of the phase when it begins, from and to; drawn for each batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["bias", "drift", "stuck", "length"]
    phase: str
    variable: str = ""
    size: float
    onset: tuple[float, float] = Field(default=(0.2, 0.6))

    def into(self, run: BatchRun, column: int, sd: float, onset: float) -> BatchRun:
        """The batch with the fault.

        Args:
            run: A good batch.
            column: Place of the variable.
            sd: Its standard deviation, or that of the length.
            onset: Share of the phase.
        """
        at = np.flatnonzero(np.array(run.phases) == self.phase)
        own = at[min(int(onset * len(at)), len(at) - 1) :]
        if self.kind == "length":
            return _longer(run, own, self.size * sd)
        values = run.values.copy()
        first = values[own[0], column]
        if self.kind == "stuck":
            values[own, column] = first + self.size * sd
        else:
            share = np.linspace(0.0, 1.0, len(own)) if self.kind == "drift" else 1.0
            values[own, column] += self.size * sd * share
        return replace(run, values=values)


def _longer(run: BatchRun, own: NDArray[np.int64], extra: float) -> BatchRun:
    """The rest of a phase drawn out: more samples at the same pace, straight in between."""
    begin, end = float(run.time[own[0]]), float(run.time[own[-1]])
    step = (end - begin) / max(len(own) - 1, 1)
    n = len(own) + max(1, round(extra / step))
    place = np.linspace(0.0, len(own) - 1.0, n)
    rows = at_maturity(run.values[own], place / max(len(own) - 1, 1))
    times = begin + step * np.arange(n)
    after = slice(int(own[-1]) + 1, None)
    later = run.time[after] + (times[-1] - end)
    return replace(
        run,
        time=np.concatenate([run.time[: own[0]], times, later]),
        values=np.concatenate([run.values[: own[0]], rows, run.values[after]]),
        phases=(*run.phases[: own[0]], *[run.phases[own[0]]] * n, *run.phases[after]),
    )


def course_sd(plan: BatchPlan, runs: Sequence[BatchRun], fault: PlantedFault) -> tuple[int, float]:
    """Place of a fault's variable, and its standard deviation about the golden course.

    Args:
        plan: Of other batches.
        runs: The batches that it was made from.
        fault: Says variable and phase.

    Raises:
        BadInputError: The plan has no such phase or variable.
    """
    if fault.phase not in plan.phases:
        raise _unknown(fault, "phase", fault.phase, list(plan.phases))
    if fault.kind == "length":
        lengths = [one.length for run in runs if (one := run.stretch(fault.phase)) is not None]
        return 0, float(np.std(lengths, ddof=1))
    names = plan.settings.columns
    watched = plan.variables(fault.phase)
    if fault.variable not in watched or fault.variable not in names:
        raise _unknown(fault, "variable", fault.variable, list(watched))
    phase, j = plan.phases[fault.phase], watched.index(fault.variable)
    squares: list[Floats] = []
    for run in runs:
        for seen in plan.follow(run).phases:
            if seen.phase == fault.phase:
                spread = at_maturity(phase.spread, seen.maturity)[:, j]
                squares.append((seen.deviations[:, j] * spread) ** 2)
    return names.index(fault.variable), float(np.sqrt(np.nanmean(np.concatenate(squares))))


def _unknown(fault: PlantedFault, what: str, name: str, there: list[str]) -> BadInputError:
    return BadInputError(
        f"planted fault {fault.name!r} names {what} {name!r}, which the model does not watch.",
        hint=f"It watches: {', '.join(there)}.",
        key="settings.planted",
    )
