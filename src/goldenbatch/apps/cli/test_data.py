"""Sealed test data on the command line: select, seal, open by two people, train and test."""

from __future__ import annotations

import base64
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._acts import ByOption, ReasonOption, StdinOption, act_by
from goldenbatch.apps.cli._ceremony import MethodOption
from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.cli.models import ModelArgument, VersionArgument, named
from goldenbatch.core.errors import BadInputError, NotFoundError

SetArgument = Annotated[str, typer.Argument(help="Identifier of the test set.")]
FileArgument = Annotated[
    Path, typer.Argument(help="What is asked for, as TOML.", exists=True, dir_okay=False)
]
FAILED = 1
COLUMNS = ("test_set", "use", "stage", "split", "n_rows", "n_independent", "n_openings", "n_reads",
           "selected_by", "title")  # fmt: skip


def asked_in(path: Path) -> dict[str, Any]:
    """Values of an act as a TOML file has them; rows of a file that it names are read.

    The table `file` may have `path`, of a CSV or Parquet file beside it.

    Raises:
        BadInputError: It is not TOML.
        NotFoundError: The file that it names is not there.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"this is not TOML: {error}.", file=str(path)) from error
    values: dict[str, Any] = _plain(found)
    file = values.get("file")
    if isinstance(file, dict) and "path" in file:
        beside = path.parent / str(file.pop("path"))
        try:
            content = beside.read_bytes()
        except OSError as error:
            raise NotFoundError(
                f"{beside} cannot be opened: {error.strerror}.",
                hint=f"Correct `file.path` in {path}.",
            ) from error
        file.setdefault("name", beside.name)
        file["content_base64"] = base64.b64encode(content).decode("ascii")
    return values


def _plain(value: Any) -> Any:
    """Times of TOML as ISO 8601, as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def _act(
    session: Session, act: str, values: Mapping[str, Any], by: str, method: str, is_stdin: bool
) -> None:
    with session.open_site() as desk:
        given = dict(values)
        if "model" in given:
            given |= named(desk.site, given.pop("model"))
        name = f"governance.{act}"
        session.show(act_by(session, desk, name, given, by, method=method, from_stdin=is_stdin))


def select(
    session: Session, file: FileArgument, by: ByOption, *, password_stdin: StdinOption = False
) -> None:
    """Select test data of the home, or of an outside laboratory's file; locked at once."""
    _act(session, "select", asked_in(file), by, "password", password_stdin)


def seal(
    session: Session, test_set: SetArgument, by: ByOption,
    random_reason: Annotated[str, typer.Option(help="Why a random split will do.")] = "",
    four_eyes: Annotated[
        str, typer.Option(help="Why who selected it may train beside a second person.")
    ] = "",
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Seal selected test data; signed as performed by who selected it."""
    values = {"test_set": test_set, "random_reason": random_reason, "four_eyes": four_eyes}
    _act(session, "seal", values, by, method, password_stdin)


def unseal_ask(
    session: Session, model: VersionArgument, by: ByOption, reason: ReasonOption,
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Ask to open the test set of a trained version; signed as performed by the tester."""
    values = {"model": model, "reason": reason}
    _act(session, "unseal-ask", values, by, method, password_stdin)


def unseal(
    session: Session, test_set: SetArgument, by: ByOption,
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Let a test set be opened as somebody else asked; signed as verified."""
    _act(session, "unseal", {"test_set": test_set}, by, method, password_stdin)


def retire_set(
    session: Session, test_set: SetArgument, by: ByOption, reason: ReasonOption,
    *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Let a test set never be opened again."""
    values = {"test_set": test_set, "reason": reason}
    _act(session, "retire-set", values, by, "password", password_stdin)


def train(
    session: Session, model: ModelArgument, file: FileArgument, by: ByOption,
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Fit and freeze a version's model on what lies outside of its test set; signed as performed.

    Nothing serves by it: it is tested, validated, approved and activated first.
    """
    _act(session, "train", {**asked_in(file), "model": model}, by, method, password_stdin)


def test(
    session: Session, model: ModelArgument, by: ByOption,
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Test a version on its opened test set; signed as performed, passed or failed.

    A failed test ends with 1 and is recorded like a passed one.
    """
    with session.open_site() as desk:
        answer = act_by(
            session, desk, "governance.test", named(desk.site, model), by, method=method,
            from_stdin=password_stdin,
        )  # fmt: skip
        event = desk.site.ledger.stream(answer["stream"], answer["version"] - 1)[0]
        body = event.body or {}
        answer |= {name: body.get(name) for name in ("is_passed", "n_rows", "report", "outcomes")}
        session.show(answer, lambda _: _told(session, answer))
    session.exit_code = 0 if answer["is_passed"] else FAILED


test.__test__ = False  # type: ignore[attr-defined]


def _told(session: Session, answer: Mapping[str, Any]) -> None:
    output = session.output
    output.line(f"{'PASSED' if answer['is_passed'] else 'FAILED'} on {answer['n_rows']} rows")
    for one in answer["outcomes"] or ():
        output.line(f"  {'met    ' if one['is_met'] else 'NOT MET'}  {_words(one)}")
    output.line(f"Report {answer['report']}")


def _words(one: Mapping[str, Any]) -> str:
    """An outcome in words: what was asked, what was found, what stands beside it."""
    asked = one["criterion"]
    name = asked["measure"] + (f" of {asked['subgroup']}" if asked["subgroup"] else "")
    bound = one["upper" if asked["relation"] == "at_most" else "lower"]
    told = f"bound {_number(bound)} at {asked['confidence']:.0%}, " if asked["confidence"] else ""
    beside = [f"; {who} {_number(one[who])}" for who in ("baseline", "practice") if one[who]]
    return (
        f"{name} {asked['relation'].replace('_', ' ')} {asked['limit']:g}: "
        f"{_number(one['estimate'])} ({told}n = {one['n']}){''.join(beside)}"
    )


def _number(value: float | None) -> str:
    return "not found" if value is None else f"{value:.4g}"


def sets(session: Session) -> None:
    """All test sets: what they are, how often each was opened and read."""
    from goldenbatch.capabilities.governance.binding import sets_told

    with session.open_site() as desk:
        answer = {"test_sets": sets_told(desk.site)}
        session.show(
            answer,
            lambda _: session.output.table(answer["test_sets"], COLUMNS, empty="No test sets."),
        )
