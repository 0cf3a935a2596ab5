"""The signing ceremony in the browser: the statement, the record, the proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nicegui import ui

if TYPE_CHECKING:
    from goldenbatch.ui.web.view import View


async def ceremony(view: View, form: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Ask the person to sign; see `View.sign`."""
    api = view.asked.api
    prepared = await view.run(lambda: api.post("/signatures/prepare", dict(form)))
    if prepared is None:
        return None
    with ui.dialog() as dialog, ui.card():
        ui.label("Sign")
        password = ui.input("Password", password=True)
        ui.button("Sign", on_click=lambda: dialog.submit(password.value))
    given = await dialog
    dialog.delete()
    if given is None:
        return None
    proof = {
        "id": prepared["id"],
        "kind": "password",
        "login": view.person.login,
        "password": given,
    }
    return await view.run(lambda: api.post("/signatures/complete", proof))
