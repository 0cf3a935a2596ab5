"""Models at work: `model predict` asks the one that serves, `model replay` asks it all again."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.models import models_of
from goldenbatch.core.errors import BadInputError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from goldenbatch.core.prediction import Prediction, ServedModel

UseArgument = Annotated[str, typer.Argument(help="Name of the use, such as sucrose.")]
GONE = frozenset({"", "nan", "NaN", "NA"})


def predict(
    session: Session,
    use: UseArgument,
    inputs: Annotated[
        list[str] | None, typer.Argument(help="Inputs as name=value; without a value: missing.")
    ] = None,
    rows: Annotated[
        Path | None, typer.Option(help="CSV with one column an input.", exists=True, dir_okay=False)
    ] = None,
    *,
    explain: Annotated[bool, typer.Option(help="Say what each input adds.")] = True,
) -> None:
    """What the model in use says of a row, or of each row of a table; nothing is logged."""
    if (rows is None) == (not inputs):
        raise BadInputError("give inputs as name=value, or a table with `--rows`.")
    with session.open_site() as desk:
        model = desk.site.models.active(use)
        asked = [_given(inputs or ())] if rows is None else _table(rows, model)
        found = [model.predict_one(row, explain=explain) for row in asked]
    answers = [_plain(one, model.unit) for one in found]
    answer: Any = answers[0] if rows is None else {"use": use, "rows": answers}
    session.show(answer, lambda _: _told(session, answers, found))


def _given(inputs: Sequence[str]) -> dict[str, float | None]:
    row: dict[str, float | None] = {}
    for one in inputs:
        name, mark, text = one.rpartition("=")
        if not mark or name in row:
            raise BadInputError(f"{one!r} is no input.", hint="Such as temperature=37.1.")
        row[name] = _number(text, "", 0, name)
    return row


def _number(text: str, file: str, line: int, name: str) -> float | None:
    if text.strip() in GONE:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise BadInputError(f"{text!r} is no number.", file=file, line=line, key=name) from error


def _table(file: Path, model: ServedModel) -> list[Mapping[str, float | None]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = csv.DictReader(stream)
            lacking = [name for name in model.inputs if name not in (lines.fieldnames or ())]
            if lacking:
                raise BadInputError(f"there is no column {lacking[0]!r}.", file=str(file), line=1)
            return [
                {name: _number(row[name] or "", str(file), number, name) for name in model.inputs}
                for number, row in enumerate(lines, start=2)
            ]
    except UnicodeDecodeError as error:
        raise BadInputError("this is not UTF-8 text.", file=str(file)) from error


def _plain(found: Prediction, unit: str) -> dict[str, Any]:
    parts = {name: one for name, one in found.contributions.items() if math.isfinite(one)}
    return {
        "use": found.model.use,
        "version": found.model.version,
        "digest": found.model.digest,
        "value": found.value,
        "unit": unit,
        "lower": found.lower,
        "upper": found.upper,
        "confidence": found.confidence,
        "is_in_domain": found.is_in_domain,
        "reason": found.reason,
        "contributions": parts,
        "input_digest": found.input_digest,
    }


def _told(session: Session, answers: Sequence[Mapping[str, Any]], found: Sequence[Any]) -> None:
    output = session.output
    for answer in answers:
        value = "no value" if answer["value"] is None else f"{answer['value']:.6g} {answer['unit']}"
        width = ""
        if answer["lower"] is not None and answer["upper"] is not None:
            share = f" ({answer['confidence']:.0%})" if answer["confidence"] else ""
            width = f", {answer['lower']:.6g} to {answer['upper']:.6g}{share}"
        doubt = "" if answer["is_in_domain"] else f"; not to be relied on: {answer['reason']}"
        output.line(f"{answer['use']}@{answer['version']}: {value}{width}{doubt}")
        if len(found) == 1:
            for name, part in answer["contributions"].items():
                output.line(f"  {name} adds {part:+.4g}")


def replay(
    session: Session,
    use: UseArgument,
    newest: Annotated[int, typer.Option(min=0, help="Only so many blocks; 0: all.")] = 0,
) -> None:
    """Predict all that was logged again from its logged inputs, and compare bit by bit.

    On another platform than the one that the version was qualified on: at the reported digits.
    """
    with session.open_site() as desk, session.output.progress("Predicting again"):
        answer = models_of(desk).replay(use, newest)
    session.show(answer, lambda _: _replayed(session, answer))
    session.exit_code = 0 if answer["is_ok"] else IntegrityError.exit_code


def _replayed(session: Session, answer: Mapping[str, Any]) -> None:
    output = session.output
    names = ("use", "n_blocks", "n_replayed", "n_rows", "n_bits", "n_digits")
    output.fields({name: answer[name] for name in names})
    for one in (*answer["notes"], *answer["problems"]):
        output.line(one)
    if answer["is_ok"] and answer["n_replayed"]:
        output.line("Each prediction is what it was.")
