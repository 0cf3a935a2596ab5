"""A model of running equipment under control: only the active version judges."""

from __future__ import annotations

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.core.series import Frame, frame_table
from goldenbatch.science.predictors.loading import FLEET_MODEL
from tests.capabilities.governance import team
from tests.capabilities.monitoring import test_governed_sensor as governed
from tests.capabilities.monitoring.process.plant import START, STEP, TAGS, good
from tests.core import lives

controlled, sensor = governed.controlled, governed.sensor
PLACE = "site/fermentation"
SETTINGS = {
    "units": [PLACE],
    "tags": list(TAGS),
    "interval_s": 1.0,
    "wait_s": 0.0,
    "is_always": True,
    "lost_after_s": 1e6,
    "fit": {"n_components": 2, "rate": 0.01},
}


def feed(site, rows, first):
    n, p = rows.shape
    times = np.repeat(START + (first + np.arange(n)) * STEP, p)
    names = [f"{PLACE}/{tag}" for tag in TAGS] * n
    table = frame_table("number", times, names, rows.reshape(-1).tolist(), [0] * (n * p))
    site.historian.write(Frame("plc", str(first), "number", table, START))
    return [one for one in site.wake() if one.finding.analyst == "watch"]


def n_logged(site):
    tag = f"{PLACE}/watch_severity"
    if tag not in site.historian.tags():
        return 0
    return len(site.historian.read([tag], (START, START + 10**9)))


@pytest.fixture
def site(controlled):
    """A fitted model of the vessel, drafted for approval."""
    site = controlled.site
    feed(site, good(600, 1), -700)
    site.adopt("watch", "monitoring.process", SETTINGS)
    return site


def approve(site):
    (fitted,) = fit(site, "watch")
    team.act(site, "draft", "dana", **team.CARD, analyst="watch")
    intended = {**team.INTENDED, "context": governed.CONTEXT}
    team.act(site, "intend", "sam", version=1, intended=intended)
    criteria = {"criteria": team.CRITERIA, "n_least": 5, "reason": "risk"}
    team.act(site, "criteria", "sam", version=1, **criteria)
    team.act(site, "bind", "sam", version=1, test_set="T1")
    body = lives.trained(1, fitted.digest).model_copy(update={"media_type": FLEET_MODEL})
    team.sign(site, body, "dana", actions=("model:train",))
    team.test(site, version=1, digest=fitted.digest)
    evidence = [team.verification(site)]
    team.act(site, "validate", "vera", version=1, evidence=evidence, statement="fit for its use")
    team.act(site, "approve", "quinn", version=1, reason="fit")
    return fitted.digest


def test_a_drafted_model_judges_only_while_it_is_active(site):
    digest = approve(site)
    (told,) = feed(site, good(5, 2), 0)
    assert told.step == "opened" and "was ever activated" in told.finding.statement
    assert n_logged(site) == 0
    team.act(site, "activate", "sam", reason="ready")
    (told,) = feed(site, good(5, 3), 5)
    assert told.step == "closed"
    assert n_logged(site) == 5
    bad = good(20, 4)
    bad[:, 2] += 8.0
    found = feed(site, bad, 10)
    assert found[0].finding.model_digest == digest
    team.act(site, "suspend", "sam", reason="a sensor was moved")
    told = feed(site, good(5, 5), 30)
    assert "a sensor was moved" in told[-1].finding.statement
    assert n_logged(site) == 25
    assert site.replay("as-seen").is_equal
