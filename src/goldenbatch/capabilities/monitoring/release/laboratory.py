"""Acts on what the laboratory found, and on investigations: a pass there overrides no failure.

References:
    ICH Q8/Q9/Q10 Q&A (R4, 2010), 2.2; FDA, Investigating Out-of-Specification Test Results (2022),
    IV and V (no testing into compliance); 21 CFR 211.192.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring.release._reading import (
    Values,
    asked_test,
    fault_of,
)
from goldenbatch.capabilities.monitoring.release.inputs import result_evidence
from goldenbatch.core.act_values import made, only, text
from goldenbatch.core.acts import Intent
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.people import Meaning
from goldenbatch.core.release_life import ReleaseState, registration_standings
from goldenbatch.core.release_records import (
    LaboratoryResultLinked,
    ReleaseInvestigationConcluded,
    ReleaseInvestigationOpened,
)
from goldenbatch.core.results import Comparison, Result, ResultStatus, compare

if TYPE_CHECKING:
    from goldenbatch.core.records import Body, Row
    from goldenbatch.core.release_life import ReleaseTestState
    from goldenbatch.core.release_parts import ContingencyTest
    from goldenbatch.core.results import Limit
    from goldenbatch.core.site import Actor, Site

_AT = ("batch", "market", "attribute")


def link(site: Site, by: Actor, values: Values) -> Intent:
    """Put a laboratory's result of the registered contingency test beside the release test."""
    only(values, (*_AT, "sample", "test"))
    state = asked_test(site, *(text(values, name) for name in _AT))
    tested = state.tested
    if tested is None:
        raise NotFoundError(f"{state.stream} was never asked for.")
    wanted = contingency_of(site, state)
    row = _row(site, text(values, "sample"), text(values, "test"), tested.batch)
    _require_registered(row, tested.attribute, wanted)
    found = _compared(site, row, tested.limit, wanted)
    evidence = result_evidence(site, row)
    body = made(
        LaboratoryResultLinked, **_at(state), sample=row["sample"], test=row["test"],
        record=f"{evidence.stream}@{evidence.version}", digest=evidence.digest,
        value=f"{row['operator']}{row['value']} {row['unit']}".strip(),
        within=found.is_within, outside=found.outcome == "outside", statement=found.why,
    )  # fmt: skip
    follows: tuple[Body, ...] = ()
    if body.outside:
        category = "oot" if row["status"] == ResultStatus.OOT else "oos"
        opened = made(
            ReleaseInvestigationOpened, **_at(state), category=category,
            cause_version=state.head + 1,
            statement=f"{wanted.label} of sample {body.sample}: {found.why}",
        )  # fmt: skip
        follows = (opened,)
    also = {str(evidence.stream): site.ledger.version(str(evidence.stream))}
    return Intent(state.stream, body, ("release:link",), state.head, also=also, followed_by=follows)


def contingency_of(site: Site, state: ReleaseTestState) -> ContingencyTest:
    """The contingency test as it was registered when the release test was asked for.

    Raises:
        NotFoundError: That registration is not on record.
    """
    if state.called is not None:
        return state.called.contingency
    stream, _, number = (state.tested.registration if state.tested else "").rpartition("@")
    for one in registration_standings(site.ledger.stream(stream), fault_of(site)):
        if str(one.approved_at) == number:
            return one.registration.contingency
    raise NotFoundError(f"{state.stream} names no registration that was approved.")


def _at(state: ReleaseTestState) -> dict[str, Any]:
    tested = state.tested
    return {name: getattr(tested, name) for name in _AT}


def _row(site: Site, sample: str, test: str, batch: str) -> Row:
    rows = site.ledger.select("result", {"sample": sample, "test": test}, limit=1)
    if not rows or _batch_of(site, rows[0]) != batch:
        raise NotFoundError(
            f"batch {batch} has no result of test {test!r} of sample {sample!r}.",
            hint="Results of a batch: `goldenbatch batch show`.",
        )
    return rows[0]


def _batch_of(site: Site, row: Row) -> str:
    """Batch of a result: its own entry, else that of its sample."""
    if row["batch"]:
        return str(row["batch"])
    rows = site.ledger.select("sample", {"sample": row["sample"]}, limit=1)
    return str(rows[0]["batch"]) if rows else ""


def _require_registered(row: Row, attribute: str, wanted: ContingencyTest) -> None:
    """Refuse a result of any other test than the registered one."""
    if not _is_of(row, attribute, wanted):
        found = f"{row['test']} by {row['method'] or '?'}, version {row['method_version'] or '?'}"
        raise ConflictError(
            f"the result is of {row['attribute']}, {found}; registered is {attribute}, "
            f"{wanted.label}.",
            hint="Only the test that was registered in advance decides.",
        )


def _is_of(row: Row, attribute: str, wanted: ContingencyTest) -> bool:
    told = (row["attribute"], row["test"], row["method"], row["method_version"])
    return told == (attribute, wanted.test, wanted.method, wanted.method_version)


def _compared(site: Site, row: Row, limit: Limit, wanted: ContingencyTest) -> Comparison:
    """The result beside the limit; all other results of the same test of the batch have a say.

    One that is not within is not made good by one that is.
    """
    others = [
        one
        for one in _rows_of(site, _batch_of(site, row), str(row["attribute"]))
        if _is_of(one, str(row["attribute"]), wanted) and one["sample"] != row["sample"]
    ]
    for one in (row, *others):
        found = _held(one, limit)
        if found.outcome == "outside":
            note = "" if one is row else f"sample {one['sample']}: "
            return Comparison("outside", f"{note}{found.why}")
    return _held(row, limit)


def _rows_of(site: Site, batch: str, attribute: str) -> list[Row]:
    """Results of an attribute of a batch, by their own entry or by that of their sample."""
    own = site.ledger.select("result", {"batch": batch, "attribute": attribute})
    of_samples = [
        row
        for one in site.ledger.select("sample", {"batch": batch})
        for row in site.ledger.select(
            "result", {"sample": one["sample"], "attribute": attribute, "batch": ""}
        )
    ]
    return [*own, *of_samples]


def unheeded(site: Site, state: ReleaseTestState) -> list[str]:
    """Results of the registered contingency test that are outside, and that nobody has linked.

    A failure that quality confirmed needs no further one.
    """
    tested, concluded = state.tested, state.concluded
    if tested is None or (concluded is not None and concluded.finding == "confirmed"):
        return []
    try:
        wanted = contingency_of(site, state)
    except NotFoundError as error:
        return [str(error)]
    linked = [
        site.ledger.stream(state.stream, number - 1)[0].seq
        for number, one in state.links
        if one.outside
    ]
    found = []
    for row in _rows_of(site, tested.batch, tested.attribute):
        is_outside = _held(row, tested.limit).outcome == "outside"
        if is_outside and _is_of(row, tested.attribute, wanted) and row["seq"] > max(linked or [0]):
            found.append(f"the laboratory's result of sample {row['sample']} is outside: link it")
    return found


def _held(row: Row, limit: Limit) -> Comparison:
    names = ("test", "attribute", "value", "unit", "kind", "operator", "status", "cause")
    result = Result(**{name: row[name] for name in names})
    found = compare(result, limit)
    if result.status in (ResultStatus.OOS, ResultStatus.OOT):
        told = f"the laboratory says {result.status.value}: {found.why}"
        return Comparison("outside", told)
    return found


def conclude(site: Site, by: Actor, values: Values) -> Intent:
    """End an investigation with its root cause, signed by quality; it makes nothing pass."""
    only(values, (*_AT, "finding", "root_cause", "evidence", "actions"))
    state = asked_test(site, *(text(values, name) for name in _AT))
    if state.state is not ReleaseState.INVESTIGATION:
        told = state.state.value if state.state is not None else "not known"
        raise ConflictError(
            f"{state.stream} is {told}: no investigation is open.", hint="There is nothing to end."
        )
    if by.uid in state.people:
        raise DeniedError(
            f"{by.uid} asked for the release test or linked results to it, and concludes nothing.",
            hint="Have another person of quality sign.",
        )
    given = values.get("evidence") or ()
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise BadInputError("evidence is no list of records.", key="evidence")
    for one in given:
        _require_record(site, one)
    body = made(
        ReleaseInvestigationConcluded, **_at(state), investigation=state.opened,
        finding=text(values, "finding"), root_cause=text(values, "root_cause"),
        evidence=tuple(given), actions=text(values, "actions", ""),
    )  # fmt: skip
    return Intent(
        state.stream, body, ("release:conclude",), state.head, Meaning.APPROVED, body.root_cause
    )


def _require_record(site: Site, place: str) -> None:
    stream, _, number = place.rpartition("@")
    is_there = number.isdecimal() and 0 < int(number) <= site.ledger.version(stream)
    if not is_there:
        raise NotFoundError(
            f"there is no record {place!r}.", hint="Name records as stream@version."
        )
