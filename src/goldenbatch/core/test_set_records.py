"""Events of a sealed test set: selected, sealed, opened by two people, read, retired.

A set has a stream of its own, `test-set/<id>`. Its rows lie encrypted in the registry; the
events say what they are, who chose them, and who has seen them.

References:
    EU GMP Annex 22, draft of July 2025, 5.1 to 5.6 and 6.1 to 6.5.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.core.model_card import DIGEST, USE_PATTERN, DataUsed
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import Body, DataClass, Micros, record_type

PREFIX: Final = "test-set/"
ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"
Split = Literal["time", "lot", "equipment", "random"]


def sealed_set_stream(test_set: str) -> str:
    """Stream of a test set."""
    return f"{PREFIX}{test_set}"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cut(_Part):
    """What divides the test set from everything that may be trained on.

    Attributes:
        split: Along what.
        at: For `time`: the set is what was taken from then on.
        until: For `time`: and before this; None: no end.
        lots: For `lot`: lots of materials, `material/lot`, or batches, `batch/<id>`.
        places: For `equipment`: places.
        share: For `random`: share of the groups.
        seed: For `random`: of the draw.
    """

    split: Split
    at: Micros | None = None
    until: Micros | None = None
    lots: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    share: float | None = Field(default=None, gt=0, lt=1)
    seed: int | None = None

    @model_validator(mode="after")
    def _names_its_cut(self) -> Cut:
        told: dict[str, object] = {
            "time": self.at,
            "lot": self.lots,
            "equipment": self.places,
            "random": self.share if self.seed is not None else None,
        }
        if told[self.split] in (None, ()):
            wanted = {"time": "`at`", "lot": "`lots`", "equipment": "`places`"}
            what = wanted.get(self.split, "`share` and `seed`")
            raise ValueError(f"a split by {self.split} says {what}")
        return self


class Stratum(_Part):
    """A subgroup of a test set.

    Attributes:
        name: As the intended use names it.
        n: Rows of it.
        n_independent: Independent groups that they come from.
    """

    name: str = Field(min_length=1)
    n: int = Field(ge=1)
    n_independent: int = Field(ge=1)


class Exclusion(_Part):
    """Something that was left out of a set, and why.

    Attributes:
        what: Sample or row.
        reason: Why; "it did not fit" is none.
    """

    what: str = Field(min_length=1)
    reason: str = Field(min_length=10)


class LabelCheck(_Part):
    """Who verified the reference results, and how.

    Attributes:
        by: Person or laboratory; not the model's developer.
        how: Method, second analyst, or reference standard.
    """

    by: str = Field(min_length=1)
    how: str = Field(min_length=10)


class _TestSetBody(Body):
    """Base of the events of a test set."""

    __test__: ClassVar[bool] = False
    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL

    test_set: str = Field(pattern=ID_PATTERN, description="Id of the set.")


@record_type
class TestSetSelected(_TestSetBody):
    """Rows were selected for a test and put under lock at once.

    Attributes:
        use: Intended use that they are for.
        title: For people.
        cut: What divides them from the training.
        why: Why they stand for what the model will meet.
        strata: Subgroups with their numbers.
        labels: Check of the reference results.
        origin: Rows are measured; what a model generated is refused.
        source: The home itself, or a file by its name and digest.
        exclusions: What was left out, each with its reason.
        data: What they are, by content; its row digests are keyed with the home's key.
        n_rows: Number of rows.
        n_independent: Independent groups that they come from (batches, lots, or rows).
        digest: SHA-256 of the sealed rows as they lie in the registry.
        media_type: Of them.
        key: Id of the key that they are sealed with.
        inputs: Names of the inputs, in order.
        output: What the reference is of.
        output_unit: UCUM code of it.
        baseline: What the naive baseline beside each row is; empty: the training's mean.
        practice: What the present practice beside each row is; empty: none.
    """

    use: str = Field(pattern=USE_PATTERN)
    title: str = Field(min_length=1)
    cut: Cut
    why: str = Field(min_length=10)
    strata: tuple[Stratum, ...] = ()
    labels: LabelCheck
    origin: Literal["measured"] = "measured"
    source: str = Field(min_length=1)
    exclusions: tuple[Exclusion, ...] = ()
    data: DataUsed
    n_rows: int = Field(ge=1)
    n_independent: int = Field(ge=1)
    digest: str = Field(pattern=DIGEST)
    media_type: str = Field(min_length=1)
    key: str = Field(min_length=1)
    inputs: tuple[str, ...] = Field(min_length=1)
    output: str = Field(min_length=1)
    output_unit: str = "1"
    baseline: str = ""
    practice: str = ""

    @model_validator(mode="after")
    def _counts_are_true(self) -> TestSetSelected:
        if self.n_independent > self.n_rows:
            raise ValueError("there are no more independent groups than rows")
        return self


@record_type
class TestSetSealed(_TestSetBody):
    """Who selected a set sealed it; signed with it, as performed.

    Attributes:
        digest: SHA-256 of the sealed rows.
        random_reason: Why a random split will do, where the split is one.
        four_eyes: Why who selected it may train beside a second person who has not seen it;
            empty: they may not.
    """

    signed_as: ClassVar[str] = Meaning.PERFORMED.value

    digest: str = Field(pattern=DIGEST)
    random_reason: str = ""
    four_eyes: str = ""


@record_type
class UnsealingAsked(_TestSetBody):
    """A tester asked to open a set for one frozen artefact; signed with it, as performed.

    Attributes:
        use: Use of the version that is to be tested.
        version: The version.
        artefact: SHA-256 of its frozen artefact: one that is trained again needs a new opening.
        reason: Why.
    """

    signed_as: ClassVar[str] = Meaning.PERFORMED.value

    use: str = Field(pattern=USE_PATTERN)
    version: int = Field(ge=1)
    artefact: str = Field(pattern=DIGEST)
    reason: str = Field(min_length=1)


@record_type
class UnsealingApproved(_TestSetBody):
    """A second person let a set be opened; signed with it, as verified.

    Attributes:
        use: Use of the version that is to be tested.
        version: The version.
        artefact: SHA-256 of its frozen artefact.
        asked: What they let happen, `stream@version`.
    """

    signed_as: ClassVar[str] = Meaning.VERIFIED.value

    use: str = Field(pattern=USE_PATTERN)
    version: int = Field(ge=1)
    artefact: str = Field(pattern=DIGEST)
    asked: str = Field(min_length=1)


@record_type
class TestSetRead(_TestSetBody):
    """Somebody was given the rows of a set: written before they got them.

    Attributes:
        use: Use of the version that was tested.
        version: The version.
        opening: The approval that allows it, `stream@version`.
        digest: SHA-256 of the sealed rows that were given.
        purpose: What for.
    """

    use: str = Field(pattern=USE_PATTERN)
    version: int = Field(ge=1)
    opening: str = Field(min_length=1)
    digest: str = Field(pattern=DIGEST)
    purpose: str = Field(min_length=1)


@record_type
class TestSetRetired(_TestSetBody):
    """A set will not be opened again: it was used too often, or is not representative any more.

    Attributes:
        reason: Why.
    """

    reason: str = Field(min_length=1)
