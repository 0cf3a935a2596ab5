"""Commands over many runs: what spreads, where it is feasible, what a fault costs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from goldenbatch.capabilities.twin._documents import names_its_file, write_document
from goldenbatch.capabilities.twin.commands import OutPath, StudyPath
from goldenbatch.capabilities.twin.study import MAX_RUNS, Study
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.science.process.ensembles import Ensemble, Executor

JobsOption = Annotated[int, typer.Option(min=1, max=256, help="Worker processes.")]
MembersOption = Annotated[
    int, typer.Option(min=0, max=MAX_RUNS, help="Members (0: as the study says).")
]
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


@names_its_file
def ensemble_command(
    study: StudyPath,
    out: OutPath = Path("twin-out"),
    members: MembersOption = 0,
    jobs: JobsOption = 1,
) -> dict[str, Any]:
    """Run a study many times over what is not known; writes ensemble.parquet, .json and .png."""
    from goldenbatch.capabilities.twin.asking import in_processes
    from goldenbatch.capabilities.twin.study import load_study

    read = load_study(study)
    found = ensemble_of(read, members, in_processes(jobs))
    return write_ensemble(found, read, out)


def ensemble_of(study: Study, n_members: int, executor: Executor[Any, Any]) -> Ensemble:
    """The members of a study, run over its recipe with the outputs kept over time.

    Args:
        study: As read; its factors stay where the recipe has them.
        n_members: 0: as the study says.
        executor: Runs the chunks.

    Raises:
        BadInputError: The study measures nothing.
    """
    from dataclasses import replace

    from goldenbatch.capabilities.twin.asking import asked_of, members_of
    from goldenbatch.science.process.ensembles import run_ensemble

    needs_measures(study)
    plain = asked_of(study)
    model = plain.load()
    asked = asked_of(study, columns=[one.name for one in model.outputs])
    return run_ensemble(
        replace(asked, factors=()), members_of(study, model, n_members), executor=executor
    )


def needs_measures(study: Study) -> None:
    """Refuse a question of which nobody has said what is to be measured."""
    if not study.measures:
        raise BadInputError(
            "the study measures nothing.", hint="Add [[measures]] to it.", key="measures"
        )


def summary_of(found: Ensemble, measures: Any) -> dict[str, Any]:
    """What an ensemble came to, for people and for JSON."""
    feasible = found.feasible()
    return {
        "status": "complete",
        "model": f"{found.provenance.model} {found.provenance.version}",
        "n_members": found.n,
        "n_failed": found.n_failed,
        "reasons": found.counted_reasons(),
        "is_extrapolated": bool(found.is_extrapolated.any()),
        "share extrapolated": found.extrapolated_share,
        "feasible": {
            "share": feasible.share, "lower": feasible.interval.lower,
            "upper": feasible.interval.upper, "n_feasible": feasible.n_feasible,
            "n_stopped": feasible.n_stopped,
        },
        "measures": [_row(found, name) for name in found.values],
    }  # fmt: skip


def _row(found: Ensemble, name: str) -> dict[str, Any]:
    values = found.quantiles(name, SHARES) if np.isfinite(found[name]).any() else [None] * 5
    row: dict[str, Any] = {"measure": name, "unit": found.units[name]}
    return row | {f"{share:.0%}": value for share, value in zip(SHARES, values, strict=True)}


def write_ensemble(found: Ensemble, study: Study, out: Path) -> dict[str, Any]:
    """Write table, document and plot of an ensemble; returns what it came to, and the files."""
    answer = {"study": study.name, **summary_of(found, study.measures)}
    out.mkdir(parents=True, exist_ok=True)
    return {**answer, "files": _write(found, answer, study.name, out)}


def _write(found: Ensemble, answer: dict[str, Any], title: str, out: Path) -> list[str]:
    import pyarrow.parquet as pq

    from goldenbatch.capabilities.twin.plots import plot_bands

    pq.write_table(found.to_arrow(), out / "ensemble.parquet")
    files = ["ensemble.parquet", "ensemble.json"]
    if found.columns:
        bands = {n: tuple(found.band(n, (0.05, 0.5, 0.95))) for n in found.columns}
        share = answer["feasible"]["share"]
        head = f"{title}: {found.n} members, {share:.0%} feasible; median, 5 % to 95 %"
        plot_bands(found.time, bands, found.units | {"time": _time_unit(found)}, head,
                   out / "ensemble.png")  # fmt: skip
        files.append("ensemble.png")
    document = {**answer, "provenance": asdict(found.provenance)}
    write_document(document, out / "ensemble.json", files)
    return [str(out / name) for name in files]


def _time_unit(found: Ensemble) -> str:
    return str(found.units.get("time", ""))
