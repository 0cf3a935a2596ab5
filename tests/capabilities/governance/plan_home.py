"""A change plan of the home of `sealed_case`, and updates taken to the gate, all really signed."""

from __future__ import annotations

import random
from pathlib import Path

from tests.capabilities.governance import sealed_case as case

from goldenbatch.capabilities.governance.reference import read_reference

TEXT = (Path(__file__).parent / "assay_plan.toml").read_text("utf-8")
PLAN_ID = "assay-updates"
STREAM = f"change-plan/{PLAN_ID}"


def reference_csv(n=40, seed=3):
    rng = random.Random(seed)
    rows = [f"{rng.uniform(35, 39)!r},{rng.uniform(6.5, 7.5)!r}" for _ in range(n)]
    return "\n".join([f"{case.TEMP},{case.PH}", *rows]) + "\n"


def plan_text(**changes):
    """The plan as TOML; `changes` replace one text by another."""
    text = TEXT.replace("0" * 64, read_reference(reference_csv()).digest())
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
