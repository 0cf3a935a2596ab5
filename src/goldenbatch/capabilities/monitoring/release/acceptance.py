"""Whether a model version is accepted for release: by what it was worth forward in time.

The evaluation is a file among the signed evidence of the version's validation. Its verdict is
not believed but made again here, by the criteria of the gate, so that nothing in the file can
make a model fit for release that was not measured to be.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from goldenbatch.capabilities.monitoring.release.gate import AcceptedFor, GateCriteria, judge
from goldenbatch.core.errors import BadInputError, GoldenbatchError
from goldenbatch.core.quantities import Quantity

if TYPE_CHECKING:
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.release_parts import Registration
    from goldenbatch.core.site import Site
    from goldenbatch.science.forward import ForwardEvaluation

SCHEMA: Final = "goldenbatch/release-evaluation/1"
MOST_BYTES: Final = 4_000_000
"""Of a file that may be an evaluation; larger ones are other evidence."""


@dataclass(frozen=True)
class Acceptance:
    """What was found of a version.

    Attributes:
        digest: SHA-256 of the evaluation that accepts it; empty: none does.
        why: Why none does; empty: one does.
    """

    digest: str = ""
    why: str = ""


def evaluation_file(
    evaluation: ForwardEvaluation, *, use: str, artefact: str, criteria: GateCriteria | None = None
) -> str:
    """An evaluation as the file that stands among the evidence of a version.

    Args:
        evaluation: What was measured.
        use: Use of the model.
        artefact: SHA-256 of the artefact that was evaluated.
        criteria: Fixed before; stricter ones than the gate's own are asked besides.
    """
    asked = criteria or GateCriteria()
    plain = {
        "schema": SCHEMA, "use": use, "artefact": artefact, "evaluation": evaluation.to_json(),
        "criteria": asked.model_dump(mode="json"), "verdict": judge(evaluation, asked).to_json(),
    }  # fmt: skip
    return json.dumps(plain, indent=1, sort_keys=True) + "\n"


def acceptance(site: Site, state: VersionState, told: Registration) -> Acceptance:
    """Whether the signed evidence of a version accepts it for what is registered."""
    reasons = []
    for digest, plain in _evaluations(site, state):
        why = _refused(plain, state, told)
        if not why:
            return Acceptance(digest)
        reasons.append(why)
    none = "its validation holds no evaluation for release forward in time"
    return Acceptance(why="; ".join(reasons) or none)


def _evaluations(site: Site, state: VersionState) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Files among the evidence of validation that say to be evaluations."""
    validated = state.validated
    for one in validated.evidence if validated is not None else ():
        if one.side != "validation" or one.record:
            continue
        try:
            content = site.registry.get(one.digest)
            is_small = len(content) <= MOST_BYTES
            plain = json.loads(content, parse_constant=_no_number) if is_small else None
        except (GoldenbatchError, ValueError):
            continue
        if isinstance(plain, dict) and plain.get("schema") == SCHEMA:
            yield one.digest, plain


def _no_number(text: str) -> float:
    """What is no finite number meets every rule or none."""
    raise ValueError(f"{text} is no JSON")


def _refused(plain: Mapping[str, Any], state: VersionState, told: Registration) -> str:
    """Why an evaluation does not accept a version for what is registered; empty where it does."""
    artefact = state.trained.digest if state.trained is not None else ""
    if not artefact or (plain.get("use"), plain.get("artefact")) != (state.draft.use, artefact):
        return "an evaluation is of another model"
    try:
        evaluation = evaluation_of(plain.get("evaluation"))
        criteria = GateCriteria.model_validate(plain.get("criteria"))
    except (BadInputError, ValidationError) as error:
        return f"an evaluation cannot be read: {error}"
    return _not_good_enough(evaluation, criteria, told)


def _not_good_enough(
    evaluation: ForwardEvaluation, criteria: GateCriteria, told: Registration
) -> str:
    if not _is_possible(evaluation):
        return "an evaluation says what cannot be"
    if evaluation.attribute != told.attribute:
        return f"an evaluation is of {evaluation.attribute}"
    for asked in (GateCriteria(), criteria):
        refusals = judge(evaluation, asked).refusals(AcceptedFor.RELEASE)
        if refusals:
            return f"the gate refuses it for release: {'; '.join(refusals)}"
    if evaluation.nominal < told.confidence:
        return (
            f"it was evaluated with intervals of {evaluation.nominal:.0%}, and "
            f"{told.confidence:.0%} are registered"
        )
    return _other_limits(evaluation, told)


def _is_possible(found: ForwardEvaluation) -> bool:
    """Whether its figures can be figures of anything."""
    ratios = (found.ratio_by_lots, found.ratio_by_periods, found.ratio_held_out)
    shares = (
        found.uncensored_share, found.domain_share, found.nominal, found.coverage or 0.0,
        found.coverage_p_value or 0.0,
    )  # fmt: skip
    return (
        all(0 <= one.lower <= one.ratio <= one.upper for one in ratios if one is not None)
        and all(0 <= one <= 1 for one in shares)
        and min(found.n, found.n_codes, found.n_lots, found.n_periods, found.n_outside) >= 0
        and (found.width_in_room or 0.0) >= 0
        and 0 <= found.n_outside_missed <= found.n_outside <= found.n
    )


def _other_limits(evaluation: ForwardEvaluation, told: Registration) -> str:
    """Why the limits that it was evaluated with are not the registered ones."""
    limit, found = told.limit, evaluation.specification
    try:
        ends = [
            Quantity(text, limit.unit).to(evaluation.unit or "1").float if text else none
            for text, none in ((limit.lower, -math.inf), (limit.upper, math.inf))
        ]
    except BadInputError as error:
        return f"it was evaluated in {evaluation.unit or '1'}: {error}"
    pairs = zip(ends, (found.lower, found.upper), strict=True)
    if all(a == b or math.isclose(a, b, rel_tol=1e-9) for a, b in pairs):
        return ""
    told_ends = f"{found.lower:g} to {found.upper:g}"
    return f"it was evaluated against {told_ends}, registered is {limit.as_text()}"


def evaluation_of(plain: object) -> ForwardEvaluation:
    """An evaluation of its plain values, as `ForwardEvaluation.to_json` gives them.

    Raises:
        BadInputError: They are none.
    """
    from goldenbatch.science.forward import ForwardEvaluation

    if not isinstance(plain, Mapping):
        raise BadInputError("there is no evaluation.", key="evaluation")
    values = {name: one for name, one in plain.items() if name not in ("ratio", "ratio_interval")}
    limits = values.get("specification")
    if isinstance(limits, Mapping):
        # What is not finite is null in JSON: no limit on that side.
        ends = {"lower": -math.inf, "upper": math.inf}
        values["specification"] = {
            name: none if limits.get(name) is None else limits[name] for name, none in ends.items()
        }
    for name in ("ratio_by_lots", "ratio_by_periods", "ratio_uncensored", "ratio_held_out"):
        ratio = values.get(name)
        if isinstance(ratio, Mapping):
            values[name] = {
                **ratio,
                "upper": math.inf if ratio.get("upper") is None else ratio["upper"],
            }
    try:
        return TypeAdapter(ForwardEvaluation).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(
            f"{first['msg']}.", key=".".join(str(part) for part in first["loc"])
        ) from error
