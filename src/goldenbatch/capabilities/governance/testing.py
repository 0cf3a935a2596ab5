"""Act `test`: open the sealed set, predict with the frozen artefact, hold it to the criteria.

All that can be refused is refused before the set is opened. What was measured is recorded, passed
or failed. The report holds measures and no rows: it can be read without unsealing anything.

References:
    EU GMP Annex 22, draft of July 2025, 4.1 to 4.3, 6.1 to 6.5, 7.1 to 7.4.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goldenbatch.capabilities.governance._environment import environment
from goldenbatch.capabilities.governance.binding import (
    LEAST_ROWS,
    require_apart_from_lineage,
    require_criteria_before,
    require_measurable,
    version_and_set,
)
from goldenbatch.capabilities.governance.comparisons import comparisons
from goldenbatch.capabilities.governance.rows import Rows
from goldenbatch.capabilities.governance.training import load_artefact
from goldenbatch.core import act_values as take
from goldenbatch.core.acts import Intent
from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.core.model_card import Criterion, Measured
from goldenbatch.core.model_records import CriteriaFixed, ModelTested
from goldenbatch.core.people import Meaning
from goldenbatch.core.sealing import sealing_of
from goldenbatch.core.test_sets import require_testable
from goldenbatch.science.statistics.performance import (
    BESIDE,
    IN_DOMAIN,
    Performance,
    PredictedRows,
    performance,
)

if TYPE_CHECKING:
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.sealing import OpenedRows
    from goldenbatch.core.site import Actor, Site
    from goldenbatch.core.test_sets import TestSetState
    from goldenbatch.science.predictors import Predictor

TEST: Final = "model:test"
FORM: Final = "goldenbatch/model-test/1"
REPORT_TYPE: Final = "application/json"
SHOWN: Final = ("rmse", "bias", "mae", "r2", "coverage", "in_domain_share", "predicted_share")
"""Measures that the report always shows, for all rows and each subgroup."""

SHOWN_CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class _Test:
    """One test while it runs."""

    state: VersionState
    chosen: TestSetState
    criteria: CriteriaFixed
    predictor: Predictor
    seed: int


def test(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Test a trained version on its opened set, by signature of the tester.

    Values: `use`, `version`.
    """
    take.only(values, ("use", "version"))
    state, chosen = version_and_set(site, values)
    one = _prepared(site, state, chosen)
    opened = sealing_of(site).open(chosen.test_set, state.draft.use, state.draft.version, by)
    rows = Rows.from_bytes(opened.content)
    if len(rows) != chosen.selected.n_rows:
        raise IntegrityError(
            f"{chosen.stream} holds {len(rows)} rows; {chosen.selected.n_rows} were sealed."
        )
    predicted = _predicted(one, rows)
    found = [_measured(criterion, one, rows, predicted) for criterion in one.criteria.criteria]
    outcomes = tuple(outcome for outcome, _ in found)
    report = _report(site, one, rows, predicted, found, opened)
    content = json.dumps(_plain(report), sort_keys=True, indent=1, ensure_ascii=False).encode()
    body = ModelTested(
        use=state.draft.use,
        version=state.draft.version,
        digest=_digest(state),
        test_set=chosen.test_set,
        opening=opened.opening,
        outcomes=outcomes,
        n_rows=len(rows),
        is_passed=all(outcome.is_met for outcome in outcomes),
        report=site.registry.put(content, REPORT_TYPE),
    )
    also = {chosen.stream: site.ledger.version(chosen.stream)}
    reason = "passed" if body.is_passed else "failed"
    return Intent(
        state.stream, body, (TEST,), state.head, Meaning.PERFORMED, reason, also=also,
        is_costly=True,
    )  # fmt: skip


test.__test__ = False  # type: ignore[attr-defined]


def _prepared(site: Site, state: VersionState, chosen: TestSetState) -> _Test:
    """All that can be checked before anything is opened.

    Raises:
        ConflictError: A step is missing, or training and test are not apart.
        BadInputError: The set is too small, or a criterion cannot be measured.
        IntegrityError: The artefact is not the one that was trained.
    """
    state.require(ModelTested)
    require_testable(chosen, state)
    require_criteria_before(site, state, chosen)
    require_apart_from_lineage(site, state, chosen)
    criteria = state.criteria
    if criteria is None or state.trained is None:
        raise BadInputError(f"{state.stream} has no criteria, or was not trained.")
    require_measurable(criteria.criteria)
    if chosen.selected.n_independent < criteria.n_least:
        raise BadInputError(
            f"{chosen.stream} has {chosen.selected.n_independent} independent groups; the criteria "
            f"ask for {criteria.n_least}.",
            hint="Bind a larger set.",
            key="test_set",
        )
    digest, media_type = state.trained.digest, state.trained.media_type
    found = site.registry.media_type(digest)
    if found != media_type:
        raise IntegrityError(
            f"artefact {digest} is kept as {found}, not as the {media_type} that was trained.",
            hint="Restore the registry from the backup of the home.",
        )
    predictor = load_artefact(site.registry.get(digest), media_type, state)
    lacking = [one for one in predictor.facts.inputs if one not in chosen.selected.inputs]
    if lacking:
        raise BadInputError(
            f"{chosen.stream} lacks the input {lacking[0]!r} of {state.stream}"
            f"{f' and {len(lacking) - 1} more' if len(lacking) > 1 else ''}.",
            hint="Bind a set with the model's inputs; nothing was opened.",
            key="test_set",
        )
    return _Test(state, chosen, criteria, predictor, _seed(digest, chosen))


def _seed(artefact: str, chosen: TestSetState) -> int:
    """Seed of the resampling: of model and rows, so that nobody tries seeds until one passes."""
    both = f"{artefact}{chosen.selected.digest}".encode("ascii")
    return int.from_bytes(hashlib.sha256(both).digest()[:4], "big")


# ---- predictions --------------------------------------------------------------------------------


def _predicted(one: _Test, rows: Rows) -> PredictedRows:
    inputs = rows.columns(one.predictor.facts.inputs)
    found = one.predictor.predict(inputs)
    baseline = rows.baseline
    mean = one.state.trained.measures.get("reference_mean") if one.state.trained else None
    if mean is not None and not one.chosen.selected.baseline:
        baseline = np.full(len(rows), mean)
    _, groups = np.unique(np.asarray(rows.groups), return_inverse=True)
    return PredictedRows(
        truth=rows.reference,
        predicted=found.value[:, 0],
        lower=found.lower[:, 0],
        upper=found.upper[:, 0],
        is_in_domain=found.in_domain & _within(one, rows),
        groups=groups.astype(np.int64),
        baseline=baseline,
        practice=rows.practice,
    )


def _within(one: _Test, rows: Rows) -> Any:
    """Which rows lie in the ranges of the inputs that the intended use states."""
    inside = np.ones(len(rows), dtype=np.bool_)
    stated = one.state.intended.inputs if one.state.intended is not None else ()
    for entry in stated:
        if entry.name in rows.names:
            column = rows.inputs[:, rows.names.index(entry.name)]
            inside &= column >= (-math.inf if entry.lower is None else entry.lower)
            inside &= column <= (math.inf if entry.upper is None else entry.upper)
    return inside


def _of_subgroup(rows: Rows, predicted: PredictedRows, name: str) -> PredictedRows:
    if not name:
        return predicted
    return predicted.where(np.asarray([name in one for one in rows.strata], dtype=np.bool_))


def _measured(
    criterion: Criterion, one: _Test, rows: Rows, predicted: PredictedRows
) -> tuple[Measured, Performance]:
    """One criterion held to the rows, with the baseline and the practice beside it."""
    chosen = _of_subgroup(rows, predicted, criterion.subgroup)
    name, confidence = criterion.measure, criterion.confidence
    found = performance(name, chosen, confidence, seed=one.seed)
    lower, upper = _finite(found.lower), _finite(found.upper)
    is_part = name.endswith(IN_DOMAIN) and not criterion.subgroup
    is_enough = not is_part or found.n_groups >= one.criteria.n_least
    if not is_enough or not math.isfinite(found.estimate):
        found = Performance(
            math.nan, None, None, found.n_groups, found.n_rows,
            found.method if is_enough else f"{found.n_groups} groups; "
            f"{one.criteria.n_least} were asked for",
        )  # fmt: skip
        lower = upper = None
    outcome = Measured(
        criterion=criterion,
        estimate=found.estimate,
        lower=lower,
        upper=upper,
        n=found.n_groups,
        baseline=_finite(_beside(name, chosen, "baseline")),
        practice=_finite(_beside(name, chosen, "practice")),
        is_met=criterion.is_met(found.estimate, lower, upper),
    )
    return outcome, found


def _beside(name: str, rows: PredictedRows, beside: str) -> float | None:
    """The same measure of what stands beside the model; None where it says too little."""
    if "_ratio_" in name or name.startswith(("coverage", "in_domain", "predicted")):
        return None
    theirs = rows.of(beside)
    is_enough = 2 * len(theirs.truth) >= len(rows.truth) > 0
    return performance(name, theirs, 0).estimate if is_enough else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


# ---- the report -----------------------------------------------------------------------------


def _report(
    site: Site,
    one: _Test,
    rows: Rows,
    predicted: PredictedRows,
    found: Sequence[tuple[Measured, Performance]],
    opened: OpenedRows,
) -> dict[str, Any]:
    state, selected = one.state, one.chosen.selected
    trained = state.trained
    facts = one.predictor.facts
    return {
        "schema": FORM,
        "use": state.draft.use,
        "version": state.draft.version,
        "artefact": {"digest": _digest(state), "media_type": trained and trained.media_type},
        "predictor": {
            "kind": facts.kind,
            "engine": dict(facts.engine),
            "n_inputs": len(facts.inputs),
        },
        "test_set": {
            "id": one.chosen.test_set,
            "digest": selected.digest,
            "seal": one.chosen.seal,
            "opening": opened.opening,
            "read": opened.read,
            "n_openings": one.chosen.n_openings,
            "split": selected.cut.split,
            "n_rows": len(rows),
            "n_independent": rows.n_independent,
            "n_excluded": len(selected.exclusions),
        },
        "criteria": {
            "record": state.ref(CriteriaFixed) or f"taken over from version {state.draft.follows}",
            "n_least": one.criteria.n_least,
        },
        "outcomes": [
            {**outcome.model_dump(mode="json"), "method": measure.method, "n_rows": measure.n_rows}
            for outcome, measure in found
        ],
        "is_passed": all(outcome.is_met for outcome, _ in found),
        "beside": {
            "baseline": selected.baseline or "the mean of the training results",
            "practice": selected.practice or "",
        },
        "shown": {
            name or "all": _shown(_of_subgroup(rows, predicted, name), one.seed)
            for name in ("", *(one.name for one in selected.strata if one.n >= LEAST_ROWS))
        },
        "comparisons": comparisons(site, one.state, rows, predicted.predicted),
        "unit": rows.unit,
        "seed": one.seed,
        "environment": environment(),
        "tested_at": site.clock(),
    }


def _shown(rows: PredictedRows, seed: int) -> dict[str, Any]:
    """Measures of the model, of the baseline and of the practice, on the same rows."""
    found: dict[str, Any] = {
        "n_rows": len(rows.truth),
        "n_independent": len(set(rows.groups.tolist())),
    }
    for name in SHOWN:
        found[name] = asdict(performance(name, rows, SHOWN_CONFIDENCE, seed=seed))
    for who in BESIDE:
        ratio = performance(f"rmse_ratio_to_{who}", rows, SHOWN_CONFIDENCE, seed=seed)
        if math.isfinite(ratio.estimate):
            theirs = rows.of(who)
            own = {name: performance(name, theirs, 0).estimate for name in SHOWN[:4]}
            found[who] = {**own, "n_rows": ratio.n_rows, "rmse_of_the_model_to_it": asdict(ratio)}
    return found


def _plain(value: Any) -> Any:
    """As JSON knows it: no NaN."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _digest(state: VersionState) -> str:
    return state.trained.digest if state.trained is not None else ""
