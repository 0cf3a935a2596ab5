"""What execution brings to the page of a batch: its dossier, made when it is asked for."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from nicegui import ui

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Place, Widget
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _

Made = Mapping[str, Any]


def load(asked: Asked) -> str:
    """The batch; nothing is made before somebody asks."""
    return asked.path["batch"]


def show(view: View, batch: str) -> None:
    """A button that makes the dossier, and the files once they are there."""
    elements.paragraph(
        _("Everything that is known of the batch, as a page, as PDF, and as a proof that anybody "
          "can check without this platform."),
        is_note=True,
    )  # fmt: skip
    box = elements.box("", role="status")

    async def press() -> None:
        box.clear()
        with box:
            elements.progress(_("The dossier is being made"), None)
        made = await view.run(lambda: view.asked.api.post("/overview/dossiers", {"batch": batch}))
        box.clear()
        if made is not None:
            with box:
                _files(view, made)

    with elements.row():
        elements.button(_("Make the dossier"), press, kind="main")


def _files(view: View, made: Made) -> None:
    words = {"html": _("page (HTML)"), "pdf": _("paper (PDF)"), "proof": _("proof (JSON)")}

    def fetch(kind: Any, row: Mapping[str, Any]) -> None:
        async def press() -> None:
            path = f"/overview/dossiers/{made['id']}/{kind}/content"
            found = await view.run(lambda: view.asked.api.get(path))
            if found is not None:
                ui.download.content(base64.b64decode(found["content"]), found["name"])

        elements.button(_("Download"), press, label=_("Download {name}").format(name=row["name"]))

    rows = [{"kind": kind, "what": words[kind], **one} for kind, one in made["files"].items()]
    columns = [
        Column("what", _("File")),
        Column("name", _("Name")),
        Column("n_bytes", _("Size in bytes"), None, True),
        Column("digest", _("SHA-256"), _digest),
        Column("kind", _("Fetch"), fetch),
    ]
    elements.table(_("Files of the dossier"), columns, rows)


def _digest(value: Any, _row: Mapping[str, Any]) -> None:
    elements.digest(str(value))


DOSSIER = Widget("Dossier", Place.BATCH, load, show, order=10)
