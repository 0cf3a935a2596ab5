"""Protocol of a change plan: how an update is made, tested, accepted and brought in.

References:
    FDA, Predetermined Change Control Plan (December 2024), VII; EU GMP Annex 22, draft of July
    2025, 4 to 7.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.core.change_plan_parts import Name, Positive, Words


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataManagement(_Part):
    """How data for an update are collected, and kept apart.

    Attributes:
        collection: Where data come from and what is left out.
        reference: The reference method, and how its values are checked.
        test_set: Every update is tested on a set never opened before, or on one that is re-used.
        most_openings: How often a re-used set may be opened in all; 1 for a fresh one.
        least_rows: Least number of test rows.
        least_groups: Least number of independent groups among them.
        groups: What is independent: batches or lots.
    """

    collection: Words
    reference: Words
    test_set: Literal["fresh", "reuse"]
    most_openings: int = Field(default=1, ge=1, le=20)
    least_rows: int = Field(ge=2)
    least_groups: int = Field(ge=4)
    groups: Literal["batch", "lot"] = "batch"

    @model_validator(mode="after")
    def _counts_openings(self) -> DataManagement:
        if self.test_set == "fresh" and self.most_openings != 1:
            raise ValueError("a fresh test set is opened once: most_openings is 1")
        if self.test_set == "reuse" and self.most_openings < 2:
            raise ValueError("a set that is re-used is opened twice at least: say most_openings")
        return self


class Training(_Part):
    """How an update is trained.

    Attributes:
        objective: What it is to reach.
        procedure: How; what stays fixed.
    """

    objective: Words
    procedure: Words


class ProtocolStep(_Part):
    """One step of the modification protocol, so that risks and changes can point to it.

    Attributes:
        id: How the trace matrix names it.
        part: Part of the protocol; there is a step of each.
        text: In words.
    """

    id: Name
    part: Literal["data", "training", "test", "update"]
    text: Words


class Acceptance(_Part):
    """One acceptance criterion of the plan.

    Attributes:
        id: How the judgement names it.
        kind: An absolute limit, or non-inferiority on the same rows.
        measure: Such as `rmse`; of a comparison `rmse`, `mae` or `bias`.
        subgroup: Subgroup of the intended use; empty: all rows.
        confidence: One-sided, of the bound that is held against limit or margin.
        relation: Of an absolute limit.
        limit: In the unit of the measure.
        against: Versions that a comparison is with.
        margin: How much worse is allowed, in the unit of the measure.
        modifications: Modifications that it is of; empty: all.
    """

    id: Name
    kind: Literal["absolute", "non_inferiority"]
    measure: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    subgroup: str = ""
    confidence: float = Field(ge=0.5, lt=1)
    relation: Literal["at_most", "at_least"] = "at_most"
    limit: float | None = Field(default=None, allow_inf_nan=False)
    against: tuple[Literal["active", "original"], ...] = ()
    margin: Positive | None = None
    modifications: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> Acceptance:
        if self.kind == "absolute":
            if self.limit is None or self.margin is not None or self.against:
                raise ValueError("an absolute criterion has a limit, no margin and no against")
            return self
        if self.margin is None or self.limit is not None or not self.against:
            raise ValueError("a non-inferiority criterion has a margin and against, and no limit")
        if self.measure not in ("rmse", "mae", "bias"):
            raise ValueError("a comparison is of rmse, mae or bias")
        return self


class UpdateProcedure(_Part):
    """How an accepted update is brought in.

    Attributes:
        signs: Roles of whom one signs its approval.
        roll_out: How it is put to work, and who is told.
        monitoring: What is watched afterwards.
        shadow_days: How long it runs in shadow beforehand.
        shadow_batches: Over how many batches.
        roll_back: What takes it back, and to what.
    """

    signs: tuple[str, ...] = Field(min_length=1)
    roll_out: Words
    monitoring: Words
    shadow_days: float = Field(ge=0, allow_inf_nan=False)
    shadow_batches: int = Field(ge=0)
    roll_back: Words


class Protocol(_Part):
    """Modification protocol: data, training, steps to trace, and what must be shown.

    Attributes:
        data: How data are collected and kept apart.
        training: How an update is trained.
        steps: Steps that risks and changes point to.
        acceptance: What must be shown; for each modification at least one absolute limit and a
            comparison with the active and with the original version.
    """

    data: DataManagement
    training: Training
    steps: tuple[ProtocolStep, ...] = Field(min_length=4)
    acceptance: tuple[Acceptance, ...] = Field(min_length=2)
