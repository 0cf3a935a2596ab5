"""Acts on shadows: a candidate begins to run beside the version that serves, and ends.

References:
    EU GMP Annex 22, draft of July 2025, 10.3, 10.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.governance._reading import (
    line_of,
    plan_of,
    require_artefact,
    version_of,
)
from goldenbatch.core.act_values import made, number, only, text
from goldenbatch.core.acts import Intent
from goldenbatch.core.analyst import AnalystAdopted
from goldenbatch.core.change_plans import plan_stream
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.findings import newest_finding
from goldenbatch.core.shadow_records import (
    ShadowEnded,
    ShadowPeriod,
    ShadowStarted,
    ShadowVerdict,
    shadow_periods,
)

if TYPE_CHECKING:
    from goldenbatch.core.findings import Finding
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.site import Actor, Site

SHADOW: Final = "model:shadow"
ANALYST: Final = "governance.shadow"
KEY: Final = "shadow"
COUNTS: Final = {
    "n_batches": "batches in shadow",
    "n_rows": "rows in shadow",
    "n_references": "results paired",
    "n_groups": "batches compared",
}
"""Fields of `ShadowEnded` to the measures of the finding that they are taken from."""
NUMBERS: Final = {
    "mean": "mean difference of losses",
    "lower": "interval of it, lower end",
    "upper": "interval of it, upper end",
}


def shadow_start(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Let a trained version run beside the one that serves: an entry.

    Values: `use`, `version`, `maximum` (largest error that counts); `measure` (`mae`, `mse`),
    `margin`, `confidence`, `reason`.
    """
    only(values, ("use", "version", "maximum", "measure", "margin", "confidence", "reason"))
    state = version_of(site, text(values, "use"), number(values, "version"))
    line = line_of(site, state.draft.use)
    champion = _require_candidate(site, state)
    _require_runner(site, state.draft.use)
    clause, also = _clause(site, state)
    reason = text(values, "reason", "" if clause else None) or f"asked for by {clause}"
    chosen = {name: values[name] for name in ("measure", "margin", "maximum", "confidence")
              if values.get(name) is not None}  # fmt: skip
    body = made(
        ShadowStarted, use=state.draft.use, version=state.draft.version,
        digest=state.trained.digest if state.trained is not None else "",
        against=champion.draft.version,
        against_digest=champion.trained.digest if champion.trained is not None else "",
        clause=clause, reason=reason, **chosen,
    )  # fmt: skip
    rests = {**also, line.stream: line.head, champion.stream: champion.head}
    return Intent(state.stream, body, (SHADOW,), state.head, also=rests)


def shadow_end(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """End a shadow, with what it has shown by then: an entry."""
    only(values, ("use", "version", "reason"))
    state = version_of(site, text(values, "use"), number(values, "version"))
    period = _running(site, state)
    if period is None:
        raise ConflictError(
            f"{state.stream} does not run in shadow.", hint="See `goldenbatch model history`."
        )
    uid, finding = _comparison(site, state, period)
    version = site.ledger.version(f"finding/{uid}") if uid else 0
    body = made(
        ShadowEnded, use=state.draft.use, version=state.draft.version, started=period.number,
        digest=period.started.digest, against=period.started.against,
        finding=uid, finding_version=version, reason=text(values, "reason"),
        **_shown(finding),
    )  # fmt: skip
    also = {f"finding/{uid}": version} if uid else {}
    return Intent(state.stream, body, (SHADOW,), state.head, also=also)


def periods_of(site: Site, state: VersionState) -> tuple[ShadowPeriod, ...]:
    """Shadows of a version."""
    return shadow_periods(site.ledger.stream(state.stream))


# ---- inside ---------------------------------------------------------------------------------


def _require_candidate(site: Site, state: VersionState) -> VersionState:
    """The version that serves, beside which this one may run."""
    line = line_of(site, state.draft.use)
    if state.trained is None:
        raise ConflictError(
            f"{state.stream} is {state.stage.value}: nothing is trained that could run.",
            hint="Train it first.",
        )
    if state.draft.version in (line.active, *line.activated) or (
        state.draft.version in line.retired
    ):
        raise ConflictError(
            f"{state.stream} is {line.stage(state).value}, no candidate: what served or is "
            "retired runs in no shadow.",
            hint="Draft an update of it.",
        )
    if not line.active:
        raise ConflictError(
            f"no version of {state.draft.use} serves that it could run beside.",
            hint="Activate one first.",
        )
    if _running(site, state) is not None:
        raise ConflictError(f"{state.stream} runs in shadow already.", hint="End it first.")
    require_artefact(site, state.trained.digest, f"artefact of {state.stream}")
    return version_of(site, state.draft.use, line.active)


def _require_runner(site: Site, use: str) -> None:
    """Refuse where no analyst would run it: a shadow that nobody casts shows nothing."""
    newest: dict[str, Any] = {}
    kinds = (AnalystAdopted.kind, "AnalystRetired")
    for event in site.ledger.events(kinds=kinds, stream_prefix="analyst/"):
        newest[event.stream] = event.decode()
    for body in newest.values():
        if isinstance(body, AnalystAdopted) and body.analyst == ANALYST:
            uses = body.settings.get("uses") or ()
            if not uses or use in uses:
                return
    raise ConflictError(
        f"no analyst of this home runs shadows of {use}.",
        hint=f'Adopt one first: a file with `analyst = "{ANALYST}"`, `goldenbatch adopt`.',
    )


def _clause(site: Site, state: VersionState) -> tuple[str, dict[str, int]]:
    """The part of the change plan that asks for a shadow, and what it rests on."""
    if not state.draft.plan:
        return "", {}
    plan = plan_of(site, state.draft.plan).plan
    stream = plan_stream(plan.id)
    wanted = plan.protocol and (plan.update.shadow_days or plan.update.shadow_batches)
    return (f"{plan.label}#update" if wanted else ""), {stream: site.ledger.version(stream)}


def _running(site: Site, state: VersionState) -> ShadowPeriod | None:
    periods = periods_of(site, state)
    return periods[-1] if periods and periods[-1].ended is None else None


def _comparison(
    site: Site, state: VersionState, period: ShadowPeriod
) -> tuple[str, Finding | None]:
    """Uid and newest state of the finding of a shadow that runs."""
    use = state.draft.use
    for row in site.ledger.select("finding", {"attribute": use, "state": "open"}, ("-opened_seq",)):
        finding = newest_finding(site.ledger.stream(f"finding/{row['uid']}"))
        key = f"{state.draft.version}/{KEY}/{period.number}"
        if finding is not None and finding.subject.key == key:
            return str(row["uid"]), finding
    return "", None


def _shown(finding: Finding | None) -> dict[str, Any]:
    if finding is None:
        return {"verdict": ShadowVerdict.NOT_SHOWN, **dict.fromkeys(COUNTS, 0)}
    known = {one.name: one.value for one in finding.measures}
    counts = {name: round(known.get(what, 0.0)) for name, what in COUNTS.items()}
    numbers = {name: known.get(what) for name, what in NUMBERS.items()}
    told = finding.title.rpartition(": ")[2]
    try:
        verdict = ShadowVerdict(told)
    except ValueError as error:
        raise BadInputError(f"the finding of the shadow says {told!r}.") from error
    return {"verdict": verdict, **counts, **numbers}
