"""Administration of rights: the report and its review, alerts, training records, delegations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.pages import _admin_parts as parts
from goldenbatch.apps.web.pages import _forms as forms
from goldenbatch.apps.web.pages._shared import moment_cell
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]


# ---- rights -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rights:
    """The report on rights, reviews of it, and alerts about accounts."""

    report: Row
    reviews: list[Row]
    alerts: list[Row]


def _load(asked: Asked) -> Rights:
    reviews = asked.site.ledger.select("access_review", order_by=("-at",), limit=20)
    alerts = asked.api.get("/rights/alerts")["alerts"][:100]
    return Rights(asked.api.get("/rights/report"), list(reviews), alerts)


def _show(view: View, data: Rights) -> None:
    parts.tabs("/admin/rights")
    report = data.report
    with elements.section(_("Who has what")):
        elements.table(
            _("Rights report"),
            [
                elements.Column("login", _("Login"), lambda one, _row: _person(one)),
                elements.Column("printed_name", _("Name")),
                elements.Column("roles", _("Roles"), lambda some, _row: _joined(some)),
                elements.Column("is_active", _("Account"), lambda one, _row: _yes(one)),
                elements.Column("is_identified", _("Identity verified"), lambda one, _r: _yes(one)),
                elements.Column("is_accountable", _("Accountable"), lambda one, _row: _yes(one)),
                elements.Column("trained_on", _("Trained on"), lambda some, _row: _joined(some)),
                elements.Column(
                    "stands_in_for", _("Stands in for"), lambda some, _r: _joined(some)
                ),
            ],
            report["people"],
        )
    with elements.section(_("What is not as it should be")):
        for one in report["findings"]:
            elements.problem(one)
        if not report["findings"]:
            elements.empty(_("Nothing was found."))
    _review(view, data)
    _alerts(view, data.alerts)


def _person(login: Any) -> None:
    elements.link(str(login), address("/admin/people/{who}", who=login))


def _joined(some: Any) -> None:
    elements.text("span", ", ".join(some) or "–")


def _yes(value: Any) -> None:
    elements.state(_("yes") if value else _("no"), "good" if value else "warn")


def _review(view: View, data: Rights) -> None:
    def sign(_value: Any, row: Row) -> None:
        if row["signed_by"]:
            elements.state(_("signed"), "good")
            return

        async def press() -> None:
            form = {"stream": f"access-review/{row['review']}", "meaning": "reviewed"}
            if await view.sign(form) is not None:
                await view.again()

        name = f"{_('Sign as reviewed')}: {row['review']}"
        elements.button(_("Sign as reviewed"), press, label=name)

    async def review(values: forms.Values) -> bool:
        form = {"login": view.person.login, "password": values.pop("password"), "values": values}
        done = await view.run(lambda: view.asked.api.post("/rights/acts/access-review", form))
        if done is not None:
            view.tell(_("On record. It counts once another person has signed it."), "good")
        return done is not None

    columns = [
        elements.Column("review", _("Review")),
        elements.Column("at", _("Made"), moment_cell(view.zone)),
        elements.Column("n_users", _("People"), is_number=True),
        elements.Column("signed_by", _("State"), sign),
    ]
    with elements.section(
        _("Access review"),
        note=_("Somebody goes through the report above; it counts once another person signs it."),
    ):
        elements.facts([(_("Next due"), lambda: _due(view, data.report["review_due_at"]))])
        elements.table(
            _("Reviews, newest first"), columns, data.reviews,
            nothing=_("Nobody has reviewed the rights yet."),
        )  # fmt: skip
        fields = [
            forms.Field(
                "review", _("Id of the review"), is_needed=True, note=_("Such as 2027-H1.")
            ),
            forms.Field("conclusion", _("What was found"), "area", is_needed=True),
            forms.password_field(),
        ]
        forms.form(view, "access-review", fields, _("Record the review"), review)


def _due(view: View, at: Any) -> None:
    elements.moment(at, view.zone)


def _alerts(view: View, rows: list[Row]) -> None:
    def do(_value: Any, row: Row) -> None:
        if row["acknowledged_by"]:
            elements.state(_("acknowledged"), "good")
            return

        async def acknowledge() -> None:
            values = {"account": row["login"], "alert": row["stream_version"]}
            await parts.prove(view, "alert-acknowledge", _("Acknowledge the alert"),
                              [forms.reason_field()], values, _("Acknowledge"))  # fmt: skip

        name = f"{_('Acknowledge')}: {row['what']}"
        elements.button(_("Acknowledge"), acknowledge, label=name)

    with elements.section(_("Alerts about accounts")):
        elements.table(
            _("Alerts, newest first"),
            [
                elements.Column("raised_at", _("Raised"), moment_cell(view.zone)),
                elements.Column("login", _("Account")),
                elements.Column("what", _("What")),
                elements.Column("stream_version", _("State"), do),
            ],
            rows,
            nothing=_("There is no alert."),
        )


# ---- training ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Training:
    """Procedures, who was trained on them, and what is missing."""

    procedures: list[Row]
    trainings: list[Row]
    gaps: list[Row]
    logins: Mapping[str, str]


def _load_training(asked: Asked) -> Training:
    select = asked.site.ledger.select
    report = asked.api.get("/rights/report")
    logins = {one["uid"]: one["login"] for one in report["people"]}
    trainings = select("training", order_by=("procedure", "uid"))
    procedures = select("procedure", order_by=("procedure", "issued"))
    return Training(list(procedures), list(trainings), report["gaps"], logins)


def _show_training(view: View, data: Training) -> None:
    parts.tabs("/admin/training")
    with elements.section(
        _("Procedures"),
        note=_("A procedure is issued with its document by `goldenbatch procedure issue`, and "
               "counts once its approval is signed."),
    ):  # fmt: skip
        elements.table(
            _("Versions of procedures"),
            [
                elements.Column("procedure", _("Procedure")),
                elements.Column("version", _("Version")),
                elements.Column("title", _("Title")),
                elements.Column("effective_from", _("Effective from"), moment_cell(view.zone)),
                elements.Column("approved_by", _("State"), lambda _v, row: _standing(view, row)),
            ],
            data.procedures,
            nothing=_("No procedure was issued yet."),
        )
    with elements.section(_("Missing training")):
        for one in data.gaps:
            told = _("{login} lacks a training on {procedure}, version {version}.")
            name = data.logins.get(one["uid"], one["uid"])
            elements.problem(
                told.format(login=name, procedure=one["procedure"], version=one["version"])
            )
        if not data.gaps:
            elements.empty(_("Nobody lacks a training."))
    _trainings(view, data)


def _standing(view: View, row: Row) -> None:
    if row["is_withdrawn"]:
        elements.state(_("withdrawn"))
        return
    if row["approved_by"]:
        elements.state(_("approved"), "good")
        return

    async def approve() -> None:
        form = {"stream": f"procedure/{row['procedure']}", "meaning": "approved"}
        if await view.sign(form) is not None:
            await view.again()

    elements.state(_("not approved"), "warn")
    name = f"{_('Approve')}: {row['procedure']} {row['version']}"
    elements.button(_("Approve"), approve, label=name)


def _trainings(view: View, data: Training) -> None:
    def person(uid: Any, _row: Row) -> None:
        elements.text("span", data.logins.get(uid, uid))

    def stands(at: Any, row: Row) -> None:
        if at is None:
            elements.state(_("not done"), "warn")
        else:
            elements.moment(at, view.zone)
            elements.text(
                "div", f"{row['method']}, {data.logins.get(row['assessor'], '')}", "gb-note"
            )

    with elements.section(_("Training records")):
        elements.table(
            _("Training records"),
            [
                elements.Column("uid", _("Person"), person),
                elements.Column("procedure", _("Procedure")),
                elements.Column("version", _("Version")),
                elements.Column("due_at", _("Due"), moment_cell(view.zone)),
                elements.Column("completed_at", _("Done"), stands),
                elements.Column("expires_at", _("Expires"), moment_cell(view.zone)),
            ],
            data.trainings,
            nothing=_("No training was assigned yet."),
        )
    if not data.procedures:
        return
    names = sorted({one["procedure"] for one in data.procedures})
    of = [
        forms.Field("login", _("Person"), "choice", next(iter(data.logins.values()), ""),
                    choices={one: one for one in sorted(data.logins.values())}),
        forms.Field("procedure", _("Procedure"), "choice", names[0],
                    choices={one: one for one in names}),
        forms.Field("version", _("Version (empty: the one in force)")),
    ]  # fmt: skip
    _training_form(view, "training-assign", _("Assign a training"), [
        *of, forms.Field("due_at", _("Due"), "time", is_needed=True), forms.reason_field(),
    ])  # fmt: skip
    _training_form(view, "training-complete", _("Enter a training that was done"), [
        *of, forms.Field("method", _("How it was assessed"), is_needed=True,
                         note=_("Such as read, observed or tested.")),
        forms.Field("expires_at", _("Counts until (empty: for good)"), "time"),
    ])  # fmt: skip


def _training_form(view: View, act: str, title: str, fields: list[forms.Field]) -> None:
    async def do(values: forms.Values) -> bool:
        password = values.pop("password")
        for name in ("due_at", "expires_at"):
            if name in values:
                values[name] = forms.utc_text(view, values[name])
        form = {"login": view.person.login, "password": password, "values": values}
        return await view.run(lambda: view.asked.api.post(f"/rights/acts/{act}", form)) is not None

    with elements.section(title):
        forms.form(view, act, [*fields, forms.password_field()], _("Enter"), do)


RIGHTS = Page(
    "/admin/rights", "Rights", Group.ADMINISTRATION, _load, _show, icon="verified_user",
    order=20, classes=("personal",),
)  # fmt: skip
TRAINING = Page(
    "/admin/training", "Training", Group.ADMINISTRATION, _load_training, _show_training,
    icon="school", order=30, classes=("personal",),
)  # fmt: skip
