"""Acts on sealed test sets: select, seal, ask for and approve an opening, retire."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.governance._reading import version_of
from goldenbatch.capabilities.governance.binding import (
    require_criteria_before,
    set_of,
    version_and_set,
)
from goldenbatch.capabilities.governance.row_files import (
    FileAsked,
    file_ranges,
    file_rows,
    file_source,
)
from goldenbatch.capabilities.governance.rows import Rows
from goldenbatch.capabilities.governance.selecting import HomeRows, RowsAsked, period, read_table
from goldenbatch.core import act_values as take
from goldenbatch.core.acts import Intent
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.model_life import VersionState
from goldenbatch.core.people import Meaning
from goldenbatch.core.sealing import sealing_of
from goldenbatch.core.test_set_records import (
    ID_PATTERN,
    Cut,
    Exclusion,
    LabelCheck,
    Stratum,
    TestSetRetired,
    TestSetSealed,
    TestSetSelected,
    UnsealingApproved,
    UnsealingAsked,
    sealed_set_stream,
)
from goldenbatch.core.test_sets import require_testable

if TYPE_CHECKING:
    from goldenbatch.core.site import Actor, Site

SEAL, ASK, OPEN, RETIRE = "model:seal", "model:unseal_ask", "model:unseal", "model:retire"
MEASURED: Final = "measured"


def select(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Select rows for a test and put them under lock at once: an entry.

    Values: `test_set`, `use`, `title`, `why`, `origin` (only `measured`), `labels` (`by`, `how`),
    `cut` (`split` and what it needs), and `data` (of the home) or `file`.
    """
    known = ("test_set", "use", "title", "why", "origin", "labels", "cut", "data", "file")
    take.only(values, known)
    test_set = _id(values)
    stream = sealed_set_stream(test_set)
    if site.ledger.version(stream):
        raise ConflictError(
            f"{stream} was selected before; rows of a set never change.", hint="Give another name."
        )
    if take.text(values, "origin") != MEASURED:
        raise BadInputError(
            f"test data are measured, not {values['origin']}: what a model made shows nothing of "
            "the plant.",
            hint="Select rows that were measured (EU GMP Annex 22, draft, 5.6).",
            key="origin",
        )
    cut = read_table(Cut, take.table(values, "cut") or {}, "cut")
    rows, source, exclusions = _candidates(site, values, cut)
    port = sealing_of(site)
    sealed = port.seal(test_set, rows.to_bytes())
    body = TestSetSelected(
        test_set=test_set,
        use=take.text(values, "use"),
        title=take.text(values, "title"),
        cut=cut,
        why=take.text(values, "why"),
        strata=_strata(rows),
        labels=read_table(LabelCheck, take.table(values, "labels") or {}, "labels"),
        source=source,
        exclusions=exclusions,
        data=rows.used(port),
        n_rows=len(rows),
        n_independent=rows.n_independent,
        digest=sealed.digest,
        media_type=sealed.media_type,
        key=sealed.key,
        inputs=rows.names,
        output=rows.output,
        output_unit=rows.unit,
        **_beside(values),
    )
    return Intent(stream, body, (SEAL,), 0, is_costly=True)


def seal(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Seal a selected set, by the signature of who selected it.

    Values: `test_set`; `random_reason` for a random split; `four_eyes` where who selected it must
    train beside a second person.
    """
    take.only(values, ("test_set", "random_reason", "four_eyes"))
    state = set_of(site, _id(values))
    if state.sealed is not None:
        raise ConflictError(f"{state.stream} is sealed already ({state.seal}).")
    if by.uid not in state.selected_by:
        raise ConflictError(
            f"{state.stream} was selected by {', '.join(sorted(state.selected_by))}.",
            hint="Who selected a set seals it.",
        )
    body = TestSetSealed(
        test_set=state.test_set,
        digest=state.selected.digest,
        random_reason=take.text(values, "random_reason", ""),
        four_eyes=take.text(values, "four_eyes", ""),
    )
    if state.selected.cut.split == "random" and not body.random_reason:
        raise BadInputError(
            "a random split needs a signed reason: rows of one time and one lot are alike.",
            hint="Split by time, lot or equipment, or say why chance will do.",
            key="random_reason",
        )
    return Intent(state.stream, body, (SEAL,), state.head, Meaning.PERFORMED, "sealed")


def ask(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Ask to open the bound set for a trained version, by signature of the tester.

    Values: `use`, `version`, `reason`.
    """
    take.only(values, ("use", "version", "reason"))
    state, chosen = version_and_set(site, values)
    require_testable(chosen, state)
    require_criteria_before(site, state, chosen)
    body = UnsealingAsked(
        test_set=chosen.test_set,
        use=state.draft.use,
        version=state.draft.version,
        artefact=_artefact(state),
        reason=take.text(values, "reason"),
    )
    also = {state.stream: state.head}
    return Intent(
        chosen.stream, body, (ASK,), chosen.head, Meaning.PERFORMED, body.reason, also=also
    )


def approve(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Let a set be opened as somebody else asked, by signature. Values: `test_set`."""
    take.only(values, ("test_set",))
    chosen = set_of(site, _id(values))
    pending = chosen.pending
    if pending is None:
        raise ConflictError(
            f"nobody asks to open {chosen.stream}.", hint="The tester asks first, by signature."
        )
    state = version_of(site, pending.use, pending.version)
    require_testable(chosen, state)
    if _artefact(state) != pending.artefact:
        raise ConflictError(
            f"{state.stream} was trained again since the opening was asked for.",
            hint="The tester asks for it again.",
        )
    body = UnsealingApproved(
        test_set=chosen.test_set,
        use=pending.use,
        version=pending.version,
        artefact=pending.artefact,
        asked=f"{chosen.stream}@{pending.asked_at}",
    )
    reason = f"opened for {state.stream}"
    also = {state.stream: state.head}
    return Intent(chosen.stream, body, (OPEN,), chosen.head, Meaning.VERIFIED, reason, also=also)


def retire(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Let a set never be opened again: an entry. Values: `test_set`, `reason`."""
    take.only(values, ("test_set", "reason"))
    chosen = set_of(site, _id(values))
    if chosen.retired:
        raise ConflictError(f"{chosen.stream} is retired already: {chosen.retired}.")
    body = TestSetRetired(test_set=chosen.test_set, reason=take.text(values, "reason"))
    return Intent(chosen.stream, body, (RETIRE,), chosen.head)


# ---- inside ---------------------------------------------------------------------------------


def _id(values: Mapping[str, Any]) -> str:
    import re

    found = take.text(values, "test_set")
    if not re.match(ID_PATTERN, found):
        raise BadInputError(
            f"{found!r} is no name of a test set.",
            hint="Use letters, digits, dots, dashes and underscores.",
            key="test_set",
        )
    return found


def _artefact(state: VersionState) -> str:
    return state.trained.digest if state.trained is not None else ""


def _candidates(
    site: Site, values: Mapping[str, Any], cut: Cut
) -> tuple[Rows, str, tuple[Exclusion, ...]]:
    """Rows that the cut takes, where they come from, and what was left out."""
    home, file = take.table(values, "data"), take.table(values, "file")
    if (home is None) == (file is None):
        raise BadInputError(
            "rows come either from the home (`data`) or from a file (`file`).", key="data"
        )
    if file is not None:
        asked = read_table(FileAsked, file, "file")
        rows = file_rows(asked)
        chosen = _require_rows(rows.where(_taken(rows, cut)), cut)
        ranges = file_ranges(asked.name, chosen)
        return replace(chosen, ranges=ranges), file_source(asked), asked.exclude
    wanted = read_table(RowsAsked, home or {}, "data")
    source = HomeRows(site, wanted)
    materials = frozenset(one.rpartition("/")[0] for one in cut.lots)
    chosen = _require_rows(source.rows.where(_taken(source.rows, cut)), cut)
    told = f"home {site.home.uid}, {period(chosen)}"
    return source.chosen(chosen, materials), told, wanted.exclude


def _require_rows(rows: Rows, cut: Cut) -> Rows:
    if not len(rows):
        raise BadInputError(
            f"the cut by {cut.split} leaves no rows for the test.", hint="Move it.", key="cut"
        )
    return rows


def _taken(rows: Rows, cut: Cut) -> list[bool]:
    """Which rows the cut takes."""
    if cut.split == "time":
        if any(at is None for at in rows.times):
            raise BadInputError(
                "a row has no time: it cannot be split by time.", hint="Exclude it.", key="cut"
            )
        start, end = cut.at or 0, cut.until
        return [start <= (at or 0) and (end is None or (at or 0) < end) for at in rows.times]
    if cut.split == "lot":
        named = set(cut.lots)
        return [
            bool(named & {*lots, f"batch/{batch}"})
            for lots, batch in zip(rows.lots, rows.batches, strict=True)
        ]
    if cut.split == "equipment":
        return [place in cut.places for place in rows.places]
    groups = sorted(set(rows.groups))
    n_taken = max(1, round(len(groups) * (cut.share or 0)))
    drawn = set(random.Random(cut.seed).sample(groups, n_taken))  # noqa: S311 (no secret)
    return [group in drawn for group in rows.groups]


def _strata(rows: Rows) -> tuple[Stratum, ...]:
    names = sorted({one for row in rows.strata for one in row})
    found = []
    for name in names:
        groups = [g for g, row in zip(rows.groups, rows.strata, strict=True) if name in row]
        found.append(Stratum(name=name, n=len(groups), n_independent=len(set(groups))))
    return tuple(found)


def _beside(values: Mapping[str, Any]) -> dict[str, str]:
    """What the baseline and the present practice beside each row are."""
    home, file = take.table(values, "data") or {}, take.table(values, "file") or {}
    baseline = home.get("baseline") or (
        f"column {file['baseline']}" if file.get("baseline") else ""
    )
    practice = home.get("practice") or (
        f"column {file['practice']}" if file.get("practice") else ""
    )
    words = {"last_result": "the last result of the laboratory"}
    return {"baseline": words.get(baseline, baseline), "practice": str(practice)}
