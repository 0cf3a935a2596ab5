"""The command of freeze-drying cycles: a log goes in, the end with its interval comes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import typer

from goldenbatch.capabilities.twin._documents import write_document
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.science.process.library.freeze_drying.cycle import EndConvention

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin._lyo_csv import Roles
    from goldenbatch.science.process.library.freeze_drying.cycle import PiraniEnd, Primary
    from goldenbatch.science.process.library.freeze_drying.cycle_report import CycleReport
    from goldenbatch.science.process.library.freeze_drying.posterior import Posterior, Priors

SEED, HOUR_s = 20261123, 3600.0
Using = Literal["all temperatures", "until loss of ice", "gauge"]


def cycle_command(
    log: Annotated[Path, typer.Argument(help="Log of a freeze-dryer (CSV).")],
    *,
    about: Annotated[
        Path | None, typer.Option(help="Vial, fill and solids (YAML); beside the log if not given.")
    ] = None,
    thermocouples: Annotated[str, typer.Option(help="Those to fit, with commas; all.")] = "",
    column: Annotated[
        list[str] | None, typer.Option(help="Role and column, such as shelf=ShelfInlet.")
    ] = None,
    using: Annotated[
        str, typer.Option(help="`all temperatures`, `until loss of ice`, or also the `gauge`.")
    ] = "all temperatures",
    convention: Annotated[
        EndConvention, typer.Option(help="By which the measured end is declared.")
    ] = EndConvention.PIRANI_OFFSET,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = SEED,
    out: Annotated[Path, typer.Option(help="Directory for tables and plots.")] = Path("cycle-out"),
) -> dict[str, Any]:
    """Fit primary drying of a real cycle and predict its end; writes cycle.json and cycle.png."""
    from goldenbatch.science.process.library.freeze_drying.cycle_report import report

    primary, measured = read_cycle(log, _roles(column or []))
    posterior = _fitted(primary, _about(log, about), thermocouples, using, measured, seed)
    made = report(posterior, convention=convention, measured=measured, seed=seed)
    answer = _answer(made, posterior, measured, convention, seed)
    out.mkdir(parents=True, exist_ok=True)
    _plot(primary, posterior, made, measured, out / "cycle.png")
    write_document(answer, out / "cycle.json", ["cycle.png"])
    return {**answer, "files": [str(out / "cycle.json"), str(out / "cycle.png")]}


def read_cycle(log: Path, roles: Roles | None = None) -> tuple[Primary, PiraniEnd | None]:
    """Primary drying of a log, and its end by the Pirani gauge where the log shows it.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It cannot be read.
    """
    from goldenbatch.capabilities.twin._lyo_csv import cycle_of, read_log
    from goldenbatch.science.errors import DataError
    from goldenbatch.science.process.library.freeze_drying.cycle import pirani_end, primary_of

    try:
        with log.open(encoding="utf-8-sig") as file:
            cycle = cycle_of(read_log(file, file=log.name), roles, file=log.name)
    except FileNotFoundError as error:
        raise NotFoundError(f"no log at {log}.", hint="Check the path.") from error
    primary = primary_of(cycle)
    try:
        return primary, pirani_end(primary.times_s, primary.ratio, from_s=primary.held_s)
    except DataError:
        return primary, None


def _roles(given: Sequence[str]) -> Roles:
    from goldenbatch.capabilities.twin._lyo_csv import Roles

    known: dict[str, Any] = {}
    for one in given:
        role, found, name = one.partition("=")
        if not found or role not in Roles.__slots__:
            raise BadInputError(
                f"{one!r} gives no column a role.",
                hint=f"Write ROLE=COLUMN with a role of {', '.join(Roles.__slots__)}.",
            )
        known[role] = tuple(name.split(",")) if role == "products" else name
    return Roles(**known)


def _about(log: Path, about: Path | None) -> tuple[Path, str]:
    path = about or log.with_suffix(".yaml")
    try:
        return path, path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(
            f"nothing at {path} says what was filled.",
            hint="Write a file with `type: 10R`, `fill: 3.0` (mL), `concentration: 0.05` (g/mL).",
        ) from error


def _fitted(
    primary: Primary,
    about: tuple[Path, str],
    thermocouples: str,
    using: str,
    measured: PiraniEnd | None,
    seed: int,
) -> Posterior:
    from goldenbatch.capabilities.twin._lyo_csv import batch_of
    from goldenbatch.science.process.library.freeze_drying.posterior import (
        Problem,
        fit_cycle,
        traces_of,
    )
    from goldenbatch.science.process.library.freeze_drying.primary import Conditions

    if using not in Using.__args__:  # type: ignore[attr-defined]
        raise BadInputError(f"{using!r} is nothing to fit to.", hint=f"Take one of {Using}.")
    if using == "gauge" and measured is None:
        raise BadInputError(
            "the Pirani reading does not fall in this log.", hint="Fit to the temperatures."
        )
    names = tuple(one.strip() for one in thermocouples.split(",") if one.strip())
    problem = Problem(
        batch_of(about[1], file=about[0].name),
        Conditions(primary.shelf_K, primary.pressure_Pa), traces_of(primary, names),
        measured if using == "gauge" else None, priors_of(primary),
        settling_s=0.0 if using == "until loss of ice" else HOUR_s,
    )  # fmt: skip
    return fit_cycle(problem, seed=seed)


def priors_of(primary: Primary) -> Priors:
    """Priors from the literature, at the pressure that was held."""
    from goldenbatch.science.process.library.freeze_drying.posterior import Priors

    middle = 0.5 * (primary.held_s + float(primary.times_s[-1]))
    return Priors.at_pressure(float(primary.pressure_Pa.at(middle)))


def _answer(
    made: CycleReport,
    posterior: Posterior,
    measured: PiraniEnd | None,
    convention: EndConvention,
    seed: int,
) -> dict[str, Any]:
    from goldenbatch.science.process.library.freeze_drying.ends import soak

    end = made.end_s
    answer: dict[str, Any] = {
        "end_h": end.median / HOUR_s,
        "lower_h": end.lower / HOUR_s,
        "upper_h": end.upper / HOUR_s,
        "probability": 0.95,
        "parameters": [
            {"name": name, "lower": one.interval.lower, "median": one.interval.median,
             "upper": one.interval.upper, "learnt": one.learnt,
             "is_identified": one.is_identified, "correlation": one.correlation,
             "with": one.partner}
            for name, one in made.parameters.items()
        ],
        "thermocouples": [
            {"name": one.name, "ice_lost_h": one.lost_s / HOUR_s, "level_h": one.settled_s / HOUR_s}
            for one in posterior.problem.traces
        ],
        "report": [{"statement": one} for one in made.lines],
    }  # fmt: skip
    ends = posterior.new_vials(seed, n_each=8).end_s
    if measured is not None and convention is not EndConvention.MASS_FRACTION:
        declared = measured.by(convention)
        answer["declared_h"] = declared / HOUR_s
        if np.isfinite(ends).all():
            plan = soak(ends, declared, share=0.99)
            answer["soak_h_for_99_percent"] = plan.margin_s / HOUR_s
    return answer


def _plot(
    primary: Primary,
    posterior: Posterior,
    made: CycleReport,
    measured: PiraniEnd | None,
    path: Path,
) -> None:
    """Temperatures with the band for a vial without thermocouple; the gauge and the end."""
    from goldenbatch.capabilities.twin.plots import figure

    hours = primary.times_s / HOUR_s
    page = figure(9.0, 6.0)
    top, below = page.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for name, kelvin in primary.product_K.items():
        top.plot(hours, kelvin - 273.15, linewidth=1.0, label=name)
    last = max(float(one.times_s[-1]) for one in posterior.problem.traces)
    times = np.linspace(primary.held_s + 1800.0, last, 60)
    band = posterior.predict_K(times)
    top.fill_between(times / HOUR_s, band["lower"] - 273.15, band["upper"] - 273.15, alpha=0.25,
                     color="#1b4f72", label="vial of the load, 95 %")  # fmt: skip
    top.plot(hours, primary.shelf_K.at(primary.times_s) - 273.15, color="#9aa5ad", label="shelf")
    top.set_ylabel("Cel")
    top.legend(fontsize=7, frameon=False)
    below.plot(hours, primary.ratio, color="#1b4f72", linewidth=1.0)
    below.axvspan(made.end_s.lower / HOUR_s, made.end_s.upper / HOUR_s, alpha=0.2,
                  color="#b9770e", label="end of a vial, 95 %")  # fmt: skip
    for at in (measured.onset_s, measured.offset_s) if measured else ():
        below.axvline(at / HOUR_s, color="#b9770e", linewidth=0.8, linestyle=":")
    below.set_ylabel("Pirani / capacitance")
    below.set_xlabel("h after the vacuum was held")
    below.legend(fontsize=7, frameon=False)
    page.savefig(path, dpi=110)
