"""Batches: what was made, when, where and from what; lots, samples and equipment status.

The streams are `batch/<batch>`, `lot/<material>/<lot>`, `sample/<sample>` and
`equipment/<place>`. Nothing is overwritten: a correction is an event of its own that names
the old value and why. The fold of one stream stands in `goldenbatch.core.batch_state`, the
status of equipment in `goldenbatch.core.equipment`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from goldenbatch.core._entries import QUANTITY_PATTERN, as_json_text, changed, check_entry
from goldenbatch.core.equipment import EQUIPMENT, EquipmentStatus, EquipmentStatusChanged
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type

__all__ = [
    "BATCHES",
    "EQUIPMENT",
    "GENEALOGY",
    "LOTS",
    "PHASES",
    "PROJECTIONS",
    "SAMPLES",
    "BatchCorrected",
    "BatchCreated",
    "BatchEnded",
    "ConsumptionCorrected",
    "EquipmentStatus",
    "EquipmentStatusChanged",
    "LotCorrected",
    "LotRegistered",
    "MaterialConsumed",
    "PhaseCorrected",
    "PhaseEnded",
    "PhaseStarted",
    "QuantityText",
    "SampleCorrected",
    "SampleTaken",
    "as_json_text",
]

QuantityText = Annotated[str, Field(pattern=QUANTITY_PATTERN)]
"""A number with its digits as entered and a UCUM unit, as `"240000 {tbl}"`, or empty."""

Name = Annotated[str, Field(min_length=1, max_length=180, pattern=r"^[^\x00-\x1f\x7f]+$")]
Reason = Annotated[str, Field(min_length=1, description="Why; required of every correction.")]


@record_type
class BatchCreated(Body):
    """A batch came into being, pinned to the versions of master data it is made with."""

    batch: Name = Field(description="Identifier of the batch, as the plant writes it.")
    product: Name
    recipe: str = Field(default="", description="Recipe that it is made by, or empty.")
    size: QuantityText = Field(default="", description="Batch size with unit.")
    place: str = Field(default="", description="Path of the place where it is made.")
    started_at: Micros | None = Field(default=None, description="Start, where one is known.")
    attributes: dict[str, str] = Field(default_factory=dict, description="Further properties.")
    pinned: dict[str, str] = Field(
        default_factory=dict, description="Master data to the version and digest in force."
    )


@record_type
class BatchEnded(Body):
    """The making of a batch ended."""

    batch: Name
    ended_at: Micros
    outcome: Literal["completed", "aborted"]


@record_type
class BatchCorrected(Body):
    """An entry of a batch's head was wrong; the fields are those of `BatchCreated`."""

    batch: Name
    field: str = Field(
        pattern=r"^(product|recipe|size|place|started_at|ended_at|outcome|attributes\..+)$",
        description="Which entry; `attributes.<name>` for one of the attributes.",
    )
    old: str
    new: str
    reason: Reason

    @model_validator(mode="after")
    def _fits_its_field(self) -> BatchCorrected:
        check_entry(self.field, self.new)
        return self


class _PhaseRun(Body):
    """Which run of which phase, and when."""

    batch: Name
    place: str = Field(description="Path of the place where the phase ran.")
    phase: Name
    run: int = Field(default=1, ge=1, description="Number of the run of the phase at the place.")
    at: Micros


@record_type
class PhaseStarted(_PhaseRun):
    """A run of a phase started."""


@record_type
class PhaseEnded(_PhaseRun):
    """A run of a phase ended."""


@record_type
class PhaseCorrected(Body):
    """The recorded start or end of a run of a phase was wrong."""

    batch: Name
    place: str
    phase: Name
    run: int = Field(default=1, ge=1)
    field: Literal["started_at", "ended_at"]
    old: Micros
    new: Micros
    reason: Reason


@record_type
class MaterialConsumed(Body):
    """A quantity of a lot of material went into a batch."""

    batch: Name
    material: Name
    lot: Name
    quantity: QuantityText = ""


@record_type
class ConsumptionCorrected(Body):
    """A recorded consumption was wrong: another lot or quantity, or none at all."""

    batch: Name
    entry: int = Field(ge=1, description="Version of the consumption's event in the stream.")
    old: tuple[str, str, str] = Field(description="Material, lot and quantity as recorded.")
    new: tuple[str, str, str] | None = Field(
        description="Material, lot and quantity that went in; none: nothing did."
    )
    reason: Reason


@record_type
class LotRegistered(Body):
    """An identified quantity of material was received or made."""

    material: Name
    lot: Name
    supplier: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)


@record_type
class LotCorrected(Body):
    """An entry of a lot was wrong."""

    material: Name
    lot: Name
    field: str = Field(pattern=r"^(supplier|attributes\..+)$")
    old: str
    new: str
    reason: Reason


@record_type
class SampleTaken(Body):
    """A physical sample was taken, of a batch or of a lot of material."""

    sample: Name
    batch: str = ""
    material: str = ""
    lot: str = ""
    point: str = Field(default="", description="Sampling point.")
    plan: str = Field(default="", description="Sampling plan and its version.")
    taken_at: Micros | None = None
    container: str = ""
    taken_by: str = Field(default="", description="Opaque uid of who took it.")


@record_type
class SampleCorrected(Body):
    """An entry of a sample was wrong."""

    sample: Name
    field: Literal["batch", "material", "lot", "point", "plan", "taken_at", "container", "taken_by"]
    old: str
    new: str
    reason: Reason

    @model_validator(mode="after")
    def _fits_its_field(self) -> SampleCorrected:
        check_entry(self.field, self.new)
        return self


Lookup = Callable[[tuple[Any, ...]], Row | None]


def _fold_batch(event: Event, lookup: Lookup) -> list[Row]:
    body, version = event.decode(), event.envelope.version
    if isinstance(body, BatchCreated):
        row = body.model_dump(exclude={"attributes", "pinned"})
        row |= {"ended_at": None, "outcome": "", "stream_version": version}
        row |= {"attributes": as_json_text(body.attributes), "pinned": as_json_text(body.pinned)}
        return [row]
    if not isinstance(body, BatchEnded | BatchCorrected):
        return []
    row_before = lookup((body.batch,))
    if row_before is None:
        return []
    if isinstance(body, BatchCorrected):
        return [changed(row_before, body.field, body.new, version)]
    ended = {"ended_at": body.ended_at, "outcome": body.outcome, "stream_version": version}
    return [{**row_before, **ended}]


BATCHES = Projection(
    name="batch",
    version=1,
    columns={
        "batch": "TEXT",
        "product": "TEXT",
        "recipe": "TEXT",
        "size": "TEXT",
        "place": "TEXT",
        "started_at": "INTEGER",
        "ended_at": "INTEGER",
        "outcome": "TEXT",
        "attributes": "TEXT",
        "pinned": "TEXT",
        "stream_version": "INTEGER",
    },
    key=("batch",),
    kinds=frozenset({"BatchCreated", "BatchEnded", "BatchCorrected"}),
    fold=_fold_batch,
    indexes=(("product", "started_at"), ("place", "started_at")),
)
"""One row a batch; `attributes` and `pinned` are JSON objects as text."""


def _fold_phase(event: Event, lookup: Lookup) -> list[Row]:
    body = event.decode()
    if not isinstance(body, PhaseStarted | PhaseEnded | PhaseCorrected):
        return []
    key = (body.batch, body.place, body.phase, body.run)
    empty = dict(zip(PHASES.key, key, strict=True)) | {"started_at": None, "ended_at": None}
    row = lookup(key) or empty
    if isinstance(body, PhaseCorrected):
        change: Row = {body.field: body.new}
    else:
        change = {"started_at" if isinstance(body, PhaseStarted) else "ended_at": body.at}
    return [{**row, **change, "stream_version": event.envelope.version}]


PHASES = Projection(
    name="phase",
    version=1,
    columns={
        "batch": "TEXT",
        "place": "TEXT",
        "phase": "TEXT",
        "run": "INTEGER",
        "started_at": "INTEGER",
        "ended_at": "INTEGER",
        "stream_version": "INTEGER",
    },
    key=("batch", "place", "phase", "run"),
    kinds=frozenset({"PhaseStarted", "PhaseEnded", "PhaseCorrected"}),
    fold=_fold_phase,
    indexes=(("place", "started_at"),),
)
"""One row a run of a phase at a place; `ended_at` is empty while it runs."""


def _fold_genealogy(event: Event, lookup: Lookup) -> list[Row]:
    body, version = event.decode(), event.envelope.version
    if isinstance(body, MaterialConsumed):
        row = {**body.model_dump(), "entry": version, "status": "consumed"}
        return [{**row, "stream_version": version}]
    if not isinstance(body, ConsumptionCorrected):
        return []
    row_before = lookup((body.batch, body.entry))
    if row_before is None:
        return []
    if body.new is None:
        return [{**row_before, "status": "withdrawn", "stream_version": version}]
    material, lot, quantity = body.new
    new = {"material": material, "lot": lot, "quantity": quantity, "status": "consumed"}
    return [{**row_before, **new, "stream_version": version}]


GENEALOGY = Projection(
    name="genealogy",
    version=1,
    columns={
        "batch": "TEXT",
        "entry": "INTEGER",
        "material": "TEXT",
        "lot": "TEXT",
        "quantity": "TEXT",
        "status": "TEXT",
        "stream_version": "INTEGER",
    },
    key=("batch", "entry"),
    kinds=frozenset({"MaterialConsumed", "ConsumptionCorrected"}),
    fold=_fold_genealogy,
    indexes=(("batch", "material", "lot"), ("material", "lot")),
)
"""One row a consumption; `entry` is its event's version; status consumed or withdrawn."""


def _fold_lot(event: Event, lookup: Lookup) -> list[Row]:
    body, version = event.decode(), event.envelope.version
    if isinstance(body, LotRegistered):
        row = body.model_dump(exclude={"attributes"})
        row |= {"attributes": as_json_text(body.attributes), "stream_version": version}
        return [{**row, "registered_at": event.envelope.recorded_at}]
    if not isinstance(body, LotCorrected):
        return []
    row_before = lookup((body.material, body.lot))
    return [changed(row_before, body.field, body.new, version)] if row_before else []


LOTS = Projection(
    name="lot",
    version=1,
    columns={
        "material": "TEXT",
        "lot": "TEXT",
        "supplier": "TEXT",
        "attributes": "TEXT",
        "registered_at": "INTEGER",
        "stream_version": "INTEGER",
    },
    key=("material", "lot"),
    kinds=frozenset({"LotRegistered", "LotCorrected"}),
    fold=_fold_lot,
)
"""One row a lot of material; `attributes` is a JSON object as text."""


def _fold_sample(event: Event, lookup: Lookup) -> list[Row]:
    body, version = event.decode(), event.envelope.version
    if isinstance(body, SampleTaken):
        return [{**body.model_dump(), "stream_version": version}]
    if not isinstance(body, SampleCorrected):
        return []
    row_before = lookup((body.sample,))
    return [changed(row_before, body.field, body.new, version)] if row_before else []


SAMPLES = Projection(
    name="sample",
    version=1,
    columns={
        "sample": "TEXT",
        "batch": "TEXT",
        "material": "TEXT",
        "lot": "TEXT",
        "point": "TEXT",
        "plan": "TEXT",
        "taken_at": "INTEGER",
        "container": "TEXT",
        "taken_by": "TEXT",
        "stream_version": "INTEGER",
    },
    key=("sample",),
    kinds=frozenset({"SampleTaken", "SampleCorrected"}),
    fold=_fold_sample,
    indexes=(("batch",), ("material", "lot")),
)
"""One row a physical sample."""


PROJECTIONS = (BATCHES, PHASES, GENEALOGY, LOTS, SAMPLES, EQUIPMENT)
"""All projections of this module."""
