"""Which test set a version may be bound to, and that it shares nothing with the training.

References:
    EU GMP Annex 22, draft of July 2025, 4.1, 5.1 to 5.3 and 6.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.governance._reading import fault_of, version_of
from goldenbatch.core import act_values as take
from goldenbatch.core.acts import Intent
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.model_access import (
    all_test_sets,
    criteria_fixed_at,
    kin_of,
    load_test_set,
)
from goldenbatch.core.model_card import Criterion, DataUsed
from goldenbatch.core.model_life import VersionState
from goldenbatch.core.model_records import ModelTrained, TestDataBound, version_stream
from goldenbatch.core.overlap import require_apart
from goldenbatch.core.test_sets import TestSetState, require_fixed_before

if TYPE_CHECKING:
    from goldenbatch.core.site import Actor, Site

BIND = "model:bind"
LEAST_ROWS = 5
"""Of fewer rows an error and a bias give the results away that are under seal."""


def bind(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Bind a version to a sealed set: an entry. Values: `use`, `version`, `test_set`."""
    take.only(values, ("use", "version", "test_set"))
    state = version_of(site, take.text(values, "use"), take.number(values, "version"))
    chosen = set_of(site, take.text(values, "test_set"))
    body = bound(site, state, chosen)
    return Intent(state.stream, body, (BIND,), state.head, also={chosen.stream: chosen.head})


def bound(site: Site, state: VersionState, chosen: TestSetState) -> TestDataBound:
    """The binding of a version to a set, where it may be bound to it.

    Raises:
        ConflictError: The set is not sealed, is of another use, was opened before the criteria
            were fixed, or shares something with what the version (or one that it follows) was
            trained on.
        BadInputError: It is too small, or lacks a subgroup.
    """
    state.require(TestDataBound)
    chosen.require_sealed()
    selected, use = chosen.selected, state.draft.use
    if selected.use != use:
        raise ConflictError(f"{chosen.stream} was selected for {selected.use!r}, not for {use!r}.")
    require_criteria_before(site, state, chosen)
    _require_size(state, chosen)
    _require_strata(state, chosen)
    require_apart_from_lineage(site, state, chosen)
    site.registry.media_type(selected.digest)
    return TestDataBound(
        use=use,
        version=state.draft.version,
        test_set=chosen.test_set,
        digest=selected.digest,
        seal=chosen.seal,
        n_openings=sum(one.n_openings for one in kin_of(site.ledger, chosen, fault_of(site))),
    )


def set_of(site: Site, test_set: str) -> TestSetState:
    """One test set.

    Raises:
        NotFoundError: It was never selected.
    """
    return load_test_set(site.ledger, test_set, fault_of(site))


def sets_told(site: Site) -> list[dict[str, Any]]:
    """All test sets, each in one row."""
    found = []
    people = {row["uid"]: str(row["printed_name"]) for row in site.ledger.select("user")}
    for state in all_test_sets(site.ledger, fault_of(site)):
        body = state.selected
        row = {name: getattr(body, name) for name in ("test_set", "use", "title", "n_rows")}
        row |= {
            "n_independent": body.n_independent,
            "split": body.cut.split,
            "stage": state.stage.value,
            "n_openings": state.n_openings,
            "n_reads": len(state.accesses),
            "selected_by": ", ".join(sorted(people.get(one, one) for one in state.selected_by)),
            "faults": list(state.faults),
        }
        found.append(row)
    return found


def version_and_set(site: Site, values: Mapping[str, Any]) -> tuple[VersionState, TestSetState]:
    """A version by its values, and the set that it is bound to.

    Raises:
        ConflictError: It is bound to none.
    """
    state = version_of(site, take.text(values, "use"), take.number(values, "version"))
    if state.bound is None:
        raise ConflictError(
            f"{state.stream} is {state.stage.value}: no test set is bound to it.",
            hint="Bind a sealed one first.",
        )
    return state, set_of(site, state.bound.test_set)


def require_apart_from_lineage(site: Site, state: VersionState, chosen: TestSetState) -> None:
    """Pass if a set shares nothing with what a version, or one that it follows, was trained on.

    So it is with all that was ever recorded of its artefact, under whatever name.

    Raises:
        ConflictError: It does.
    """
    if state.trained is not None:
        require_apart_from_artefact(site, state.trained.digest, chosen)
    number = state.draft.version
    while number:
        one = version_of(site, state.draft.use, number)
        for event in site.ledger.stream(version_stream(state.draft.use, number)):
            body = event.decode()
            if isinstance(body, ModelTrained):
                require_apart_from(chosen, body.data, f"the training of {one.stream}")
        number = one.draft.follows


def require_apart_from_artefact(site: Site, digest: str, chosen: TestSetState) -> None:
    """Pass if a set shares nothing with any training that gave an artefact.

    Raises:
        ConflictError: It does: whoever records it anew cannot make it forget.
    """
    for event in site.ledger.events(kinds=(ModelTrained.kind,)):
        body = event.decode()
        if isinstance(body, ModelTrained) and body.digest == digest:
            require_apart_from(chosen, body.data, f"the training of {event.stream}")


def require_apart_from(chosen: TestSetState, data: DataUsed, what: str) -> None:
    """Pass if a set shares nothing with some data.

    Raises:
        ConflictError: It does; all kinds are named.
    """
    selected = chosen.selected
    names = f"{chosen.stream} and {what}"
    require_apart(selected.data, data, split=selected.cut.split, names=names)


def require_criteria_before(site: Site, state: VersionState, chosen: TestSetState) -> None:
    """Pass if the criteria in force were fixed before a set was opened for the use.

    Raises:
        ConflictError: It was open before them.
    """
    fixed_at = criteria_fixed_at(site.ledger, state, fault_of(site))
    for one in kin_of(site.ledger, chosen, fault_of(site)):
        require_fixed_before(one, fixed_at)


def require_measurable(criteria: Sequence[Criterion]) -> None:
    """Pass if every criterion is of a measure that a test can find.

    Raises:
        BadInputError: One is not.
    """
    from goldenbatch.science.statistics.performance import MEASURES, is_measure

    for one in criteria:
        if not is_measure(one.measure):
            raise BadInputError(
                f"no test measures {one.measure!r}.",
                hint=f"There are {', '.join(MEASURES)}, and most with `_in_domain`.",
                key="criteria",
            )


def _require_size(state: VersionState, chosen: TestSetState) -> None:
    least = state.criteria.n_least if state.criteria is not None else 0
    n = chosen.selected.n_independent
    if n < least:
        raise BadInputError(
            f"{chosen.stream} has {n} independent groups; the criteria ask for {least}.",
            hint="Select a larger set; the criteria stay as they are.",
            key="test_set",
        )


def _require_strata(state: VersionState, chosen: TestSetState) -> None:
    """Every subgroup of the intended use and of the criteria is in the set."""
    wanted = set(state.intended.subgroups) if state.intended is not None else set()
    if state.criteria is not None:
        wanted |= {one.subgroup for one in state.criteria.criteria} - {""}
    found = {one.name: one.n for one in chosen.selected.strata}
    found[""] = chosen.selected.n_rows
    for name in ("", *sorted(wanted)):
        n = found.get(name, 0)
        if n < LEAST_ROWS:
            raise BadInputError(
                f"{chosen.stream} has {f'{n} rows' if n else 'no row'}"
                f"{f' of {name}' if name else ''}; {LEAST_ROWS} at least let no single row be told "
                "from a measure.",
                hint="Select a set that stands for every subgroup of the intended use.",
                key="test_set",
            )
