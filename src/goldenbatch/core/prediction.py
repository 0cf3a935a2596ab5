"""Predictions: what a model in use says, and the port through which every capability asks it.

A prediction is never silent: it carries the model and its version, an interval, what contributed,
whether the row lies in the domain, and the digest of the inputs (domain rule 7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from goldenbatch.core.series import Flags, Floats


@dataclass(frozen=True)
class ModelRef:
    """Which model in which version.

    Attributes:
        use: Name of the intended use, `model/<use>`.
        version: Version under that use, from 1.
        digest: SHA-256 of the artefact that serves.
    """

    use: str
    version: int
    digest: str

    def __str__(self) -> str:
        """Such as `sucrose@3 (1f2e3d4c5b6a)`."""
        return f"{self.use}@{self.version} ({self.digest[:12]})"


@dataclass(frozen=True)
class Prediction:
    """One prediction.

    Attributes:
        value: In the unit of the model's output; None where none can be made, and `reason` says.
        lower: Lower end of the interval, or None where the method gives none.
        upper: Upper end of it.
        confidence: Share of values that such intervals are to hold, 0..1.
        contributions: Input to what it adds to the value over the baseline, in its unit; empty
            where the method has no exact ones.
        is_in_domain: Whether the row lies within the context of use.
        reason: Why it is outside, or why there is none; empty else.
        model: The model that said it.
        input_digest: SHA-256 of the canonical bytes of the inputs.
    """

    value: float | None
    lower: float | None
    upper: float | None
    confidence: float | None
    contributions: Mapping[str, float]
    is_in_domain: bool
    reason: str
    model: ModelRef
    input_digest: str


@dataclass(frozen=True)
class PredictionBlock:
    """Predictions for a block of rows; each row equals, bit by bit, the row predicted alone.

    Attributes:
        values: Shape (n_rows,); NaN where none can be made.
        lower: Shape (n_rows,), NaN where unknown.
        upper: Shape (n_rows,), NaN where unknown.
        confidence: Of the intervals; None where the method gives none.
        contributions: Shape (n_rows, n_inputs), or None where there are no exact ones.
        is_in_domain: Shape (n_rows,).
        inputs: Names of the inputs, in the order of the columns.
        model: The model that said it.
        input_digest: SHA-256 of the canonical bytes of the whole block.
    """

    values: Floats
    lower: Floats
    upper: Floats
    confidence: float | None
    contributions: Floats | None
    is_in_domain: Flags
    inputs: tuple[str, ...]
    model: ModelRef
    input_digest: str


class ServedModel(Protocol):
    """A model that may serve: its artefact was checked against the approved digest and type."""

    @property
    def ref(self) -> ModelRef:
        """Which model in which version."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of its inputs, in order."""

    @property
    def unit(self) -> str:
        """UCUM code of the output."""

    def predict(self, rows: Floats) -> PredictionBlock:
        """Predict rows of shape (n_rows, n_inputs).

        Raises:
            BadInputError: The shape is not that of the inputs.
        """

    def predict_one(self, row: Mapping[str, float] | Sequence[float]) -> Prediction:
        """Predict one row, by names or in the order of the inputs."""


class ModelsPort(Protocol):
    """Models of a home that may serve."""

    def active(self, use: str) -> ServedModel:
        """The active version of a use.

        Raises:
            NotFoundError: No version is active: suspended, retired or never activated; the hint
                names the contingency that the intended use registered.
            IntegrityError: The artefact is not the approved one.
        """

    def version(self, use: str, version: int) -> ServedModel:
        """A certain version, for a test, a shadow or a replay; never for an act.

        Raises:
            NotFoundError: There is none, or it was never trained.
            IntegrityError: The artefact is not the one that was trained.
        """
