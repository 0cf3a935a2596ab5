"""Live readings of a page: said how live they are, and handed to its trends and single values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui.element import Element

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.words import _

Points = Mapping[str, Sequence[tuple[int, Any, int]]]
"""Readings by tag: time in microseconds, value, quality as 0 good, 1 uncertain, 2 bad."""


class LiveStatus(
    Element, component="live_status.js", esm={"goldenbatch-plots": "plots"}
):  # fmt: skip
    """Says whether readings come, and since when not; one a page.

    Args:
        zone: IANA zone of the times.
    """

    def __init__(self, zone: str) -> None:
        super().__init__()
        self._props["zone"] = zone
        self._props["words"] = {
            "begins": _("Waiting for the first readings"),
            "newest": _("newest reading"),
            "qualities": [_("good"), _("uncertain"), _("bad")],
        }

    def push(self, points: Points) -> None:
        """Hand readings to all trends and values of the page, in one message."""
        self.run_method("push", points)

    def say(self, words: str, *, is_live: bool) -> None:
        """How live the page is."""
        self.run_method("say", is_live, words)


def live_value(tag: str, value: Any, quality: int = 0) -> None:
    """The newest value of a tag, which follows what is pushed."""
    shown = "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    place = elements.text("span", shown, "gb-trend-value")
    place.props["data-gb-tag"] = tag
    if quality >> 30 & 3:
        elements.state(_("uncertain") if quality >> 30 & 3 == 1 else _("bad"), "warn")
