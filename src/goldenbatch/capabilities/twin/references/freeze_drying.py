"""Freeze-drying: published runs of another code, measured temperatures, real cycles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.capabilities.twin._lyo_csv import batch_of
from goldenbatch.capabilities.twin.cycle_commands import priors_of, read_cycle
from goldenbatch.capabilities.twin.references import Case, Row
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.science.process.library.freeze_drying.containers import Vials
    from goldenbatch.science.process.library.freeze_drying.cycle import PiraniEnd, Primary
    from goldenbatch.science.process.library.freeze_drying.posterior import Batch, Posterior
    from goldenbatch.science.process.library.freeze_drying.primary import Conditions

SEED, N_PARTICLES = 20261123, 1000
THIRD_LIMIT_K, WIDTH_LIMIT_H, HOUR_s = 2.0, 10.0, 3600.0


def _standard() -> Vials:
    from goldenbatch.science.process.library.freeze_drying.containers import (
        Cake,
        Formulation,
        HeatTransfer,
        Vial,
        Vials,
    )

    return Vials.of(
        Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal(1.4, 16.0),
        HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46),
    )  # fmt: skip


def _conditions(start_C: float, end_C: float) -> Conditions:
    from goldenbatch.science.process.library.freeze_drying.primary import Conditions
    from goldenbatch.science.process.library.freeze_drying.properties import TORR_Pa, kelvin
    from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

    shelf = Schedule.ramps(float(kelvin(start_C)), [(float(kelvin(end_C)), 30.0)], rate_per_min=1.0)
    return Conditions(shelf, Schedule.hold(0.15 * TORR_Pa))


def replay_run(files: Sequence[Path]) -> Iterator[Row]:
    """The standard case, by the batch kernel and by the declared model."""
    from goldenbatch.science.process.library import entry
    from goldenbatch.science.process.library.freeze_drying.primary import dry
    from goldenbatch.science.process.library.freeze_drying.properties import celsius
    from goldenbatch.science.process.simulation import simulate

    table = _table(files[0], 7)
    run = dry(_standard(), _conditions(-35.0, 20.0))
    end, hottest = float(run.end_s[0]) / HOUR_s, float(celsius(run.hottest_K())[0])
    rows = table[table[:, 0] * HOUR_s < run.end_s[0] - 60.0]
    state = run.at(rows[:, 0] * HOUR_s)
    yield Row("drying time, h", f"{table[-1, 0]:.3f}", f"{end:.3f}", end - table[-1, 0],
              "difference, h", 0.01)  # fmt: skip
    yield Row("hottest product, Cel", f"{table[:, 2].max():.2f}", f"{hottest:.2f}",
              hottest - float(table[:, 2].max()), "difference, K", 0.05)  # fmt: skip
    apart = np.abs(celsius(state.bottom_K[:, 0]) - rows[:, 2])
    yield Row("temperature at the bottom, Cel", "whole course", "", float(apart.max()),
              "largest difference, K", 0.05)  # fmt: skip
    chosen = entry("freeze_drying.primary")
    recipe = chosen.default_recipe()
    if recipe is not None:
        declared = float(simulate(chosen.load(), recipe).time[-1])
        yield Row("drying time of the declared model, h", f"{table[-1, 0]:.3f}", f"{declared:.3f}",
                  declared - table[-1, 0], "difference, h", 0.01)  # fmt: skip


def replay_resistance(files: Sequence[Path]) -> Iterator[Row]:
    """Resistance from measured temperatures, by the published fit and by a bounded one."""
    from goldenbatch.science.process.library.freeze_drying.containers import RESISTANCE_m_s
    from goldenbatch.science.process.library.freeze_drying.estimates import (
        fit_cake,
        resistance_from_temperatures,
    )
    from goldenbatch.science.process.library.freeze_drying.properties import kelvin

    table = _table(files[0], 2)
    course = resistance_from_temperatures(
        _standard(), _conditions(-33.0, 10.0), table[:, 0] * HOUR_s, kelvin(table[:, 1])
    )
    free, bounded = fit_cake(course, is_bounded=False).cake, fit_cake(course)
    a1 = float(np.asarray(free.a1_1_s)) / RESISTANCE_m_s / 100.0
    yield Row("A1 without bounds, cm h Torr/g", "12.88", f"{a1:.2f}", a1 / 12.88 - 1.0,
              "relative difference", 0.05, kind="verification")  # fmt: skip
    r0 = float(np.asarray(bounded.cake.r0_m_s)) / RESISTANCE_m_s
    yield Row("R0 with bounds, cm2 h Torr/g", "-0.068 without", f"{r0:.3f}", min(r0, 0.0),
              "below zero", 0.0, note="a negative resistance is none")  # fmt: skip
    error = bounded.error_m_s / RESISTANCE_m_s
    yield Row("resistance, cm2 h Torr/g", "", "", error, "root mean square of residuals")


def replay_cycle(files: Sequence[Path]) -> Iterator[Row]:
    """A cycle: each thermocouple predicted from the others, and the end with and without gauge."""
    from goldenbatch.science.process.library.freeze_drying.cycle_report import report

    about, path = files
    primary, fall = read_cycle(path)
    batch = batch_of(about.read_text(encoding="utf-8"), file=about.name)
    names = tuple(primary.product_K)
    for some in combinations(names, len(names) - 1) if len(names) > 2 else ():
        (left_out,) = set(names) - set(some)
        posterior = _fit(primary, batch, some)
        yield _third(posterior, primary, left_out)
        if fall is None:
            continue
        yield from _end_rows(posterior, fall, f"temperatures of {', '.join(some)}")
    if fall is None:
        return
    made = report(_fit(primary, batch, names), measured=fall, seed=SEED)
    learnt = made.parameters["Kv"].learnt
    yield Row("share of Kv's prior variance that temperatures remove", "1", f"{learnt:.2f}",
              1.0 - learnt, "left", note=" ".join(made.lines))  # fmt: skip
    yield from _before(_fit(primary, batch, names, settling_s=0.0), fall)
    gauged = report(_fit(primary, batch, names, fall), measured=fall, seed=SEED)
    middle = gauged.middle_s.median
    half = (fall.offset_s - fall.onset_s) / 2.0
    yield Row(
        "end with the Pirani gauge in the fit, h", _span(fall.onset_s, fall.offset_s),
        f"{middle / HOUR_s:.2f} ({_span(gauged.middle_s.lower, gauged.middle_s.upper)})",
        (middle - fall.midpoint_s) / half, "distance from the midpoint / half of the fall", 1.0,
        kind="calibration",
    )  # fmt: skip


def _fit(
    primary: Primary,
    batch: Batch,
    names: Sequence[str],
    gauge: PiraniEnd | None = None,
    settling_s: float = HOUR_s,
) -> Posterior:
    from goldenbatch.science.process.library.freeze_drying._sampler import SamplerSettings
    from goldenbatch.science.process.library.freeze_drying.posterior import (
        Problem,
        fit_cycle,
        traces_of,
    )
    from goldenbatch.science.process.library.freeze_drying.primary import Conditions

    conditions = Conditions(primary.shelf_K, primary.pressure_Pa)
    problem = Problem(
        batch, conditions, traces_of(primary, names), gauge, priors_of(primary), settling_s
    )
    return fit_cycle(problem, seed=SEED, settings=SamplerSettings(n_particles=N_PARTICLES))


def _third(posterior: Posterior, primary: Primary, name: str) -> Row:
    from goldenbatch.science.process.library.freeze_drying.posterior import traces_of

    unseen = traces_of(primary, (name,))[0]
    away = posterior.predict_K(unseen.times_s)["mean"] - unseen.bottom_K
    error = float(np.sqrt(np.mean(away**2)))
    return Row(
        f"thermocouple {name} from the others, K", f"{len(unseen.times_s)} rows with ice",
        f"mean error {away.mean():+.2f}", error, "root mean square error, K", THIRD_LIMIT_K,
    )  # fmt: skip


def _end_rows(posterior: Posterior, fall: PiraniEnd, what: str) -> Iterator[Row]:
    end = posterior.end_s(seed=SEED)
    outside = max(end.lower - fall.onset_s, fall.offset_s - end.upper, 0.0)
    yield Row(
        f"end from {what}, h", f"onset to offset {_span(fall.onset_s, fall.offset_s)}",
        f"95 %: {_span(end.lower, end.upper)}", outside / HOUR_s, "not covered, h", 0.0,
        note="one cycle is a demonstration, not coverage",
    )  # fmt: skip
    yield Row(
        "width of this interval, h", "", f"{end.width / HOUR_s:.1f}", end.width / HOUR_s,
        "width, h", WIDTH_LIMIT_H,
    )  # fmt: skip


def _before(posterior: Posterior, fall: PiraniEnd) -> Iterator[Row]:
    """What is known at the loss of ice, before the temperatures level off: covered, but wide."""
    covered, wide = _end_rows(posterior, fall, "temperatures up to the loss of ice only")
    yield covered
    yield replace(wide, limit=None, note="a prediction made hours before the end; not judged")


def _span(lower_s: float, upper_s: float) -> str:
    return f"{lower_s / HOUR_s:.2f} to {upper_s / HOUR_s:.2f}"


def _table(path: Path, n_columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        cells = [one for one in re.split(r"[;\t ]+", line.strip()) if one]
        try:
            rows.append([float(one) for one in cells[:n_columns]])
        except ValueError as error:
            if number > 1:
                raise BadInputError(f"{error}.", file=str(path), line=number) from error
    return np.asarray([row for row in rows if len(row) == n_columns], dtype=np.float64)


_NO_PLANT = "says nothing about another vial, formulation or dryer"

CASES = (
    Case(
        name="freeze-drying",
        model="freeze_drying.primary",
        title="Primary drying of the standard case (LyoPRONTO)",
        kind="verification",
        against="other code",
        context_of_use="The balances and their constants are solved as another code solves them; "
        + _NO_PLANT,
        source="LyoPRONTO's web interface (GPL-3; figures only)",
        folder="freeze_drying",
        pattern="reference_primary_drying.csv",
        replay="freeze_drying:replay_run",
    ),
    Case(
        name="freeze-drying-resistance",
        model="freeze_drying.primary",
        title="Resistance of a cake from measured temperatures",
        kind="calibration",
        against="laboratory data",
        context_of_use="The inversion finds what another code finds, and no negative resistance; "
        + _NO_PLANT,
        source="452 temperatures that come with LyoPRONTO (GPL-3; figures only)",
        folder="freeze_drying",
        pattern="temperature.txt",
        replay="freeze_drying:replay_resistance",
    ),
    Case(
        name="freeze-drying-cycle",
        model="freeze_drying.primary",
        title="Real cycles: thermocouples and the end of primary drying",
        kind="validation",
        against="laboratory data",
        context_of_use="Predicting vials without thermocouple and the end of drying of the same "
        "cycle; one cycle is a demonstration, not coverage, and " + _NO_PLANT,
        source="LyoPronto.jl, mannitol 5 % in a MicroFD (MIT licence)",
        folder="freeze_drying",
        pattern="*.yaml",
        beside=((".yaml", ".csv"),),
        replay="freeze_drying:replay_cycle",
    ),
)
