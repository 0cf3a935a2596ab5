"""Several attributes on one chart, and subgroups of replicates or campaigns, in a home."""

from __future__ import annotations

import random

import pytest

from goldenbatch.capabilities.monitoring import control_charts, limits_of
from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported

JOINT = {"attributes": ["a", "b"], "kind": "hotelling", "n_reference": 20}


def pairs(n, seed, shift=0.0):
    """Two attributes that go together; the shift breaks that."""
    rng, found = random.Random(seed), []
    for _ in range(n):
        level = rng.gauss(0, 1)
        found.append(
            {"a": 10 + level + rng.gauss(0, 0.2), "b": 5 + level + rng.gauss(0, 0.2) - shift}
        )
    return found


def report(site, batch, results, attributes):
    created = BatchCreated(batch=batch, product="P", attributes=attributes)
    site.ledger.append(
        [
            NewEvent(f"batch/{batch}", created, 0, "test"),
            NewEvent(
                f"sample/{batch}/final",
                ResultsReported(sample=f"{batch}/final", batch=batch, results=results),
                0,
                "test",
            ),
        ]
    )


@pytest.mark.parametrize("kind", ["hotelling", "mewma"])
def test_a_batch_that_breaks_the_pattern_is_found_though_each_value_is_usual(bench, kind):
    more = {"weight": 0.3} if kind == "mewma" else {}
    bench.site.adopt("quality", "monitoring.charts", {**JOINT, "kind": kind, **more})
    found = []
    rows = [*pairs(22, 1), *pairs(4, 2, shift=1.5)]
    for i, row in enumerate(rows):
        bench.batch(f"b{i}", {name: f"{value:.3f}" for name, value in row.items()}, "P")
    bench.batch("gap", {"a": "10.0"}, "P")
    found = bench.site.wake()
    opened = next(one for one in found if one.step == "opened")
    assert opened.finding.subject.attribute == "a, b"
    assert "T2 of a, b" in opened.finding.statement
    assert "designed for a false alarm in 370 batches" in opened.finding.statement
    row = limits_of(bench.site, "quality")[0]
    assert (row["state"], row["n_gaps"], row["n_later"]) == (kind, 1, 6)
    assert row["n_alarms"] >= 2
    replayed = bench.site.replay("as-seen")
    assert replayed.differences == ()


def campaign(site, label, level, seed, start):
    rng = random.Random(seed)
    for i in range(start, start + 4):
        value = Result(test="x", attribute="x", value=f"{rng.gauss(level, 0.5):.3f}", unit="%")
        report(site, f"b{i}", (value,), {"campaign": label})


def test_a_campaign_is_a_subgroup_and_judged_when_the_next_one_begins(bench):
    settings = {"attributes": ["x"], "kind": "xbar", "n_reference": 8, "subgroup": "campaign"}
    bench.site.adopt("quality", "monitoring.charts", {**settings, "spread": "between"})
    rng = random.Random(5)
    for k in range(10):
        campaign(bench.site, f"c{k}", rng.gauss(50, 1), k, 4 * k)
    assert bench.site.wake() == []
    campaign(bench.site, "c10", 60.0, 90, 40)
    assert bench.site.wake() == []
    campaign(bench.site, "c11", 50.0, 91, 44)
    opened = bench.site.wake()[0].finding
    assert opened.subject.batch == "b43"
    assert opened.batches == ("b40", "b41", "b42")
    assert "Subgroup c10 (4 results)" in opened.statement
    assert len(opened.evidence) == 4
    row = limits_of(bench.site, "quality")[0]
    assert (row["n_reference"], row["n_later"], row["n_alarms"]) == (8, 3, 1)
    assert bench.site.replay("as-seen").differences == ()


def test_replicates_are_a_subgroup_and_their_spread_is_watched(bench):
    settings = {"attributes": ["x"], "kind": "xbar", "n_reference": 12, "spread": "range"}
    bench.site.adopt("quality", "monitoring.charts", settings)
    rng = random.Random(6)
    for i in range(14):
        wide = 8.0 if i == 13 else 1.0
        raw = [50 + wide * one for one in (rng.gauss(0, 1), -1.2, 1.3, rng.gauss(0, 1))]
        value = Result(
            test="x", attribute="x", value="50.0", replicates=tuple(f"{one:.3f}" for one in raw)
        )
        report(bench.site, f"b{i}", (value,), {})
    opened = bench.site.wake()[0].finding
    assert opened.subject.batch == "b13"
    assert "spread-high" in opened.statement
    assert [one.name for one in opened.measures] == ["mean x", "spread within"]


def test_attributes_that_are_sums_of_one_another_are_refused_with_a_reason(bench):
    bench.site.adopt("quality", "monitoring.charts", JOINT)
    for i, row in enumerate(pairs(21, 3)):
        bench.batch(f"b{i}", {"a": f"{row['a']:.3f}", "b": f"{2 * round(row['a'], 3):.3f}"}, "P")
    assert bench.site.wake() == []
    assert "sums of one another" in limits_of(bench.site, "quality")[0]["state"]


def test_what_does_not_go_together_is_refused():
    with pytest.raises(BadInputError, match="not for hotelling"):
        control_charts("q", {**JOINT, "reference": "period"})
