"""The studio: a model, a scenario, a question; the run goes into the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from goldenbatch.capabilities.twin._studio_document import (
    Document,
    at,
    packed,
    read_document,
    unpacked,
)
from goldenbatch.capabilities.twin._studio_scenario import Scenario
from goldenbatch.capabilities.twin.studio_check import WORKS
from goldenbatch.capabilities.twin.toml_text import to_toml
from goldenbatch.core.errors import BadInputError, GoldenbatchError
from goldenbatch.ui.web import elements, fields
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

FIRST = "cho.monod"
_ASKED = tuple(name for name in WORKS if name != "line")


@dataclass
class Studio:
    """What the page shows.

    Attributes:
        models: Of the library: name, title, context of use.
        model: The chosen one, as the catalogue has it.
        document: The study.
        work: What is asked of it.
        target: Probability wanted of a design space.
        problem: Why the address held no study.
        queue: Runs that wait or are at work, and limits.
    """

    models: Sequence[Mapping[str, Any]]
    model: Mapping[str, Any]
    document: Document
    work: str = "run"
    target: float = 0.95
    problem: str = ""
    queue: Mapping[str, Any] = field(default_factory=dict)


def load_studio(asked: Asked) -> Studio:
    """The library, and the study of the address: `s`, a run's (`from`), or a model's own."""
    models = asked.api.get("/twin/models")["models"]
    document, problem = _document(asked)
    name = asked.value("model") or str(at(document, ("model", "use"), "")) or FIRST
    if name not in {one["name"] for one in models}:
        problem, name, document = f"{name!r}", FIRST, {}
    model = asked.api.get(f"/twin/models/{quote(name, safe='')}")
    if at(document, ("model", "use")) != name:
        document = dict(model.get("study") or {})
    work = asked.value("work") if asked.value("work") in _ASKED else "run"
    return Studio(models, model, document, work, problem=problem, queue=asked.api.get("/twin/runs"))


def _document(asked: Asked) -> tuple[Document, str]:
    try:
        if asked.value("s"):
            return unpacked(asked.value("s")), ""
        if asked.value("from"):
            name = quote(asked.value("from"), safe="")
            text = asked.api.get(f"/twin/runs/{name}")["study"]
            return read_document(text), ""
    except BadInputError as error:
        return {}, str(error)
    return {}, ""


def show_studio(view: View, data: Studio) -> None:
    """The page."""
    if data.problem:
        elements.problem(
            _("The study of this address cannot be used: {why}").format(why=data.problem),
            _("A study to begin with is shown instead."),
        )
    with elements.box("gb-columns"):
        with elements.box("gb-stack"):
            _model(view, data)
            keep = _Keeper(view, data)
            Scenario(view, data.document, data.model, keep.changed).show()
        with elements.box("gb-stack"):
            _question(view, data, keep)
            _study_file(view, data, keep)
            _queue(data)


@dataclass
class _Keeper:
    """Keeps the study in the address, so that a reload or a link loses nothing."""

    view: View
    data: Studio
    text: Any = None

    def changed(self) -> None:
        from nicegui import ui

        ui.navigate.history.replace(self.link())
        if self.text is not None:
            self.text.set_text(to_toml(self.data.document))

    def link(self) -> str:
        data = self.data
        return address("/twin/studio", work=data.work, s=packed(data.document))


# ---- the model ----------------------------------------------------------------------------------


def _model(view: View, data: Studio) -> None:
    model = data.model
    with elements.section(_("Model")):
        fields.choice_field(
            _("Model of the library"), model["name"],
            {one["name"]: f"{one['title']} ({one['name']})" for one in data.models},
            lambda name: view.go("/twin/studio", model=name, work=data.work),
        )  # fmt: skip
        if model.get("problem"):
            elements.problem(
                _("This model cannot be built: {why}").format(why=model["problem"]),
                _("Install the extra that it needs, or choose another one."),
            )
            return
        elements.facts([
            (_("May be used for"), model["context_of_use"]),
            (_("Version"), model["version"]),
            (_("Digest"), lambda: elements.digest(model["digest"])),
            (_("Time unit"), model["time_unit"]),
        ])  # fmt: skip
        _credibility(model)


def _credibility(model: Mapping[str, Any]) -> None:
    rows = (model.get("replayed") or {}).get("rows") or []
    cases = model.get("credibility") or []
    with elements.details(_("Credibility: what it was held against")):
        if not cases:
            elements.empty(
                _("Nothing of others is known here that this model was held against."),
                _("Rest no decision on it before you have: goldenbatch twin compare."),
            )
        else:
            elements.table(
                _("References of the model"),
                [elements.Column("title", _("Reference")), elements.Column("kind", _("Kind")),
                 elements.Column("against", _("Against")),
                 elements.Column("context_of_use", _("Says something about"))],
                cases,
            )  # fmt: skip
        if rows:
            elements.table(
                _("What replaying them gave (kept in this home)"),
                [elements.Column("quantity", _("Quantity")), elements.Column("found", _("Ours")),
                 elements.Column("reference_value", _("Reference")),
                 elements.Column("outcome", _("Outcome"))],
                [one for one in rows if one.get("quantity")],
            )  # fmt: skip
        elif cases:
            elements.hint(
                _("No replay is kept in this home: run goldenbatch twin verify, then twin keep.")
            )
        for one in model.get("references") or []:
            elements.paragraph(one, is_note=True)


# ---- the question -------------------------------------------------------------------------------


def _question(view: View, data: Studio, keep: _Keeper) -> None:
    async def run() -> None:
        form = _form(data)
        asked = await view.run(lambda: view.asked.api.post("/twin/runs", form))
        if asked is not None:
            view.go("/twin/runs/{run}", run=asked["run"])

    async def check() -> None:
        form = _form(data)
        found = await view.run(lambda: view.asked.api.post("/twin/check", form))
        if found is not None:
            told = _("The study holds together: {n} simulations.").format(n=found["n_runs"])
            view.tell(told, "good")

    def choose(work: str) -> None:
        data.work = work
        keep.changed()
        target.set_visibility(work == "design-space")

    def aim(text: str) -> None:
        try:
            data.target = min(1.0, max(0.0, float(text.strip().rstrip("%")) / 100))
        except ValueError:
            view.tell(_("The probability is a number of per cent."), "warn")

    with elements.section(_("Question")):
        fields.choice_field(_("What is asked"), data.work, {n: _(WORKS[n]) for n in _ASKED}, choose)
        with elements.box() as target:
            fields.text_field(
                _("Probability wanted, %"), f"{data.target * 100:g}", aim,
                note=_("A point is in the design space where all limits are met so surely."),
            )  # fmt: skip
        target.set_visibility(data.work == "design-space")
        with elements.row():
            elements.button(_("Run"), run, kind="main")
            elements.button(_("Check"), check)
        elements.paragraph(
            _("It runs on the node's machine, in a process of its own; this page may be closed."),
            is_note=True,
        )


def _form(data: Studio) -> dict[str, Any]:
    return {"work": data.work, "study": to_toml(data.document), "target": data.target}


def _study_file(view: View, data: Studio, keep: _Keeper) -> None:
    from nicegui import ui

    written = [to_toml(data.document)]

    def use() -> None:
        try:
            given = read_document(written[0])
        except GoldenbatchError as error:
            view.tell(str(error), "bad", error.hint)
            return
        view.go("/twin/studio", work=data.work, s=packed(given))

    def download() -> None:
        ui.download.content(to_toml(data.document), "study.toml", "application/toml")

    with elements.section(
        _("Study file"), note=_("The same file runs on the command line: goldenbatch twin run.")
    ):
        with elements.row():
            elements.button(_("Download the study"), download)
        with elements.details(_("Show the file")):
            keep.text = elements.text("pre", written[0], "gb-mono gb-scroll")
            keep.text.props["tabindex"] = "0"
        with elements.details(_("Use a file of your own")):
            fields.text_field(
                _("Text of a study (TOML)"), "", lambda text: written.__setitem__(0, text), rows=10
            )
            elements.button(_("Use this text"), use)


def _queue(data: Studio) -> None:
    runs = data.queue.get("runs", [])
    limits = data.queue.get("limits", {})
    n_open = sum(one["status"] in ("waiting", "running") for one in runs)
    n_mine = sum(one["status"] in ("waiting", "running") and one["is_mine"] for one in runs)
    with elements.section(_("Queue")):
        elements.facts([
            (_("Waiting or at work"), str(n_open)),
            (_("Of them yours"), _("{n} of at most {most}").format(
                n=n_mine, most=limits.get("n_per_person", "–"))),
        ])  # fmt: skip
        elements.link(_("All runs"), "/twin/runs")
