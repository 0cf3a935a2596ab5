"""What a model in use says of a batch, and what that means beside the registered limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from goldenbatch.capabilities.monitoring.release._reading import fault_of
from goldenbatch.capabilities.monitoring.release.acceptance import acceptance
from goldenbatch.capabilities.monitoring.release.inputs import plain, read_inputs
from goldenbatch.capabilities.monitoring.release.registering import sterility_of
from goldenbatch.capabilities.monitoring.release.trends import Trend, trend_of
from goldenbatch.core.errors import DeniedError, IntegrityError, NotFoundError
from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_card import Criticality
from goldenbatch.core.model_records import ModelApproved, line_stream
from goldenbatch.core.release_parts import holds_within, stands
from goldenbatch.core.release_records import (
    InputRead,
    ModelUsed,
    NoPrediction,
    Predicted,
    ReleaseOutcome,
)

if TYPE_CHECKING:
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.prediction import Prediction, ServedModel
    from goldenbatch.core.records import Row
    from goldenbatch.core.release_life import RegistrationStanding, ReleaseTestState
    from goldenbatch.core.release_parts import Registration
    from goldenbatch.core.site import Site


@dataclass(frozen=True)
class Case:
    """What is asked: a batch under a registration.

    Attributes:
        row: The batch's row.
        standing: The registration in force.
        before: What was asked before; None: nothing was.
    """

    site: Site
    row: Row
    standing: RegistrationStanding
    before: ReleaseTestState | None = None

    @property
    def told(self) -> Registration:
        """What is registered."""
        return self.standing.registration


@dataclass(frozen=True)
class Answer:
    """What came of it.

    Attributes:
        outcome: What it means for the release.
        why: In a sentence.
        no_prediction: Why there is no valid prediction; None: there is one.
        trend: What makes it a trend to failure.
        recent: Earlier tests that a run rule looked at.
        also: Streams that it rests on, and their versions.
    """

    outcome: ReleaseOutcome
    why: str
    no_prediction: NoPrediction | None = None
    model: ModelUsed | None = None
    inputs: tuple[InputRead, ...] = ()
    input_digest: str = ""
    prediction: Predicted | None = None
    trend: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    also: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Model:
    served: ServedModel
    state: VersionState
    used: ModelUsed


class _InvalidError(Exception):
    """There is no valid prediction."""

    def __init__(self, reason: NoPrediction, why: str) -> None:
        super().__init__(why)
        self.reason = reason


def answer(case: Case) -> Answer:
    """Ask the model in use and hold what it says to the registration.

    Raises:
        DeniedError: The model's output is the sterility of a product of which it is never
            predicted.
    """
    also: dict[str, int] = {}
    base = Answer(ReleaseOutcome.NO_PREDICTION, "", also=also)
    try:
        model = _model_in_use(case, also)
    except _InvalidError as error:
        inputs = read_inputs(case.site, case.row, case.told.inputs, {})
        return replace(base, why=str(error), no_prediction=error.reason, inputs=inputs)
    intended = model.state.intended
    units = {one.name: one.unit for one in intended.inputs} if intended is not None else {}
    inputs = read_inputs(case.site, case.row, case.told.inputs, units)
    base = replace(base, inputs=inputs, model=model.used)
    try:
        used = _accepted(case, model)
        base = replace(base, model=used)
        _require_whole(inputs)
        said = _said(model, inputs)
        base = replace(base, input_digest=said.input_digest, prediction=_predicted(model, said))
        _require_valid(case, said)
    except _InvalidError as error:
        return replace(base, why=str(error), no_prediction=error.reason)
    return _judged(case, base)


# ---- the model ----------------------------------------------------------------------------------


def _model_in_use(case: Case, also: dict[str, int]) -> _Model:
    """The model that serves."""
    site, use = case.site, case.told.use
    also[line_stream(use)] = site.ledger.version(line_stream(use))
    try:
        served = site.models.active(use)
    except (NotFoundError, IntegrityError) as error:
        raise _InvalidError(NoPrediction.MODEL_NOT_IN_USE, str(error)) from error
    ref = served.ref
    state = load_version(site.ledger, use, ref.version, fault_of(site))
    also[state.stream] = state.head
    used = ModelUsed(
        use=use, version=ref.version, digest=ref.digest, approval=state.ref(ModelApproved)
    )
    return _Model(served, state, used)


def _accepted(case: Case, model: _Model) -> ModelUsed:
    """The model, if it is for release, for this, and accepted on its evidence."""
    _require_intended(case, model)
    _require_same_model(case, model)
    found = acceptance(case.site, model.state, case.told)
    if not found.digest:
        raise _InvalidError(
            NoPrediction.MODEL_NOT_ACCEPTED, f"{model.served.ref} is not accepted: {found.why}"
        )
    return model.used.model_copy(update={"acceptance": found.digest})


def _require_intended(case: Case, model: _Model) -> None:
    told, intended = case.told, model.state.intended
    refused = NoPrediction.MODEL_NOT_ACCEPTED
    if intended is None:
        raise _InvalidError(refused, f"{model.served.ref} has no intended use")
    fault = sterility_of(case.site, told, intended.output)
    if fault:
        raise DeniedError(
            f"{told.attribute} of {told.product}: {fault}.", hint="Test it in the laboratory."
        )
    if intended.influence != "release" or intended.criticality is not Criticality.CRITICAL:
        raise _InvalidError(
            refused,
            f"the intended use of {model.served.ref} is not release "
            f"(influence {intended.influence or 'not stated'}, {intended.criticality.value})",
        )
    if intended.output != told.attribute:
        raise _InvalidError(refused, f"{model.served.ref} says {intended.output}")
    missing = sorted(set(model.served.inputs) ^ {one.name for one in told.inputs})
    if missing:
        raise _InvalidError(
            refused, f"model and registration do not name the same inputs: {', '.join(missing)}"
        )
    _require_context(case, model)


def _require_context(case: Case, model: _Model) -> None:
    told, context = case.told, model.served.context
    other = [one.phase for one in told.inputs if one.kind == "readings"]
    if context.phases and not set(other) <= set(context.phases):
        raise _InvalidError(
            NoPrediction.OUTSIDE_CONTEXT,
            f"inputs are of {', '.join(one or 'the whole batch' for one in other)}, the context of "
            f"use is {', '.join(context.phases)}",
        )
    place = str(case.row["place"] or "")
    is_there = any(place == one or place.startswith(f"{one}/") for one in context.places)
    if told.product not in context.products or not is_there:
        raise _InvalidError(
            NoPrediction.OUTSIDE_CONTEXT,
            f"{told.product} at {place or 'no place'} is outside the context of use of "
            f"{model.served.ref}",
        )


def _require_same_model(case: Case, model: _Model) -> None:
    """Corrected evidence is asked of the model that was asked before; another one is fishing."""
    before = case.before.tests if case.before is not None else ()
    first = next((one.model for _, one in before if one.model is not None), None)
    if first is not None and first.digest != model.used.digest:
        raise _InvalidError(
            NoPrediction.MODEL_CHANGED,
            f"{first.use}@{first.version} was asked before, and {model.served.ref} serves by now",
        )


# ---- the prediction -----------------------------------------------------------------------------


def _require_whole(inputs: tuple[InputRead, ...]) -> None:
    """Refuse inputs without a value; a fault of an instrument is the graver reason."""
    for wanted in (NoPrediction.INSTRUMENT_FAULT, NoPrediction.MISSING_INPUT):
        bad = [one for one in inputs if one.fault == wanted]
        if bad:
            told = "; ".join(f"{one.name}: {one.why}" for one in bad)
            raise _InvalidError(wanted, told)


def _said(model: _Model, inputs: tuple[InputRead, ...]) -> Prediction:
    row = {one.name: float(one.value) for one in inputs}
    return model.served.predict_one(row, explain=False)


def _predicted(model: _Model, said: Prediction) -> Predicted:
    ends = {
        name: plain(one) if one is not None and math.isfinite(one) else ""
        for name, one in (("value", said.value), ("lower", said.lower), ("upper", said.upper))
    }
    has_share = said.confidence is not None and 0 < said.confidence < 1
    return Predicted(
        **ends, unit=model.served.unit or "1", confidence=said.confidence if has_share else None,
        is_in_domain=said.is_in_domain, reason=said.reason,
    )  # fmt: skip


def _require_valid(case: Case, said: Prediction) -> None:
    told = case.told
    if said.value is None or not math.isfinite(said.value):
        raise _InvalidError(NoPrediction.NO_VALUE, said.reason or "the model gives no value")
    if not said.is_in_domain:
        raise _InvalidError(NoPrediction.OUT_OF_DOMAIN, said.reason or "outside the domain")
    ends = {"lower": (said.lower,), "upper": (said.upper,)}.get(
        told.bound, (said.lower, said.upper)
    )
    if any(one is None or not math.isfinite(one) for one in ends):
        raise _InvalidError(NoPrediction.NO_INTERVAL, "the model gives no interval")
    if said.confidence is None or said.confidence < told.confidence:
        share = "no stated share" if said.confidence is None else f"{said.confidence:.0%}"
        raise _InvalidError(
            NoPrediction.NO_INTERVAL,
            f"its interval holds {share}, and {told.confidence:.0%} are registered",
        )


def _judged(case: Case, base: Answer) -> Answer:
    """A valid prediction beside the limit."""
    told, said = case.told, base.prediction
    if said is None:
        raise IntegrityError("a prediction that was made is missing.")
    how = stands(told.attribute, said.value, said.unit, told.limit)
    words = f"{_short(said.value)} {said.unit} ({_short(said.lower)} to {_short(said.upper)})"
    if how == "undecidable":
        why = f"{words} cannot be compared with {told.limit.as_text()}"
        return replace(base, no_prediction=NoPrediction.NO_VALUE, why=why)
    if how == "outside":
        why = f"{words} is outside {told.limit.as_text()}"
        return replace(base, outcome=ReleaseOutcome.FAILS, why=why)
    found: Trend = trend_of(case.site, told, str(case.row["batch"]), said)
    crossing = holds_within(told.attribute, said, told.limit, told.bound)
    trend = (*((crossing,) if crossing else ()), *found.signs)
    if trend:
        why = f"{words} trends to failure: {'; '.join(trend)}"
        outcome = ReleaseOutcome.TRENDS
        return replace(base, outcome=outcome, why=why, trend=trend, recent=found.recent)
    why = f"{words} is within {told.limit.as_text()}"
    return replace(base, outcome=ReleaseOutcome.PASSES, why=why, recent=found.recent)


def _short(text: str) -> str:
    """A number as people read it; the record has all digits."""
    return f"{float(text):.6g}" if text else "not known"
