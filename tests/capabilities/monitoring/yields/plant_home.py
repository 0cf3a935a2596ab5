"""A home of a plant whose causes are known: force within products, water of the lot."""

import numpy as np
import pyarrow as pa

from goldenbatch.core.batches import (
    BatchCreated,
    BatchEnded,
    LotRegistered,
    MaterialConsumed,
    PhaseEnded,
    PhaseStarted,
)
from goldenbatch.core.equipment import EquipmentStatus, EquipmentStatusChanged
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.core.series import Frame, frame_schema

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_700_000_000_000_000
PRESS = "site/tabletting/press"
FORCE, ROOM = f"{PRESS}/force", "site/tabletting/temperature"
PLANT = f"""name = "tablets"
version = "1"
places = [
  {{ path = "site", level = "site" }}, {{ path = "site/tabletting", level = "area" }},
  {{ path = "{PRESS}", level = "unit" }},
]
tags = [
  {{ place = "{PRESS}", signal = "force", unit = "kN" }},
  {{ place = "site/tabletting", signal = "temperature", unit = "Cel" }},
]
[[products]]
code = "P"
[[products.attributes]]
name = "impurity"
unit = "%"
limits = [{{ kind = "release", upper = "0.50", unit = "%" }}]
[[products]]
code = "Q"
"""


def results(sample, batch="", lot="", **values):
    """A report of numbers, all of unit %."""
    found = tuple(
        Result(test=name, attribute=name, value=f"{value:.4f}", unit="%")
        for name, value in values.items()
    )
    material = "api" if lot else ""
    body = ResultsReported(sample=sample, batch=batch, material=material, lot=lot, results=found)
    return NewEvent(f"sample/{sample}", body, 0, "test")


def readings(site, tag, rows, key):
    """Numbers of a tag, (time, value) each, as one frame."""
    times, values = zip(*rows, strict=True)
    table = pa.table(
        [
            pa.array(times, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            pa.array([tag] * len(rows)),
            pa.array(values, pa.float64()),
            pa.array([0] * len(rows)),
        ],
        schema=frame_schema("number"),
    )
    site.historian.write(Frame("test", key, "number", table, START))


def made(n=160, seed=0, first=0, shift=0.0, effect=1.0):
    """Batches as (name, product, start, lot, force, water, idle, yield); four of a lot."""
    draw = np.random.default_rng(seed)
    water = draw.normal(size=n // 4 + 1)
    rows = []
    for i in range(n):
        product = "PQ"[i % 2]
        force = 10.0 + 5.0 * (product == "Q") + draw.normal() + shift
        own = force - 10.0 - 5.0 * (product == "Q")
        found = 92 + 6.0 * (product == "Q") - effect * (1.5 * own - 1.2 * water[i // 4])
        at = START + (first + i) * DAY
        lot = f"L{first}-{i // 4}"
        rows.append(
            (f"b{first + i}", product, at, lot, force, water[i // 4], draw.normal(),
             found + 0.8 * draw.normal())
        )  # fmt: skip
    return rows


def report(site, rows):
    """Write batches with lots, a phase, results and yields, in one append."""
    events, lots = [], set()
    for name, product, at, lot, force, water, idle, found in rows:
        if lot not in lots:
            lots.add(lot)
            registered = LotRegistered(material="api", lot=lot)
            events += [
                NewEvent(f"lot/api/{lot}", registered, 0, "test"),
                results(f"api/{lot}", lot=lot, water=water),
            ]
        stream = f"batch/{name}"
        run = {"batch": name, "place": PRESS, "phase": "compression"}
        bodies = [
            BatchCreated(batch=name, product=product, started_at=at, place="site/tabletting"),
            MaterialConsumed(batch=name, material="api", lot=lot),
            PhaseStarted(**run, at=at + HOUR),
            PhaseEnded(**run, at=at + 5 * HOUR),
            BatchEnded(batch=name, ended_at=at + 6 * HOUR, outcome="completed"),
        ]
        events += [NewEvent(stream, body, k, "test") for k, body in enumerate(bodies)]
        events.append(results(f"{name}/core", name, hardness=force, idle=idle))
        events.append(results(f"{name}/yield", name, batch_yield=found))
    site.ledger.append(events)


def status(site, place, at, value):
    """A change of status of equipment."""
    stream = f"equipment/{place}"
    body = EquipmentStatusChanged(
        place=place, status=EquipmentStatus(value), at=at, reason="as planned"
    )
    site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), "test")])


SETTINGS = {
    "target": "batch_yield",
    "whole": "api",
    "attributes": ["hardness", "idle"],
    "block": "week",
    "n_reference": 20,
    "in_control_arl": 2000,
}
