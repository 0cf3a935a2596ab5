"""Inspections: access for a limited time, what was read, copies; and the inspector's own view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.pages import _admin_parts as parts
from goldenbatch.apps.web.pages import _forms as forms
from goldenbatch.apps.web.pages._shared import moment_cell
from goldenbatch.apps.web.pages.admin_people import show_token
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]


# ---- for those who receive an inspector -------------------------------------------------------


@dataclass(frozen=True)
class Inspections:
    """Access that was opened, and copies that were taken."""

    visits: list[Row]
    now: int
    copies: list[Row]
    why_not: str


def _load(asked: Asked) -> Inspections:
    found = asked.api.get("/inspection/visits")
    why_not = parts.why_not(asked, "user:window", stream="user/new")
    copies = asked.api.get("/inspection/copies")["copies"]
    return Inspections(found["visits"], found["now"], copies, why_not)


def _show(view: View, data: Inspections) -> None:
    parts.tabs("/admin/inspections")
    _visits(view, data)
    _open(view, data.why_not)
    with elements.section(
        _("Copies"),
        note=_("A copy to take away is written by `goldenbatch inspection copy` on the node's "
               "machine; its digest stands here."),
    ):  # fmt: skip
        elements.table(
            _("Copies that were taken"),
            [
                elements.Column("recipient", _("For")),
                elements.Column("reason", _("Why")),
                elements.Column("n_events", _("Events"), is_number=True),
                elements.Column("n_files", _("Files"), is_number=True),
                elements.Column("sums_digest", _("Digest"),
                                lambda one, _row: elements.digest(str(one))),
            ],
            data.copies,
            nothing=_("No copy was taken."),
        )  # fmt: skip


def _visits(view: View, data: Inspections) -> None:
    def stands(end: Any, row: Row) -> None:
        if end <= data.now:
            elements.state(_("over"))
        elif not row["is_granted"]:
            elements.state(_("role not confirmed yet"), "warn")
        elif row["start"] > data.now:
            elements.state(_("not begun"), "warn")
        else:
            elements.state(_("open"), "good")

    def reads(n: Any, row: Row) -> None:
        elements.link(str(n), address("/inspection/reads", login=row["login"]))

    def do(end: Any, row: Row) -> None:
        if end <= data.now:
            return

        async def close() -> None:
            given = await forms.ask(
                view, _("End the access now"), [forms.reason_field(), forms.password_field()],
                _("End it"),
            )  # fmt: skip
            if given is None:
                return
            form = {"login": view.person.login, "who": row["login"], **given}
            if await view.run(lambda: view.asked.api.post("/inspection/close", form)) is not None:
                await view.again()

        elements.button(_("End it"), close, kind="danger", label=f"{_('End it')}: {row['login']}")

    with elements.section(_("Access for a limited time")):
        elements.table(
            _("Inspectors"),
            [
                elements.Column("login", _("Login")),
                elements.Column("printed_name", _("Name")),
                elements.Column("role", _("Role")),
                elements.Column("start", _("From"), moment_cell(view.zone)),
                elements.Column("end", _("Until"), moment_cell(view.zone)),
                elements.Column("end", _("State"), stands),
                elements.Column("n_reads", _("Has read"), reads, is_number=True),
                elements.Column("end", _("Do"), do),
            ],
            data.visits,
            nothing=_("Nobody was ever let in for a limited time."),
        )


def _open(view: View, why_not: str) -> None:
    async def open_(values: forms.Values) -> bool:
        form = {**values, "login": view.person.login}
        for name in ("start", "until"):
            form[name] = forms.utc_text(view, form[name])
        made = await view.run(lambda: view.asked.api.post("/inspection/open", form))
        if made is None:
            return False
        if made["token"]:
            await show_token(view, {"login": made["login"], "token": made["token"]})
        if not made["is_confirmed"]:
            view.tell(_("Another person confirms the role on the page People."), "warn")
        return True

    fields = [
        forms.Field("who", _("Login of the inspector"), is_needed=True),
        forms.Field("name", _("Name (of a new account)")),
        forms.Field("start", _("From (empty: now)"), "time"),
        forms.Field("until", _("Until"), "time", is_needed=True),
        forms.reason_field(),
        forms.password_field(),
    ]
    with elements.section(
        _("Let an inspector in"),
        note=_("Read-only, until the time that you give. All that they read is recorded. They see "
               "all records; a copy may be limited to batches."),
    ):  # fmt: skip
        if parts.is_offered(why_not):
            forms.form(view, "inspection", fields, _("Open the access"), open_)


# ---- what one has read ------------------------------------------------------------------------


def _load_reads(asked: Asked) -> Row:
    login = asked.value("login") or asked.api.get("/session")["login"]
    found: Row = asked.api.get("/inspection/reads", login=login)
    return found


def _show_reads(view: View, data: Row) -> None:
    elements.heading(data["login"])
    _reads(view, data)


def _reads(view: View, data: Row) -> None:
    elements.paragraph(_("{n} questions are on record; newest first.").format(n=data["n_reads"]))
    elements.table(
        _("What was read"),
        [
            elements.Column("at", _("When"), moment_cell(view.zone)),
            elements.Column("path", _("What")),
            elements.Column("query", _("Filter")),
            elements.Column("body", _("Filter in the call")),
        ],
        data["reads"],
        nothing=_("Nothing was read."),
    )


# ---- the inspector's own view -----------------------------------------------------------------

START = (
    ("/batches", "Batches"), ("/findings", "Findings"), ("/trail", "Audit trail"),
    ("/verification", "Verification"), ("/completeness", "Data completeness"),
    ("/logbook", "Shift logbook"), ("/admin/policy", "Policy"), ("/admin/rights", "Rights"),
    ("/admin/training", "Training"),
)  # fmt: skip


def _load_own(asked: Asked) -> Row:
    found: Row = asked.api.get("/inspection/reads", login=asked.api.get("/session")["login"])
    return found


def _show_own(view: View, data: Row) -> None:
    until = view.person.inspects_until
    if until is None:
        elements.empty(
            _("You are no inspector: this is what somebody sees who is let in for a limited time."),
            _("Access is opened under Administration, Inspections."),
        )
        return
    with elements.section(_("Your access")):
        elements.facts(
            [
                (_("Until"), lambda: elements.moment(until, view.zone)),
                (_("You may"), _("read all records, and take copies; you can change nothing")),
                (_("Recorded"), _("everything that you read, before it is shown")),
            ]
        )
        elements.hint(
            _("For a copy to take away, ask who received you: it comes with its own proof, which "
              "`goldenbatch-verify` checks on any machine.")
        )  # fmt: skip
    with elements.section(_("Where to begin")), elements.box("", "ul"):
        for to, words in START:
            with elements.box("", "li"):
                elements.link(_(words), to)
    with elements.section(_("What you have read")):
        _reads(view, data)


INSPECTIONS = Page(
    "/admin/inspections", "Inspections", Group.ADMINISTRATION, _load, _show,
    icon="travel_explore", order=80, classes=("personal",),
)  # fmt: skip
READS = Page(
    "/inspection/reads", "What an inspector has read", Group.RECORDS, _load_reads, _show_reads,
    in_menu=False, classes=("personal",),
)  # fmt: skip
INSPECTION = Page(
    "/inspection", "Inspector's view", Group.RECORDS, _load_own, _show_own, icon="travel_explore",
    order=40, classes=("operational", "confidential", "personal"),
)  # fmt: skip
