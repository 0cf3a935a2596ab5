"""Results of twins that were kept: what a prediction was made with, and its files.

References:
    ASME V&V 40-2018 (context of use, credibility); EU GMP Annex 11, draft of July 2025, 10.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from goldenbatch.core.records import Body, DataClass, record_type

PREFIX: Final = "twin/"
NAME_PATTERN: Final = r"^[^\x00-\x1f\x7f/]{1,80}$"

TwinWork = Literal[
    "run",
    "ensemble",
    "design-space",
    "sensitivity",
    "stress",
    "fit",
    "track",
    "compare",
    "optimise",
    "footprint",
    "line",
    "credibility",
]


def twin_stream(study: str) -> str:
    """Stream of the kept results of a study."""
    return f"{PREFIX}{study}"


@record_type
class TwinResultKept(Body):
    """Somebody kept the result of a twin, with the files that it consists of.

    Attributes:
        study: Name of the study or line.
        work: What was done.
        model: Name of the model; empty for a line.
        model_version: Its version.
        model_digest: SHA-256 of declarations and equations.
        posterior: Digest of the posterior that parameters were drawn from; empty: declared.
        status: How it ended.
        is_extrapolated: Whether the model left its calibrated range; null where nobody asked.
        files: Name to digest in the registry.
        batch: Batch that it is about; empty: none.
        use: Context of use, as the library or the author states it.
        reason: Why it is kept.
    """

    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL

    study: str = Field(pattern=NAME_PATTERN)
    work: TwinWork
    model: str = ""
    model_version: str = ""
    model_digest: str = ""
    posterior: str = ""
    status: str
    is_extrapolated: bool | None = None
    files: dict[str, str] = Field(min_length=1)
    batch: str = ""
    use: str = ""
    reason: str = Field(min_length=1)
