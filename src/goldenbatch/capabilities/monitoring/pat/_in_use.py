"""Which model an analyst may use: the active one of its use, or a fit that nobody governs.

A model is *governed* once a version of a use was drafted for the analyst: then only what is active
serves. A fit that nobody governs serves in demonstration and development homes, and is refused
where the word of a model counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goldenbatch.core.batches import BatchCorrected, BatchCreated
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.model_records import ModelDrafted
from goldenbatch.core.models import ModelFitted
from goldenbatch.core.prediction import PredictionsMade
from goldenbatch.core.records import HomeKind
from goldenbatch.science.latent import PlanScores, ScoringPlan

if TYPE_CHECKING:
    from goldenbatch.core.analyst import State, TickView
    from goldenbatch.core.prediction import ServedModel
    from goldenbatch.core.records import Event
    from goldenbatch.core.series import Flags, Floats, Series

STRICT: Final = frozenset({HomeKind.VALIDATION, HomeKind.PRODUCTION})
_OF_BATCH: Final = (BatchCreated.kind, BatchCorrected.kind)
_ASK: Final = "Use the laboratory; see `goldenbatch model list` and have a model made active."


@dataclass(frozen=True)
class Scored:
    """Spectra that were scored, and which lie within the context of use, shape (n,)."""

    scores: PlanScores
    inside: Flags


class InUse:
    """The model of an analyst at a tick, remembered in the analyst's state.

    The entries are `use` (None: not looked yet; empty: not governed), `model` (digest of the
    newest fit) and `kind` (of the home that it was fitted in).

    Args:
        name: Of the analyst.
        state: Its state, which is changed.
        view: What it may see.
    """

    def __init__(self, name: str, state: State, view: TickView) -> None:
        self._name, self._state, self._view = name, state, view
        self._plan: ScoringPlan | None = None
        self._served: ServedModel | None = None
        self._is_known = False
        self.why_not = ""
        if state.get("use") is None:
            state["use"] = self._first_use(view.events((ModelDrafted.kind,)))

    def _first_use(self, events: Sequence[Event]) -> str:
        """The use of the analyst's own name if there is one, else that drafted first."""
        bodies: list[Any] = [event.decode() for event in events]
        uses = [one.use for one in bodies if isinstance(one, ModelDrafted)
                and one.analyst == self._name]  # fmt: skip
        return self._name if self._name in uses else next(iter(uses), "")

    def take(self, event: Event) -> None:
        """Take a fit, or a draft that puts the analyst's model under control."""
        body = event.decode()
        if isinstance(body, ModelFitted) and body.name == self._name:
            self._state["model"] = body.digest
            self._state["kind"] = event.envelope.home_kind.value
        elif isinstance(body, ModelDrafted) and body.analyst == self._name:
            is_own = body.use == self._name
            self._state["use"] = body.use if is_own else self._state["use"] or body.use
        else:
            return
        self._is_known = False

    @property
    def digest(self) -> str:
        """SHA-256 of the artefact in use; empty: none may be used."""
        plan = self.plan()
        return plan.digest if plan is not None else ""

    def plan(self) -> ScoringPlan | None:
        """The frozen model in use; None where there is none, and `why_not` says why."""
        if not self._is_known:
            self._is_known, self._served, self._plan, self.why_not = True, None, None, ""
            digest = self._governed() if self._state["use"] else self._fitted()
            if digest:
                self._plan = ScoringPlan.from_bytes(self._view.artefact(digest), digest)
        return self._plan

    def _governed(self) -> str:
        try:
            self._served = self._view.model(self._state["use"])
        except NotFoundError as error:
            self.why_not = f"{error} {error.hint}".strip()
            return ""
        return self._served.ref.digest

    def _fitted(self) -> str:
        digest = str(self._state["model"])
        if digest and self._state.get("kind") is None:
            fits = self._view.events((ModelFitted.kind,), f"model/{self._name}")
            self._state["kind"] = fits[-1].envelope.home_kind.value if fits else ""
        if digest and self._state["kind"] in STRICT:
            self.why_not = (
                f"its model {digest[:12]} was fitted and never approved, which is not enough in a "
                f"{self._state['kind']} home. {_ASK}"
            )
            return ""
        return digest

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
