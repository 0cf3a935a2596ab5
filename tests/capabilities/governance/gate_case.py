"""An update that passes the gate, to be bent one way at a time."""

from __future__ import annotations

from tests.core import plan_case as case

from goldenbatch.capabilities.governance.gate import Judgement, gate
from goldenbatch.capabilities.governance.gate_evidence import (
    GateEvidence,
    Link,
    PairedFigure,
    ParameterMove,
    SensorStated,
    ShadowFigure,
    Travel,
)

PLAN = case.plan()


def chain(n: int, **last) -> tuple[Link, ...]:
    """From version n back to the original, version 1."""
    links = [
        Link(version=one, follows=one - 1, basis="in_plan", plan="glucose-updates@1",
             judged="in_plan_pass")
        for one in range(n, 1, -1)
    ]  # fmt: skip
    return (*links, Link(version=1, follows=0, **({"basis": "first"} | last)))


def figure(against="active", **changes) -> PairedFigure:
    values = {
        "criterion": "A2", "against": against, "measure": "rmse", "new": 8.1, "old": 8.0,
        "difference": 0.1, "upper": 0.9, "confidence": 0.95, "n_rows": 30, "n_groups": 10,
    }  # fmt: skip
    return PairedFigure.model_validate(values | changes)


def evidence(follows: int = 2, **changes) -> GateEvidence:
    values = {
        "at": case.NOW,
        "plan_state": "in force",
        "active": follows,
        "chain": chain(follows),
        "products": ("ethanol",),
        "tags": (f"{case.UNIT}/ir_spectrum",),
        "old_inputs": ("428", "429"),
        "new_inputs": ("428", "429"),
        "reference": PLAN.bound.reference,
        "to_active": Travel(rms=1.0, largest=3.0, n_rows=50),
        "to_original": Travel(rms=2.0, largest=5.0, n_rows=50),
        "path_rms": 2.5,
        "parameters": (ParameterMove(name="spe_limit", original=1.0, old=1.0, new=1.0),),
        "comparisons": (figure(), figure("original")),
        "n_openings": 1,
        "n_test_rows": 30,
        "n_test_groups": 10,
        "shadow": ShadowFigure(days=15, n_batches=3),
    }
    return GateEvidence.model_validate(values | changes)


def judge(plan=PLAN, old=None, new=None, **changes) -> Judgement:
    """The judgement of version 3 after version 2, with parts of the evidence replaced."""
    old = old or case.version(2)
    new = new or case.version(3)
    return gate(old, new, plan, evidence(new.draft.follows, **changes))


def sensor(**changes) -> SensorStated:
    values = {
        "inputs": ("ir_spectrum",), "type": "ATR-FTIR probe, 428 to 1833 1/cm",
        "serial": "P-77", "record": "equipment/probe@4",
    }  # fmt: skip
    return SensorStated.model_validate(values | changes)
