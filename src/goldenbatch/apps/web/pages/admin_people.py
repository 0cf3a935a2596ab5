"""Administration of people: accounts, one-time tokens, credentials, roles by two people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from goldenbatch.apps.web.pages import _admin_parts as parts
from goldenbatch.apps.web.pages import _forms as forms
from goldenbatch.apps.web.pages._shared import moment_cell
from goldenbatch.core.credentials import CredentialKind
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _, mark

Row = Mapping[str, Any]
_REPLACE = (("request", mark("Ask for another")), ("approve", mark("Approve another")))
_ACTS = {
    "pending": (("confirm", mark("Confirm")), ("revoke", mark("Revoke"))),
    "active": (("revoke", mark("Revoke")), *_REPLACE),
    "suspended": (("revoke", mark("Revoke")), *_REPLACE),
}
"""State of a credential to what a second person may do with it."""


@dataclass(frozen=True)
class People:
    """Accounts, the roles of the policy, and roles that wait for a second person."""

    people: list[Row]
    roles: Mapping[str, str]
    proposals: list[Row]
    why_not: str = ""


def _load(asked: Asked) -> People:
    found = asked.api.get("/admin/people")
    why_not = parts.why_not(asked, "user:add", stream="user/new")
    return People(found["people"], found["roles"], found["proposals"], why_not)


def _show(view: View, data: People) -> None:
    parts.tabs("/admin/people")
    _proposals(view, data)
    with elements.section(_("People")):
        elements.table(_("Accounts"), _columns(), data.people)
    _add(view, data.why_not)


def _columns() -> list[elements.Column]:
    def login(name: Any, _row: Row) -> None:
        elements.link(str(name), address("/admin/people/{who}", who=name))

    def roles(some: Any, _row: Row) -> None:
        elements.text("span", ", ".join(some) or _("none"))

    def credentials(some: Any, _row: Row) -> None:
        active = [one["kind"] for one in some if one["status"] == "active"]
        elements.text("span", ", ".join(active) or _("none: offer one"))

    return [
        elements.Column("login", _("Login"), login),
        elements.Column("printed_name", _("Name")),
        elements.Column("roles", _("Roles"), roles),
        elements.Column("is_active", _("Account"), lambda _v, row: _account(row)),
        elements.Column("credentials", _("Credentials"), credentials),
    ]


def _account(row: Row) -> None:
    if not row["is_active"]:
        elements.state(_("closed"), "bad")
    elif row["is_locked"]:
        elements.state(_("locked by wrong passwords"), "warn")
    else:
        elements.state(_("open"), "good")


def _proposals(view: View, data: People) -> None:
    if not data.proposals:
        return

    def do(_value: Any, row: Row) -> None:
        of = {"login": row["login"], "role": row["role"]}

        async def confirm() -> None:
            await parts.prove(view, "role-confirm", _("Confirm the role"), [forms.reason_field()],
                              of, _("Confirm"))  # fmt: skip

        async def refuse() -> None:
            await parts.prove(view, "role-refuse", _("Refuse the role"), [forms.reason_field()],
                              of, _("Refuse"))  # fmt: skip

        whose = f"{row['role']}, {row['login']}"
        elements.button(_("Confirm"), confirm, label=f"{_('Confirm')}: {whose}")
        elements.button(_("Refuse"), refuse, label=f"{_('Refuse')}: {whose}")

    with elements.section(
        _("Roles that wait"), note=_("A role is given by two people: another one confirms it.")
    ):
        elements.table(
            _("Proposed roles"),
            [
                elements.Column("login", _("For")),
                elements.Column("role", _("Role")),
                elements.Column("by_login", _("Proposed by")),
                elements.Column("ref", _("Do"), do),
            ],
            data.proposals,
        )


def _add(view: View, why_not: str) -> None:
    async def add(values: forms.Values) -> bool:
        made = await view.run(lambda: view.asked.api.post("/admin/people", values))
        if made is not None:
            await show_token(view, made)
        return made is not None

    fields = [
        forms.Field("login", _("Login"), is_needed=True, note=_("Unique; it is never re-used.")),
        forms.Field("printed_name", _("Name as it stands beside signatures"), is_needed=True),
        forms.reason_field(),
    ]
    with elements.section(
        _("Add a person"),
        note=_("They get a one-time token, and choose their password with it themselves."),
    ):
        if parts.is_offered(why_not):
            forms.form(view, "person", fields, _("Add"), add)


async def show_token(view: View, made: Row) -> None:
    """Show a one-time token: this once, and to whoever hands it over."""
    base = view.base if isinstance(getattr(view, "base", ""), str) else ""
    place = f"{base}{address('/enrol', login=made['login'])}"
    with ui.dialog() as dialog, ui.card().classes("gb-dialog-body"):
        elements.heading(_("One-time token"))
        elements.paragraph(
            _("Hand it over in person. It is shown this once, and only its hash is kept.")
        )
        elements.facts(
            [
                (_("Login"), made["login"]),
                (_("For"), made.get("kind", "password")),
                (_("Token"), lambda: _code(made["token"])),
                (_("They open"), lambda: _code(place)),
            ]
        )
        elements.button(_("I have it"), lambda: dialog.submit(True), kind="main")
    await dialog
    dialog.delete()


def _code(words: str) -> None:
    elements.text("code", words, "gb-mono")


# ---- one person -------------------------------------------------------------------------------


def _load_person(asked: Asked) -> tuple[Row | None, Mapping[str, str]]:
    found = _load(asked)
    login = asked.path["who"]
    return next((one for one in found.people if one["login"] == login), None), found.roles


def _show_person(view: View, data: tuple[Row | None, Mapping[str, str]]) -> None:
    row, roles = data
    parts.tabs("/admin/people")
    elements.link(_("All people"), "/admin/people")
    if row is None:
        elements.empty(_("Nobody has this login."), _("Look at the list of people."))
        return
    with elements.section(row["printed_name"]):
        _account(row)
        elements.facts(
            [
                (_("Login"), row["login"]),
                (_("Uid"), lambda: elements.digest(row["uid"])),
                (_("Identity verified"), _("yes") if row["is_identified"] else _("no")),
                (_("Accountability accepted"), _("yes") if row["is_accountable"] else _("no")),
                (_("Trained on"), ", ".join(row["trained_on"])),
                (_("Record"), lambda: _trail(row)),
            ]
        )
    _account_acts(view, row)
    _roles(view, row, roles)
    _credentials(view, row)


def _trail(row: Row) -> None:
    elements.link(_("Audit trail of this person"), address("/trail", stream=f"user/{row['uid']}"))


def _account_acts(view: View, row: Row) -> None:
    def press(change: str, title: str) -> Any:
        async def act() -> None:
            await _change(view, row["login"], {"change": change}, title)

        return act

    with elements.row():
        if row["is_active"]:
            elements.button(_("Close the account"), press("disable", _("Close the account")),
                            kind="danger")  # fmt: skip
        else:
            elements.button(_("Open it again"), press("enable", _("Open the account again")))
        if row["is_locked"]:
            elements.button(_("Unlock"), press("unlock", _("Unlock the account")))
        elements.button(_("Identity verified"), lambda: _identify(view, row["login"]))


async def _change(view: View, login: str, values: Row, title: str) -> None:
    given = await forms.ask(view, title, [forms.reason_field()], title)
    if given is None:
        return
    path = parts.api_path("admin", "people", login, "changes")
    if await view.run(lambda: view.asked.api.post(path, {**values, **given})) is not None:
        await view.again()


async def _identify(view: View, login: str) -> None:
    fields = [forms.Field("how", _("How the identity was verified"), is_needed=True,
                          note=_("Such as passport, seen by you."))]  # fmt: skip
    await parts.prove(
        view, "identity-verify", _("Identity verified"), fields, {"login": login}, _("Enter")
    )


def _roles(view: View, row: Row, roles: Mapping[str, str]) -> None:
    def do(name: Any, _row: Row) -> None:
        async def revoke() -> None:
            await _change(
                view, row["login"], {"change": "revoke", "role": name}, _("Take the role away")
            )

        elements.button(_("Take away"), revoke, label=f"{_('Take away')}: {name}")

    async def propose(values: forms.Values) -> bool:
        form = {"login": view.person.login, "password": values.pop("password"),
                "values": {**values, "login": row["login"]}}  # fmt: skip
        done = await view.run(lambda: view.asked.api.post("/rights/acts/role-propose", form))
        if done is not None:
            view.tell(_("Proposed. Another person confirms it on the page People."), "good")
        return done is not None

    left = {name: title for name, title in roles.items() if name not in row["roles"]}
    with elements.section(_("Roles")):
        elements.table(
            _("Roles of this person"),
            [elements.Column("title", _("Role")), elements.Column("name", _("Do"), do)],
            [{"name": name, "title": roles.get(name, name)} for name in row["roles"]],
            nothing=_("No role: they can do and read nothing but what is about themselves."),
        )
        if left:
            first = next(iter(left))
            fields = [
                forms.Field("role", _("Propose a role"), "choice", first, choices=left),
                forms.reason_field(),
                forms.password_field(),
            ]
            forms.form(view, f"role-{row['uid']}", fields, _("Propose"), propose)


def _credentials(view: View, row: Row) -> None:
    def press(one: Row, act: str, words: str) -> Any:
        async def do_it() -> None:
            await _act(view, row["login"], one, act, words)

        return do_it

    def do(_value: Any, one: Row) -> None:
        for act, words in _ACTS.get(one["status"], ()):
            name = f"{_(words)}: {one['label']}"
            elements.button(_(words), press(one, act, _(words)), label=name)

    async def offer(values: forms.Values) -> bool:
        form = {**values, "login": row["login"]}
        made = await view.run(lambda: view.asked.api.post("/credentials/offer", form))
        if made is not None:
            await show_token(view, made)
        return made is not None

    kinds = {one.value: one.value for one in CredentialKind}
    fields = [
        forms.Field("kind", _("Kind"), "choice", next(iter(kinds)), choices=kinds),
        forms.reason_field(),
    ]
    with elements.section(_("Credentials")):
        elements.table(
            _("Credentials of this person"),
            [
                elements.Column("kind", _("Kind")),
                elements.Column("label", _("Label")),
                elements.Column("class", _("Class")),
                elements.Column("status", _("State"), lambda one, _row: elements.state(str(one))),
                elements.Column("added_at", _("Added"), moment_cell(view.zone)),
                elements.Column("last_used_at", _("Last used"), moment_cell(view.zone)),
                elements.Column("credential", _("Do"), do),
            ],
            row["credentials"],
            nothing=_("None yet: offer one, and hand the token over in person."),
        )
        forms.form(view, f"offer-{row['uid']}", fields, _("Offer a credential"), offer)


async def _act(view: View, login: str, one: Row, act: str, words: str) -> None:
    given = await forms.ask(view, words, [forms.reason_field()], words)
    if given is None:
        return
    form = {"login": login, "credential": one["credential"], "reason": given["reason"]}
    done = await view.run(lambda: view.asked.api.post(f"/credentials/{act}", form))
    if done is None:
        return
    if done.get("token"):
        await show_token(view, done)
    await view.again()


PEOPLE = Page(
    "/admin/people", "Administration", Group.ADMINISTRATION, _load, _show, icon="groups",
    order=10, classes=("personal",),
)  # fmt: skip
PERSON = Page(
    "/admin/people/{who}", "Person", Group.ADMINISTRATION, _load_person, _show_person,
    in_menu=False, classes=("personal",),
)  # fmt: skip
