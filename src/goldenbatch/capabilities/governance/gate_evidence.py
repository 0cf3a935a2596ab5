"""Evidence that the gate judges by: plain numbers and names, kept whole and hashed."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.core.records import Micros

Finite = Annotated[float, Field(allow_inf_nan=False)]
Size = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Link(_Part):
    """One version of the chain from the followed version back to the original.

    Attributes:
        basis: Basis of its approval; empty: it is not approved.
        plan: Plan under which it was an update, `id@version`; empty: none.
        judged: Newest judgement of its artefact; empty: none.
    """

    version: int = Field(ge=1)
    follows: int = Field(ge=0)
    basis: Literal["", "first", "in_plan", "change_control"] = ""
    plan: str = ""
    judged: str = ""


class Travel(_Part):
    """Distance of the new version from another one on the reference set."""

    rms: Size
    largest: Size
    n_rows: int = Field(ge=1)


class ParameterMove(_Part):
    """A coefficient, limit or threshold in three versions; None: it has none."""

    name: str
    original: Finite | None = None
    old: Finite | None = None
    new: Finite | None = None


class PairedFigure(_Part):
    """A comparison of the new version with another on the same opened rows.

    Attributes:
        criterion: Id of the plan's criterion.
        against: Version that it is with.
        upper: One-sided bound of the difference; None: the groups are too alike to tell.
    """

    criterion: str
    against: Literal["active", "original"]
    measure: str
    new: Size
    old: Size
    difference: Finite
    upper: Finite | None
    confidence: float = Field(ge=0.5, lt=1)
    n_rows: int = Field(ge=0)
    n_groups: int = Field(ge=0)
    method: str = ""
    seed: int = 0


class ShadowFigure(_Part):
    """How long the candidate ran beside the active version."""

    days: Size
    n_batches: int = Field(ge=0)


class SensorStated(_Part):
    """A sensor that was put in, as its record says."""

    inputs: tuple[str, ...] = Field(min_length=1)
    type: str
    serial: str
    record: str = Field(min_length=1)


class GateEvidence(_Part):
    """All that the gate knows beside the two versions and the plan.

    Attributes:
        at: When it was gathered.
        plan_state: `in force`, or why the plan is not.
        active: Version that serves; where none does, the one that the draft follows.
        chain: From the followed version back to the original.
        products: Products of the training batches; None: not known.
        phases: Phases of the training data; None: not known, or not told apart.
        tags: Tags of the historian that the training data are of; None: not known.
        old_inputs: Inputs of the followed version's artefact, in order; None: not known.
        new_inputs: Inputs of the new one's.
        reference: Digest of the reference set that distances were measured on.
        to_active: Distance from the active version; None: not measured.
        to_original: Distance from the original.
        path_rms: Sum of all steps of the chain, this one included.
        parameters: The numbers that the plan names.
        comparisons: On the rows of the opened test set.
        n_openings: How often the test set was opened in all, this time included.
        n_test_rows: Rows that were tested.
        n_test_groups: Independent groups among them.
        shadow: None: it never ran in shadow.
        sensor: Sensor that was stated with the judgement.
        missing: What could not be gathered, and why.
    """

    at: Micros
    plan_state: str
    active: int = Field(ge=1)
    chain: tuple[Link, ...] = ()
    products: tuple[str, ...] | None = None
    phases: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    old_inputs: tuple[str, ...] | None = None
    new_inputs: tuple[str, ...] | None = None
    reference: str = ""
    to_active: Travel | None = None
    to_original: Travel | None = None
    path_rms: Size | None = None
    parameters: tuple[ParameterMove, ...] = ()
    comparisons: tuple[PairedFigure, ...] = ()
    n_openings: int | None = None
    n_test_rows: int = Field(default=0, ge=0)
    n_test_groups: int = Field(default=0, ge=0)
    shadow: ShadowFigure | None = None
    sensor: SensorStated | None = None
    missing: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Canonical JSON: the same evidence gives the same bytes, on any machine."""
        plain = self.model_dump(mode="json")
        text = json.dumps(
            plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
        )
        return text.encode("ascii")

    def digest(self) -> str:
        """SHA-256 of the bytes."""
        return hashlib.sha256(self.to_bytes()).hexdigest()
