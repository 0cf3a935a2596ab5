"""The act of asking for a release test: one batch, one market, one attribute, one answer.

(a) It passes. (b) It fails or trends to failure: an investigation begins in the same append, and
nothing but quality's conclusion ends it. (c) There is no valid prediction: the contingency test
that was registered in advance is called in the same append. The same evidence is asked once.

References:
    ICH Q8/Q9/Q10 Q&A (R4, 2010), 2.2; EU GMP Annex 17 (2018), 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldenbatch.capabilities.monitoring.release._reading import (
    Values,
    batch_row,
    evidence_of,
    registered,
    require_name,
    test_of,
)
from goldenbatch.capabilities.monitoring.release.answering import Answer, Case, answer
from goldenbatch.capabilities.monitoring.release.registering import sterility_of
from goldenbatch.core.act_values import made, only, text
from goldenbatch.core.acts import Intent
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError
from goldenbatch.core.release_life import ReleaseState
from goldenbatch.core.release_records import (
    ContingencyTestCalled,
    ReleaseInvestigationOpened,
    ReleaseOutcome,
    ReleaseTested,
    test_stream,
)

if TYPE_CHECKING:
    from goldenbatch.core.records import Body, Row
    from goldenbatch.core.release_life import RegistrationStanding, ReleaseTestState
    from goldenbatch.core.site import Actor, Site


def ask(site: Site, by: Actor, values: Values) -> Intent:
    """Ask what may be said of an attribute of a batch without a laboratory.

    With `reason` it is asked again on corrected evidence: the same evidence gives no second
    answer, and no answer makes a failure a pass.
    """
    only(values, ("batch", "market", "attribute", "reason"))
    batch, market, attribute = (text(values, name) for name in ("batch", "market", "attribute"))
    row = batch_row(site, batch)
    require_name(test_stream(batch, market, attribute))
    standing = registered(site, str(row["product"]), market, attribute)
    _require_predictable(site, standing)
    _require_over(site, row, standing)
    before = test_of(site, batch, market, attribute)
    reason = text(values, "reason", "")
    case = Case(site, row, standing, before)
    _require_askable(case, reason)
    found = answer(case)
    if before is not None:
        _require_other_evidence(before, found)
    return _intent(case, found, reason)


def _require_predictable(site: Site, standing: RegistrationStanding) -> None:
    """Refuse sterility once more: master data may say more by now than at the registration."""
    told = standing.registration
    fault = sterility_of(site, told)
    if fault:
        raise DeniedError(
            f"{told.attribute} of {told.product}: {fault}.",
            hint="Test it in the laboratory, and withdraw the registration.",
        )


def _require_over(site: Site, row: Row, standing: RegistrationStanding) -> None:
    batch = row["batch"]
    if row["outcome"] == "aborted":
        raise ConflictError(
            f"batch {batch} was aborted: nothing is said of it for release.",
            hint="Aborted batches go through quality.",
        )
    needs_end = any(one.kind == "readings" for one in standing.registration.inputs)
    if needs_end and row["ended_at"] is None:
        raise ConflictError(
            f"batch {batch} has not ended: what it was made with is not known yet.",
            hint="Record its end first.",
        )


def _require_askable(case: Case, reason: str) -> None:
    before = case.before
    if before is None and reason:
        raise BadInputError(
            "nothing was asked before that could be corrected.", hint="Leave the reason out.",
            key="reason",
        )  # fmt: skip
    if before is None or reason:
        return
    state = before.state.value if before.state is not None else "not known"
    hint = "It is asked again on corrected evidence alone: correct the record, and give a reason."
    if before.state is ReleaseState.INVESTIGATION:
        hint = "An investigation is ended by quality's signed conclusion, by nothing else."
    raise ConflictError(
        f"{before.stream} was asked before and is {state}: the same evidence gives the same "
        "answer.",
        hint=hint,
    )


def _require_other_evidence(before: ReleaseTestState, found: Answer) -> None:
    """Refuse to ask again on the evidence that an answer was given on."""
    for number, one in before.tests:
        if evidence_of(one.inputs) == evidence_of(found.inputs):
            raise ConflictError(
                f"no input is another than in {before.stream}@{number}, which said "
                f"{one.outcome.value}: to ask again would only be fishing.",
                hint="Correct what is wrong in the record first.",
            )


def _intent(case: Case, found: Answer, reason: str) -> Intent:
    told, before = case.standing.registration, case.before
    at = {"batch": str(case.row["batch"]), "market": told.market, "attribute": told.attribute}
    body = made(
        ReleaseTested, **at, product=told.product, registration=case.standing.approval,
        manufacture=told.manufacture, limit=told.limit, bound=told.bound,
        confidence=told.confidence, model=found.model, inputs=found.inputs,
        input_digest=found.input_digest, prediction=found.prediction, outcome=found.outcome,
        no_prediction=found.no_prediction or "", why=found.why,
        most_contingency=told.most_contingency, trend=found.trend, recent=found.recent,
        corrects=before.tests[-1][0] if before is not None and before.tests else 0, reason=reason,
    )  # fmt: skip
    stream = test_stream(**at)
    version = case.site.ledger.version(stream)
    also = {case.standing.stream: case.site.ledger.version(case.standing.stream), **found.also}
    follows = _follows(case, found, at, version + 1)
    return Intent(
        stream, body, ("release:test",), version, reason=reason, also=also, followed_by=follows
    )


def _follows(case: Case, found: Answer, at: dict[str, str], version: int) -> tuple[Body, ...]:
    """What the answer leads to at once."""
    if found.outcome is ReleaseOutcome.PASSES:
        return ()
    if found.outcome is ReleaseOutcome.NO_PREDICTION:
        if case.before is not None and case.before.state in _PAST_CALLING:
            return ()
        told = case.standing.registration
        return (
            made(
                ContingencyTestCalled, **at, product=told.product, contingency=told.contingency,
                no_prediction=found.no_prediction, why=found.why,
            ),
        )  # fmt: skip
    category = "oos" if found.outcome is ReleaseOutcome.FAILS else "oot"
    opened = made(
        ReleaseInvestigationOpened, **at, category=category, cause_version=version,
        statement=found.why,
    )  # fmt: skip
    return (opened,)


_PAST_CALLING = (ReleaseState.INVESTIGATION, ReleaseState.CONCLUDED, ReleaseState.LABORATORY)
"""From here no contingency test is called any more: there is no way back to it."""
