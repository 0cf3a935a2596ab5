"""Predictions: what a model in use says, and the port through which every capability asks it.

A prediction is never silent: it carries the model and its version, an interval, what contributed,
whether the row lies in the domain, and the digest of the inputs (domain rule 7).

The canonical bytes of inputs are `goldenbatch/inputs/1` and a line feed; the number of inputs
(u32); each name as u32 length and UTF-8; the number of rows (i64); then the rows, one after the
other, as f64. All is little-endian; every NaN is `7ff8000000000000`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from goldenbatch.core.model_card import ContextOfUse
    from goldenbatch.core.series import Flags, Floats, Integers

INPUTS_MAGIC: Final = b"goldenbatch/inputs/1\n"


class Outside(IntFlag):
    """Why a row does not lie within the context of use; 0: it does."""

    INSIDE = 0
    MISSING = 1
    """An input that the intended use names has no value."""
    RANGE = 2
    """An input lies outside the range that the intended use states."""
    MODEL = 4
    """The model itself says that the row is unlike what it was made with."""
    INFINITE = 8
    """An input is no finite number; nothing is predicted."""
    NO_VALUE = 16
    """The model gives no value."""


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
        contributions: Contributor (an input, or what the model makes of inputs) to what it adds
            to the value over the baseline; empty where the method has no exact ones.
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


@dataclass(frozen=True, eq=False)
class PredictionBlock:
    """Predictions for a block of rows; each row equals, bit by bit, the row predicted alone.

    Attributes:
        values: Shape (n_rows,); NaN where none can be made.
        lower: Shape (n_rows,), NaN where unknown.
        upper: Shape (n_rows,), NaN where unknown.
        confidence: Of the intervals; None where the method gives none.
        contributions: Shape (n_rows, n_contributors); None where they were not asked for, or the
            model has no exact ones.
        baseline: What is predicted of the average row, shape (n_rows,); None with contributions.
        contributors: What contributions are over; the inputs, or what the model makes of them.
        outside: Flags of `Outside`, shape (n_rows,); 0 in the domain.
        inputs: Names of the inputs, in the order of the columns.
        model: The model that said it.
        input_digest: SHA-256 of the canonical bytes of the whole block.
    """

    values: Floats
    lower: Floats
    upper: Floats
    confidence: float | None
    contributions: Floats | None
    baseline: Floats | None
    contributors: tuple[str, ...]
    outside: Integers
    inputs: tuple[str, ...]
    model: ModelRef
    input_digest: str

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.values)

    @property
    def is_in_domain(self) -> Flags:
        """Whether each row lies within the context of use, shape (n_rows,)."""
        found: Flags = self.outside == 0
        return found


@dataclass(frozen=True, eq=False)
class PredictionsMade:
    """Predictions that are acted on, with what they were made of: to be logged.

    Attributes:
        block: What the model said.
        times: Time of each row, microseconds UTC, rising, shape (n_rows,).
        rows: The inputs, shape (n_rows, n_inputs); None where `tag` has them.
        tag: Array tag of the historian whose readings at these times are the rows.
        as_of: Number of the last frame of the historian that was seen of the tag.
    """

    block: PredictionBlock
    times: Integers
    rows: Floats | None = None
    tag: str = ""
    as_of: int = 0


def input_head(inputs: Sequence[str], n_rows: int) -> bytes:
    """What stands before the rows in the canonical bytes of inputs.

    >>> input_head(("ph",), 1)[len(INPUTS_MAGIC):].hex()
    '010000000200000070680100000000000000'
    """
    names = [one.encode() for one in inputs]
    parts = [INPUTS_MAGIC, struct.pack("<I", len(names))]
    parts += [struct.pack("<I", len(one)) + one for one in names]
    return b"".join([*parts, struct.pack("<q", n_rows)])


def input_digest(inputs: Sequence[str], n_rows: int, parts: Iterable[Any]) -> str:
    """SHA-256 of the canonical bytes of inputs.

    Args:
        inputs: Names of the columns.
        n_rows: Number of rows in all parts.
        parts: The rows as bytes, or what can be read as bytes, in order.
    """
    digest = hashlib.sha256(input_head(inputs, n_rows))
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


class ServedModel(Protocol):
    """A model that may serve: its artefact was checked against the approved digest and type.

    Safe to be asked by any number of threads.
    """

    @property
    def ref(self) -> ModelRef:
        """Which model in which version."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of its inputs, in order."""

    @property
    def unit(self) -> str:
        """UCUM code of the output."""

    @property
    def contingency(self) -> str:
        """What is done where there is no valid prediction."""

    @property
    def context(self) -> ContextOfUse:
        """Products, places and phases that it may be used for; rows alone do not say of what."""

    def predict(self, rows: Floats, *, explain: bool = True) -> PredictionBlock:
        """Predict rows.

        Args:
            rows: Shape (n_rows, n_inputs); NaN where missing.
            explain: Split each prediction over its contributors too.

        Raises:
            BadInputError: The shape is not that of the inputs, or they are no numbers.
            ConflictError: Another version serves by now.
            NotFoundError: None serves by now; the contingency is named.
        """

    def predict_one(
        self, row: Mapping[str, float | None] | Sequence[float | None], *, explain: bool = True
    ) -> Prediction:
        """Predict one row, by names or in the order of the inputs; None where missing.

        Raises:
            BadInputError: An input is missing in name, unknown, or no number.
        """


class ModelsPort(Protocol):
    """Models of a home that may serve."""

    def active(self, use: str) -> ServedModel:
        """The active version of a use; it refuses to predict once it serves no more.

        Raises:
            NotFoundError: No version is active: suspended, retired or never activated; the hint
                names the contingency that the intended use registered.
            IntegrityError: The artefact is not the approved one, or the approval does not stand.
        """

    def version(self, use: str, version: int) -> ServedModel:
        """A certain version, for a test, a shadow or a replay; never for an act.

        Raises:
            NotFoundError: There is none, or it was never trained.
            IntegrityError: The artefact is not the one that was trained.
        """

    def log(self, made: PredictionsMade, key: str) -> tuple[int, ...]:
        """Log predictions that are acted on, with their inputs; the same key again adds nothing.

        Args:
            made: The predictions.
            key: What they were made for, unique within the use and version, such as `batch B7`.

        Returns:
            Numbers of the historian's frames.
        """
