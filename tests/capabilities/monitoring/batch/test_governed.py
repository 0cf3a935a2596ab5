"""A batch plan under control: only the active version follows batches."""

from __future__ import annotations

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.science.predictors.loading import BATCH_PLAN, load_predictor
from tests.capabilities.governance import team
from tests.capabilities.monitoring import test_governed_sensor as governed
from tests.capabilities.monitoring.batch import test_following as live
from tests.core import lives

controlled, sensor = governed.controlled, governed.sensor
T2 = f"{live.PLACE}/watch_t2"


@pytest.fixture
def site(controlled):
    """A plan that was fitted, and drafted for approval."""
    site = controlled.site
    at = live.START + 10**13
    for i in range(6):
        at = live.whole(site, f"g{i}", i, at) + 30 * live.MINUTE
    site.adopt("watch", "monitoring.batch_runs", {**live.SETTINGS, "golden": ["g*"]})
    site.next_at = at
    return site


def approve(site):
    (fitted,) = fit(site, "watch")
    team.act(site, "draft", "dana", **team.CARD, analyst="watch")
    intended = {**team.INTENDED, "context": governed.CONTEXT}
    team.act(site, "intend", "sam", version=1, intended=intended)
    criteria = {"criteria": team.CRITERIA, "n_least": 5, "reason": "risk"}
    team.act(site, "criteria", "sam", version=1, **criteria)
    team.act(site, "bind", "sam", version=1, test_set="T1")
    body = lives.trained(1, fitted.digest).model_copy(update={"media_type": BATCH_PLAN})
    team.sign(site, body, "dana", actions=("model:train",))
    team.test(site, version=1, digest=fitted.digest)
    evidence = [team.verification(site)]
    team.act(site, "validate", "vera", version=1, evidence=evidence, statement="fit for its use")
    team.act(site, "approve", "quinn", version=1, reason="fit")
    return fitted.digest


def test_a_drafted_plan_follows_only_while_it_is_active(site):
    digest = approve(site)
    at = site.next_at
    found = [one for one in live.live(site, "n1", 51, at) if one.finding.analyst == "watch"]
    assert found[0].step == "opened" and "was ever activated" in found[0].finding.statement
    assert T2 not in site.historian.tags()
    team.act(site, "activate", "sam", reason="ready")
    at += 120 * live.MINUTE
    found = [one for one in live.live(site, "n2", 52, at, bias=30.0)
             if one.finding.analyst == "watch"]  # fmt: skip
    assert found[0].step == "closed"
    opened = [one.finding for one in found if one.step == "opened"]
    assert {one.model_digest for one in opened} == {digest}
    assert T2 in site.historian.tags()
    assert site.replay("as-seen").is_equal


def test_a_sample_without_its_batch_says_nothing(site):
    (fitted,) = fit(site, "watch")
    predictor = load_predictor(site.registry.get(fitted.digest), BATCH_PLAN)
    assert predictor.facts.inputs == ("fed", "temp")
    said = predictor.predict([[0.0, 20.0]])
    assert np.isnan(said.value).all()
