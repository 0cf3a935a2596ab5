"""Verification: what is proved, by whom it is witnessed, what is unsigned, and running one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from goldenbatch.apps.web.pages import _forms as forms
from goldenbatch.apps.web.pages._logbook_parts import address_of
from goldenbatch.apps.web.pages._shared import moment_cell
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _, ngettext

Row = Mapping[str, Any]
LOOK_S = 1.0


@dataclass(frozen=True)
class Standing:
    """What the node says of its proofs, and of what is unsigned."""

    told: Row
    unsigned: Row


def _load(asked: Asked) -> Standing:
    return Standing(asked.api.get("/verification"), asked.api.get("/verification/unsigned"))


def _show(view: View, data: Standing) -> None:
    _last(view, data.told)
    _run(view, data.told)
    _checkpoint(view, data.told)
    _unsigned(data.unsigned)
    _proof(view)


def _last(view: View, told: Row) -> None:
    runs = told["runs"]
    with elements.section(_("Last verification")):
        if not runs:
            elements.empty(
                _("Nobody has had this home verified through the service yet."),
                _("Run a verification below."),
            )
            return
        newest = runs[0]
        behind = told["head"] - newest["n_events"]
        with elements.grid("gb-tiles"):
            elements.figure(
                _("Outcome"), _("sound") if newest["is_ok"] else _("NOT sound"),
                tone="good" if newest["is_ok"] else "bad",
                note=_("{n} problems").format(n=newest["n_problems"]),
            )  # fmt: skip
            newer = ngettext("{n} event is newer", "{n} events are newer", behind)
            elements.figure(
                _("Events checked"), str(newest["n_events"]), note=newer.format(n=behind)
            )
        for one in newest["problems"]:
            elements.problem(one, _("Change nothing, keep the backups, and call quality and IT."))
        elements.table(
            _("Verifications, newest first"),
            [
                elements.Column("at", _("Ended"), moment_cell(view.zone)),
                elements.Column("is_ok", _("Outcome"), lambda ok, _row: _sound(ok)),
                elements.Column("n_events", _("Events"), is_number=True),
                elements.Column("n_problems", _("Problems"), is_number=True),
                elements.Column("by", _("By"), lambda uid, _row: elements.digest(str(uid))),
                elements.Column("counts", _("Looked at"), lambda some, _row: _counts(some)),
            ],
            runs,
        )


def _sound(is_ok: Any) -> None:
    elements.state(_("sound") if is_ok else _("NOT sound"), "good" if is_ok else "bad")


def _counts(some: Any) -> None:
    elements.text("span", ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in some.items()))


def _run(view: View, told: Row) -> None:
    running = told["running"]
    with elements.section(
        _("Verify now"),
        note=_("All events, signatures, readings and files are checked against what was recorded. "
               "Acts of people wait until it has ended."),
    ):  # fmt: skip
        if running["failure"]:
            elements.problem(_("The last one broke off."), running["failure"])
        if running["is_running"]:
            _progress(view, running)
        elif told["may_run"]:
            elements.button(_("Run a verification"), lambda: _begin(view), kind="main")
        else:
            elements.empty(_("You may not run one."), told["why_not"])


def _progress(view: View, running: Row) -> None:
    n_all = running["n_all"]
    place = elements.box()

    def draw(now: Row) -> None:
        place.clear()
        with place:
            words = _("{n} of {all} events").format(n=now["n_done"], all=now["n_all"] or n_all)
            part = now["n_done"] / now["n_all"] if now["n_all"] else None
            elements.progress(_("Verification runs"), part, words)

    async def look() -> None:
        now = await view.run(lambda: view.asked.api.get("/verification"))
        if now is None:
            return
        if now["running"]["is_running"]:
            draw(now["running"])
            return
        timer.cancel()
        await view.again()

    draw(running)
    timer = ui.timer(LOOK_S, look, immediate=False)


async def _begin(view: View) -> None:
    if await view.run(lambda: view.asked.api.post("/verification")) is not None:
        await view.again()


def _checkpoint(view: View, told: Row) -> None:
    made, witnesses = told["checkpoint"], told["witnesses"]
    with elements.section(
        _("Checkpoint and witnesses"),
        note=_("A checkpoint signs the root of all events up to a number. A witness elsewhere who "
               "signs it too makes it impossible to rewrite them unseen, even here."),
    ):  # fmt: skip
        if made is None:
            elements.empty(_("No checkpoint was signed yet."), _("The node signs one by itself."))
            return
        elements.facts(
            [
                (_("Log"), made["origin"]),
                (_("Covers events up to"), f"{made['size']} / {told['head']}"),
                (_("Root"), lambda: elements.digest(made["root"])),
                (_("Signed by"), ", ".join(made["signed_by"])),
            ]
        )
        if not witnesses:
            elements.hint(
                _("No witness has signed. Who holds the machine and its keys could rewrite what no "
                  "witness has seen: have checkpoints witnessed (how-to: witness).")
            )  # fmt: skip
        else:
            elements.table(
                _("Witnesses"),
                [elements.Column("name", _("Witness")),
                 elements.Column("size", _("Has signed up to event"), is_number=True)],
                witnesses,
            )  # fmt: skip
        elements.button(
            _("Download the checkpoint"),
            lambda: ui.download.content(made["note"].encode(), "checkpoint.note"),
        )


def _unsigned(found: Row) -> None:
    title = _("Signed records that changed since")
    with elements.section(title):
        if not found["n_unsigned"]:
            elements.empty(
                _("None of {n} signed records has changed since it was signed.").format(
                    n=found["n_signed"]
                )
            )
            return
        elements.table(
            title,
            [
                elements.Column(
                    "stream", _("Record"),
                    lambda name, _row: _record(str(name)),
                ),
                elements.Column("unsigned_since", _("UNSIGNED since version"), is_number=True),
            ],
            found["records"],
        )  # fmt: skip


def _record(name: str) -> None:
    elements.link(name, address_of(name))


def _proof(view: View) -> None:
    fields = [
        forms.Field("first", _("From event"), note=_("Number of the event, #n in the audit trail."),
                    is_needed=True),
        forms.Field("last", _("To event (empty: the same)")),
    ]  # fmt: skip

    async def download(values: forms.Values) -> bool:
        seqs = _seqs(values)
        if not seqs:
            view.tell(_("Give numbers of events, at most 10000 of them."), "warn")
            return False
        bundle = await view.run(lambda: view.asked.api.post("/proofs", {"seqs": seqs}))
        if bundle is None:
            return False
        name = f"proof-{seqs[0]}-{seqs[-1]}.json"
        ui.download.content(json.dumps(bundle, indent=1).encode(), name)
        return False  # nothing was entered: what stands in the form may be used again

    with elements.section(
        _("Take a proof away"),
        note=_("The file proves those events under a checkpoint. Give it to whoever must be sure; "
               "`goldenbatch-verify FILE` checks it on any machine, without this home."),
    ):  # fmt: skip
        forms.form(view, "proof", fields, _("Download the proof"), download)


def _seqs(values: forms.Values) -> list[int]:
    first, last = str(values["first"]).strip(), str(values["last"]).strip() or values["first"]
    if not (first.isascii() and first.isdigit() and str(last).isascii() and str(last).isdigit()):
        return []
    numbers = range(int(first), int(last) + 1)
    return list(numbers) if 0 < len(numbers) <= 10_000 else []


VERIFICATION = Page(
    "/verification", "Verification", Group.RECORDS, _load, _show, icon="verified", order=30
)
