"""What speaks for a shift: candidate causes of some batches, ranked as a study ranks them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goldenbatch.capabilities.monitoring.yields.aggregates import Read
from goldenbatch.capabilities.monitoring.yields.facts import Book
from goldenbatch.capabilities.monitoring.yields.report import study_table, verdict
from goldenbatch.capabilities.monitoring.yields.settings import YieldSettings
from goldenbatch.capabilities.monitoring.yields.table import batch_table
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.findings import Contribution
from goldenbatch.core.plant import Plant
from goldenbatch.science.drivers import Study

N_TOLD = 5


@dataclass(frozen=True)
class Candidates:
    """What a study says of a shift.

    Attributes:
        words: One or two sentences.
        parts: What each candidate adds to the batches, in the unit of the target; the largest
            first.
        digest: Of the rows that it rests on; empty where there is no study.
    """

    words: str
    parts: tuple[Contribution, ...] = ()
    digest: str = ""


def candidates_of(
    book: Book,
    settings: YieldSettings,
    plant: Plant,
    read: Read,
    batches: Collection[str],
    ignored: str,
) -> Candidates:
    """Study the newest batches, and split what is predicted of some over their candidates.

    Args:
        book: The ledger, folded up to now.
        settings: Of the study.
        plant: In force.
        read: Of the historian.
        batches: That shifted.
        ignored: Analyst whose findings do not count against a batch.
    """
    table = batch_table(book, settings, plant, read, (ignored,), settings.n_newest)
    try:
        found = study_table(table, settings)
    except BadInputError as error:
        return Candidates(f"No candidate causes can be ranked: {error.message}")
    names = [row.batch for row in table.rows]
    own = np.array([name in batches for name in names])
    parts = _parts(found.study, own)
    return Candidates(_words(found.study, parts), parts, table.digest)


def _parts(study: Study, own: NDArray[np.bool_]) -> tuple[Contribution, ...]:
    """Mean contribution of each candidate to the batches, by the newest correction."""
    walked = study.walked
    if not walked.fitted or study.causes is None or not own.any():
        return ()
    newest = walked.fitted[max(walked.fitted)]
    values = newest.shrink * newest.correction.contributions(walked.found.X_difference[own])
    mean = values.mean(axis=0)
    found = [
        Contribution(variable=one.lead, value=float(mean[list(one.group.columns)].sum()))
        for one in study.causes.ranked
    ]
    told = [one for one in found if math.isfinite(one.value) and one.value != 0.0]
    return tuple(sorted(told, key=lambda one: -abs(one.value))[:12])


def _words(study: Study, parts: tuple[Contribution, ...]) -> str:
    causes = study.causes
    if causes is None:
        return f"No candidate causes can be ranked: {study.note}"
    named = {one.lead for one in causes.named}
    told = [
        f"{one.variable} {one.value:+.3g}{' (named)' if one.variable in named else ''}"
        for one in parts[:N_TOLD]
    ]
    ranked = f"Candidates by what they add to these batches: {', '.join(told)}. " if told else ""
    checks = (
        f"Every check is passed by {', '.join(sorted(named))}"
        if named
        else "No candidate passes every check, so none is named"
    )
    text = verdict(study)
    return f"{ranked}{checks}; {text}. This is association, not proof of a cause."
