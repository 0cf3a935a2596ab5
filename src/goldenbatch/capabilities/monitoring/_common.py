"""What the analysts of monitoring share: settings, evidence, models in use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from goldenbatch.core import analyst_settings
from goldenbatch.core.analyst_settings import settings_digest
from goldenbatch.core.findings import Evidence
from goldenbatch.core.records import Event
from goldenbatch.core.series import Series

PLAN_MEDIA_TYPE = "application/vnd.goldenbatch.scoring-plan"


class AnalystSettings(BaseModel):
    """Base of the settings of an analyst: closed, frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def digest(self) -> str:
        """Short digest, part of the analyst's version: other settings, another version."""
        return settings_digest(self)


SettingsType = TypeVar("SettingsType", bound=AnalystSettings)


def read_settings(cls: type[SettingsType], name: str, settings: Mapping[str, Any]) -> SettingsType:
    """Settings of an analyst from its TOML table.

    Raises:
        BadInputError: A setting is missing, unknown or impossible; it is named.
    """
    return analyst_settings.read_settings(
        cls, name, settings, f"{cls.__name__} in the README of monitoring"
    )


def record_evidence(event: Event, note: str) -> Evidence:
    """An event of the ledger as evidence, by its leaf hash."""
    return Evidence(
        kind="record",
        digest=event.leaf,
        stream=event.stream,
        version=event.envelope.version,
        note=note,
    )


def artefact_evidence(digest: str, note: str) -> Evidence:
    """An artefact of the registry as evidence."""
    return Evidence(kind="artefact", digest=digest, note=note)


def window_evidence(series: Series, tag: str, as_of: int, note: str) -> Evidence:
    """Readings of one tag as evidence: the window that they span and the digest of them.

    The digest is over (time, seq, quality, value) of each reading, little-endian, in order.
    """
    part = series.of(tag)
    times = part.times()
    digest = hashlib.sha256()
    for column in (times, part.seqs(), part.qualities(), part.values()):
        digest.update(column.astype(column.dtype.newbyteorder("<")).tobytes())
    return Evidence(
        kind="window",
        digest=digest.hexdigest(),
        tag=tag,
        start=int(times.min()),
        end=int(times.max()) + 1,
        as_of=as_of,
        n_readings=len(part),
        note=note,
    )
