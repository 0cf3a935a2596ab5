"""Older plans keep their bytes and their bits; new ones sum otherwise and say so in the digest."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.science.latent.oracle import as_of_old, bits, filtered, score_whole

from goldenbatch.science.errors import PlanError
from goldenbatch.science.latent import PCA, PLS, ScoringPlan, Step, StepKind
from goldenbatch.science.latent._format import pack, unpack
from goldenbatch.science.latent._missing import solve

KEPT = Path(__file__).resolve().parents[2] / "fixtures" / "plans" / "scored.json"
CASES = json.loads(KEPT.read_text())["cases"]


def _numbers(rows):
    return np.array([[float.fromhex(value) for value in row] for row in rows])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_plan_of_an_older_home_keeps_its_bytes_and_its_scores(case):
    raw = bytes.fromhex(case["plan"])
    plan = ScoringPlan.from_bytes(raw, case["digest"])
    assert plan.to_bytes() == raw and plan.facts.arithmetic == 1
    scores, rows = plan.score(_numbers(case["rows"])), _numbers(case["rows"])
    is_whole = ~np.isnan(rows).any(axis=1)
    for name, kept in case["scores"].items():
        found = getattr(scores, name).reshape(len(rows), -1)
        wanted = _numbers(kept).reshape(len(rows), -1)
        # Gaps were solved for by LAPACK, whose last digits are the processor's own.
        assert found == pytest.approx(wanted, rel=1e-9, nan_ok=True)
        assert found[is_whole] == pytest.approx(wanted[is_whole], rel=1e-13)


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 700),
    p=st.sampled_from([2, 3, 17, 52, 300]),
    a=st.integers(1, 12),
    seed=st.integers(0, 2**20),
)
def test_blocks_in_parts_give_the_bits_of_the_plain_formulas(n, p, a, seed):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((40, p)) * 3 + 1
    model = PLS(min(a, p - 1), is_scaled=True).fit(rows, rows[:, :2] + 1)
    plan = as_of_old(model.plan(None, ["y", "z"]))
    new = rng.standard_normal((n, p)) * 4
    scores = plan.score(new)
    for found, wanted in zip(
        (scores.t2, scores.spe, scores.values), score_whole(plan, new), strict=True
    ):
        assert np.array_equal(bits(found), bits(wanted))
    again = model.plan(None, ["y", "z"]).score(new)
    assert again.spe == pytest.approx(scores.spe, rel=1e-9)
    assert np.array_equal(bits(again.t2), bits(scores.t2))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(3, 60), st.integers(0, 5), st.integers(0, 2**20))
def test_the_filter_gives_the_bits_of_the_plain_one(n, p, half, seed):
    rng = np.random.default_rng(seed)
    rows, taps = rng.standard_normal((n, p)), rng.standard_normal(2 * half + 1)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    found = Step(StepKind.SAVITZKY_GOLAY, taps).apply(rows)
    assert np.array_equal(bits(found), bits(filtered(rows, taps)))


def test_arithmetic_is_part_of_the_digest_and_no_plan_has_an_unknown_one():
    plan = PCA(2).fit(np.random.default_rng(1).standard_normal((20, 6))).plan()
    assert plan.facts.arithmetic == 2
    assert plan.digest != as_of_old(plan).digest
    header, arrays = unpack(plan.to_bytes())
    for wrong in (0, 1, 3, "2", True, None):
        header["facts"]["arithmetic"] = wrong
        with pytest.raises(PlanError):
            ScoringPlan.from_bytes(pack(header, arrays))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**20))
def test_the_solver_solves_what_is_determined(n, rank, seed):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n, min(rank, n)))
    A = root @ root.T
    B = A @ rng.standard_normal((n, 3))
    assert A @ solve(A, B) == pytest.approx(B, abs=1e-6 * max(1.0, np.abs(B).max()))


def test_gaps_give_what_least_squares_gives():
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((60, 4)) @ rng.standard_normal((4, 15))
    plan = PCA(4).fit(rows + 0.1 * rng.standard_normal(rows.shape)).plan()
    gapped = np.where(rng.random(rows.shape) < 0.2, np.nan, rows)
    new, old = plan.score(gapped), as_of_old(plan).score(gapped)
    assert new.scores == pytest.approx(old.scores, rel=1e-7, abs=1e-9, nan_ok=True)
