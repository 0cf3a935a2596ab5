"""Design space: the map of a batch reactor, computed by others with 4,000 draws a point."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from goldenbatch.capabilities.twin.references import Case, Row
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.process.ensembles import Criterion, Factor, Figure, Members, Study
from goldenbatch.science.process.ensembles.design_space import Prober
from goldenbatch.science.process.library.batch_reactor import PROFIT, PURITY, batch, kucherenko

N_DRAWS, EVERY, SEED = 300, 25, 20261123
_COLUMNS = ("t_batch", "T", "purity", "profit", "P_feasible")


def replay(files: Sequence[Path]) -> Iterator[Row]:
    """Nominal figures at every point, probabilities where there are any and at some others."""
    path, summary = files
    table, is_nominal = _table(path)
    n_theirs = int(json.loads(summary.read_text(encoding="utf-8"))["n_theta"])
    model = kucherenko()
    study = Study(
        model, batch(285.0, 330.0),
        criteria=(Criterion(Figure.final("purity"), lower=PURITY),
                  Criterion(Figure.final("profit"), lower=PROFIT)),
        factors=(Factor.duration(table["t_batch"].min(), table["t_batch"].max()),
                 Factor.input("T", table["T"].min(), table["T"].max())),
    )  # fmt: skip
    points = np.column_stack([table["t_batch"], table["T"]])
    nominal = Prober(study, Members.nominal(model)).count(points)
    for name in ("purity", "profit"):
        size = float(np.abs(table[name]).max())
        error = float(np.abs(nominal.nominal[f"final {name}"] - table[name]).max()) / size
        yield Row(
            f"nominal {name}", f"{len(points)} points", "", error,
            "largest difference / largest value", 1e-4,
        )  # fmt: skip
    n_off = int((nominal.is_nominal != is_nominal).sum())
    yield Row(
        "nominal design space", f"{is_nominal.mean():.4%} of the range",
        f"{nominal.is_nominal.mean():.4%}", float(n_off), "points on the other side", 0.0,
    )  # fmt: skip
    yield _probabilities(study, table, points, n_theirs)


def _probabilities(
    study: Study, table: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]],
    points: np.ndarray[tuple[int, int], np.dtype[np.float64]], n_theirs: int,
) -> Row:  # fmt: skip
    p = table["P_feasible"]
    chosen = (p > 0.0) | (np.arange(len(p)) % EVERY == 0)
    members = Members.spread(study.load(), N_DRAWS, SEED, method="random")
    found = Prober(study, members).count(points[chosen]).n_feasible / N_DRAWS
    true = p[chosen]
    pooled = (found * N_DRAWS + true * n_theirs) / (N_DRAWS + n_theirs)
    sd = np.sqrt(pooled * (1.0 - pooled) * (1.0 / N_DRAWS + 1.0 / n_theirs))
    # Where both found none or all there is no error; one draw is the least that can be seen.
    worst = float((np.abs(found - true) / np.maximum(sd, 1.0 / N_DRAWS)).max())
    return Row(
        f"probability at {int(chosen.sum())} points", f"at most {true.max():.3f}",
        f"at most {found.max():.3f}", worst, "largest difference / its standard error", 4.0,
        note=f"{N_DRAWS} draws a point, the same at all points, against {n_theirs}",
    )  # fmt: skip


def _table(
    path: Path,
) -> tuple[
    dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]],
    np.ndarray[tuple[int], np.dtype[np.bool_]],
]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        table = {n: np.array([float(row[n]) for row in rows]) for n in _COLUMNS}
        is_nominal = np.array([row["nominal_ok"] == "True" for row in rows])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"the map needs {', '.join(_COLUMNS)} and nominal_ok: {error}.", file=str(path)
        ) from error
    return table, is_nominal


CASES = (
    Case(
        name="design-space",
        model="benchmark.batch_reactor",
        title="Probabilistic design space of a batch reactor (Kucherenko 2020)",
        kind="verification",
        against="other code",
        context_of_use="The map of probabilities is that of others within Monte-Carlo error; the "
        "kinetics are a textbook's.",
        source="own computation by other code, doi:10.1016/j.compchemeng.2019.106608",
        folder="design_space",
        pattern="*_batch.csv",
        beside=(("_batch.csv", "_summary.json"),),
        replay="design_space:replay",
    ),
)
