"""Cards of updates: what holds on from the version before, what the gate said, what was found."""

from tests.capabilities.governance import plan_home as plan
from tests.capabilities.governance import sealed_case as case
from tests.capabilities.governance import test_shadow as shadow
from tests.capabilities.governance.life.test_card import words

from goldenbatch.capabilities.governance._card_sheet import gaps_of
from goldenbatch.capabilities.governance.card import events_behind, load_card


def test_an_update_shows_what_holds_on_and_what_the_gate_said(planned):
    site = planned
    site.adopt("changes", "governance.changes", {})
    site.wake()
    at = plan.update(site, 2, 1, settings={"ridge": 0.35})
    plan.judge(site, at)
    site.wake()
    card = load_card(site, case.USE, 2)
    assert (card.intended_from, card.criteria_from) == (1, 1)
    held = {one.step: one for one in card.signatures[:2]}
    assert set(held) == {"IntendedUseStated", "CriteriaFixed"}
    assert all(one.ref.startswith("model/assay/1@") and one.holds for one in held.values())
    assert "As stated for version 1, which holds on." in words(card, "use")
    held_out = words(card, "test-data")
    assert "by time: from 2023-11-26 22:13:20 +0000 on" in held_out
    assert "line 1" in held_out  # a subgroup
    assert "the last result of the laboratory" in held_out
    told = words(card, "plan")
    assert "Outcome: in plan, failed." in told
    assert told.index("A2: against the active") < told.index("plan in force")  # failures first
    assert any("The gate said: in plan, failed" in one for one in gaps_of(card))
    (found,) = card.findings
    assert found.finding.title == "Update assay@2 failed within its plan"
    assert "1 finding on it: open." in gaps_of(card)
    assert not load_card(site, case.USE, 1).findings  # of version 2, and not of 1
    streams = {event.stream for event in events_behind(site, card)}
    assert {"model/assay", "model/assay/1", "model/assay/2", "test-set/T1", plan.STREAM} < streams
    assert f"finding/{found.uid}" in streams


def test_without_a_version_the_card_is_of_what_serves(planned):
    site = planned
    plan.update(site, 2, 1, settings={"ridge": 0.001})
    assert load_card(site, case.USE).version == 1
    told = words(load_card(site, case.USE), "versions")
    assert "Version 1 serves." in told
    assert "1 (this card)" in told


def test_a_shadow_run_stands_in_the_card_of_the_candidate(original):
    site = original
    shadow.candidate(site)
    shadow.adopt(site)
    shadow.start(site)
    shadow.run(site, 100, 3, favours=2)
    told = words(load_card(site, case.USE, 2), "watch")
    assert "let version 2 run beside version 1" in told
    assert "in shadow of @1" in told
    case.act(site, "shadow-end", "dev", use=case.USE, version=2, reason="three batches")
    told = words(load_card(site, case.USE, 2), "watch")
    assert "ended the shadow of version 2 after" in told
    assert "not shown" in told
    assert "No shadow run is on record." in words(load_card(site, case.USE, 1), "watch")
