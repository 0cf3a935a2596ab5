"""Hybridoma: runs of the overflow model by the Bioprocess Library for Modelica."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from goldenbatch.capabilities.twin.references import Case, Row
from goldenbatch.capabilities.twin.references._tables import Columns, number_table
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.process.integrate import Settings
from goldenbatch.science.process.library.hybridoma import SUBSTANCES, hybridoma
from goldenbatch.science.process.recipe import Recipe, Steps
from goldenbatch.science.process.simulation import simulate

LIMIT = 1e-4
_FED = {"G_in": ("bioreactor.m[4]", "bioreactor.culture.q[4]"),
        "Gn_in": ("bioreactor.m[5]", "bioreactor.culture.q[5]")}  # fmt: skip


def replay(files: Sequence[Path]) -> Iterator[Row]:
    """Volume and all eight amounts of a run, its feed read off the run itself.

    The files hold results only: the feed follows from the volume, its concentrations from the
    balances, the two parameters of the antibody from its rate.
    """
    table = _table(files[0])
    time, last = table["time"], np.append(np.diff(table["time"]) > 0.0, True)
    recipe = _recipe(table)
    alpha, beta = _antibody(table)
    initial = {f"V{name}": float(table[f"bioreactor.m[{k}]"][0]) for k, name in _numbered()}
    run = simulate(
        hybridoma(),
        recipe,
        initial={"V": float(table["bioreactor.V"][0]), **initial},
        parameters={"alpha": alpha, "beta": beta},
        settings=Settings(rtol=1e-9, atol=1e-11),  # the kinks cost digits
    )
    if run.status != "complete":
        raise BadInputError(f"the run is {run.status}: {run.reason}", file=str(files[0]))
    pairs = [("bioreactor.V", "V", "volume, L")]
    for k, name in _numbered():
        pairs.append((f"bioreactor.m[{k}]", f"V{name}", f"amount of {SUBSTANCES[name][2]}"))
    for column, own, words in pairs:
        reference, found = table[column][last], run.at(own, time[last])
        size = float(np.abs(reference).max())
        if size < 1e-9:
            continue
        yield Row(
            words, f"{reference[-1]:.6g} at the end", f"{found[-1]:.6g} at the end",
            float(np.abs(found - reference).max()) / size, "largest difference / largest value",
            LIMIT,
        )  # fmt: skip


def _numbered() -> list[tuple[int, str]]:
    return list(enumerate(SUBSTANCES, start=1))


def _recipe(table: Columns) -> Recipe:
    """The feed as steps: a solver writes two rows where it changes."""
    time, volume = table["time"], table["bioreactor.V"]
    whole = np.diff(time) > 0.0
    begins, feed = time[:-1][whole], (np.diff(volume)[whole] / np.diff(time)[whole])
    scale = max(float(np.abs(feed).max()), 1e-12)
    changes = np.append(True, np.abs(np.diff(feed)) > 1e-6 * scale)
    inputs: dict[str, Any] = {
        "F": Steps(tuple(begins[changes].tolist()), tuple(np.round(feed[changes], 12).tolist()))
    }
    fed = float(volume[-1] - volume[0])
    for name, (amount, rate) in _FED.items():
        if fed > 1e-9:
            gained = table[amount][-1] - table[amount][0] - _made(table, rate)
            inputs[name] = float(f"{gained / fed:.4g}")
    interval = float(np.median(np.diff(time)[whole]))
    return Recipe(float(time[-1]), interval, inputs)


def _made(table: Columns, rate: str) -> float:
    """What the cells made of a substance: Simpson's rule between the rows that are doubled."""
    from scipy.integrate import simpson

    made = table[rate] * table["bioreactor.c[1]"] * table["bioreactor.V"]
    borders = [0, *(np.flatnonzero(np.diff(table["time"]) == 0.0) + 1), len(made)]
    pieces = pairwise(borders)
    return float(sum(simpson(made[a:b], x=table["time"][a:b]) for a, b in pieces if b - a > 1))


def _antibody(table: Columns) -> tuple[float, float]:
    """Antibody per growth and beside it, from `q_P = alpha mu + beta`."""
    growth = table["bioreactor.culture.mu"]
    sides = np.column_stack([growth, np.ones_like(growth)])
    alpha, beta = np.linalg.lstsq(sides, table["bioreactor.culture.q[8]"], rcond=None)[0]
    return float(f"{alpha:.6g}"), float(f"{beta:.6g}")


def _table(path: Path) -> Columns:
    found = number_table(path)
    if "bioreactor.m[8]" not in found:
        raise BadInputError("the table has no amounts m[1] to m[8].", file=str(path))
    return found


CASES = (
    Case(
        name="hybridoma",
        model="cho.amribt",
        title="Hybridoma fed-batch with overflow metabolism (Amribt 2013)",
        kind="verification",
        against="other code",
        context_of_use="The equations are solved as another tool solves them; whether they "
        "describe a culture is its authors' calibration to hybridoma HB-58.",
        source="Bioprocess Library for Modelica, BPL_CHO_Fedbatch (MIT), simulated by its FMU",
        folder="cho",
        pattern="*.csv",
        replay="hybridoma:replay",
    ),
)
