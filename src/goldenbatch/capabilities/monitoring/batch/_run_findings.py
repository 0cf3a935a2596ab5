"""What is said of a batch that is followed: it left the golden batches, or the plan's domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goldenbatch.capabilities.monitoring._common import artefact_evidence, window_evidence
from goldenbatch.capabilities.monitoring.batch.live_settings import BatchRunsSettings
from goldenbatch.core.analyst import TickView
from goldenbatch.core.findings import Contribution, Evidence, Finding, Measure, Severity, Subject
from goldenbatch.science.latent.batch import BatchPlan, BatchReadings
from goldenbatch.science.latent.batch.plan import STATISTICS

QUALITY, DOMAIN, UNSERVED = "golden batches", "domain", "unserved"
N_CONTRIBUTIONS = 8
_BACK_US = 3_600_000_000


@dataclass(frozen=True)
class Scene:
    """Where a finding comes from.

    Attributes:
        analyst: Name and version.
        settings: Of the analyst.
        view: The plant at the tick.
        plan: In use.
        batch: That is followed.
        at: When, microseconds UTC.
        in_domain: Whether the batch is inside the plan's domain so far.
    """

    analyst: tuple[str, str]
    settings: BatchRunsSettings
    view: TickView
    plan: BatchPlan
    batch: str
    at: int
    in_domain: bool


@dataclass(frozen=True)
class _Words:
    title: str
    statement: str
    action: str


def left_golden(scene: Scene, readings: BatchReadings, sample: int, statistic: int) -> Finding:
    """The batch left the golden batches."""
    parts = readings.contributions(sample, statistic)[:N_CONTRIBUTIONS]
    name, leading = STATISTICS[statistic], parts[0][0]
    value, limit = readings.statistics[sample], readings.limits[sample]
    spreads = dict(zip(readings.variables, readings.deviations[sample].tolist(), strict=True))
    told = ", ".join(f"{one} ({spreads[one]:+.1f} spreads)" for one, _ in parts[:3])
    plan = scene.plan
    words = _Words(
        f"Batch {scene.batch} leaves the golden batches in {readings.phase}",
        f"{name} is {value[statistic]:.3g} (limit {limit[statistic]:.3g}) "
        f"{readings.elapsed[sample]:.4g} {scene.settings.time_unit} after {readings.phase} began, "
        f"at {readings.maturity[sample]:.0%} of it; most by {told}. "
        f"The limits come from {plan.n_batches} golden batches, each left out in turn, and let "
        f"{plan.stated_rate:.1%} of good batches alarm.",
        f"Look at {leading} first.",
    )
    finding = _finding(
        scene, QUALITY, scene.settings.severity, words, evidence=_readings(scene, leading)
    )
    measures = tuple(
        Measure(name=one, value=float(value[k]), upper_limit=float(limit[k]))
        for k, one in enumerate(STATISTICS)
    )
    added = tuple(Contribution(variable=one, value=part) for one, part in parts)
    return finding.model_copy(update={"contributions": added, "measures": measures})


def outside_domain(scene: Scene, issues: Sequence[str]) -> Finding:
    """The batch is none of the kind that the plan knows."""
    words = _Words(
        f"Batch {scene.batch} is outside what its model knows",
        f"{'; '.join(issues)}. That is no verdict on its quality: the golden batches say nothing "
        "of a batch like this.",
        "Judge it without the model, or widen the golden batches.",
    )
    return _finding(scene, DOMAIN, scene.settings.domain_severity, words)


def _finding(
    scene: Scene, key: str, severity: Severity, words: _Words, evidence: Sequence[Evidence] = ()
) -> Finding:
    name, version = scene.analyst
    digest = scene.plan.digest
    return Finding(
        subject=Subject(batch=scene.batch, place=scene.settings.place, key=key),
        title=words.title[:120],
        statement=words.statement,
        severity=severity,
        start=scene.at,
        evidence=(*evidence, artefact_evidence(digest, "the frozen batch plan")),
        in_domain=scene.in_domain and key != DOMAIN,
        analyst=name,
        analyst_version=version,
        model_digest=digest,
        suggested_action=words.action,
    )


def _readings(scene: Scene, variable: str) -> tuple[Evidence, ...]:
    tag = scene.settings.tags.get(variable)
    if tag is None:
        return ()
    since = max(scene.settings.max_age_us, min(_BACK_US, 20 * scene.settings.interval_us))
    series = scene.view.read([tag], (scene.at - since, scene.at + 1))
    if not len(series):
        return ()
    as_of = scene.view.tick.historian_seq
    return (window_evidence(series, tag, as_of, "readings that led to it"),)
