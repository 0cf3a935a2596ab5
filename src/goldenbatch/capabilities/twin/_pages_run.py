"""One run: where it stands, what came out, on what it rests, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

from nicegui import ui

from goldenbatch.capabilities.twin._pages_runs import TONES, status_words
from goldenbatch.capabilities.twin._run_parts import show_result
from goldenbatch.capabilities.twin.line_player import line_player
from goldenbatch.capabilities.twin.studio_check import WORKS
from goldenbatch.ui.web import elements, fields
from goldenbatch.ui.web.pages import Api, Asked
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

LOOK_S = 1.0


@dataclass(frozen=True)
class RunShown:
    """What the page shows.

    Attributes:
        run: As the node tells it.
        plots: What is drawn of its result; empty: nothing.
        recording: What an animation plays; empty: nothing moves.
    """

    run: Mapping[str, Any]
    plots: Mapping[str, Any] = field(default_factory=dict)
    recording: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether it waits or is at work."""
        return self.run["status"] in ("waiting", "running")


def load_run(asked: Asked) -> RunShown:
    """The run of the address, with what is drawn of it."""
    return loaded_run(asked.api, asked.path["run"])


def loaded_run(api: Api, name: str) -> RunShown:
    """A run by its name."""
    name = quote(name, safe="")
    run = api.get(f"/twin/runs/{name}")

    def part(file: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = {}
        if run["status"] == "done" and file in run["files"]:
            found = api.get(f"/twin/runs/{name}/files/{file}")
        return found

    return RunShown(run, part("plots.json"), part("recording.json"))


def show_run(view: View, data: RunShown) -> None:
    """The page."""
    run = data.run
    with elements.box("gb-columns"):
        with elements.section(run["name"], note=_(WORKS.get(run["work"], run["work"]))):
            elements.state(status_words(run["status"]), TONES.get(run["status"], "quiet"))
            if data.is_open:
                _progress(view, data)
            if run["status"] == "failed":
                elements.problem(run["reason"], run["hint"])
            _warnings(run["document"])
        _basis(view, run)
    if run["status"] == "done":
        _actions(view, run)
        if data.recording:
            with elements.section(
                _("The line at work"),
                note=_("The first of the runs that the figures rest on, with its random numbers."),
            ):
                line_player(data.recording)
        show_result(run["work"], run["document"], data.plots)
    _study(run)


# ---- waiting and at work ------------------------------------------------------------------------


def _progress(view: View, data: RunShown) -> None:
    name = data.run["run"]
    box = elements.box("gb-stack")

    def draw(status: str, told: Mapping[str, Any]) -> None:
        box.clear()
        with box:
            if status == "waiting":
                before = _("{n} runs before it").format(n=told.get("n_before", 0))
                elements.progress(_("Waiting"), None, before)
                return
            n_done, n_all = told.get("n_done", 0), told.get("n_all", 0)
            share = n_done / n_all if n_all else None
            words = _("{done} of {all} parts").format(done=n_done, all=n_all) if n_all else ""
            elements.progress(_("At work"), share, words)

    async def look() -> None:
        found = await view.run(lambda: view.asked.api.get(f"/twin/runs/{name}/progress"))
        if found is None:
            return
        if found["status"] in ("waiting", "running"):
            draw(found["status"], found["progress"])
        else:
            await view.again()

    async def cancel() -> None:
        done = await view.run(lambda: view.asked.api.post(f"/twin/runs/{name}/cancel"))
        if done is not None:
            await view.again()

    draw(data.run["status"], data.run["progress"])
    if data.run["is_mine"]:
        elements.button(_("Cancel the run"), cancel, kind="danger")
    view.every(LOOK_S, look)


# ---- what it says and what it rests on ----------------------------------------------------------


def _warnings(document: Mapping[str, Any]) -> None:
    if document.get("is_extrapolated"):
        elements.state(_("outside the range that the model was calibrated in"), "warn")
        elements.paragraph(
            _("Its figures are extrapolated: rest no decision on them alone."), is_note=True
        )
    status = document.get("status", "complete")
    if status != "complete":
        elements.problem(
            _("The simulation is {status}: {why}").format(
                status=status, why=document.get("reason") or "–"
            ),
            _("Change the recipe or the limits of the model, and run it again."),
        )


def _basis(view: View, run: Mapping[str, Any]) -> None:
    """How do you know: model, study, seed, engine, posterior, all with digests."""
    found = run["document"].get("provenance") or {}
    provenance = found if "model" in found else {}
    lines = [one for one in found.values() if isinstance(one, Mapping) and "line_digest" in one]
    pairs: list[tuple[str, Any]] = [
        (_("Asked by"), run["by_name"] or "–"),
        (_("Asked at"), lambda: elements.moment(run["asked_at"], view.zone)),
        (_("Ended at"), lambda: elements.moment(run["ended_at"], view.zone)),
        (_("Study"), lambda: elements.digest(run["digest"])),
        (_("Seed"), str(run["seed"])),
    ]
    if run["model"]:
        model = f"{run['model']} {provenance.get('version', '')}".strip()
        pairs += [(_("Model"), model),
                  (_("Model digest"), _digest_of(provenance, "model_digest")),
                  (_("Recipe digest"), _digest_of(provenance, "recipe_digest")),
                  (_("Posterior"), str(provenance.get("posterior") or _("none: declared priors"))),
                  (_("Engine"), str(provenance.get("engine") or "–"))]  # fmt: skip
    for one in lines[:1]:
        pairs += [(_("Line digest"), _digest_of(one, "line_digest")),
                  (_("Runs"), str(one.get("n_replications", "–")))]  # fmt: skip
    with elements.section(_("How do you know")):
        elements.facts(pairs)


def _digest_of(found: Mapping[str, Any], key: str) -> Any:
    value = str(found.get(key) or "")
    return (lambda: elements.digest(value)) if value else "–"


# ---- what can be done with it -------------------------------------------------------------------


def _actions(view: View, run: Mapping[str, Any]) -> None:
    name, reason = run["run"], [""]
    page = "/twin/lines" if run["work"] == "line" else "/twin/studio"

    async def keep() -> None:
        if not reason[0].strip():
            view.tell(_("Say why it is kept: the reason goes on record."), "warn")
            return

        def put() -> Any:
            api = view.asked.api
            values = api.get(f"/twin/runs/{name}/kept-values")
            return api.post("/acts/twin.keep", {"values": {**values, "reason": reason[0]}})

        if await view.run(put) is not None:
            view.tell(_("Kept as a record, with its files."), "good")

    async def download(file: str) -> None:
        api: Any = view.asked.api
        content = await view.run(
            lambda: api.request("GET", f"/twin/runs/{name}/files/{file}").content
        )
        if content is not None:
            ui.download.content(content, file)

    with elements.section(_("What next")):
        with elements.row():
            elements.link(
                _("Change it and run it again"), address(page, **{"from": name}, work=run["work"])
            )
            elements.link(_("All runs, to compare with another one"), "/twin/runs")
        with elements.details(_("Keep it as a record")):
            elements.paragraph(
                _("Runs are working papers and are cleared in time. What a decision rests on is "
                  "kept: its files in the registry, who kept it and why in the ledger."),
                is_note=True,
            )  # fmt: skip
            fields.text_field(
                _("Reason"), "", lambda text: reason.__setitem__(0, text), rows=2
            )  # fmt: skip
            elements.button(_("Keep"), keep, kind="main")
        with elements.details(_("Files of the run")), elements.box("gb-stack"):
            for file, size in run["files"].items():
                with elements.row():
                    elements.text("span", file, "gb-mono")
                    elements.text("span", f"{size:,} B", "gb-note")
                    elements.button(
                        _("Download"), partial(download, file),
                        label=_("Download {file}").format(file=file),
                    )  # fmt: skip


def _study(run: Mapping[str, Any]) -> None:
    with elements.details(_("The file that was run")):
        elements.text("pre", run["study"], "gb-mono gb-scroll").props["tabindex"] = "0"
