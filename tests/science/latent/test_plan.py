"""Scoring plans: one row alone, in a block, after storage: the same bits; honest distances."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, PlanError
from goldenbatch.science.latent._format import pack, unpack
from goldenbatch.science.latent.pca import PCA
from goldenbatch.science.latent.plan import PlanScores, ScoringPlan
from goldenbatch.science.latent.pls import PLS
from goldenbatch.science.latent.steps import Step, StepKind, apply_steps

FIELDS = ("t2", "spe", "in_domain", "is_scored", "n_missing", "scores", "values", "lower", "upper")


def _data(n, p, seed):
    generator = np.random.default_rng(seed)
    rank = min(4, p)
    rows = generator.standard_normal((n, rank)) @ generator.standard_normal((rank, p))
    return rows + 0.1 * generator.standard_normal((n, p)) + 5.0


def _pls_with_steps(p=40, seed=1):
    rows = _data(30, p, seed)
    steps = (
        Step(StepKind.CUT, np.array([2.0, p - 1.0])),
        Step(StepKind.SNV),
        Step(StepKind.SAVITZKY_GOLAY, np.array([-0.2, -0.1, 0.0, 0.1, 0.2])),
    )
    model = PLS(3, is_scaled=False).fit(apply_steps(steps, rows), rows[:, :2])
    return model.plan([f"w{i}" for i in range(p)], ["a", "b"], steps=steps)


def _bits(array):
    array = np.ascontiguousarray(array)
    return array.view(np.int64) if array.dtype == np.float64 else array


def _same(one: PlanScores, other: PlanScores, rows=slice(None)):
    for name in FIELDS:
        assert np.array_equal(_bits(getattr(one, name)[rows]), _bits(getattr(other, name))), name


@settings(max_examples=50, deadline=None)
@given(
    n=st.integers(1, 70),
    p=st.sampled_from([1, 2, 3, 7, 33, 52, 130, 650]),
    a=st.integers(1, 6),
    gaps=st.floats(0, 0.3),
    seed=st.integers(0, 2**20),
)
def test_a_row_alone_in_a_block_and_after_storage_has_the_same_bits(n, p, a, gaps, seed):
    plan = PCA(min(a, p - 1) or 1).fit(_data(40, max(p, 2), seed)).plan()
    rows = _data(n, max(p, 2), seed + 1)
    rows[np.random.default_rng(seed).random(rows.shape) < gaps] = np.nan
    block = plan.score(rows)
    stored = ScoringPlan.from_bytes(plan.to_bytes(), plan.digest)
    _same(stored.score(rows), block)
    _same(plan.score(np.asfortranarray(rows)), block)
    for i in range(0, n, max(1, n // 5)):
        _same(block, stored.score(rows[i]), slice(i, i + 1))
        _same(block, plan.score(rows[i : i + 3]), slice(i, i + 3))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**20))
def test_spectral_steps_and_predictions_keep_the_bits_too(n, seed):
    plan = _pls_with_steps()
    rows = _data(n, 40, seed)
    block = plan.score(rows)
    stored = ScoringPlan.from_bytes(plan.to_bytes())
    for i in range(n):
        _same(block, stored.score(rows[i]), slice(i, i + 1))
    alone = plan.contributions(rows[0])
    together = plan.contributions(rows)
    assert np.array_equal(alone.t2[0], together.t2[0])
    assert np.array_equal(alone.spe[0], together.spe[0])


@pytest.mark.parametrize("p", [5000, 9000, 20_000])
def test_plans_longer_than_the_buffers_of_einsum_keep_the_bits(p):
    plan = PCA(5).fit(_data(20, p, 3)).plan()
    rows = _data(41, p, 4)
    block = plan.score(rows)
    for i in (0, 1, 20, 39, 40):
        _same(block, plan.score(rows[i]), slice(i, i + 1))


def test_scores_equal_the_textbook_formulas():
    rows = _data(50, 12, 5)
    model = PCA(3).fit(rows)
    new = _data(8, 12, 6)
    Z = (new - rows.mean(0)) / rows.std(0, ddof=1)
    T = Z @ model.loadings_.T
    E = Z - T @ model.loadings_
    scores = model.plan().score(new)
    assert scores.scores == pytest.approx(T)
    assert scores.t2 == pytest.approx((T**2 / model.score_variance_).sum(1))
    assert scores.spe == pytest.approx((E**2).sum(1))


def test_spe_is_right_when_it_is_tiny():
    model = PCA(2, is_scaled=False).fit(_data(30, 6, 7) * 1e3)
    plane = model.inverse_transform([[1e3, -2e3]])
    spe = model.plan().score(plane).spe[0]
    assert 0 <= spe < 1e-18 * (plane**2).sum()
    away = np.linalg.svd(model.loadings_)[2][-1]
    spe = model.plan().score(plane + 1e-5 * away).spe[0]
    assert spe == pytest.approx(1e-10, rel=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**20), st.floats(0, 0.4))
def test_contributions_add_up_to_the_statistics(seed, gaps):
    plan = PCA(3).fit(_data(40, 9, 8)).plan()
    rows = 5 + 3 * np.random.default_rng(seed).standard_normal((5, 9))
    rows[np.random.default_rng(seed).random(rows.shape) < gaps] = np.nan
    scores, parts = plan.score(rows), plan.contributions(rows)
    ok = scores.n_missing == 0
    assert parts.t2[ok].sum(1) == pytest.approx(scores.t2[ok])
    spe = np.abs(parts.spe).sum(1)[scores.is_scored]
    assert spe == pytest.approx(scores.spe[scores.is_scored])
    assert not parts.t2[np.isnan(rows)].any()


def test_the_contribution_points_at_the_tag_that_moved():
    plan = PCA(3).fit(_data(60, 10, 9)).plan([f"tag{i}" for i in range(10)])
    row = _data(1, 10, 10)
    row[0, 4] += 30.0
    parts = plan.contributions(row)
    assert not plan.score(row).in_domain[0]
    assert parts.columns[np.abs(parts.spe[0]).argmax()] == "tag4"
    assert parts.spe[0, 4] > 0


def test_missing_values_are_estimated_better_than_by_the_mean():
    rows = _data(200, 12, 11)
    model = PCA(4).fit(rows[:100])
    plan, new = model.plan(), rows[100:].copy()
    truth = plan.score(new).scores
    holes = np.random.default_rng(1).random(new.shape) < 0.2
    gapped = np.where(holes, np.nan, new)
    filled = np.where(holes, model.centre_, new)
    ours = np.sqrt(np.mean((plan.score(gapped).scores - truth) ** 2))
    naive = np.sqrt(np.mean((plan.score(filled).scores - truth) ** 2))
    assert ours < 0.25 * naive


def test_rows_with_too_little_are_not_scored_and_not_in_the_domain():
    plan = PCA(2).fit(_data(30, 6, 12)).plan()
    row = np.full((2, 6), np.nan)
    row[0, :2] = 5.0
    scores = plan.score(row)
    assert not scores.is_scored.any()
    assert not scores.in_domain.any()
    assert np.isnan(scores.t2).all()
    assert scores.n_missing.tolist() == [4, 6]


def test_wrong_rows_are_refused():
    plan = PCA(2).fit(_data(30, 6, 12)).plan()
    with pytest.raises(DataError, match="6"):
        plan.score(np.zeros((3, 5)))
    with pytest.raises(DataError, match="infinite"):
        plan.score(np.full(6, np.inf))


def test_bytes_are_canonical_and_any_flipped_byte_is_noticed():
    plan = _pls_with_steps(p=12)
    raw = plan.to_bytes()
    assert plan.digest == hashlib.sha256(raw).hexdigest()
    assert ScoringPlan.from_bytes(raw) == plan
    assert ScoringPlan.from_bytes(raw).to_bytes() == raw
    for place in range(0, len(raw), max(1, len(raw) // 60)):
        broken = bytearray(raw)
        broken[place] ^= 0x41
        with pytest.raises(PlanError):
            ScoringPlan.from_bytes(bytes(broken), plan.digest)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_damaged_bytes_raise_plan_errors_only(data):
    raw = bytearray(_pls_with_steps(p=12).to_bytes())
    cut = data.draw(st.integers(0, len(raw)))
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, min(len(raw) - 1, 900)))] = data.draw(st.integers(0, 255))
    try:
        plan = ScoringPlan.from_bytes(bytes(raw[:cut]))
    except PlanError:
        return
    assert plan.to_bytes() == bytes(raw[:cut])


def test_header_with_other_spelling_is_refused():
    header, arrays = unpack(_pls_with_steps(p=12).to_bytes())
    raw = pack(header, arrays)
    n = int.from_bytes(raw[8:16], "little")
    spaced = json.dumps(json.loads(raw[16 : 16 + n]), sort_keys=True).encode()
    with pytest.raises(PlanError, match="canonical"):
        unpack(raw[:8] + len(spaced).to_bytes(8, "little") + spaced + raw[16 + n :])


def test_a_plan_cannot_be_changed():
    plan = PCA(2).fit(_data(30, 6, 12)).plan()
    with pytest.raises(ValueError, match="read-only"):
        plan.arrays.centre[0] = 1.0
    with pytest.raises(PlanError, match="do not fit"):
        ScoringPlan(
            plan.facts, plan.arrays, plan.targets, (Step(StepKind.CUT, np.array([0, 3.0])),)
        )


@pytest.mark.parametrize(
    "change",
    [
        {"t2_limit": "x"},
        {"t2_limit": None},
        {"columns": None},
        {"columns": ["one"]},
        {"limit_kind": "magic"},
        {"limits": 3},
        {"n_rows": 1},
        {"unknown": 1},
    ],
)
def test_a_well_formed_file_with_wrong_facts_is_refused(change):
    header, arrays = unpack(_pls_with_steps(p=12).to_bytes())
    header["facts"] |= change
    with pytest.raises(PlanError):
        ScoringPlan.from_bytes(pack(header, arrays))


def test_a_well_formed_file_with_wrong_arrays_is_refused():
    header, arrays = unpack(_pls_with_steps(p=12).to_bytes())
    for name in arrays:
        with pytest.raises(PlanError):
            ScoringPlan.from_bytes(pack(header, {k: v for k, v in arrays.items() if k != name}))
    with pytest.raises(PlanError):
        ScoringPlan.from_bytes(pack(header, arrays | {"step.000": np.zeros(0)}))
    with pytest.raises(PlanError):
        ScoringPlan.from_bytes(pack(header, arrays | {"model.scale": -arrays["model.scale"]}))


def test_the_limits_of_a_plan_cannot_be_changed_behind_its_digest():
    facts = PCA(2).fit(_data(30, 6, 12)).plan().facts
    with pytest.raises(TypeError):
        facts.limits["t2_theoretical"] = 1e9
