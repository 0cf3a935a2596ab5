"""Models: what is recorded when a method has been fitted to data and frozen."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type


class TrainingData(BaseModel):
    """One range of data that a model was fitted to.

    Attributes:
        what: Tag, or attribute of samples.
        digest: SHA-256 of the canonical readings or of the results, in order.
        n: Number of readings or results.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    n: int = Field(ge=1)
    start: Micros | None = None
    end: Micros | None = None
    batches: tuple[str, ...] = ()


@record_type
class ModelFitted(Body):
    """A method was fitted and frozen; the artefact under `digest` is what serves.

    Attributes:
        name: Name of the model, that of the analyst that uses it.
        digest: SHA-256 of the artefact in the registry.
        training: What it was fitted to.
        measures: How good it was on what data, named in full.
    """

    supersedes: ClassVar[tuple[str, ...]] = ("ModelFitted",)

    name: str
    method: str
    code_version: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    media_type: str
    settings: dict[str, Any]
    training: tuple[TrainingData, ...] = Field(min_length=1)
    measures: dict[str, float]
    seed: int | None = None


def _fold(event: Event, _lookup: object) -> list[Row]:
    body = event.decode()
    if not isinstance(body, ModelFitted):
        return []
    return [
        {
            "name": body.name,
            "version": event.envelope.version,
            "method": body.method,
            "digest": body.digest,
            "fitted_by": event.envelope.actor,
            "fitted_at": event.envelope.recorded_at,
            "seq": event.seq,
        }
    ]


MODELS = Projection(
    name="model",
    version=1,
    columns={
        "name": "TEXT",
        "version": "INTEGER",
        "method": "TEXT",
        "digest": "TEXT",
        "fitted_by": "TEXT",
        "fitted_at": "INTEGER",
        "seq": "INTEGER",
    },
    key=("name", "version"),
    kinds=frozenset({"ModelFitted"}),
    fold=_fold,
    indexes=(("digest",),),
)
"""All fitted models, one row a version."""

PROJECTIONS = (MODELS,)
"""All projections of this module."""
