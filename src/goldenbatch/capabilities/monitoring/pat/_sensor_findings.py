"""Findings of a soft sensor about itself: spectra that cannot be scored, and no model to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldenbatch.capabilities.monitoring._common import artefact_evidence, window_evidence
from goldenbatch.core.findings import Finding, Subject

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.pat.soft_sensor import SoftSensor
    from goldenbatch.core.analyst import TickView
    from goldenbatch.core.series import Series


def unreadable(
    sensor: SoftSensor, view: TickView, series: Series, words: str, digest: str
) -> Finding:
    """Spectra that lack channels, `words` says how many; `digest` is of the model in use."""
    settings, time = sensor.settings, int(series.times()[0])
    return Finding(
        subject=Subject(
            batch=view.batch_at(settings.place, time),
            place=settings.place,
            tag=settings.tag,
            key="unreadable",
        ),
        title=f"Spectra of {settings.tag} cannot be scored",
        statement=words,
        severity=settings.severity,
        start=time,
        end=int(series.times()[-1]),
        evidence=(artefact_evidence(digest, "the frozen model"),),
        in_domain=False,
        analyst=sensor.name,
        analyst_version=sensor.version,
        model_digest=digest,
        suggested_action="Check the spectrometer and its axis; use the laboratory until then.",
    )


def unserved(sensor: SoftSensor, view: TickView, series: Series, why: str) -> Finding:
    """Spectra from which nothing may be predicted."""
    settings, as_of = sensor.settings, view.tick.historian_seq
    note = "spectra that were not predicted from"
    return Finding(
        subject=Subject(
            place=settings.place,
            tag=settings.tag,
            attribute=settings.attribute,
            key="unserved",
        ),
        title=f"No model may say {settings.attribute}",
        statement=f"Spectra came and nothing was predicted from them: {why}",
        severity=settings.severity,
        start=int(series.times()[0]),
        evidence=(window_evidence(series, settings.tag, as_of, note),),
        in_domain=False,
        analyst=sensor.name,
        analyst_version=sensor.version,
        suggested_action="Do what the intended use says for want of a prediction.",
    )
