"""Paired comparisons that a change plan asks for, made while the test set is open.

The rows stay sealed: only the figures leave the test, in its report. So the new, the active and
the original version are compared at once, on the same opened rows, under the plan of the draft.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from goldenbatch.capabilities.governance._reading import fault_of, line_of, version_of
from goldenbatch.capabilities.governance.gate_evidence import PairedFigure
from goldenbatch.core.change_plan_protocol import Acceptance
from goldenbatch.core.change_plans import ChangePlan, plan_standings, plan_stream
from goldenbatch.core.errors import BadInputError, GoldenbatchError, IntegrityError
from goldenbatch.science.comparison import CompareSettings, compare_paired
from goldenbatch.science.errors import ScienceError

if TYPE_CHECKING:
    from goldenbatch.capabilities.governance.rows import Rows
    from goldenbatch.core.change_plans import PlanStanding
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.site import Site
    from goldenbatch.science.comparison import ErrorMeasure
    from goldenbatch.science.predictors import Predictor

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ComparedRows:
    """Opened rows with what each version says of them.

    Attributes:
        truth: Reference values, shape (n_rows,).
        new: Predictions of the new version, shape (n_rows,).
        others: Predictions of the `active` and the `original` version.
        groups: Independent group of each row.
        strata: Subgroups of each row.
    """

    truth: Floats
    new: Floats
    others: Mapping[str, Floats]
    groups: Sequence[str]
    strata: Sequence[Sequence[str]]


@dataclass
class Compared:
    """Figures of all criteria, and why some are wanting."""

    figures: list[PairedFigure] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def compare_for_plan(plan: ChangePlan, modification: str, rows: ComparedRows) -> Compared:
    """All paired comparisons that a plan asks for of a modification.

    The seed is that of the plan, so that nobody can choose one that suits.
    """
    made = Compared()
    seed = int(plan.digest()[:8], 16)
    for one in plan.criteria(modification):
        for against in one.against:
            if against not in rows.others:
                made.missing.append(f"{one.id}: the {against} version was not compared")
                continue
            try:
                made.figures.append(_figure(one, against, rows, seed))
            except ScienceError as error:
                made.missing.append(f"{one.id}, against the {against}: {error}")
    return made


def _figure(one: Acceptance, against: Any, rows: ComparedRows, seed: int) -> PairedFigure:
    chosen = np.array([not one.subgroup or one.subgroup in own for own in rows.strata], np.bool_)
    groups = [name for name, is_in in zip(rows.groups, chosen, strict=True) if is_in]
    chosen_settings = CompareSettings(
        measure=cast("ErrorMeasure", one.measure), confidence=one.confidence, seed=seed
    )
    found = compare_paired(
        rows.truth[chosen], rows.new[chosen], rows.others[against][chosen], groups, chosen_settings
    )
    plain = found.to_json()
    names = ("measure", "new", "old", "difference", "upper", "confidence", "n_rows", "n_groups",
             "method", "seed")  # fmt: skip
    entries = {name: plain[name] for name in names}
    return PairedFigure(criterion=one.id, against=against, **entries)


# ---- while a test runs ------------------------------------------------------------------------


def comparisons(site: Site, state: VersionState, rows: Rows, predicted: Floats) -> dict[str, Any]:
    """What the report of a test says of the plan that the draft names; empty without a plan.

    Args:
        site: The site.
        state: The version that is tested.
        rows: The opened rows.
        predicted: What the new version says of them, shape (n_rows,).
    """
    standing = named_plan(site, state.draft.plan)
    if standing is None:
        return {}
    others: dict[str, Floats] = {}
    missing: list[str] = []
    versions = {"active": active_of(site, state), "original": standing.plan.original}
    for name, number in versions.items():
        try:
            others[name] = _predicted(site, version_of(site, state.draft.use, number), rows)
        except GoldenbatchError as error:
            missing.append(f"the {name} version {number} cannot predict: {error}")
    groups = groups_of(standing.plan, rows)
    compared = ComparedRows(rows.reference, predicted, others, groups, rows.strata)
    made = compare_for_plan(standing.plan, state.draft.modification, compared)
    return {
        "plan": standing.plan.label,
        "plan_digest": standing.digest,
        "versions": versions,
        "n_groups": len(set(groups)),
        "figures": [one.model_dump(mode="json") for one in made.figures],
        "missing": [*missing, *made.missing],
    }


def named_plan(site: Site, ref: str) -> PlanStanding | None:
    """The plan that a draft names, `id@version`, in force or not; None where there is none.

    Of several proposals of one version the approved one counts.
    """
    plan, _, version = ref.partition("@")
    if not plan:
        return None
    events = site.ledger.stream(plan_stream(plan))
    found = [one for one in plan_standings(events, fault_of(site)) if one.plan.version == version]
    found.sort(key=lambda one: (one.approval is not None, one.proposed_at))
    return found[-1] if found else None


def active_of(site: Site, state: VersionState) -> int:
    """The version that serves; where none does, the one that the draft follows."""
    return line_of(site, state.draft.use).active or state.draft.follows


def groups_of(plan: ChangePlan, rows: Rows) -> Sequence[str]:
    """Independent group of each row as the plan counts them, else as the rows say."""
    if plan.protocol.data.groups == "lot":
        own = ["+".join(sorted(lots)) for lots in rows.lots]
    else:
        own = list(rows.batches)
    return own if own and all(own) else rows.groups


def _predicted(site: Site, state: VersionState, rows: Rows) -> Floats:
    predictor = predictor_of(site, state)
    return predictor.predict(rows.columns(predictor.facts.inputs)).value[:, 0]


def predictor_of(site: Site, state: VersionState) -> Predictor:
    """The predictor of a trained version, from the artefact that was trained.

    Raises:
        BadInputError: It was never trained, or nothing predicts by it.
        IntegrityError: The artefact is not the one that was trained.
    """
    from goldenbatch.capabilities.governance.training import load_artefact

    trained = state.trained
    if trained is None:
        raise BadInputError(f"{state.stream} was not trained.")
    found = site.registry.media_type(trained.digest)
    if found != trained.media_type:
        raise IntegrityError(
            f"artefact {trained.digest} is kept as {found}, not as {trained.media_type}.",
            hint="Restore the registry from the backup of the home.",
        )
    return load_artefact(site.registry.get(trained.digest), trained.media_type, state)
