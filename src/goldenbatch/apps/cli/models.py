"""Models under control: `model draft`, `intend`, `criteria` and on to `activate` and `history`."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.apps.cli._acts import ByOption, ReasonOption, StdinOption, act_by
from goldenbatch.apps.cli._ceremony import MethodOption
from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.models import models_of
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.model_card_file import ModelCard, load_model_card

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.core.site import Site

ModelArgument = Annotated[
    str, typer.Argument(help="Use and version, such as sucrose@2; the newest version without.")
]
CardOfArgument = Annotated[
    str,
    typer.Argument(
        help="Use and version, such as sucrose@2; what serves, else the newest, without."
    ),
]
VersionArgument = Annotated[str, typer.Argument(help="Use and version, such as sucrose@2.")]
CardArgument = Annotated[
    Path, typer.Argument(help="The model card as TOML.", exists=True, dir_okay=False)
]
FilesOption = list[Path] | None
COLUMNS = ("use", "version", "stage", "title", "criticality", "follows", "plan", "drafted_by",
           "drafted_at")  # fmt: skip


def named(site: Site, model: str, *, is_exact: bool = False) -> dict[str, Any]:
    """Use and version of a model that a person named.

    Raises:
        BadInputError: The version is no number, or is missing where it must be named.
        NotFoundError: The use has no version yet.
    """
    use, mark, number = model.partition("@")
    if mark and not number.isdecimal():
        raise BadInputError(f"{model!r} names no version.", hint="Such as sucrose@2.")
    if mark:
        return {"use": use, "version": int(number)}
    if is_exact:
        raise BadInputError(f"which version of {use}?", hint=f"Such as {use}@1.")
    rows = site.ledger.select("model_version", {"use": use}, ("-version",), 1)
    if not rows:
        raise NotFoundError(f"there is no model {use!r}.", hint="See `goldenbatch model list`.")
    return {"use": use, "version": int(rows[0]["version"])}


def _card(file: Path) -> ModelCard:
    try:
        return load_model_card(file.read_text(encoding="utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise BadInputError(
            "this is not UTF-8 text.", hint="Save it as UTF-8.", file=str(file)
        ) from error


def _done(
    session: Session, desk: Desk, act: str, values: Mapping[str, Any], by: str, method: str,
    *, from_stdin: bool,
) -> None:  # fmt: skip
    answer = act_by(
        session, desk, f"governance.{act}", values, by, method=method, from_stdin=from_stdin
    )
    session.show(answer)


# ---- the life of a version ------------------------------------------------------------------


def draft(  # noqa: PLR0913 (one option a part of an update)
    session: Session,
    model: Annotated[str, typer.Argument(help="Name of the use, such as sucrose.")],
    by: ByOption,
    card: Annotated[
        Path | None, typer.Option(help="The model card as TOML.", exists=True, dir_okay=False)
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Model from elsewhere: a file, or a run of MLflow.", exists=True
        ),
    ] = None,
    *,
    follows: Annotated[int, typer.Option(min=0, help="Version that it is an update of.")] = 0,
    plan: Annotated[str, typer.Option(help="Change plan of the update, id@version.")] = "",
    modification: Annotated[str, typer.Option(help="Which of the plan's modifications.")] = "",
    trigger: Annotated[str, typer.Option(help="What led to the update.")] = "",
    password_stdin: StdinOption = False,
) -> None:
    """Begin a version of a model, or an update of an approved one."""
    values: dict[str, Any] = {} if card is None else _card(card).entries()
    if values.get("use", model) != model:
        raise BadInputError(f"the card is of {values['use']}, not of {model}.", file=str(card))
    more = {"follows": follows, "plan": plan, "modification": modification, "trigger": trigger}
    values |= {name: one for name, one in more.items() if one} | {"use": model}
    with session.open_site() as desk:
        if source is not None:
            values |= _imported(desk.site, source)
        _done(session, desk, "draft", values, by, "password", from_stdin=password_stdin)


def _imported(site: Any, source: Path) -> dict[str, Any]:
    """What is known of a model from elsewhere; its artefact goes into the registry."""
    from goldenbatch.stores.registry import import_model

    found = import_model(source)
    known = {"artefact": site.registry.put(found.content, found.media_type), "name": found.name,
             "came from": found.origin, "code version": found.code_version}  # fmt: skip
    logged = {"parameter": found.params, "claimed": found.metrics, "library": found.versions,
              "source": found.source}  # fmt: skip
    for what, entries in logged.items():
        known |= {f"{what} {name}": str(one) for name, one in entries.items()}
    known = {name: one for name, one in known.items() if one}
    return {"origin": "imported", "known": known, "missing": list(found.missing)}


def intend(
    session: Session, model: ModelArgument, card: CardArgument, by: ByOption,
    reason: ReasonOption = "this is what it is for",
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """State what it is for and where, as the card says; signed as reviewed."""
    read = _card(card)
    with session.open_site() as desk:
        values = {**named(desk.site, model), "intended": read.part("intended"), "reason": reason}
        _done(session, desk, "intend", values, by, method, from_stdin=password_stdin)


def criteria(
    session: Session, model: ModelArgument, card: CardArgument, by: ByOption,
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Fix what its test must show, as the card says; signed as reviewed."""
    read = _card(card)
    with session.open_site() as desk:
        values = {**named(desk.site, model), **read.part("acceptance")}
        _done(session, desk, "criteria", values, by, method, from_stdin=password_stdin)


def bind(
    session: Session, model: ModelArgument,
    test_set: Annotated[str, typer.Argument(help="Identifier of the sealed test set.")],
    by: ByOption, *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Choose the sealed test set that it will be tested on."""
    with session.open_site() as desk:
        values = {**named(desk.site, model), "test_set": test_set}
        _done(session, desk, "bind", values, by, "password", from_stdin=password_stdin)


def validate(
    session: Session, model: ModelArgument, by: ByOption,
    statement: Annotated[str, typer.Option(help="What follows from the evidence.")],
    verification: Annotated[
        FilesOption, typer.Option(help="Evidence that the code does what it claims to.")
    ] = None,
    validation: Annotated[
        FilesOption, typer.Option(help="Further evidence that it describes the plant.")
    ] = None,
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Find it fit for its use, on evidence of both sides; signed as verified.

    The report of the test on the sealed set is evidence of validation without being named.
    """
    with session.open_site() as desk:
        sides = (("verification", verification), ("validation", validation))
        evidence = [_kept(desk.site, side, file) for side, some in sides for file in some or ()]
        values = {**named(desk.site, model), "evidence": evidence, "statement": statement}
        _done(session, desk, "validate", values, by, method, from_stdin=password_stdin)


def _kept(site: Site, side: str, file: Path) -> dict[str, str]:
    """A file of evidence, put into the registry."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{file} cannot be opened: {error.strerror}.") from error
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return {"side": side, "what": file.name, "digest": site.registry.put(content, media_type)}


def approve(
    session: Session, model: VersionArgument, by: ByOption, reason: ReasonOption,
    change: Annotated[
        str, typer.Option(help="Change-control record; needed outside a change plan.")
    ] = "",
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Approve it for its use: the first version, an update within its plan, or by a change."""
    with session.open_site() as desk:
        values = {**named(desk.site, model, is_exact=True), "reason": reason, "change": change}
        _done(session, desk, "approve", values, by, method, from_stdin=password_stdin)


# ---- what serves ----------------------------------------------------------------------------


def activate(
    session: Session, model: VersionArgument, by: ByOption, reason: ReasonOption,
    *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Put an approved version to work, in place of the one that serves."""
    with session.open_site() as desk:
        values = {**named(desk.site, model, is_exact=True), "reason": reason}
        _done(session, desk, "activate", values, by, "password", from_stdin=password_stdin)


def suspend(
    session: Session,
    use: Annotated[str, typer.Argument(help="Name of the use, such as sucrose.")],
    by: ByOption, reason: ReasonOption,
    *,
    fallback: Annotated[
        str, typer.Option(help="Version that takes over, or previous; else the contingency.")
    ] = "",
    clause: Annotated[str, typer.Option(help="Clause of a plan, plan@version#clause.")] = "",
    watch: Annotated[str, typer.Option(help="Finding that led to it.")] = "",
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Take the version that serves from its work at once."""
    values: dict[str, Any] = {"use": use, "reason": reason, "clause": clause, "watch": watch}
    if fallback:
        values["fallback"] = fallback if fallback == "previous" else _number(fallback)
    with session.open_site() as desk:
        _done(session, desk, "suspend", values, by, "password", from_stdin=password_stdin)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise BadInputError(f"{text!r} is no version.", hint="Give its number, or previous.")
    return int(text)


def retire(
    session: Session, model: VersionArgument, by: ByOption, reason: ReasonOption,
    *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Take a version out of use for ever."""
    with session.open_site() as desk:
        values = {**named(desk.site, model, is_exact=True), "reason": reason}
        _done(session, desk, "retire", values, by, "password", from_stdin=password_stdin)


# ---- asking ---------------------------------------------------------------------------------


def list_(session: Session) -> None:
    """All versions of all models, each with its stage."""
    with session.open_site() as desk:
        answer = models_of(desk).models()
        session.show(
            answer,
            lambda _: session.output.table(answer["models"], COLUMNS, empty="No models."),
        )


def history(session: Session, model: ModelArgument) -> None:
    """What happened to a model, told in order: who did what, when, signed how; and verify it."""
    use, _, number = model.partition("@")
    with session.open_site() as desk:
        answer = models_of(desk).history(use, _number(number) if number else 0)
        session.show(answer, lambda _: _told(session, answer))
    session.exit_code = 0 if answer["is_verified"] else 7


def _told(session: Session, answer: Mapping[str, Any]) -> None:
    from goldenbatch.core.time import local_text

    output = session.output
    for number, stage in answer["stages"].items():
        output.line(f"{answer['use']}@{number} is {stage}.")
    day = ""
    for one in answer["lines"]:
        at = local_text(one["at"] - one["at"] % 1_000_000, output.zone)
        if at[:10] != day:
            day = at[:10]
            output.line(f"\n{day}")
        output.line(f"  {at[11:]}  {one['who']} {one['what'].rstrip('.')}.")
        output.line(f"{' ' * 18}{one['signed'] or 'entry'}; {one['ref']} (event {one['seq']})")
        if one["fault"]:
            output.line(f"{' ' * 18}COUNTS FOR NOTHING: {one['fault']}")
    output.line("")
    for problem in answer["problems"]:
        output.line(f"DOES NOT VERIFY: {problem}")
    if answer["is_verified"]:
        output.line(f"All {len(answer['lines'])} events verify under the home's signed checkpoint.")


def card(
    session: Session, model: CardOfArgument,
    out_dir: Annotated[Path, typer.Argument(help="Folder to write into.")],
) -> None:  # fmt: skip
    """Write the model card as a page and as PDF, with the proof of all that it rests on."""
    from goldenbatch.capabilities.governance._card_files import write_card

    use, mark, number = model.partition("@")
    if mark and not number.isdecimal():
        raise BadInputError(f"{model!r} names no version.", hint="Such as sucrose@2.")
    with session.open_site() as desk:
        session.show(write_card(desk.site, use, int(number or 0), out_dir))


def export(
    session: Session, model: CardOfArgument,
    folder: Annotated[Path, typer.Argument(help="Empty or new folder to write into.")],
) -> None:  # fmt: skip
    """Write a trained version as a folder that MLflow loads, with its card."""
    from goldenbatch.capabilities.governance.exporting import export_model

    use, mark, number = model.partition("@")
    if mark and not number.isdecimal():
        raise BadInputError(f"{model!r} names no version.", hint="Such as sucrose@2.")
    with session.open_site() as desk:
        session.show(export_model(desk.site, use, int(number or 0), folder))
