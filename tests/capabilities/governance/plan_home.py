"""A change plan of the home of `sealed_case`, and updates taken to the gate, all really signed."""

from __future__ import annotations

import random

from tests.capabilities.governance import sealed_case as case

from goldenbatch.capabilities.governance.reference import read_reference
from goldenbatch.core.artefacts import LINEAR

PLAN_ID = "assay-updates"
STREAM = f"change-plan/{PLAN_ID}"


def reference_csv(n=40, seed=3):
    rng = random.Random(seed)
    rows = [f"{rng.uniform(35, 39)!r},{rng.uniform(6.5, 7.5)!r}" for _ in range(n)]
    return "\n".join([f"{case.TEMP},{case.PH}", *rows]) + "\n"


def trace():
    cells = [
        f'[[impact.trace]]\nmodification = "{name}"\nstep = "{step}"\nmitigation = "M1"\n'
        for name in ("retrain", "interval")
        for step in ("D1", "R1", "T1", "U1")
    ]
    return "\n".join(cells)


def plan_text(**changes):
    """The plan as TOML; `changes` replace one text by another."""
    text = f"""
schema = "goldenbatch/change-plan/1"
id = "{PLAN_ID}"
version = "1"
title = "Updates of the assay"
use = "assay"
original = 1
owner = "process development"

[regulatory]
category = "not_reported"
rationale = "The model is not registered: Q10 change control."

[[modifications]]
name = "retrain"
kind = "retrain"
rationale = "More batches of both lines."
trigger = "Twelve new batches with results."
methods = ["linear"]
media_types = ["{LINEAR}"]

[modifications.data]
not_before = 2020-01-01T00:00:00Z
least_batches = 8

[[modifications.settings]]
name = "ridge"
lower = 0.0
upper = 0.5

[modifications.step]
prediction_rms = 1.0
prediction_max = 3.0

[[modifications]]
name = "interval"
kind = "threshold"
rationale = "The interval is to hold more."
trigger = "Coverage below what was asked for."
methods = ["linear"]
media_types = ["{LINEAR}"]

[modifications.data]
not_before = 2020-01-01T00:00:00Z
least_batches = 8

[modifications.threshold]
setting = "coverage"
lower = 0.8
upper = 0.97
step = 0.05

[modifications.step]
prediction_rms = 0.01
prediction_max = 0.01

[protocol.data]
collection = "All batches with results; none left out."
reference = "HPLC with a second analyst."
test_set = "reuse"
most_openings = 6
least_rows = 30
least_groups = 8

[protocol.training]
objective = "The same model with newer batches."
procedure = "The released trainer with its settings."

[[protocol.steps]]
id = "D1"
part = "data"
text = "Select and seal before training."

[[protocol.steps]]
id = "R1"
part = "training"
text = "Train within the box of settings."

[[protocol.steps]]
id = "T1"
part = "test"
text = "Compare three versions on the same rows."

[[protocol.steps]]
id = "U1"
part = "update"
text = "Approve, activate, and keep the old one."

[[protocol.acceptance]]
id = "A1"
kind = "absolute"
measure = "rmse"
limit = 1.0
confidence = 0.95

[[protocol.acceptance]]
id = "A2"
kind = "non_inferiority"
measure = "rmse"
against = ["active", "original"]
margin = 0.2
confidence = 0.95

[[protocol.acceptance]]
id = "A3"
kind = "absolute"
measure = "rmse"
subgroup = "line 1"
limit = 1.5
confidence = 0.95

[[protocol.acceptance]]
id = "A4"
kind = "non_inferiority"
measure = "rmse"
subgroup = "line 2"
against = ["active"]
margin = 0.5
confidence = 0.95

[update]
signs = ["quality_reviewer"]
roll_out = "The shift is told at hand-over."
monitoring = "Residuals of each result, weekly."
shadow_days = 0
shadow_batches = 0
roll_back = "The version before is activated again."

[impact]
benefit = "The model keeps up with the plant."
together = "The bound stops a drift of many steps."

[[impact.risks]]
id = "K1"
text = "Wrong results are learnt."

[[impact.mitigations]]
id = "M1"
text = "Paired comparison on sealed rows."
risks = ["K1"]

{trace()}
[bound]
reference = "{read_reference(reference_csv()).digest()}"
unit = "g/L"
prediction_rms = 1.5
prediction_max = 4.0
n_updates = 5
expires = 2035-01-01T00:00:00Z

[[bound.parameters]]
name = "coverage"
most = 0.07

[[bound.performance]]
measure = "rmse"
most = 0.3

[[suspension]]
clause = "S1"
alarm = "residual drift"
fallback = "previous"
text = "Residual drift suspends the version."
"""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def validated(site, at):
    evidence = {"side": "verification", "what": "recomputed by hand",
                "digest": site.registry.put(b"by hand", "text/plain")}  # fmt: skip
    case.act(site, "validate", "quinn", **at, evidence=[evidence], statement="fit for its use")


def original(site):
    """Version 1, through its whole life, at work."""
    case.seal(site)
    at = case.to_sealed(site)
    case.train(site, at)
    case.unseal(site, at)
    case.act(site, "test", "tess", **at)
    validated(site, at)
    case.act(site, "approve", "qa", **at, reason="as good as asked")
    case.act(site, "activate", "sme", **at, reason="ready")
    return at


def propose(site, login="dev", text="", **more):
    values = {"text": text or plan_text(), "reason": "two updates a year", **more}
    return case.act(site, "plan-propose", login, **values)


def planned(site):
    """The plan, proposed by one person and approved by another."""
    propose(site, reference=reference_csv())
    site.sign(STREAM, "approved", "qa", case.PASSWORD, reason="bounded")


def update(site, number, follows, modification="retrain", settings=None, **more):
    """An update, trained and tested on the same sealed set, with what stands beside it."""
    at = {"use": case.USE, "version": number}
    case.act(site, "draft", "dev", **at, follows=follows, plan=f"{PLAN_ID}@1",
             modification=modification, trigger="new batches")  # fmt: skip
    case.act(site, "bind", "qa", **at, test_set="T1")
    case.train(site, at, settings=settings or {}, **more)
    case.unseal(site, at)
    case.act(site, "test", "tess", **at)
    return at


def judge(site, at, login="qa", **more):
    """What the gate says, as it is recorded."""
    return case.act(site, "judge", login, **at, **more)[0].decode()
