"""Administration of the policy: in words, proposed, compared, adopted by signature."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.pages import _admin_parts as parts
from goldenbatch.apps.web.pages import _forms as forms
from goldenbatch.apps.web.pages._shared import moment_cell
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _, mark

Row = Mapping[str, Any]
INDEPENDENCE = {
    "none": mark("anybody of the role"),
    "performer": mark("only who did the work"),
    "not_worker": mark("nobody who did the work"),
    "not_worker_nor_verifier": mark("nobody who did the work or verified it"),
    "not_judge": mark("nobody who signed a judgement of it"),
    "not_subject": mark("not about oneself"),
}
"""Independence of a rule to words (msgids)."""


@dataclass(frozen=True)
class Rules:
    """The policy in force, and what was proposed."""

    policy: Row
    proposals: list[Row]
    why_not: str


def _load(asked: Asked) -> Rules:
    why_not = parts.why_not(asked, "policy:propose", stream="policy/new")
    proposals = asked.api.get("/policy/proposals")["proposals"]
    return Rules(asked.api.get("/policy"), proposals, why_not)


def _show(view: View, data: Rules) -> None:
    parts.tabs("/admin/policy")
    policy = data.policy
    with elements.section(_("In force")):
        elements.state(policy["standing"], "good" if policy["is_signed"] else "bad")
        elements.facts(
            [
                (_("Policy"), f"{policy['title']} {policy['version']}"),
                (_("Effective from"), lambda: elements.moment(policy["effective_from"], view.zone)),
                (_("Digest"), lambda: elements.digest(policy["digest"])),
            ]
        )
        if not policy["is_signed"]:
            elements.hint(_("Nothing can be signed before somebody has signed the policy itself "
                            "where the home is for GMP use."))  # fmt: skip
            elements.button(_("Sign the policy in force"), lambda: _adopt(view, "first"))
    _in_words(policy)
    _proposals(view, data.proposals)
    _propose(view, policy, data.why_not)
    with elements.section(_("History")):
        elements.table(
            _("Policies of this home"),
            [
                elements.Column("version", _("Version")),
                elements.Column("effective_from", _("Effective from"), moment_cell(view.zone)),
                elements.Column("standing", _("State")),
                elements.Column("reason", _("Why")),
                elements.Column("digest", _("Digest"), lambda one, _row: elements.digest(str(one))),
            ],
            policy["history"],
        )


async def _adopt(view: View, digest: str) -> None:
    if await view.sign({"policy": digest}) is not None:
        await view.again()


def _in_words(policy: Row) -> None:
    found = tomllib.loads(policy["text"])
    roles = found.get("roles", {})

    def joined(some: Any, _row: Row) -> None:
        elements.text("span", ", ".join(some or ()) or "–")

    def people(names: Any, row: Row) -> None:
        words = ", ".join(roles.get(one, {}).get("title", one) for one in names)
        elements.text("span", words)
        if row.get("persons", 1) > 1:
            elements.text("div", _("{n} people").format(n=row["persons"]), "gb-note")

    def independence(name: Any, _row: Row) -> None:
        elements.text("span", _(INDEPENDENCE.get(name or "none", str(name))))

    with elements.section(_("Who may do what")):
        elements.table(
            _("Roles"),
            [
                elements.Column("title", _("Role")),
                elements.Column("gmp", _("Carries GMP meaning"), lambda one, _row: _yes(one)),
                elements.Column("reads", _("Reads data that is"), joined),
                elements.Column("time_boxed", _("For a limited time"), lambda one, _row: _yes(one)),
            ],
            [{"name": name, **one} for name, one in roles.items()],
        )
        elements.table(
            _("Rules"),
            [
                elements.Column("action", _("May do")),
                elements.Column("roles", _("Who"), people),
                elements.Column("facts", _("Only if it holds that"), joined),
                elements.Column("independence", _("Independence"), independence),
                elements.Column("states", _("On records that are"), joined),
                elements.Column("source", _("After")),
            ],
            found.get("rules", []),
        )


def _yes(value: Any) -> None:
    elements.text("span", _("yes") if value else _("no"))


def _proposals(view: View, rows: list[Row]) -> None:
    def look(name: Any, _row: Row) -> None:
        elements.link(str(name)[:12], address("/admin/policy/{digest}", digest=name))

    known = ("version", "state", "reason", "proposed_by")
    with elements.section(_("Proposals")):
        elements.table(
            _("Proposals, newest first"),
            [
                elements.Column("digest", _("Proposal"), look),
                *(elements.Column(one, _(one.replace("_", " "))) for one in known),
            ],
            rows,
            nothing=_("No change of the policy is proposed."),
        )


def _propose(view: View, policy: Row, why_not: str) -> None:
    async def propose(values: forms.Values) -> bool:
        form = {
            "login": view.person.login, "password": values["password"], "text": values["text"],
            "reason": values["reason"],
            "effective_from": forms.utc_text(view, values["effective_from"]),
        }  # fmt: skip
        done = await view.run(lambda: view.asked.api.post("/policy/proposals", form))
        if done is not None:
            view.go(address("/admin/policy/{digest}", digest=done["digest"]))
        return done is not None

    fields = [
        forms.Field("text", _("Policy as TOML, with a new version"), "area", policy["text"],
                    is_needed=True),
        forms.reason_field(),
        forms.Field("effective_from", _("Effective from (empty: once it is adopted)"), "time"),
        forms.password_field(),
    ]  # fmt: skip
    with elements.details(_("Propose a change")):
        if parts.is_offered(why_not):
            forms.form(view, "policy", fields, _("Propose"), propose)


# ---- a proposal -------------------------------------------------------------------------------


def _load_one(asked: Asked) -> Row:
    found: Row = asked.api.get(parts.api_path("policy", "proposals", asked.path["digest"]))
    return found


def _show_one(view: View, data: Row) -> None:
    parts.tabs("/admin/policy")
    elements.link(_("The policy in force"), "/admin/policy")
    with elements.section(_("Proposal of version {version}").format(version=data["version"])):
        elements.paragraph(str(data.get("reason", "")))
        faults: Sequence[str] = data["faults"]
        for one in faults:
            elements.problem(one, _("It cannot be adopted so: propose a corrected one."))
        if not faults:
            elements.button(
                _("Adopt it, signed"), lambda: _adopt(view, data["digest"]), kind="main"
            )
            elements.paragraph(_("Who proposed it does not adopt it."), is_note=True)
    with elements.section(_("What it would change")):
        elements.table(
            _("Changes"),
            [
                elements.Column("text", _("Change")),
                elements.Column("is_weaker", _("Weaker than before"), lambda one, _row: _yes(one)),
            ],
            data["changes"],
            nothing=_("It changes nothing."),
        )
    with elements.details(_("Its text")):
        elements.text("pre", data["text"], "gb-mono")


POLICY = Page(
    "/admin/policy", "Policy", Group.ADMINISTRATION, _load, _show, icon="policy", order=40
)
PROPOSAL = Page(
    "/admin/policy/{digest}", "Proposal of a policy", Group.ADMINISTRATION, _load_one, _show_one,
    in_menu=False,
)  # fmt: skip
