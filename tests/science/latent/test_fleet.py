"""A fleet gives each unit the bits of its own plan, whatever the others are and lack."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.science.latent.oracle import as_of_old, bits

from goldenbatch.science.errors import DataError
from goldenbatch.science.latent import PCA, FleetPlan, Step, StepKind
from goldenbatch.science.latent.plan import ScoringPlan
from goldenbatch.science.latent.steps import apply_steps

FIELDS = ("t2", "spe", "in_domain", "is_scored", "n_missing")


def _rows(n, p, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 3)) @ rng.standard_normal((3, p)) + rng.standard_normal((n, p))


def _plan(p, a, seed, *, has_steps=False):
    rows = _rows(30, p, seed)
    steps = (Step(StepKind.SNV),) if has_steps else ()
    model = PCA(a, is_scaled=not has_steps).fit(apply_steps(steps, rows))
    return model.plan(steps=steps)


def _check(fleet, block, ticks):
    together = fleet.score(block)
    for tick in ticks:
        alone = fleet.score(block[tick])
        for i, plan in enumerate(fleet.plans):
            own = plan.score(block[tick, i, : len(plan.facts.columns)])
            for name in FIELDS:
                wanted = bits(getattr(own, name)[0])
                assert np.array_equal(bits(getattr(together, name)[tick, i]), wanted), name
                assert np.array_equal(bits(getattr(alone, name)[i]), wanted), name
            a = own.scores.shape[1]
            assert np.array_equal(bits(together.scores[tick, i, :a]), bits(own.scores[0]))
            assert np.isnan(together.scores[tick, i, a:]).all()


shape = st.sampled_from([(1, 1), (2, 1), (5, 3), (7, 5), (40, 5), (52, 11), (130, 9)])


@settings(max_examples=25, deadline=None)
@given(
    shapes=st.lists(shape, min_size=1, max_size=6),
    n_ticks=st.integers(1, 4),
    n_same=st.integers(0, 3),
    gaps=st.sampled_from([0.0, 0.05, 0.4]),
    is_old=st.booleans(),
    seed=st.integers(0, 2**20),
)
def test_each_unit_gets_the_bits_of_its_own_plan(shapes, n_ticks, n_same, gaps, is_old, seed):
    plans = [_plan(p, a, seed + i) for i, (p, a) in enumerate(shapes)]
    plans = [as_of_old(plan) for plan in plans] if is_old else plans
    plans += [plans[0]] * n_same
    plans.append(_plan(7, 2, seed, has_steps=True))
    fleet, rng = FleetPlan(plans), np.random.default_rng(seed)
    block = rng.standard_normal((n_ticks, len(plans), fleet.n_columns)) * 2
    block[rng.random(block.shape) < gaps] = np.nan
    block[n_ticks - 1, 0] = np.nan  # nothing came of this unit
    _check(fleet, block, range(n_ticks))


def test_rows_longer_than_the_buffers_of_einsum_keep_the_bits():
    fleet = FleetPlan([_plan(p, 4, p + i) for p in (5000, 9000) for i in range(2)])
    _check(fleet, np.random.default_rng(1).standard_normal((3, 4, 9000)), (0, 2))


def test_a_fleet_of_stored_plans_gives_the_same_bits():
    plans = [_plan(12, 3, i) for i in range(5)]
    stored = FleetPlan([ScoringPlan.from_bytes(plan.to_bytes()) for plan in plans])
    block = np.random.default_rng(2).standard_normal((6, 5, 12))
    assert stored.digest == FleetPlan(plans).digest != FleetPlan(plans[::-1]).digest
    assert np.array_equal(bits(stored.score(block).spe), bits(FleetPlan(plans).score(block).spe))


def test_what_does_not_fit_is_refused():
    fleet = FleetPlan([_plan(5, 2, 1), _plan(7, 2, 2)])
    with pytest.raises(DataError, match=r"takes \(n_ticks, 2, 7\)"):
        fleet.score(np.zeros((2, 5)))
    with pytest.raises(DataError, match="infinite"):
        fleet.score(np.full((2, 7), np.inf))
    with pytest.raises(DataError, match="at least one"):
        FleetPlan([])
