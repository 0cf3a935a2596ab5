"""Reports of a product's process validation that were kept, to be signed.

References:
    FDA, Process Validation (2011), IV.D; EU GMP Annex 15 (2015), 5.28 to 5.32.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from goldenbatch.core.people import HASH_PATTERN
from goldenbatch.core.records import Body, DataClass, record_type


def lifecycle_stream(product: str) -> str:
    """Stream of the reports of a product."""
    return f"lifecycle/{product}"


@record_type
class LifecycleReportKept(Body):
    """Somebody kept a report of a product's process validation; signed by a following event.

    Attributes:
        product: Code of the product.
        plan: The plan as TOML, whole.
        plan_digest: SHA-256 of its canonical text.
        page: Digest of the page in the registry.
        paper: Digest of the PDF.
        upto: Number of the last event that it rests on.
        n_qualification: Batches of stage 2.
        n_verification: Batches of stage 3.
        faults: What is not as it should be, in words.
        gaps: What is missing.
        reason: Why it was made.
    """

    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL

    product: str = Field(min_length=1)
    plan: str = Field(min_length=1)
    plan_digest: str = Field(pattern=HASH_PATTERN)
    page: str = Field(pattern=HASH_PATTERN)
    paper: str = Field(pattern=HASH_PATTERN)
    upto: int = Field(ge=0)
    n_qualification: int = Field(ge=0)
    n_verification: int = Field(ge=0)
    faults: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    reason: str = Field(min_length=1)
