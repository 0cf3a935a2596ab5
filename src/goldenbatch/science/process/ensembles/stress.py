"""Stress tests: how far each fault may go before a limit breaks, and what is left of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.ensembles.ensemble import run_ensemble
from goldenbatch.science.process.ensembles.figures import Figure
from goldenbatch.science.process.ensembles.hazards import Hazard, Kind
from goldenbatch.science.process.ensembles.members import Members
from goldenbatch.science.process.ensembles.study import Executor, Study, serial
from goldenbatch.science.process.faults import Weakened
from goldenbatch.science.process.simulation import simulate

if TYPE_CHECKING:
    import pyarrow as pa

    from goldenbatch.science.process.model import Given
    from goldenbatch.science.process.recipe import Fault


@dataclass(frozen=True)
class Margin:
    """What is left to a limit.

    Attributes:
        criterion: Its label.
        unit: UCUM code.
        value: Of the figure; nan where the run has none.
        distance: To the nearer limit, negative beyond it.
        in_sd: The same in standard deviations of the ensemble without faults; nan without one.
    """

    criterion: str
    unit: str
    value: float
    distance: float
    in_sd: float


@dataclass(frozen=True)
class Stressed:
    """One hazard, tried.

    Attributes:
        hazard: Its name.
        kind: What sort of fault.
        unit: Of the severities.
        worst: The most severe that was tried.
        margins: At the worst, one for each criterion.
        broken: Labels of the criteria that it breaks at the worst.
        ended: Why the run at the worst did not come to its end; empty where it did.
        breaks_at: Smallest severity found at which something breaks; None: nothing does.
        breaks: What breaks there.
        holds_at: Largest severity below it at which all held; the truth lies between.
    """

    hazard: str
    kind: Kind
    unit: str
    worst: float
    margins: tuple[Margin, ...]
    broken: tuple[str, ...]
    ended: str
    breaks_at: float | None
    breaks: tuple[str, ...]
    holds_at: float | None


@dataclass(frozen=True)
class StressReport:
    """Margins without a fault and under each.

    Attributes:
        baseline: Without a fault.
        rows: One for each hazard.
        model_digest: Of the model.
        recipe_digest: Of the recipe without faults.
        members: Digest of the members behind the standard deviations; empty: none.
        ended: What ended the run without a fault, where that is not accepted; else empty.
    """

    baseline: tuple[Margin, ...]
    rows: tuple[Stressed, ...]
    model_digest: str
    recipe_digest: str
    members: str
    ended: str = ""

    @property
    def broken_without(self) -> tuple[str, ...]:
        """What does not even hold without a fault: no severity then says anything."""
        missed = tuple(one.criterion for one in self.baseline if not one.distance >= 0.0)
        return (*missed, self.ended) if self.ended else missed

    def ranked(self) -> list[Stressed]:
        """Hazards that break a limit, the one that is soonest broken first, as a share of worst."""
        found = [one for one in self.rows if one.breaks_at is not None]
        return sorted(found, key=lambda one: abs((one.breaks_at or 0.0) / one.worst))

    def to_arrow(self) -> pa.Table:
        """One row for each hazard and criterion."""
        import pyarrow as pa

        rows = [
            {"hazard": row.hazard, "kind": row.kind, "severity_unit": row.unit,
             "worst": row.worst, "breaks_at": row.breaks_at, "holds_at": row.holds_at,
             "breaks": "; ".join(row.breaks), "ended": row.ended, "criterion": one.criterion,
             "unit": one.unit, "value": one.value, "distance": one.distance, "in_sd": one.in_sd}
            for row in self.rows for one in row.margins
        ]  # fmt: skip
        head = {"model": self.model_digest, "recipe": self.recipe_digest, "members": self.members}
        return pa.Table.from_pylist(rows).replace_schema_metadata(head)


@dataclass(frozen=True)
class Trial:
    """One hazard as a worker tries it."""

    study: Study
    hazard: Hazard
    initial: Mapping[str, Given]
    sds: Mapping[str, float]
    n_scan: int
    precision: float


def stress_test(
    study: Study,
    hazards: Sequence[Hazard],
    *,
    members: Members | None = None,
    initial: Mapping[str, Given] | None = None,
    n_scan: int = 6,
    precision: float = 0.01,
    executor: Executor[Trial, Stressed] = serial,
) -> StressReport:
    """Try every hazard on the declared parameters.

    Severities are scanned upwards first and then halved between the last that held and the
    first that broke; a gap narrower than the scan is not seen.

    Args:
        study: With criteria; its factors are not varied.
        hazards: Such as `standard_faults` gives.
        members: For margins in standard deviations; None: without.
        initial: Initial states that differ from the study's.
        n_scan: Severities looked at between harmless and worst.
        precision: Of the severity that breaks, as a share of the range.
        executor: Runs hazards.

    Raises:
        DesignError: The study has no criteria.
        DataError: The run without a fault cannot be made.
    """
    model = study.check()
    if not study.criteria:
        raise DesignError("a stress test needs criteria.", hint="Name limits in the study.")
    sds = _sds(study, members)
    bare = replace(study, factors=())
    start = {**study.initial, **(initial or {})}
    values, ended = _figures(Trial(bare, _NONE, start, sds, n_scan, precision), None)
    if ended and not values:
        raise DataError(f"the run without a fault failed: {ended}", hint="Correct the recipe.")
    trials = [Trial(bare, one, start, sds, n_scan, precision) for one in hazards]
    return StressReport(
        _margins(bare, values, sds), tuple(executor(examine, trials)), model.digest,
        study.recipe.digest, members.digest if members else "", ended,
    )  # fmt: skip


def examine(trial: Trial) -> Stressed:
    """Scan and halve the severities of one hazard."""
    hazard = trial.hazard
    shares = [float(one) for one in np.linspace(0.0, 1.0, trial.n_scan + 1)]
    holds: float | None = None
    breaks_at: float | None = None
    broken: tuple[str, ...] = ()
    for share in shares:
        now = _broken(trial, share)
        if now:
            breaks_at, broken = share, now
            break
        holds = share
    while breaks_at is not None and holds is not None and breaks_at - holds > trial.precision:
        middle = 0.5 * (holds + breaks_at)
        now = _broken(trial, middle)
        if now:
            breaks_at, broken = middle, now
        else:
            holds = middle
    values, ended = _figures(trial, 1.0)
    return Stressed(
        hazard.name, hazard.kind, hazard.unit, hazard.worst,
        _margins(trial.study, values, trial.sds), _broken(trial, 1.0), ended,
        None if breaks_at is None else hazard.at(breaks_at), broken,
        None if holds is None else hazard.at(holds),
    )  # fmt: skip


def _harmless(severity: float) -> Fault:
    return Weakened(factor=1.0)


_NONE = Hazard("none", "power dip", "1", 0.0, 1.0, _harmless)


def _broken(trial: Trial, share: float) -> tuple[str, ...]:
    """Criteria that do not hold at a severity; what ended the run, where it should not have."""
    values, ended = _figures(trial, share)
    limits = trial.study.limits()
    found = [
        one.label for one in trial.study.criteria
        if not limits[one.label][0] <= values.get(one.figure.name, np.nan) <= limits[one.label][1]
    ]  # fmt: skip
    return tuple(found) or ((ended,) if ended else ())


def _figures(trial: Trial, share: float | None) -> tuple[dict[str, float], str]:
    """Figures under a hazard, and why the run ended where it should not have."""
    study, recipe = trial.study, trial.study.recipe
    if share is not None:
        fault = trial.hazard.fault(trial.hazard.at(share))
        recipe = replace(recipe, faults=(*recipe.faults, fault))
    try:
        run = simulate(
            study.load(), recipe, initial=trial.initial, parameters=study.parameters,
            settings=study.settings,
        )  # fmt: skip
    except DataError as error:
        return {}, f"refused: {error}"
    if run.status == "failed":
        return {}, run.reason
    values = {}
    for figure in study.all_figures:
        column = run.time if figure.kind == "end_time" else run[figure.column]
        values[figure.name] = float(figure.of(run.time, column[None, :])[0])
    is_accepted = run.status == "complete" or run.reason.split(" at ")[0] in study.accepted_stops
    return values, "" if is_accepted else run.reason


def _margins(
    study: Study, values: Mapping[str, float], sds: Mapping[str, float]
) -> tuple[Margin, ...]:
    made = []
    model, limits = study.load(), study.limits()
    for one in study.criteria:
        value = values.get(one.figure.name, np.nan)
        low, high = limits[one.label]
        distance = min(value - low, high - value) if np.isfinite(value) else np.nan
        sd = sds.get(one.figure.name, np.nan)
        in_sd = distance / sd if sd > 0.0 else np.nan
        made.append(Margin(one.label, one.figure.unit(model), value, float(distance), float(in_sd)))
    return tuple(made)


def _sds(study: Study, members: Members | None) -> dict[str, float]:
    """Standard deviation of every criterion's figure over the members, without faults."""
    if members is None:
        return {}
    figures: tuple[Figure, ...] = tuple(dict.fromkeys(one.figure for one in study.criteria))
    found = run_ensemble(replace(study, figures=figures, factors=(), columns=()), members)
    return {name: float(np.nanstd(values, ddof=1)) for name, values in found.values.items()}
