"""The spectral model that an analyst may use, and whether its context of use holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from goldenbatch.capabilities.monitoring._in_use import ModelInUse
from goldenbatch.core.batches import BatchCorrected, BatchCreated
from goldenbatch.core.prediction import PredictionsMade
from goldenbatch.science.latent import PlanScores, ScoringPlan

if TYPE_CHECKING:
    from goldenbatch.core.analyst import State, TickView
    from goldenbatch.core.records import Event
    from goldenbatch.core.series import Flags, Floats, Series

_OF_BATCH: Final = (BatchCreated.kind, BatchCorrected.kind)


@dataclass(frozen=True)
class Scored:
    """Spectra that were scored, and which lie within the context of use, shape (n,)."""

    scores: PlanScores
    inside: Flags


class InUse(ModelInUse):
    """The spectral model of an analyst at a tick; see `ModelInUse`."""

    def __init__(self, name: str, state: State, view: TickView) -> None:
        super().__init__(name, state, view)
        self._plan: ScoringPlan | None = None
        self._plan_of = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the artefact in use; empty: none may be used."""
        plan = self.plan()
        return plan.digest if plan is not None else ""

    def plan(self) -> ScoringPlan | None:
        """The frozen model in use; None where there is none, and `why_not` says why."""
        digest = self.artefact()
        if digest != self._plan_of:
            self._plan_of = digest
            content = self._view.artefact(digest) if digest else None
            self._plan = None if content is None else ScoringPlan.from_bytes(content, digest)
        return self._plan

    def within(self, series: Series, place: str) -> tuple[list[bool], str]:
        """Which readings are of the context of use of a governed model; why the others are not.

        What runs at no batch is for the analyst's own settings to take or leave.
        """
        if self.plan() is None or self._served is None:
            return [True] * len(series), ""
        context, why = self._served.context, ""
        is_here = any(f"{place}/".startswith(f"{one}/") for one in context.places)
        batches = [self._view.batch_at(place, int(at)) for at in series.times()]
        kept = dict.fromkeys(batches, is_here)
        if not is_here:
            why = f"{place} is no place of its intended use."
        for batch in filter(None, dict.fromkeys(batches)):
            product = _product(self._view.events(_OF_BATCH, f"batch/{batch}"), batch)
            if product not in context.products:
                kept[batch] = False
                why = f"batch {batch} is of {product or 'no product'}, and its intended use is for "
                why += f"{', '.join(context.products)}."
        told = f"{why} Contingency: {self._served.contingency}" if why else ""
        return [kept[batch] for batch in batches], told

    def scored(self, rows: Sequence[Sequence[float]]) -> Scored | None:
        """Scores of spectra by the model in use; None where there is none."""
        plan = self.plan()
        if plan is None:
            return None
        scores = plan.score(rows)
        if self._served is None:
            return Scored(scores, scores.in_domain)
        block = self._served.predict(_table(rows, plan), explain=False)
        return Scored(scores, scores.in_domain & block.is_in_domain)

    def made(
        self, rows: Sequence[Sequence[float]], series: Series, tag: str, worst: int
    ) -> PredictionsMade | None:
        """What is to be logged of predictions from an array tag; None where nothing is.

        Args:
            rows: The spectra.
            series: The readings that they are.
            tag: Tag of the readings.
            worst: Readings of this quality or worse are not predicted from.
        """
        plan = self.plan()
        if self._served is None or plan is None:
            return None
        order = _newest(series, worst)
        if not order:
            return None
        block = self._served.predict(_table([rows[i] for i in order], plan), explain=False)
        times = series.times()[order]
        return PredictionsMade(block, times, tag=tag, as_of=self._view.tick.historian_seq)


def _product(events: Sequence[Event], batch: str) -> str:
    """Product of a batch, as it is known by now."""
    product = ""
    for event in events:
        body = event.decode()
        if isinstance(body, BatchCreated) and body.batch == batch:
            product = body.product
        elif isinstance(body, BatchCorrected) and body.batch == batch and body.field == "product":
            product = body.new
    return product


def _table(rows: Sequence[Sequence[float]], plan: ScoringPlan) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(plan.facts.columns))


def _newest(series: Series, worst: int) -> list[int]:
    """Places of the newest version of each reading that is good enough, by time."""
    newest: dict[int, tuple[int, int]] = {}
    columns = (series.times().tolist(), series.seqs().tolist(), series.qualities().tolist())
    for place, (time, seq, quality) in enumerate(zip(*columns, strict=True)):
        if quality < worst and (time not in newest or newest[time][0] < seq):
            newest[time] = (seq, place)
    return [place for _, (_, place) in sorted(newest.items())]
