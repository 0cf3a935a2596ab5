"""A home whose model of the assay is in use for release, with its registration approved."""

from __future__ import annotations

from goldenbatch.capabilities.monitoring.release.acceptance import evaluation_file
from goldenbatch.core.batches import BatchCreated, BatchEnded
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultCorrected, ResultsReported
from goldenbatch.science.forward import ErrorRatio, ForwardEvaluation, Specification
from tests.capabilities.governance import sealed_case as case

PASSWORD = case.PASSWORD
DAY, TEMP, PH, PLACE = case.DAY, case.TEMP, case.PH, case.PLACE
FIRST = case.START + 100 * DAY
PLANT = """name = "test plant"
version = "1"
tags = [
  { name = "site/fermentation/temp", unit = "Cel" },
  { name = "site/fermentation/ph" },
]

[[places]]
path = "site"
level = "site"

[[places]]
path = "site/fermentation"
level = "area"

[[products]]
code = "P"
name = "Product P"
manufacture = "aseptic"

[[products.attributes]]
name = "assay"
unit = "g/L"
limits = [{ kind = "release", lower = "50.0", upper = "63.0", unit = "g/L" }]

[[products.attributes]]
name = "purity of air"
title = "Sterility"
unit = "1"

[[equipment]]
place = "site/fermentation"
calibrations = [
  { signal = "ph", calibrated_at = 2023-01-01, due_at = 2024-06-01 },
]
"""
INTENDED = {
    **case.INTENDED,
    "purpose": "stands in place of the assay for release",
    "influence": "release",
}
METHOD = {"test": "assay", "method": "HPLC-7", "method_version": "3"}
REGISTRATION = {
    "product": "P", "market": "EU", "attribute": "assay", "dossier": "3.2.P.5.6",
    "variation": "EMEA/H/C/0001/II/12", "manufacture": "aseptic", "use": case.USE,
    "limit": {"kind": "release", "lower": "50.0", "upper": "63.0", "unit": "g/L"},
    "confidence": 0.9,
    "inputs": [
        {"name": TEMP, "kind": "readings", "of": TEMP},
        {"name": PH, "kind": "readings", "of": PH},
    ],
    "contingency": METHOD, "most_contingency": 0.1,
    "trend": {"upper": "61", "centre": "60", "sigma": "4", "rules": ["nelson-3"]},
    "effective_from": case.START,
}  # fmt: skip
AT = {"market": "EU", "attribute": "assay"}


def evaluation(**changes):
    """An evaluation forward in time that the gate accepts for release."""
    ratio = ErrorRatio(0.5, 0.4, 0.6, 0.95, 400, 40, 0)
    values = {
        "attribute": "assay", "unit": "g/L", "n": 400, "n_codes": 1, "n_lots": 40,
        "n_periods": 24, "limit": None, "n_uncensored": 400, "uncensored_share": 1.0,
        "rmse": 0.5, "rmse_uncensored": 0.5, "baselines": {"last result": 1.0},
        "best_baseline": "last result", "ratio_by_lots": ratio, "ratio_by_periods": ratio,
        "ratio_uncensored": ratio, "ratio_held_out": ratio, "r2": 0.9, "within_code_r2": 0.9,
        "within_code_r2_uncensored": 0.9, "nominal": 0.9, "n_intervals": 400, "coverage": 0.9,
        "coverage_p_value": 0.9, "worst_code_p_value": 0.9, "mean_width": 1.6,
        "mean_interval_score": 2.0, "domain_share": 0.95, "coverage_in_domain": 0.9,
        "specification": Specification(50.0, 63.0), "n_outside": 0, "n_outside_missed": 0,
        "width_in_room": 0.1,
    }  # fmt: skip
    return ForwardEvaluation(**{**values, **changes})


def to_active(site, intended=None, told=None, *, use_of=""):
    """A model through its whole life to its activation, the evaluation among its evidence."""
    at = {"use": case.USE, "version": 1}
    case.seal(site)
    case.act(site, "draft", "dev", **at, title="Assay", owner="process", method="linear")
    case.act(site, "intend", "sme", **at, intended=intended or INTENDED)
    case.act(site, "criteria", "qa", **at, criteria=case.CRITERIA, n_least=6, reason="at-line")
    case.act(site, "bind", "qa", **at, test_set="T1")
    case.train(site, at)
    case.unseal(site, at)
    case.act(site, "test", "tess", **at)
    trained = next(
        event.body["digest"]
        for event in site.ledger.stream("model/assay/1")
        if event.kind == "ModelTrained"
    )
    file = evaluation_file(told or evaluation(), use=use_of or case.USE, artefact=trained)
    evidence = [
        {"side": "verification", "what": "recomputed by hand",
         "digest": site.registry.put(b"by hand", "text/plain")},
        {"side": "validation", "what": "forward in time",
         "digest": site.registry.put(file.encode(), "application/json")},
    ]  # fmt: skip
    case.act(site, "validate", "quinn", **at, evidence=evidence, statement="fit for release")
    case.act(site, "approve", "qa", **at, reason="as good as asked")
    case.act(site, "activate", "sme", **at, reason="ready")


def act(site, name, login, **values):
    return site.acts.act(f"monitoring.release-{name}", values, login, PASSWORD)


def register(site, login="dev", approver="qa", **changes):
    told = {**REGISTRATION, **changes}
    act(site, "register", login, registration=told, reason="variation approved")
    key = {name: told[name] for name in ("product", "market", "attribute")}
    if approver:
        act(site, "register-approve", approver, **key, reason="as in the dossier")


FAILS, CROSSES, ACTION = (38.6, 6.6), (38.0, 6.74), (37.7, 6.85)
"""Temperature and pH of a failure, of an interval over the limit, of one over the action limit."""


def batch(site, name, temp=37.0, ph=7.0, *, number=0, outcome="completed", qualities=None):
    """A batch of two hours with a reading a minute; 20 + 2 temp - 5 ph is its assay."""
    start = FIRST + number * DAY
    times = [start + n * 60_000_000 for n in range(121)]
    end = times[-1]
    events = [
        NewEvent(
            f"batch/{name}",
            BatchCreated(batch=name, product="P", place=PLACE, started_at=start), 0, "test",
        )
    ]  # fmt: skip
    if outcome:
        ended = BatchEnded(batch=name, ended_at=end, outcome=outcome)
        events.append(NewEvent(f"batch/{name}", ended, 1, "test"))
    site.ledger.append(events)
    for tag, value in ((TEMP, temp), (PH, ph)):
        if value is not None:
            write(site, f"{name}/{tag}", tag, times, value, (qualities or {}).get(tag, 0))


def write(site, key, tag, times, value, quality=0, reason=""):
    from goldenbatch.core.series import Frame, frame_table

    table = frame_table(
        "number", times, [tag] * len(times), [value] * len(times), [quality] * len(times)
    )
    frame = Frame("test", key, "number", table, received_at=times[-1], reason=reason)
    site.historian.write(frame)


def result(site, batch_, value, sample="", **more):
    """A result of the registered contingency test."""
    sample = sample or f"{batch_}/final"
    told = Result(attribute="assay", value=value, unit="g/L", **{**METHOD, **more})
    stream = f"sample/{sample}"
    body = ResultsReported(sample=sample, batch=batch_, results=(told,))
    site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), "test")])
    return sample


def correct(site, sample, old, new):
    one, other = (
        Result(attribute="assay", value=value, unit="g/L", **METHOD) for value in (old, new)
    )
    stream = f"sample/{sample}"
    body = ResultCorrected(sample=sample, test="assay", old=one, new=other, reason="typing error")
    site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), "test")])


def ask(site, name, login="dev", **more):
    """Ask for the release test of a batch; what was appended, decoded."""
    events = act(site, "test", login, batch=name, **{**AT, **more})
    return [event.decode() for event in events]
