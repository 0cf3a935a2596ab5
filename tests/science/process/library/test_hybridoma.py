"""The overflow model against runs of the Bioprocess Library, and its feeding study."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from goldenbatch.science.process import Settings, simulate
from goldenbatch.science.process.library.hybridoma import (
    STUDIES,
    SUBSTANCES,
    hybridoma,
    start,
    stepped_feed,
    study,
)

DATA = Path(os.environ.get("GOLDENBATCH_DATA", Path(__file__).parents[5] / "shared/data"))
FINE = Settings(rtol=1e-8, atol=1e-10)
CULTURE = "Ind_qG_over Ind_qGn_over mu qG qG1 qG_over qGn qGn1 qGn_over mu_d".split()


def columns() -> dict[str, str]:
    """Column of the reference to column of the run."""
    found = {"bioreactor.V": "V"} | {f"bioreactor.culture.{one}": one for one in CULTURE}
    for number, name in enumerate(SUBSTANCES, start=1):
        found[f"bioreactor.m[{number}]"] = f"V{name}"
        found[f"bioreactor.c[{number}]"] = name
        if name != "Xl":
            found[f"bioreactor.culture.q[{number}]"] = f"q_{name}"
    return found


def reference(name: str) -> dict[str, np.ndarray]:
    path = DATA / "cho" / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there; set GOLDENBATCH_DATA to the reference data")
    with path.open() as file:
        head, *rows = csv.reader(file)
    return dict(zip(head, np.array(rows, dtype=float).T, strict=True))


@pytest.mark.parametrize(
    ("file", "name", "variant", "limit"),
    [
        ("exp4_fig5", "figure 5", "exact", 1e-4),
        ("opt_n1", "n=1", "exact", 1e-4),
        ("exp4_fig5", "figure 5", "smoothed", 5e-3),
        ("opt_n1", "n=1", "smoothed", 5e-3),
    ],
)
def test_every_column_agrees_with_the_reference(file, name, variant, limit) -> None:
    wanted, one = reference(file), study(name)
    settings = FINE if variant == "exact" else Settings()
    run = simulate(hybridoma(variant), one.recipe, initial=one.initial, settings=settings)
    assert run.is_complete
    compared = columns()
    assert set(wanted) - set(compared) == {"time", "bioreactor.culture.q[3]"}
    for theirs, ours in compared.items():
        values = np.interp(wanted["time"], run.time, run[ours])
        size = max(np.abs(wanted[theirs]).max(), 1e-12)
        assert np.abs(values - wanted[theirs]).max() <= limit * size, theirs


@pytest.mark.parametrize(
    ("name", "cells"), [("experimental", 1.6107), ("n=1", 2.1691), ("n=3", 2.3695), ("n=5", 2.4545)]
)
def test_feeding_study(name: str, cells: float) -> None:
    one = study(name)
    for variant, limit in (("exact", 1e-4), ("smoothed", 5e-3 * cells)):
        run = simulate(hybridoma(variant), one.recipe, initial=one.initial)
        assert run.final("VXv") == pytest.approx(cells, abs=limit)


def test_lysis_and_its_poison_lower_the_viable_cells_by_about_a_fifth() -> None:
    """As the notebook of the library shows it for 300 h."""
    feed = stepped_feed(300.0, {63.5: 0.1 / 24}, glutamine=9.3, interval=5.0)
    model = hybridoma()
    plain = simulate(model, feed)
    harmed = simulate(model, feed, parameters={"k_lysis_d": 0.01, "k_toxic": 0.007})
    assert harmed.final("VXv") / harmed["VXv"].max() == pytest.approx(0.8, abs=0.1)
    assert plain.final("VXv") / plain["VXv"].max() > 0.99
    assert harmed.final("VXl") > 0.0


def test_antibody_made_against_growth_comes_from_less_feed() -> None:
    one = study("experiment 3")
    less = stepped_feed(200.0, {35.0: 0.1 / 24, 100.0: 0.07 / 24}, glutamine=9.3)
    full, cut = (
        simulate(hybridoma(), recipe, initial=one.initial, parameters=one.parameters)
        for recipe in (one.recipe, less)
    )
    assert cut.final("VP") > full.final("VP") and cut.final("VXv") < full.final("VXv")


def test_studies_are_complete_and_starts_are_amounts() -> None:
    assert all(study(name).recipe.duration >= 125.0 for name in STUDIES)
    assert start(0.3, {"Xv": 0.172})["VXv"] == pytest.approx(0.0516)
