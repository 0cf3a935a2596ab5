"""Reference blocks: rows with what a model said of them on the platform that it was approved on.

Predicted again after an installation, an upgrade or a restore, they show that the model still says
the same: bit by bit on the same platform, at the reported digits elsewhere.
"""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import Field

from goldenbatch.core.model_card import DIGEST, USE_PATTERN
from goldenbatch.core.records import Body, DataClass, record_type

REPORTED_DIGITS: Final = 6
"""Significant digits at which a prediction is reported, and is equal on any platform."""


def block_stream(use: str, version: int) -> str:
    """Stream of the reference blocks of a version."""
    return f"model-block/{use}/{version}"


@record_type
class ReferenceBlockKept(Body):
    """Rows and what an approved version said of them were kept, to be compared with later.

    Attributes:
        digest: Artefact of the version.
        block: SHA-256 of the rows with their predictions in the registry.
        environment: Versions of packages, and the CPU with its vector units, that predicted them.
    """

    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL

    use: str = Field(pattern=USE_PATTERN)
    version: int = Field(ge=1)
    digest: str = Field(pattern=DIGEST)
    block: str = Field(pattern=DIGEST)
    n_rows: int = Field(ge=1)
    environment: dict[str, str]
