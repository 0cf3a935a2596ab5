"""Release testing on the command line: `release register`, `test`, `conclude` and on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.apps.cli._acts import ByOption, ReasonOption, StdinOption, act_by
from goldenbatch.apps.cli._ceremony import MethodOption
from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.core.records import Row

BatchArgument = Annotated[str, typer.Argument(help="Batch.")]
MarketArgument = Annotated[str, typer.Argument(help="Market, such as EU.")]
AttributeArgument = Annotated[str, typer.Argument(help="Quality attribute.")]
ProductArgument = Annotated[str, typer.Argument(help="Code of the product.")]
COLUMNS = ("market", "attribute", "state", "value", "lower", "upper", "unit", "doubts")
REGISTERED = ("product", "market", "attribute", "state", "dossier", "variation", "limits",
              "contingency")  # fmt: skip
NUMBERS = ("value", "lower", "upper")
NOT_PASSED = 1
"""Exit code of `release test` for any answer but a pass."""


# ---- what is registered -----------------------------------------------------------------------


def register(
    session: Session,
    file: Annotated[
        Path, typer.Argument(help="The registration as TOML.", exists=True, dir_okay=False)
    ],
    by: ByOption, reason: ReasonOption,
    *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Enter what is registered; it permits nothing before another person has approved it."""
    from goldenbatch.capabilities.monitoring.release.files import registration_values

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(
            "this is not UTF-8 text.", hint="Save it as UTF-8.", file=str(file)
        ) from error
    values = {"registration": registration_values(text, str(file)), "reason": reason}
    with session.open_site() as desk:
        session.show(_act(session, desk, "register", values, by, from_stdin=password_stdin))


def confirm(
    session: Session, product: ProductArgument, market: MarketArgument,
    attribute: AttributeArgument, by: ByOption, reason: ReasonOption,
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Approve the newest version of a registration, signed by another person than entered it."""
    values = {"product": product, "market": market, "attribute": attribute, "reason": reason}
    with session.open_site() as desk:
        where = {name: values[name] for name in ("product", "market", "attribute")}
        for row in desk.site.ledger.select("release_registration", where):
            told = f"{row['limits']}, {row['dossier']}, {row['variation']}, {row['contingency']}"
            session.output.note(f"Version {row['proposed']}: {told}.")  # shown before it is signed
        answer = _act(
            session, desk, "register-approve", values, by, method, from_stdin=password_stdin
        )
        session.show(answer)


def withdraw(
    session: Session, product: ProductArgument, market: MarketArgument,
    attribute: AttributeArgument, by: ByOption, reason: ReasonOption,
    *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Let a registration permit nothing any more, at once; the laboratory tests instead."""
    values = {"product": product, "market": market, "attribute": attribute, "reason": reason}
    with session.open_site() as desk:
        answer = _act(session, desk, "register-withdraw", values, by, from_stdin=password_stdin)
        session.show(answer)


def registrations(session: Session) -> None:
    """All registrations, each with the state of its newest version."""
    with session.open_site() as desk:
        rows = [_with_state(row) for row in desk.site.ledger.select("release_registration")]
        answer = {"registrations": rows}
        session.show(
            answer,
            lambda _: session.output.table(rows, REGISTERED, empty="Nothing is registered."),
        )


def _with_state(row: Row) -> Row:
    newest = row["proposed"]
    state = f"version {newest} proposed"
    if row["approved"] == newest:
        state = f"version {newest} approved"
    if row["withdrawn"] >= newest:
        state = f"version {newest} withdrawn"
    return {**row, "state": state}


# ---- what is asked of a batch -----------------------------------------------------------------


def test(
    session: Session, batch: BatchArgument, market: MarketArgument, attribute: AttributeArgument,
    by: ByOption,
    reason: Annotated[
        str, typer.Option(help="Why it is asked again: what was corrected in its evidence.")
    ] = "",
    *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Ask for a release test: it passes, is investigated, or the laboratory is called.

    The exit code is 0 for a pass, and 1 for any other answer.
    """
    values = {"batch": batch, "market": market, "attribute": attribute}
    values |= {"reason": reason} if reason else {}
    with session.open_site() as desk:
        _act(session, desk, "test", values, by, from_stdin=password_stdin)
        where = {name: values[name] for name in ("batch", "market", "attribute")}
        answer = dict(desk.site.ledger.select("release_test", where, limit=1)[0])
        state, outcome = answer["state"], answer["outcome"]
        rows = [one for one in _standing(desk, batch, market) if one["attribute"] == attribute]
        why = rows[0]["why"] if rows else ""
        words = f"{attribute} of batch {batch} for {market}: {outcome.replace('_', ' ')}, as {why}."
        session.show({**answer, "why": why}, lambda _: session.output.line(f"{words} {state}."))
    session.exit_code = 0 if outcome == "passes" and state.startswith("passes") else NOT_PASSED


test.__test__ = False  # type: ignore[attr-defined]


def show(
    session: Session, batch: BatchArgument,
    market: Annotated[str, typer.Option(help="Market; none: all.")] = "",
) -> None:  # fmt: skip
    """How a batch stands: each attribute that is registered for a market, or was asked for."""
    with session.open_site() as desk:
        rows = _standing(desk, batch, market)
        shown = [{**one, **{name: _short(one[name]) for name in NUMBERS}} for one in rows]
        session.show(
            {"batch": batch, "attributes": rows},
            lambda _: session.output.table(shown, COLUMNS, empty="Nothing is registered."),
        )


def _standing(desk: Desk, batch: str, market: str) -> list[dict[str, Any]]:
    from goldenbatch.capabilities.monitoring.release.standing import standing_rows

    return standing_rows(desk.site, batch, market)


def _short(text: str) -> str:
    """A number as people read it; `--json` has all digits."""
    return f"{float(text):.6g}" if text else ""


def link(
    session: Session, batch: BatchArgument, market: MarketArgument, attribute: AttributeArgument,
    by: ByOption,
    *,
    sample: Annotated[str, typer.Option(help="Sample that the laboratory tested.")],
    result: Annotated[str, typer.Option("--test", help="Test within the sample.")],
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Put a laboratory's result of the registered contingency test beside the release test."""
    values = {"batch": batch, "market": market, "attribute": attribute}
    values |= {"sample": sample, "test": result}
    with session.open_site() as desk:
        session.show(_act(session, desk, "link", values, by, from_stdin=password_stdin))


def conclude(  # noqa: PLR0913 (one option a part of what is stated)
    session: Session, batch: BatchArgument, market: MarketArgument, attribute: AttributeArgument,
    by: ByOption,
    *,
    finding: Annotated[str, typer.Option(help="confirmed, or assignable_cause.")],
    root_cause: Annotated[str, typer.Option(help="What led to it.")],
    evidence: Annotated[
        list[str] | None, typer.Option(help="Record that shows it, stream@version.")
    ] = None,
    actions: Annotated[str, typer.Option(help="What follows, and under which numbers.")] = "",
    method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """End an investigation with its root cause, signed by quality; it makes nothing pass."""
    values: dict[str, Any] = {"batch": batch, "market": market, "attribute": attribute}
    values |= {"finding": finding, "root_cause": root_cause, "actions": actions}
    values["evidence"] = list(evidence or ())
    with session.open_site() as desk:
        answer = _act(session, desk, "conclude", values, by, method, from_stdin=password_stdin)
        session.show(answer)


# ---- the page of evidence ---------------------------------------------------------------------


def evidence(
    session: Session, batch: BatchArgument, market: MarketArgument, by: ByOption,
    *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Write the page of evidence of a batch from the record and keep it, to be signed."""
    values = {"batch": batch, "market": market}
    with session.open_site() as desk:
        session.show(_act(session, desk, "evidence", values, by, from_stdin=password_stdin))


def review(
    session: Session, batch: BatchArgument, market: MarketArgument, by: ByOption,
    reason: ReasonOption,
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Review the kept page, signed by somebody who asked for none of its tests."""
    values = {"batch": batch, "market": market, "reason": reason}
    with session.open_site() as desk:
        answer = _act(session, desk, "review", values, by, method, from_stdin=password_stdin)
        session.show(answer)


def approve(
    session: Session, batch: BatchArgument, market: MarketArgument, by: ByOption,
    reason: ReasonOption,
    *, method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Approve the kept page, signed by quality; it is no release of the batch."""
    values = {"batch": batch, "market": market, "reason": reason}
    with session.open_site() as desk:
        answer = _act(session, desk, "approve", values, by, method, from_stdin=password_stdin)
        session.show(answer)


def page(
    session: Session, batch: BatchArgument, market: MarketArgument,
    out: Annotated[Path, typer.Argument(help="Folder to write into.", file_okay=False)],
) -> None:  # fmt: skip
    """Write the kept page as it was signed, with a file of its signatures and the proofs."""
    from goldenbatch.capabilities.monitoring.release.page import write_page

    with session.open_site() as desk:
        session.show(write_page(desk.site, batch, market, out))


def _act(
    session: Session, desk: Desk, name: str, values: dict[str, Any], by: str,
    method: str = "password", *, from_stdin: bool,
) -> dict[str, Any]:  # fmt: skip
    return act_by(
        session, desk, f"monitoring.release-{name}", values, by, method=method,
        from_stdin=from_stdin,
    )  # fmt: skip
