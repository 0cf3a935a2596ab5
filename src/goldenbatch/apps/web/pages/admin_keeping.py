"""Administration of settings under signature, of retention, holds and deletions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.pages import _admin_parts as parts
from goldenbatch.apps.web.pages import _forms as forms
from goldenbatch.apps.web.pages._shared import moment_cell
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]


# ---- settings ---------------------------------------------------------------------------------


def _load_settings(asked: Asked) -> Row:
    found: Row = asked.api.get("/settings/signing")
    return found


def _show_settings(view: View, data: Row) -> None:
    parts.tabs("/admin/settings")
    rows = [
        {"name": name, "value": value, "file": data["in_file"].get(name)}
        for name, value in data["in_force"].items()
    ]
    with elements.section(
        _("Settings of signing"),
        note=_("They stand in home.toml; what counts is what somebody has signed."),
    ):
        elements.state(data["standing"], "good" if data["is_signed"] else "warn")
        elements.table(
            _("Signing settings"),
            [
                elements.Column("name", _("Setting")),
                elements.Column("value", _("In force"), lambda one, _row: _plain(one)),
                elements.Column("file", _("In home.toml"), lambda _v, row: _in_file(row)),
            ],
            rows,
        )
        if data["pending"]:
            elements.hint(_("home.toml says something else: it counts once it is signed."))
        if data["pending"] or not data["is_signed"]:
            elements.button(_("Sign what home.toml says"), lambda: _adopt(view), kind="main")


def _plain(value: Any) -> None:
    words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    elements.text("span", words or "–")


def _in_file(row: Row) -> None:
    if row["file"] == row["value"]:
        elements.text("span", _("the same"), "gb-note")
    else:
        _plain(row["file"])
        elements.state(_("differs"), "warn")


async def _adopt(view: View) -> None:
    if await view.sign({"settings": "signing"}) is not None:
        await view.again()


# ---- retention --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Retention:
    """Schedules, holds and deletions; `due` may be refused to a reader."""

    schedule: Row
    holds: list[Row]
    deletions: list[Row]
    due: Any
    why_not: str


def _load(asked: Asked) -> Retention:
    get = asked.api.get
    return Retention(
        get("/retention"), get("/retention/holds")["holds"],
        get("/retention/deletions")["deletions"],
        parts.part(lambda: get("/retention/due", limit=50)["due"]),
        parts.why_not(asked, "hold:place", stream="hold/new"),
    )  # fmt: skip


def _show(view: View, data: Retention) -> None:
    parts.tabs("/admin/retention")
    with elements.section(_("How long what is kept")):
        if not data.schedule["is_in_force"]:
            elements.hint(_("No schedule is in force: everything is kept, nothing may be deleted."))
        _any_table(_("Rules of the schedule in force"), data.schedule["rules"], _("No rule."))
        _adopt_schedule(view)
    _holds(view, data)
    with elements.section(
        _("Deletions"), note=_("Two people: one proposes, another one signs; what is due is shown.")
    ):
        if not parts.refused(data.due):
            _any_table(_("What may be deleted, oldest duty first"), data.due, _("Nothing is due."))
        _deletions(view, data.deletions)


def _any_table(caption: str, rows: list[Row], nothing: str) -> None:
    """Rows of the node whose columns it names itself."""
    names = list(rows[0])[:8] if rows else []
    columns = [
        elements.Column(one, one.replace("_", " "), lambda value, _row: _plain(value))
        for one in names
    ]
    elements.table(caption, columns, rows, nothing=nothing)


def _adopt_schedule(view: View) -> None:
    async def adopt(values: forms.Values) -> bool:
        password = values.pop("password")
        values["effective_from"] = forms.utc_text(view, values["effective_from"])
        form = {"login": view.person.login, "password": password, "values": values}
        path = "/retention/acts/retention-adopt"
        return await view.run(lambda: view.asked.api.post(path, form)) is not None

    fields = [
        forms.Field("text", _("Schedule as TOML (empty: the one of the package)"), "area"),
        forms.Field("effective_from", _("Effective from (empty: now)"), "time"),
        forms.reason_field(),
        forms.password_field(),
    ]
    with elements.details(_("Adopt a schedule")):
        forms.form(view, "schedule", fields, _("Adopt"), adopt)


def _holds(view: View, data: Retention) -> None:
    def stands(is_active: Any, row: Row) -> None:
        if not is_active:
            elements.state(_("lifted"))
            elements.text("div", row["lift_reason"] or "", "gb-note")
            return

        async def lift() -> None:
            given = await forms.ask(view, _("Lift the hold"), [forms.reason_field()], _("Go on"))
            if given and await view.sign({"hold": row["hold"], **given}) is not None:
                await view.again()

        elements.state(_("holds"), "warn")
        elements.button(_("Lift, signed"), lift, label=f"{_('Lift, signed')}: {row['hold']}")

    async def place(values: forms.Values) -> bool:
        password, batch = values.pop("password"), values.pop("batches").strip()
        values["batches"] = [batch] if batch else []
        form = {"login": view.person.login, "password": password, "values": values}
        path = "/retention/acts/hold-place"
        return await view.run(lambda: view.asked.api.post(path, form)) is not None

    fields = [
        forms.Field("hold", _("Id of the hold"), is_needed=True, note=_("Such as recall-2027-1.")),
        forms.Field("batches", _("Batch"), note=_("All that belongs to it is held.")),
        forms.Field("basis", _("On what basis"), is_needed=True),
        forms.reason_field(),
        forms.password_field(),
    ]
    with elements.section(
        _("Holds"), note=_("A hold only ever keeps more; its end is signed by another person.")
    ):
        elements.table(
            _("Holds, newest first"),
            [
                elements.Column("hold", _("Hold")),
                elements.Column("words", _("Of")),
                elements.Column("reason", _("Why")),
                elements.Column("placed_at", _("Placed"), moment_cell(view.zone)),
                elements.Column("is_active", _("State"), stands),
            ],
            data.holds,
            nothing=_("Nothing is held."),
        )
        with elements.details(_("Place a hold")):
            if parts.is_offered(data.why_not):
                forms.form(view, "hold", fields, _("Place"), place)


def _deletions(view: View, rows: list[Row]) -> None:
    def do(name: Any, row: Row) -> None:
        if row.get("state") not in ("proposed", None):
            return

        async def approve() -> None:
            if await view.sign({"deletion": name}) is not None:
                path = parts.api_path("retention", "deletions", str(name), "completion")
                await view.run(lambda: view.asked.api.post(path))
                await view.again()

        elements.button(_("Approve, signed"), approve, label=f"{_('Approve, signed')}: {name}")

    elements.table(
        _("Deletions, newest first"),
        [
            elements.Column("deletion", _("Deletion")),
            elements.Column("reason", _("Why")),
            elements.Column("state", _("State")),
            elements.Column("deletion", _("Do"), do),
        ],
        rows,
        nothing=_("Nothing was ever proposed for deletion."),
    )


SETTINGS = Page(
    "/admin/settings", "Settings", Group.ADMINISTRATION, _load_settings, _show_settings,
    icon="settings", order=50, classes=("personal",),
)  # fmt: skip
RETENTION = Page(
    "/admin/retention", "Retention", Group.ADMINISTRATION, _load, _show, icon="inventory_2",
    order=70,
)  # fmt: skip
