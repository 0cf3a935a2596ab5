"""The analyst: a shift is one finding with its candidates; live equals replay."""

from goldenbatch.capabilities.monitoring._capability import CAPABILITY
from goldenbatch.core.batches import BatchCreated, BatchEnded
from goldenbatch.core.records import NewEvent
from goldenbatch.testing import AnalystCase, analyst_checks, seen_views
from tests.capabilities.monitoring.yields import plant_home as plant

RIGHT = {"target": "right_first_time", "n_reference": 20, "n_window": 10, "block": "week"}


def shifted():
    """100 batches, then 12 with more force of which the yields of P fall."""
    return plant.made(100), plant.made(12, seed=9, first=100, shift=6.0)


def test_a_shift_is_one_finding_with_its_candidates_and_so_is_the_way_back(site):
    before, after = shifted()
    site.adopt("yields", "monitoring.yields", plant.SETTINGS)
    plant.report(site, before)
    assert site.wake() == []
    plant.report(site, after[:4])
    found = site.wake()
    plant.report(site, after[4:])
    found += site.wake()
    opened = [one for one in found if one.step == "opened"]
    assert len({one.uid for one in found}) == 2
    assert {one.finding.title for one in opened} == {
        "batch_yield of product P shifted", "batch_yield of product Q shifted",
    }  # fmt: skip
    first = opened[0].finding
    assert first.contributions[0].variable == "batch.hardness"
    assert first.contributions[0].value < -1.0
    assert "batch.hardness" in first.statement and "(named)" in first.statement
    assert "association, not proof" in first.statement
    new = {row[0] for row in after}
    assert {first.subject.batch, *first.batches} & new
    plant.report(site, plant.made(40, seed=4, first=200))
    later = site.wake()
    assert {one.uid for one in opened} <= {one.uid for one in found + later if one.step == "closed"}
    back = [one.finding for one in later if one.step == "opened"]
    assert {one.title for one in back} == {one.finding.title for one in opened}
    assert back[0].contributions[0].value > 1.0
    assert site.replay("as-seen").differences == ()


def test_with_too_few_batches_it_says_that_no_candidate_can_be_ranked(site):
    settings = {**plant.SETTINGS, "n_reference": 8, "block": "month"}
    site.adopt("yields", "monitoring.yields", settings)
    rows = plant.made(30, effect=0.1)
    rows = [row if i < 18 else (*row[:7], row[7] - 8.0) for i, row in enumerate(rows)]
    plant.report(site, rows)
    (opened, *_) = [one for one in site.wake() if one.step == "opened"]
    assert "No candidate causes can be ranked" in opened.finding.statement


def ended(site, first, outcomes):
    events = []
    for i, is_right in enumerate(outcomes, first):
        at = plant.START + i * plant.DAY
        outcome = "completed" if is_right else "aborted"
        events += [
            NewEvent(
                f"batch/r{i}", BatchCreated(batch=f"r{i}", product="P", started_at=at), 0, "t"
            ),
            NewEvent(
                f"batch/r{i}", BatchEnded(batch=f"r{i}", ended_at=at + 1, outcome=outcome), 1, "t"
            ),
        ]
    site.ledger.append(events)


def test_right_first_time_alarms_when_so_few_would_be_strange(site):
    site.adopt("right", "monitoring.yields", RIGHT)
    ended(site, 0, [True] * 15 + [False] + [True] * 14)
    assert site.wake() == []
    ended(site, 30, [False, True])
    assert site.wake() == []
    ended(site, 32, [False, False, True, False, False, False, False])
    (opened, *rest) = site.wake()
    assert opened.step == "opened" and {one.step for one in rest} <= {"updated"}
    assert opened.finding.title == "Right first time of product P shifted"
    assert "were not right first time, 1 of the 20 of the reference" in opened.finding.statement
    ended(site, 40, [True] * 12)
    assert [one.step for one in site.wake()][-1] == "closed"
    assert site.replay("as-seen").differences == ()


def test_conforms(site):
    after = plant.made(4, seed=9, first=100, shift=9.0)
    heads = []
    for part in (plant.made(60), after):
        plant.report(site, part)
        heads.append((0, site.ledger.head()))
    case = AnalystCase(
        "yields",
        {**plant.SETTINGS, "block": "month"},
        lambda: seen_views(site, heads, at=site.clock()),
        is_closed_under_splitting=False,
    )
    checks = list(analyst_checks(CAPABILITY, case))
    assert len(checks) >= 4
    for check in checks:
        check.run()
