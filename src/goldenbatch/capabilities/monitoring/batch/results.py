"""Batches against a golden set: T2 and SPE of many attributes at once, a model a product."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from goldenbatch.capabilities.monitoring._common import (
    AnalystSettings,
    artefact_evidence,
    read_settings,
    record_evidence,
)
from goldenbatch.core.analyst import Assessment, OpenFindings, State, TickView
from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.findings import Contribution, Finding, Measure, Severity, Subject
from goldenbatch.core.models import ModelFitted
from goldenbatch.core.records import Event
from goldenbatch.core.results import ResultsReported, ResultStatus
from goldenbatch.science.latent import ScoringPlan
from goldenbatch.science.statistics import clopper_pearson

CODE_VERSION = "1"
N_CONTRIBUTIONS = 12


class BatchModelSettings(AnalystSettings):
    """Settings of `monitoring.batches`.

    Attributes:
        sample: Samples whose results make the row of a batch; `*` stands for any letters.
        attributes: Columns of the model, by name or with `*`.
        n_reference: Batches of each product that the model is fitted to, the earliest.
        n_components: Components; 0: as many as explain `explained` of the variance.
        explained: Share of variance that the components are chosen for.
        confidence: Of the limits of T2 and SPE.
        severity: Of the findings.
    """

    sample: str = "*"
    attributes: tuple[str, ...] = Field(min_length=1)
    n_reference: int = Field(default=40, ge=12)
    n_components: int = Field(default=0, ge=0)
    explained: float = Field(default=0.8, gt=0, lt=1)
    confidence: float = Field(default=0.99, gt=0.5, lt=1)
    severity: Severity = Severity.MINOR

    def row_of(self, body: ResultsReported) -> dict[str, float]:
        """Usable numbers of the model's attributes in a report; empty if not one of its."""
        if not body.batch or not fnmatch.fnmatchcase(body.sample, self.sample):
            return {}
        return {
            result.attribute: float(result.value)
            for result in body.results
            if result.number is not None
            and result.status is not ResultStatus.INVALIDATED
            and any(fnmatch.fnmatchcase(result.attribute, one) for one in self.attributes)
        }


_Report = tuple[Event, ResultsReported, int]
"""A report, and when the batch was."""


def model_name(analyst: str, product: str) -> str:
    """Name of the model of one product."""
    return f"{analyst}.{product}"


def batch_model(name: str, settings: Mapping[str, Any]) -> BatchModel:
    """Build the analyst from its settings.

    Raises:
        BadInputError: A setting is missing, unknown or impossible.
    """
    return BatchModel(name, read_settings(BatchModelSettings, name, settings))


class BatchModel:
    """Analyst: scores each batch after the reference set; a batch outside is one finding.

    A model begins to judge when it is fitted: first every batch reported after its
    reference set, then each new one as it is reported.
    """

    def __init__(self, name: str, settings: BatchModelSettings) -> None:
        self.name = name
        self.settings = settings
        self.version = f"batches-{CODE_VERSION}+{settings.digest()}"

    def start(self) -> State:
        """No products, no models."""
        return {"products": {}, "started": {}, "models": {}, "counts": {}}

    def assess(self, state: State, view: TickView) -> Assessment:
        """Score what is new, and what waited for a model."""
        products = dict(state["products"])
        started = dict(state["started"])
        models = dict(state["models"])
        counts = {key: list(value) for key, value in state["counts"].items()}
        new_models: dict[str, int] = {}
        for event in view.new_events(("BatchCreated", "ModelFitted")):
            body = event.decode()
            if isinstance(body, BatchCreated):
                products[body.batch] = body.product
                started[body.batch] = body.started_at
            elif isinstance(body, ModelFitted) and body.name.startswith(f"{self.name}."):
                product = body.name.removeprefix(f"{self.name}.")
                models[product] = body.digest
                counts[product] = [0, 0]
                new_models[product] = int(body.settings["fitted_until_seq"])
        found = OpenFindings(self.name, self.version)
        for product, digest in sorted(models.items()):
            events = self._events(view, (products, started), product, new_models.get(product))
            if events:
                self._judge(view, product, digest, events, counts[product], found)
        kept: State = {"products": products, "started": started}
        return Assessment({**kept, "models": models, "counts": counts}, tuple(found.transitions))

    def _events(
        self,
        view: TickView,
        batches: tuple[Mapping[str, str], Mapping[str, int | None]],
        product: str,
        since: int | None,
    ) -> list[_Report]:
        """Reports of a product's batches: the new ones, or all after a new model's set."""
        products, started = batches
        kinds = ("ResultsReported",)
        events = view.new_events(kinds) if since is None else view.events(kinds)
        found = []
        for event in events:
            body = event.decode()
            if not isinstance(body, ResultsReported) or event.seq <= (since or 0):
                continue
            if products.get(body.batch) == product and self.settings.row_of(body):
                claimed = event.envelope.performed_at or started.get(body.batch)
                found.append((event, body, claimed or event.envelope.recorded_at))
        return found

    def _judge(
        self,
        view: TickView,
        product: str,
        digest: str,
        events: Sequence[_Report],
        counts: list[int],
        found: OpenFindings,
    ) -> None:
        plan = ScoringPlan.from_bytes(view.artefact(digest), digest)
        rows = []
        for _, body, _ in events:
            row = self.settings.row_of(body)
            rows.append([row.get(column, math.nan) for column in plan.facts.columns])
        scores = plan.score(rows)
        for i, (event, body, at) in enumerate(events):
            if not scores.is_scored[i]:
                continue
            counts[0] += 1
            if scores.in_domain[i]:
                continue
            counts[1] += 1
            outside = _Outside(
                event, body, at, (float(scores.t2[i]), float(scores.spe[i])), rows[i]
            )
            finding = self._finding(outside, product, plan, counts)
            found.put(finding, view.tick)
            found.close(finding)

    def _finding(
        self, outside: _Outside, product: str, plan: ScoringPlan, counts: Sequence[int]
    ) -> Finding:
        name, parts = outside.contributions(plan)
        body, at = outside.body, outside.at
        return Finding(
            subject=Subject(batch=body.batch, key="T2 and SPE"),
            title=f"Batch {body.batch} differs from the golden set of product {product}",
            statement=outside.statement(plan, name, parts, counts),
            severity=self.settings.severity,
            start=at,
            end=at,
            evidence=(
                record_evidence(outside.event, f"results of sample {body.sample}"),
                artefact_evidence(plan.digest, "the frozen model"),
            ),
            contributions=parts,
            measures=(
                Measure(name="T2", value=outside.t2, upper_limit=plan.facts.t2_limit),
                Measure(name="SPE", value=outside.spe, upper_limit=plan.facts.spe_limit),
            ),
            in_domain=False,
            analyst=self.name,
            analyst_version=self.version,
            model_digest=plan.digest,
            suggested_action=f"Look at {parts[0].variable} first.",
        )


@dataclass(frozen=True)
class _Outside:
    """A batch outside the limits, and what is to be said of it."""

    event: Event
    body: ResultsReported
    at: int
    statistics: tuple[float, float]
    row: Sequence[float]

    @property
    def t2(self) -> float:
        return self.statistics[0]

    @property
    def spe(self) -> float:
        return self.statistics[1]

    def contributions(self, plan: ScoringPlan) -> tuple[str, tuple[Contribution, ...]]:
        """The statistic that lies further out, and what adds most to it."""
        by_spe = self.spe / plan.facts.spe_limit > self.t2 / plan.facts.t2_limit
        parts = plan.contributions([self.row])
        values = parts.spe[0] if by_spe else parts.t2[0]
        order = sorted(range(len(values)), key=lambda k: -abs(values[k]))[:N_CONTRIBUTIONS]
        most = (Contribution(variable=parts.columns[k], value=float(values[k])) for k in order)
        return "SPE" if by_spe else "T2", tuple(most)

    def statement(
        self,
        plan: ScoringPlan,
        name: str,
        parts: Sequence[Contribution],
        counts: Sequence[int],
    ) -> str:
        interval = clopper_pearson(counts[1], counts[0])
        facts = plan.facts
        return (
            f"T2 {self.t2:.1f} (limit {facts.t2_limit:.1f}), SPE {self.spe:.1f} (limit "
            f"{facts.spe_limit:.1f}) over {len(facts.columns)} attributes; most in {name}: "
            f"{', '.join(part.variable for part in parts[:3])}. Of the later batches "
            f"{counts[1]} of {counts[0]} lie outside (exact 95 % interval "
            f"{100 * interval.lower:.1f} to {100 * interval.upper:.1f} %)."
        )
