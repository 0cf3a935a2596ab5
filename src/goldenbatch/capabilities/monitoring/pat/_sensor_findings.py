"""Findings of a soft sensor about itself: spectra that cannot be scored, and no model to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goldenbatch.capabilities.monitoring._common import artefact_evidence, window_evidence
from goldenbatch.capabilities.monitoring.pat._spectra import most
from goldenbatch.core.findings import Finding, Measure, Subject

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.pat.soft_sensor import SoftSensor
    from goldenbatch.core.analyst import TickView
    from goldenbatch.core.series import Series
    from goldenbatch.science.latent import ScoringPlan


@dataclass(frozen=True)
class Outside:
    """A spectrum outside the domain."""

    time: int
    row: Sequence[float]
    value: float
    t2: float
    spe: float


def left_domain(
    sensor: SoftSensor, view: TickView, plan: ScoringPlan, one: Outside, since: int
) -> Finding:
    """The sensor left its domain with a spectrum; the first one in a row came at `since`."""
    settings, time = sensor.settings, one.time
    t2, spe = one.t2, one.spe
    spectra = view.read([settings.tag], (since, time + 1))
    as_of = view.tick.historian_seq
    value = f"{one.value:.1f} {settings.unit}"
    return Finding(
        subject=Subject(
            batch=view.batch_at(settings.place, time),
            place=settings.place,
            tag=settings.tag,
            attribute=settings.attribute,
            key="domain",
        ),
        title=f"The soft sensor for {settings.attribute} left its domain",
        statement=(
            f"{settings.n_outside} spectra in a row lie outside what the model was calibrated "
            f"on: T2 {t2:.3g} (limit {plan.facts.t2_limit:.3g}), SPE {spe:.3g} "
            f"({spe / plan.facts.spe_limit:.3g} times its limit). Its value now, {value}, and "
            "its interval are not to be relied on."
        ),
        severity=settings.severity,
        start=since,
        evidence=(
            window_evidence(spectra, settings.tag, as_of, "spectra outside"),
            artefact_evidence(plan.digest, "the frozen model"),
        ),
        contributions=most(plan, one.row),
        measures=(
            Measure(name="T2", value=t2, upper_limit=plan.facts.t2_limit),
            Measure(name="SPE", value=spe, upper_limit=plan.facts.spe_limit),
        ),
        in_domain=False,
        analyst=sensor.name,
        analyst_version=sensor.version,
        model_digest=plan.digest,
        suggested_action=(
            f"Take a sample and have {settings.attribute} determined in the laboratory; do "
            "not act on the sensor until it is back in its domain or calibrated anew."
        ),
    )


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
