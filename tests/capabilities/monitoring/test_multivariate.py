"""Batches against their golden set: fitted, frozen, judged after the set only."""

from __future__ import annotations

import random

import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.core.errors import BadInputError, NotFoundError

SETTINGS = {"sample": "*/final", "attributes": ["x*"], "n_reference": 30, "n_components": 2}


def report(bench, n, seed, start=0, shift=None):
    rng = random.Random(seed)
    for i in range(start, start + n):
        a, b = rng.gauss(0, 1), rng.gauss(0, 1)
        row = {f"x{k}": 5 + a * (k + 1) + b * (3 - k) + 0.2 * rng.gauss(0, 1) for k in range(5)}
        if shift and i in shift:
            row["x3"] += 8
        bench.batch(f"b{i}", {name: f"{value:.4f}" for name, value in row.items()})


def test_only_later_batches_are_judged_and_the_odd_one_is_found(bench):
    report(bench, 50, 1, shift={41})
    bench.site.adopt("golden", "monitoring.batches", SETTINGS)
    assert bench.site.wake() == []
    (model,) = fit(bench.site, "golden")
    assert len(model.training[0].batches) == 30
    found = bench.site.wake()
    batches = {one.finding.subject.batch for one in found}
    assert "b41" in batches
    assert not batches & set(model.training[0].batches)
    odd = next(one.finding for one in found if one.finding.subject.batch == "b41")
    assert odd.contributions[0].variable == "x3"
    assert odd.model_digest == model.digest
    assert bench.site.replay("as-seen").differences == ()


def test_a_new_batch_is_judged_by_the_frozen_model(bench):
    report(bench, 31, 1)
    bench.site.adopt("golden", "monitoring.batches", SETTINGS)
    fit(bench.site, "golden")
    bench.site.wake()
    report(bench, 2, 2, start=60, shift={61})
    assert {one.finding.subject.batch for one in bench.site.wake()} == {"b61"}


def test_too_few_batches_are_refused_with_their_number(bench):
    report(bench, 5, 1)
    bench.site.adopt("golden", "monitoring.batches", SETTINGS)
    with pytest.raises(BadInputError, match="the most is 5"):
        fit(bench.site, "golden")


def test_an_analyst_that_was_not_adopted_is_named(bench):
    with pytest.raises(NotFoundError, match="'golden'"):
        fit(bench.site, "golden")
