"""The animation of a line: what each machine does, what stands where, as it was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui.element import Element

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.words import _


class Player(Element, component="line_player.js"):
    """The drawing with its controls; everything it says is text that is set, never HTML."""

    def __init__(self, recording: Mapping[str, Any], words: Mapping[str, str]) -> None:
        super().__init__()
        self._props["recording"] = dict(recording)
        self._props["words"] = dict(words)


def line_player(recording: Mapping[str, Any]) -> Player:
    """The player of a recording, with what cannot be seen said in words.

    Args:
        recording: As `line_recording.recording_of` makes it.
    """
    player = Player(recording, player_words())
    if any(one["is_cut"] for one in recording["scenarios"]):
        elements.paragraph(
            _("The recording ends before the run does: the figures are of the whole run."),
            is_note=True,
        )
    return player


def player_words() -> dict[str, str]:
    """What the player says, in the person's language."""
    return {
        "play": _("Play"), "pause": _("Pause"), "step": _("Next change"), "back": _("To the start"),
        "speed": _("Speed"), "time": _("Time"), "finished": _("finished"), "lots": _("lots"),
        "vials": _("vials"), "of": _("of"), "keys": _(
            "Space plays and pauses, the right arrow steps to the next change, Home returns to the "
            "start."),
        "picture": _("The line at work"), "latest": _("Latest"), "without": _("without limit"),
        "busy": _("busy"), "blocked": _("blocked"), "starved": _("no work"),
        "down": _("down"), "cleaning": _("cleaning"), "changeover": _("changeover"),
        "waiting for people": _("waiting for people"),
        "waiting for quality": _("waiting for quality"),
    }  # fmt: skip
