import numpy as np
import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.ensembles import Criterion, Factor, Figure, Members, Study
from goldenbatch.science.process.ensembles.design_space import map_design_space
from goldenbatch.science.process.ensembles.proven import box_and_space, proven_ranges
from goldenbatch.science.process.library import entry
from goldenbatch.science.process.recipe import Recipe, Steps

REACTOR = entry("benchmark.batch_reactor")
FACTORS = (Factor.input("T", 240.0, 320.0), Factor.duration(100.0, 500.0))


def study_of(recipe=None, lower=0.5, factors=FACTORS):
    figure = Figure.final("B")
    return Study(REACTOR.ref, recipe or REACTOR.default_recipe(), (figure,),
                 (Criterion(figure, lower=lower),), factors)  # fmt: skip


def test_a_box_of_ranges_proven_alone_is_not_the_design_space():
    nominal = study_of()
    members = Members.spread(nominal.load(), 20, 3)
    # Hotter may be shorter: at the best yield of the set point the two work against each other.
    space = map_design_space(study_of(lower=0.0), members, 5)
    best = space.nominal["final B"] if "final B" in space.nominal else None
    assert best is not None
    limit = float(np.quantile(best, 0.55))
    asked = study_of(lower=limit)
    space = map_design_space(asked, members, 5)
    ranges = proven_ranges(asked, members, 0.5, n_levels=5)
    for one in ranges:
        inside = (one.levels >= one.low) & (one.levels <= one.high)
        assert one.set_point in one.levels
        if one.is_proven:
            assert one.low <= one.set_point <= one.high
            assert (one.lower[inside] >= 0.5).all()
    counted = box_and_space(space, ranges, 0.5)
    assert counted.n_certain + counted.n_below <= counted.n_points <= len(space.points)
    certain = int((space.interval[0] >= 0.5).sum())
    assert counted.n_certain + counted.n_outside == certain


def test_a_schedule_that_varies_has_no_set_point():
    recipe = Recipe(330.0, 330.0, inputs={"T": Steps((0.0, 100.0), (280.0, 300.0))})
    members = Members.spread(study_of().load(), 10, 1)
    with pytest.raises(DesignError, match="no set point"):
        proven_ranges(study_of(recipe), members, 0.9)


def test_a_set_point_that_fails_proves_nothing():
    asked = study_of(lower=1e9)
    members = Members.spread(asked.load(), 10, 1)
    assert [one.is_proven for one in proven_ranges(asked, members, 0.9, n_levels=3)] == [False] * 2
