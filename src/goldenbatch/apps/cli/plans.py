"""Change plans on the command line: `plan propose`, `approve`, `list` and on, and `model gate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.apps.cli._acts import ByOption, ReasonOption, StdinOption, act_by
from goldenbatch.apps.cli._ceremony import MethodOption, sign_by
from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.plans import plans_of
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    IntegrityError,
    NotFoundError,
)

if TYPE_CHECKING:
    from goldenbatch.core.gate_records import GateJudged
    from goldenbatch.core.site import Site

FileArgument = Annotated[
    Path, typer.Argument(help="The change plan as TOML.", exists=True, dir_okay=False)
]
RowsArgument = Annotated[
    Path, typer.Argument(help="Rows as CSV: a line of input names, a line a row.", exists=True,
                         dir_okay=False)
]  # fmt: skip
PlanArgument = Annotated[str, typer.Argument(help="Id of the plan, or id@version.")]
COLUMNS = ("plan", "version", "use", "original", "state", "approved_by", "expires_at")
NOT_PASSED = 1
"""Exit code of `model gate` for any outcome but a pass."""


def reference(session: Session, rows: RowsArgument) -> None:
    """The digest of a reference set, to be written into `bound.reference` of a plan."""
    from goldenbatch.capabilities.governance.reference import read_reference

    found = read_reference(_read(rows), str(rows))
    session.show(
        {"digest": found.digest(), "n_rows": len(found.rows), "n_inputs": len(found.inputs)}
    )


def check(session: Session, file: FileArgument) -> None:
    """Check the file of a plan by itself; proposing also holds it against the original."""
    from goldenbatch.core.change_plans import load_change_plan

    plan = load_change_plan(_read(file), str(file))
    session.show(
        {
            "plan": plan.label,
            "use": plan.use,
            "original": plan.original,
            "digest": plan.digest(),
            "modifications": [one.name for one in plan.modifications],
            "n_criteria": len(plan.protocol.acceptance),
        }
    )


def propose(
    session: Session, file: FileArgument, by: ByOption, reason: ReasonOption,
    reference: Annotated[
        Path | None, typer.Option(help="Rows of the reference set as CSV.", exists=True,
                                  dir_okay=False)
    ] = None,
    *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Propose a plan; it permits nothing before another person has approved it, signed."""
    values = {"text": _read(file), "file": str(file), "reason": reason}
    if reference is not None:
        values["reference"] = _read(reference)
    with session.open_site() as desk:
        answer = act_by(
            session, desk, "governance.plan-propose", values, by, from_stdin=password_stdin
        )
        session.show(answer)


def approve(
    session: Session, plan: PlanArgument,
    user: Annotated[str, typer.Option("--user", help="Login of the person who signs.")],
    reason: ReasonOption,
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Approve the version that was proposed last, signed by another person than proposed it."""
    name, _, version = plan.partition("@")
    with session.open_site() as desk:
        told = plans_of(desk).plan(name, version)
        stream, _, number = told["record"].rpartition("@")
        if desk.site.ledger.version(stream) != int(number):
            raise ConflictError(
                f"{name}@{told['version']} is not the newest entry of {stream}.",
                hint="What is signed is the newest: propose it again under its next version.",
            )
        # What is signed is shown before it is signed.
        session.output.note(f"{told['title']} ({told['plan']}@{told['version']}), {told['digest']}")
        session.output.note(f"It permits: {', '.join(told['modifications'])}.")
        form = {"login": user, "stream": stream, "meaning": "approved", "reason": reason}
        answer = sign_by(session, desk, form, method, from_stdin=password_stdin)
        session.show({**answer, "plan": plans_of(desk).plan(name, told["version"])["state"]})


def withdraw(
    session: Session, plan: PlanArgument, by: ByOption, reason: ReasonOption,
    *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Let a version of a plan permit nothing any more, at once."""
    name, _, version = plan.partition("@")
    with session.open_site() as desk:
        version = version or plans_of(desk).plan(name, "")["version"]
        values = {"plan": name, "version": version, "reason": reason}
        answer = act_by(
            session, desk, "governance.plan-withdraw", values, by, from_stdin=password_stdin
        )
        session.show(answer)


def list_(session: Session) -> None:
    """All versions of all plans, each with its state."""
    with session.open_site() as desk:
        answer = plans_of(desk).plans()
        session.show(
            answer,
            lambda _: session.output.table(answer["plans"], COLUMNS, empty="No change plans."),
        )


def show(
    session: Session, plan: PlanArgument,
    *, text: Annotated[
        bool, typer.Option("--text", help="The whole plan, as a file to change.")
    ] = False,
) -> None:  # fmt: skip
    """A plan: its state, who proposed and who approved it, what it permits."""
    name, _, version = plan.partition("@")
    with session.open_site() as desk:
        answer = plans_of(desk).plan(name, version)
        if text and not session.output.is_json:
            typer.echo(answer["text"], nl=False)  # as it is, so that it can be a file
            return
        fields = {one: value for one, value in answer.items() if one != "text"}
        session.show(answer, lambda _: session.output.fields(fields))


# ---- the gate -------------------------------------------------------------------------------


def gate(  # noqa: PLR0913 (one option a part of what is stated)
    session: Session,
    model: Annotated[str, typer.Argument(help="Use and version, such as sucrose@2.")],
    by: Annotated[
        str, typer.Option("--by", help="Login of who asks; none: show the last judgement.")
    ] = "",
    *,
    sensor: Annotated[
        str, typer.Option(help="New sensor: its inputs, joined by commas.")
    ] = "",
    sensor_type: Annotated[str, typer.Option(help="Its type, as the plan names it.")] = "",
    sensor_serial: Annotated[str, typer.Option(help="Its serial number.")] = "",
    sensor_record: Annotated[
        str, typer.Option(help="Record of the replacement, stream@version.")
    ] = "",
    phase: Annotated[
        list[str] | None, typer.Option(help="Phase that the training data are of.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Judge the kept evidence again, and compare.")
    ] = False,
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Ask whether an update is within its plan, and say why, rule by rule.

    The exit code is 0 for a pass, and 1 for any other outcome.
    """
    use, _, number = model.partition("@")
    if not number.isdecimal():
        raise BadInputError(f"which version of {use}?", hint=f"Such as {use}@2.")
    values: dict[str, Any] = {"use": use, "version": int(number)}
    if sensor:
        given = {"type": sensor_type, "serial": sensor_serial, "record": sensor_record}
        values["sensor"] = {"inputs": sensor.split(","), **given}
    if phase:
        values["phases"] = list(phase)
    with session.open_site() as desk:
        if by:
            act_by(session, desk, "governance.judge", values, by, from_stdin=password_stdin)
        judged = _last(desk.site, use, int(number))
        if again:
            _require_same(desk.site, judged)
            session.output.note("Judged again from the kept evidence: the same, line by line.")
        text = desk.site.registry.get(judged.explanation).decode("utf-8")
        answer = {**judged.model_dump(mode="json"), "text": text}
        session.show(answer, lambda _: session.output.line(text.rstrip("\n")))
    session.exit_code = 0 if judged.outcome == "in_plan_pass" else NOT_PASSED


def _require_same(site: Site, judged: GateJudged) -> None:
    from goldenbatch.capabilities.governance.judging import repeated

    found = repeated(site, judged.use, judged.version)
    if (found.outcome, found.lines) != (judged.outcome, judged.lines):
        raise IntegrityError(
            f"judged again, {judged.use}@{judged.version} is {found.outcome.value}, and not line "
            f"by line the {judged.outcome.value} of the record.",
            hint="Ask the gate anew with `--by`, and find out what changed.",
        )


def _last(site: Site, use: str, version: int) -> GateJudged:
    from goldenbatch.core.gate_records import GateJudged
    from goldenbatch.core.model_records import version_stream

    for event in reversed(site.ledger.stream(version_stream(use, version))):
        body = event.decode()
        if isinstance(body, GateJudged):
            return body
    raise NotFoundError(
        f"the gate has not judged {use}@{version}.", hint="Give `--by LOGIN` to ask it."
    )


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(
            "this is not UTF-8 text.", hint="Save it as UTF-8.", file=str(file)
        ) from error
