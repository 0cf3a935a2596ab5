"""The plan of a product's process validation: which batches qualified it, and what is reviewed.

References:
    FDA, Process Validation: General Principles and Practices (January 2011); EU GMP Annex 15
    (2015), 5; EMA/CHMP/CVMP/QWP/BWP/70278/2012-Rev1.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core._periods import Period
from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError, NotFoundError


class LifecyclePlan(BaseModel):
    """What a lifecycle report is made of; a file of its own, fixed before the batches are seen.

    Attributes:
        schema_: Form of the file.
        version: Of the plan.
        product: Code of the product.
        recipe: Recipe whose parameters are its process; empty: the newest master recipe of it.
        qualification: Batches of the process performance qualification (stage 2).
        attributes: Quality attributes that are judged; none: all critical ones of the plant.
        limits: Kind of limit that they are held to.
        min_batches: Fewest qualification batches.
        share: Of all future batches that tolerance limits are to hold.
        confidence: Of tolerance limits and of the intervals of indices.
        min_ppk: Lowest acceptable lower end of the interval of Ppk in continued verification.
        charts: Name of the adopted analyst `monitoring.charts` that watches it; empty: none.
        yield_attribute: Attribute that is its yield; empty: none.
        place: Unit whose effectiveness is reported; empty: none.
        planned_batch_hours: Planned run time of a batch there.
        review_every: Period (ISO 8601) within which stage 3 is reviewed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["goldenbatch/lifecycle/1"] = Field(alias="schema")
    version: str = Field(min_length=1)
    product: str = Field(min_length=1)
    recipe: str = ""
    qualification: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    limits: Literal["release", "shelf_life", "action"] = "release"
    min_batches: int = Field(default=3, ge=1)
    share: float = Field(default=0.95, gt=0.5, lt=1)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    min_ppk: float = Field(default=1.0, gt=0)
    charts: str = ""
    yield_attribute: str = ""
    place: str = ""
    planned_batch_hours: float = Field(default=0.0, ge=0)
    review_every: str = "P3M"

    @field_validator("review_every")
    @classmethod
    def _is_period(cls, text: str) -> str:
        Period.parse(text)
        return text

    @model_validator(mode="after")
    def _knows_the_pace(self) -> LifecyclePlan:
        if self.place and not self.planned_batch_hours:
            raise ValueError("place needs planned_batch_hours: effectiveness is held to it")
        return self

    def digest(self) -> str:
        """SHA-256 of the canonical text of the plan; comments do not count."""
        values = self.model_dump(mode="json", by_alias=True)
        values = {key: repr(one) if key in _FLOATS else one for key, one in values.items()}
        return hashlib.sha256(canonical_text(values).encode("ascii")).hexdigest()


def load_plan(path: Path) -> LifecyclePlan:
    """Read a plan from a TOML file.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It is no plan; file, line and key are named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFoundError(f"plan {path} cannot be opened: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"plan {path} is no text in UTF-8: {error}.") from error
    return read_plan(text, str(path))


def read_plan(text: str, file: str = "") -> LifecyclePlan:
    """Read a plan from TOML.

    Raises:
        BadInputError: It is no plan; file, line and key are named.
    """
    data = read_toml(text, file)
    data = {
        key: float(value) if key in _FLOATS and isinstance(value, Decimal | float) else value
        for key, value in data.items()
    }
    try:
        return LifecyclePlan.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


_FLOATS = {"share", "confidence", "min_ppk", "planned_batch_hours"}
