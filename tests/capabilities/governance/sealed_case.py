"""A home with batches, readings and results, and people who state, train, test and approve."""

from __future__ import annotations

import random

import pyarrow as pa

from goldenbatch.core.batches import BatchCreated, SampleTaken
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.core.series import Frame, frame_schema

PASSWORD = "a long password"
START = 1_700_000_000_000_000
DAY = 86_400_000_000
PLACE = "site/fermentation"
TEMP, PH = f"{PLACE}/temp", f"{PLACE}/ph"
PEOPLE = {
    "dev": "process_engineer",
    "sme": "process_engineer",
    "sel": "process_engineer",
    "tess": "quality_reviewer",
    "quinn": "quality_reviewer",
    "qa": "quality_reviewer",
}
N_BATCHES, N_SAMPLES = 24, 3
DATA = {"attribute": "assay", "inputs": [TEMP, PH], "strata": ["line"]}
USE = "assay"
CUT_AT = START + 12 * DAY
"""From then on are the last 12 batches."""


def frame(tag, rows):
    schema = frame_schema("number")
    columns = [
        pa.array([time for time, _ in rows], pa.int64()).cast(schema.field("time").type),
        pa.array([tag] * len(rows), pa.string()),
        pa.array([value for _, value in rows], pa.float64()),
        pa.array([0] * len(rows), pa.int64()),
    ]
    table = pa.Table.from_arrays(columns, schema=schema)
    return Frame("test", f"{tag}", "number", table, received_at=START)


def fill(site, slope=2.0, n_batches=N_BATCHES):
    """Batches whose assay follows temperature and pH, with an error of 0.5."""
    rng = random.Random(7)
    events, temps, phs = [], [], []
    for n in range(n_batches):
        batch, at = f"B{n:02d}", START + n * DAY
        line = "line 1" if n % 2 else "line 2"
        created = BatchCreated(
            batch=batch, product="P", place=PLACE, attributes={"line": line}, started_at=at
        )
        events.append(NewEvent(f"batch/{batch}", created, 0, "test"))
        for k in range(N_SAMPLES):
            time, sample = at + k * 3_600_000_000, f"{batch}/{k}"
            temp, ph = rng.uniform(35, 39), rng.uniform(6.5, 7.5)
            value = 20 + slope * temp - 5 * ph + rng.gauss(0, 0.5)
            temps.append((time, temp))
            phs.append((time, ph))
            taken = SampleTaken(sample=sample, batch=batch, taken_at=time)
            results = tuple(
                Result(test=name, attribute=name, value=f"{number:.3f}", unit="g/L")
                for name, number in (("assay", value), ("at_line", value + rng.gauss(0, 2)))
            )
            reported = ResultsReported(sample=sample, batch=batch, results=results)
            events.append(NewEvent(f"sample/{sample}", taken, 0, "test"))
            events.append(NewEvent(f"sample/{sample}", reported, 1, "test"))
    site.ledger.append(events)
    site.historian.write(frame(TEMP, temps))
    site.historian.write(frame(PH, phs))


def people(site):
    for login, role in PEOPLE.items():
        site.people.add(login, login.title(), PASSWORD)
        site.people.grant(login, role, "test")


def act(site, name, login, **values):
    return site.acts.act(f"governance.{name}", values, login, PASSWORD)


def uid(site, login):
    return site.people.find(login).uid


CRITERIA = (
    {"measure": "rmse", "relation": "at_most", "limit": 1.0},
    {"measure": "rmse", "subgroup": "line 1", "relation": "at_most", "limit": 1.5},
    {"measure": "rmse_ratio_to_practice", "relation": "at_most", "limit": 1.0},
    {"measure": "rmse_ratio_to_baseline", "relation": "at_most", "limit": 0.7},
    {"measure": "coverage", "relation": "at_least", "limit": 0.6, "confidence": 0.9},
)
INTENDED = {
    "purpose": "says the assay of broth between samples",
    "criticality": "critical",
    "risk_record": "RA-7",
    "context": {"products": ["P"], "places": [PLACE], "site": "Site A"},
    "inputs": [{"name": TEMP, "unit": "Cel", "lower": 34, "upper": 40}, {"name": PH}],
    "output": "assay",
    "output_unit": "g/L",
    "replaces": "the at-line test",
    "contingency": "sample and assay in the laboratory",
    "subgroups": ["line 1", "line 2"],
}
SELECT = {
    "use": USE,
    "title": "Newest batches of both lines",
    "why": "the newest eight batches, of both lines",
    "origin": "measured",
    "labels": {"by": "QC laboratory", "how": "HPLC with a second analyst"},
}


def select(site, test_set="T1", login="sel", data=None, cut=None, **more):
    values = {
        **SELECT,
        "test_set": test_set,
        "cut": cut or {"split": "time", "at": CUT_AT},
        **more,
    }
    if "file" not in values:
        values["data"] = data or {**DATA, "baseline": "last_result", "practice": "at_line"}
    return act(site, "select", login, **values)


def seal(site, test_set="T1", login="sel", **more):
    select(site, test_set, login)
    return act(site, "seal", login, test_set=test_set, **more)


def to_criteria(site, version=1, criteria=CRITERIA, **draft):
    at = {"use": USE, "version": version}
    values = {**at, "title": "Assay", "owner": "process development", "method": "linear", **draft}
    act(site, "draft", "dev", **values)
    act(site, "intend", "sme", **at, intended=INTENDED)
    act(site, "criteria", "qa", **at, criteria=criteria, n_least=6, reason="as good as at-line")
    return at


def to_sealed(site, version=1, test_set="T1", **more):
    at = to_criteria(site, version, **more)
    act(site, "bind", "qa", **at, test_set=test_set)
    return at


def train(site, at, login="dev", **more):
    values = {"trainer": "governance.linear", "settings": {}, "data": DATA, **more}
    return act(site, "train", login, **at, **values)


def unseal(site, at, test_set="T1", asker="tess", approver="quinn"):
    act(site, "unseal-ask", asker, **at, reason="first test")
    return act(site, "unseal", approver, test_set=test_set)
