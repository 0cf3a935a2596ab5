"""How a capability fits a model for the registry: given rows in, a frozen artefact out.

A trainer sees the rows that are recorded as training data and nothing else, keeps nothing, and
records nothing: what was fitted serves nobody before it was tested and approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from goldenbatch.core.series import Floats


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """Rows that a model is fitted to.

    Attributes:
        names: Names of the inputs, in order.
        inputs: Shape (n_rows, n_inputs), complete.
        reference: Results, shape (n_rows,), complete.
        groups: Independent group of each row; one is left out as a whole in cross-validation.
        output: What the reference is of.
        unit: UCUM code of it.
    """

    names: tuple[str, ...]
    inputs: Floats
    reference: Floats
    groups: tuple[str, ...]
    output: str
    unit: str


@dataclass(frozen=True)
class Frozen:
    """A fitted model, frozen.

    Attributes:
        content: The artefact, of one of the registry's media types; never a pickle.
        media_type: Of it.
        method: Kind of model.
        code_version: Version of the code that fitted it.
        settings: Settings in full, those included that were left to their defaults.
        measures: How good it is on its own training data, named in full.
        seeds: Seeds of all that was random.
    """

    content: bytes
    media_type: str
    method: str
    code_version: str
    settings: Mapping[str, Any]
    measures: Mapping[str, float] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)


class Trainer(Protocol):
    """Fits a model to rows and freezes it."""

    def __call__(self, rows: TrainingRows, settings: Mapping[str, Any], seed: int) -> Frozen:
        """Fit and freeze.

        Args:
            rows: All that it may learn from.
            settings: As an analyst of this kind takes them, or those of the fit alone.
            seed: Of all that is random.

        Raises:
            BadInputError: A setting is missing, unknown or impossible, or the rows do not fit.
        """
