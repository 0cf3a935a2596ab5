"""Rows that say when a batch or a phase began or ended: statements, for the record to judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.tabular._compare import Contradiction
from goldenbatch.connectors.tabular._parts import EventSpec
from goldenbatch.connectors.tabular._templates import render
from goldenbatch.connectors.tabular._values import CellError
from goldenbatch.core.batch_context import Boundary, BoundaryStated, Statement
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import to_iso

if TYPE_CHECKING:
    from goldenbatch.connectors.tabular._known import Known
    from goldenbatch.connectors.tabular._master import MasterData

Take = Callable[[Iterable[Statement]], Sequence[BoundaryStated]]
"""Takes statements into the record and says what was made of each that is new."""


@dataclass(frozen=True)
class StatedRow:
    """A statement with the row that makes it, by its number among the rows of the sheet."""

    row: int
    line: int
    raw: str
    said: Statement


def key_of(one: Statement | BoundaryStated) -> tuple[str, str, str, str, int]:
    """By which a statement and the record of it are the same; runs are counted later."""
    return (one.what.value, one.batch, one.place, one.phase, one.at)


def statement_of(
    spec: EventSpec, cells: Mapping[str, Any], at: int | None, source: str, master: MasterData
) -> Statement | None:
    """The statement of a row; None where its event is no boundary.

    Raises:
        CellError: The row is refused.
    """
    try:
        word = render(spec.event, cells).strip()
    except BadInputError as error:
        if spec.is_optional:
            return None
        raise CellError("empty", error.message) from error
    side, outcome = _side(spec, word)
    if not side:
        return None
    if at is None:
        raise CellError("time", f"{word}: it has no time")
    try:
        batch = render(spec.batch, cells)
    except BadInputError as error:
        raise CellError("empty", error.message) from error
    place, phase = _filled(spec.place, cells), _filled(spec.phase, cells)
    head = {name: _filled(getattr(spec, name), cells) for name in ("product", "recipe", "size")}
    if outcome:
        head["outcome"] = outcome
    if phase and not place:
        raise CellError("empty", f"phase {phase!r} has no place: say `place` in the card")
    master.check_place(place)
    what = {
        ("start", True): Boundary.PHASE_STARTED, ("end", True): Boundary.PHASE_ENDED,
        ("start", False): Boundary.BATCH_STARTED, ("end", False): Boundary.BATCH_ENDED,
    }[side, bool(phase)]  # fmt: skip
    if what is Boundary.BATCH_STARTED and head["product"]:
        master.check_product(head["product"])
    run = _filled(spec.run, cells)
    if run and not run.isdigit():
        raise CellError("number", f"{run!r} is no number of a run")
    kept = {name: text for name, text in head.items() if text}
    return Statement(
        source, what, batch, at, place, phase, int(run or 0), _filled(spec.reference, cells), kept
    )


def _side(spec: EventSpec, word: str) -> tuple[str, str]:
    """(start or end, outcome) of an event; nothing where it is neither.

    Raises:
        CellError: The card does not know the word.
    """
    plain = word.lower()
    if plain in {one.lower() for one in spec.starts}:
        return "start", ""
    if plain in {one.lower() for one in spec.ends}:
        return "end", ""
    if plain in {one.lower() for one in spec.aborts}:
        return "end", "aborted"
    if plain in {one.lower() for one in spec.others} or "*" in spec.others:
        return "", ""
    raise CellError(
        "event", f"{word!r} is no event that the card knows: name it in starts, ends or others"
    )


def _filled(template: str, cells: Mapping[str, Any]) -> str:
    try:
        return render(template, cells).strip()
    except BadInputError:
        return ""


def unknown(stated: Sequence[StatedRow], known: Known, source: str) -> list[StatedRow]:
    """Statements that the source has not made before."""
    before = known.statements(source, sorted({one.said.batch for one in stated}))
    return [one for one in stated if key_of(one.said) not in before]


def disagreements(
    stated: Sequence[StatedRow], made: Sequence[BoundaryStated]
) -> list[tuple[StatedRow, Contradiction]]:
    """Rows whose statement contradicts what another source said of the same boundary."""
    by_key = {key_of(one.said): one for one in stated}
    found = []
    for one in made:
        mine = by_key.get(key_of(one))
        if mine is None or one.outcome != "disagrees" or one.recorded_at_source is None:
            continue
        name = "/".join(filter(None, (one.batch, one.place, one.phase)))
        found.append(
            (
                mine,
                Contradiction(one.what.value, name, to_iso(one.recorded_at_source), to_iso(one.at)),
            )
        )
    return found
