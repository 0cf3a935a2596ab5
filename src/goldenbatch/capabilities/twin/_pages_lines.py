"""Lines: a declaration to begin with or of one's own, run many times and shown at work."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from goldenbatch.ui.web import elements, fields
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

_FOLDER: Final = Path(__file__).parent / "starters"
FIRST: Final = "vials"


@dataclass
class LineShown:
    """What the page shows.

    Attributes:
        starter: Which declaration it began with; empty: a run's.
        text: The declaration.
        files: Tables that it names.
    """

    starter: str
    text: str
    files: dict[str, str] = field(default_factory=dict)


@cache
def starters() -> Mapping[str, tuple[str, str]]:
    """Lines to begin with: their titles and texts, by name."""
    found = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        text = path.read_text("utf-8")
        found[path.stem] = (str(tomllib.loads(text).get("name", path.stem)), text)
    return found


def load_lines(asked: Asked) -> LineShown:
    """The declaration of the address: a run's (`from`), or one to begin with (`line`)."""
    name = quote(asked.value("from"), safe="")
    if name:
        run = asked.api.get(f"/twin/runs/{name}")
        api: Any = asked.api
        files = {
            one: api.request("GET", f"/twin/runs/{name}/files/{one}").text
            for one in run["files"]
            if one.endswith(".csv") and one in run["study"]
        }
        return LineShown("", run["study"], files)
    chosen = asked.value("line") if asked.value("line") in starters() else FIRST
    _title, text = starters()[chosen]
    tables = {path.name: path.read_text("utf-8") for path in _FOLDER.glob("*.csv")}
    return LineShown(chosen, text, {n: one for n, one in tables.items() if n in text})


def show_lines(view: View, data: LineShown) -> None:
    """The page."""

    async def run() -> None:
        form = {"work": "line", "study": data.text, "files": data.files}
        asked = await view.run(lambda: view.asked.api.post("/twin/runs", form))
        if asked is not None:
            view.go("/twin/runs/{run}", run=asked["run"])

    async def check() -> None:
        form = {"work": "line", "study": data.text, "files": data.files}
        found = await view.run(lambda: view.asked.api.post("/twin/check", form))
        if found is not None:
            told = _("The line holds together: {n} runs.").format(n=found["n_runs"])
            view.tell(told, "good")

    def changed(text: str) -> None:
        data.text = text

    with elements.section(
        _("Line"),
        note=_("Stations or units, what lies between them, stops and failures, and the layouts "
               "that are compared. The figures come with intervals, one run is shown at work."),
    ):  # fmt: skip
        choices = {name: title for name, (title, _text) in starters().items()}
        if not data.starter:
            choices = {"": _("that of the run"), **choices}
        fields.choice_field(
            _("Begin with"), data.starter, choices, lambda name: view.go("/twin/lines", line=name)
        )
        fields.text_field(_("Declaration (TOML)"), data.text, changed, rows=22)
        for name in data.files:
            _table(data, name)
        with elements.row():
            elements.button(_("Run"), run, kind="main")
            elements.button(_("Check"), check)
            elements.link(_("All runs"), address("/twin/runs"))
        elements.paragraph(
            _("The same file runs on the command line: goldenbatch twin line."), is_note=True
        )


def _table(data: LineShown, name: str) -> None:
    with elements.details(_("Table {name}").format(name=name)):
        fields.text_field(
            name, data.files[name], lambda text: data.files.__setitem__(name, text), rows=8
        )
