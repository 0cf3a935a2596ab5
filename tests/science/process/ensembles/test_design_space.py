"""Design spaces: exact probabilities on a model that is known, and the published reactor."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import ModelRef, Recipe
from goldenbatch.science.process.ensembles import Criterion, Factor, Figure, Members, Study
from goldenbatch.science.process.ensembles.design_space import (
    interval_ends,
    map_design_space,
    refine_design_space,
)
from goldenbatch.science.process.library.batch_reactor import PROFIT, PURITY, batch, kucherenko
from goldenbatch.science.statistics.intervals import clopper_pearson

from . import _models

DATA = Path(os.environ.get("GOLDENBATCH_DATA", Path(__file__).parents[5] / "shared/data"))
FINAL = Figure.final("c")


def _study(**more) -> Study:
    """Decay over a time, from a start: feasible where at least 0.5 g/L is left."""
    return Study(
        _models.decay(), Recipe(2.0, 2.0), criteria=(Criterion(FINAL, lower=0.5),),
        factors=(Factor.duration(1.0, 4.0), Factor.start("c", 0.5, 3.0)), **more,
    )  # fmt: skip


def test_probabilities_are_those_of_the_prior() -> None:
    study = _study()
    members = Members.spread(study.load(), 32, seed=3, method="latin hypercube")
    found = map_design_space(study, members, (4, 6))
    duration, start = found.points.T
    k_limit = np.log(start / 0.5) / duration
    sd = study.load().parameters[0].prior.sd
    with np.errstate(divide="ignore"):
        exact = ndtr(np.log(np.maximum(k_limit, 0.0) / 0.5) / sd)
    # A Latin hypercube over the one parameter that matters is exact to one in n.
    assert found.probability == pytest.approx(exact, abs=1.0 / 32 + 1e-9)
    assert (found.is_nominal == (k_limit >= 0.5)).all()
    lower, upper = found.interval
    assert ((lower <= found.probability) & (found.probability <= upper)).all()
    volume = found.volume(0.9)
    assert volume.certain <= volume.estimated <= volume.possible
    assert found.as_grid(found.probability).shape == (4, 6)
    assert found.to_arrow().num_rows == 24
    assert set(found.best()) == {"duration", "x0.c"}


def test_refinement_looks_only_where_it_is_undecided() -> None:
    study = _study()
    members = Members.spread(study.load(), 8, seed=3)
    coarse = refine_design_space(study, members, 0.5, n_levels=3, n_rounds=3)
    whole = map_design_space(study, members, 17)
    assert coarse.weights.sum() == pytest.approx(1.0)
    assert len(coarse.points) < 0.75 * len(whole.points)
    # The weights of a plain grid count its rim in full, so the two shares differ by O(1/17).
    assert coarse.volume(0.5).estimated == pytest.approx(whole.volume(0.5).estimated, abs=0.04)
    rows = map(tuple, whole.points.round(9))
    known = dict(zip(rows, whole.n_feasible, strict=True))
    for point, n in zip(coarse.points.round(9), coarse.n_feasible, strict=True):
        assert known[tuple(point)] == n
    with pytest.raises(DataError, match="no grid"):
        coarse.as_grid(coarse.probability)


def test_failed_and_stopped_members_are_infeasible_and_counted() -> None:
    model = _models.decay()
    study = Study(
        model, Recipe(8.0, 1.0, inputs={"feed": 1.0}), criteria=(Criterion(FINAL, lower=0.0),),
        factors=(Factor.input("feed", 1.0, 4.0),),
    )  # fmt: skip
    members = Members.spread(model, 16, seed=1)
    found = map_design_space(study, members, 2)
    # With 4 g/L/h it rises to 8 g/L, past the 5 g/L where the run ends.
    assert found.n_feasible.tolist() == [16, 0]
    assert found.n_stopped.tolist() == [0, 16]
    assert found.n_failed.tolist() == [0, 0]


def test_what_is_no_design_space_is_refused() -> None:
    model = _models.decay()
    with pytest.raises(DesignError, match="factors and criteria"):
        map_design_space(Study(model, Recipe(1.0, 1.0)), Members.nominal(model))
    with pytest.raises(DesignError, match="levels"):
        map_design_space(_study(), Members.nominal(model), (3,))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.floats(0.5, 0.999))
def test_intervals_of_many_are_those_of_each(counts: list[int], confidence: float) -> None:
    ends = interval_ends(np.array(counts), 40, confidence)
    for row, n in zip(ends, counts, strict=True):
        exact = clopper_pearson(n, 40, confidence)
        assert row.tolist() == [exact.lower, exact.upper]


def test_the_published_reactor_is_reproduced_within_monte_carlo_error() -> None:
    """A part of the published map; `goldenbatch twin verify` replays the whole of it."""
    path = DATA / "design_space" / "kucherenko_batch.csv"
    if not path.exists():
        pytest.skip(f"{path.name} is not there: set GOLDENBATCH_DATA to the reference data")
    summary = json.loads(path.with_name("kucherenko_summary.json").read_text())
    rows = csv.DictReader(path.read_text().splitlines())
    published = {(float(row["t_batch"]), float(row["T"])): row for row in rows}
    model = kucherenko()
    study = Study(
        ModelRef.of("goldenbatch.science.process.library.batch_reactor:kucherenko"),
        batch(285.0, 330.0),
        criteria=(
            Criterion(Figure.final("purity"), lower=PURITY),
            Criterion(Figure.final("profit"), lower=PROFIT),
        ),
        factors=(Factor.duration(290.0, 350.0), Factor.input("T", 276.0, 292.0)),
    )
    members = Members.spread(model, 120, seed=1, method="random")
    found = map_design_space(study, members, (4, 5))
    own = [published[tuple(point)] for point in found.points.round(6)]
    for name in ("purity", "profit"):
        exact = np.array([float(row[name]) for row in own])
        assert found.nominal[f"final {name}"] == pytest.approx(exact, rel=5e-6)
    assert [row["nominal_ok"] == "True" for row in own] == found.is_nominal.tolist()
    p = np.array([float(row["P_feasible"]) for row in own])
    error = np.sqrt(p * (1.0 - p) * (1.0 / 120 + 1.0 / summary["n_theta"]))
    # 20 points that share their draws: 4 standard errors, and one run in hand where none differ.
    assert (np.abs(found.probability - p) <= 4.0 * error + 1.0 / 120).all()


def test_what_is_known_of_starts_and_parameters_holds_for_the_nominal_run_too() -> None:
    model = _models.decay()
    known = {"initial": {"c": "4 g/L"}, "parameters": {"k": 0.1}}
    study = Study(
        model, Recipe(2.0, 2.0), criteria=(Criterion(FINAL, lower=0.5),),
        factors=(Factor.duration(1.0, 4.0),), **known,
    )  # fmt: skip
    members = Members.spread(model, 4, seed=1, **known)
    assert members.varied == ("c_start",)
    found = map_design_space(study, members, 2)
    assert found.nominal["final c"] == pytest.approx(4.0 * np.exp([-0.1, -0.4]), rel=1e-5)
    assert found.n_feasible.tolist() == [4, 4]
