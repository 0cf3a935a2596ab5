"""Signals over time: drawn from a window of history, pushed to live, zoomed with finer readings.

    trend("Temperature", Drawn(signals, (start, end)), settings=TrendSettings(zone=view.zone),
          load=lambda start, end, n: Drawn(...))

Live readings come to all trends of a page at once, by `goldenbatch.ui.web.live_status`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from pathlib import Path
from typing import Any, Literal

from nicegui import background_tasks, run
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.ui.web.trend_data import Band, Level, Signal, Span, encoded
from goldenbatch.ui.web.words import _

VENDOR = Path(__file__).parent / "vendor"


@dataclass(frozen=True)
class Drawn:
    """What is drawn of a window [start, end), microseconds UTC."""

    signals: Sequence[Signal]
    window: tuple[int, int]
    levels: Sequence[Level] = ()
    bands: Sequence[Band] = ()
    spans: Sequence[Span] = ()

    def encoded(self) -> dict[str, Any]:
        """As it travels."""
        return encoded(self.signals, self.window, self.levels, self.bands, self.spans)


Loader = Callable[[int, int, int], Drawn]
"""Gives a window (start, end, number of points); called in a thread."""


@dataclass(frozen=True)
class Chosen:
    """A place that was clicked, or chosen by Enter.

    Attributes:
        time: Microseconds UTC of the place.
        tag: Of the nearest reading; empty: there is none.
        at: Time of that reading.
    """

    time: int
    tag: str
    at: int | None


@dataclass(frozen=True)
class TrendSettings:
    """How a trend looks and behaves.

    Attributes:
        zone: IANA zone of the times.
        is_live: Whether it takes what is pushed, and follows it.
        height: Pixels.
        tools: `none` for small ones beside others; the keys work all the same.
        group: Trends of one group are zoomed together.
        link: Address behind the title.
    """

    zone: str = "UTC"
    is_live: bool = False
    height: int = 300
    tools: Literal["full", "none"] = "full"
    group: str = ""
    link: str = ""


@dataclass(frozen=True)
class Told:
    """Whom a trend tells.

    Attributes:
        window: The window (start, end) that is shown by now.
        pick: A place that was chosen; may be a coroutine function.
    """

    window: Callable[[int, int], Any] | None = None
    pick: Callable[[Chosen], Any] | None = None


class Trend(
    Element, component="trend.js",
    esm={"goldenbatch-uplot": "vendor", "goldenbatch-plots": "plots"},
):  # fmt: skip
    """The element; `trend` makes one.

    Args:
        title: Above it.
        drawn: The first window.
        settings: How it looks.
        load: Gives finer readings when one zooms; None: there are none.
        told: Whom it tells.
    """

    def __init__(
        self, title: str, drawn: Drawn, settings: TrendSettings,
        load: Loader | None = None, told: Told | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.add_resource(VENDOR)
        self._load, self._told, self._asked = load, told or Told(), 0
        self._props["words"] = words()
        self._props["payload"] = {
            "title": title, "zone": settings.zone, "live": settings.is_live,
            "height": settings.height, "tools": settings.tools, "group": settings.group,
            "link": settings.link, **drawn.encoded(),
        }  # fmt: skip
        self.on("window", self._zoomed)
        self.on("pick", self._picked)

    def show(self, drawn: Drawn) -> None:
        """Show another window, or the same with what is known now."""
        self.run_method("set", drawn.encoded())

    async def _zoomed(self, event: GenericEventArguments) -> None:
        start, end = int(event.args["start"]), int(event.args["end"])
        n_points = min(max(int(event.args["n"]), 100), 20_000)
        if self._told.window is not None:
            self._told.window(start, end)
        if self._load is None:
            self.run_method("failed")
            return
        self._asked += 1
        mine = self._asked
        try:
            drawn = await run.io_bound(self._load, start, end, n_points)
        except GoldenbatchError:
            self.run_method("failed")
            raise
        if drawn is not None and mine == self._asked and not self.is_deleted:
            self.show(drawn)

    def _picked(self, event: GenericEventArguments) -> None:
        if self._told.pick is None:
            return
        given = event.args
        at = given.get("at")
        done = self._told.pick(
            Chosen(int(given["time"]), str(given.get("tag", "")), None if at is None else int(at))
        )
        if isawaitable(done):
            background_tasks.create(done, name="pick")


def trend(
    title: str, drawn: Drawn, *,
    settings: TrendSettings | None = None, load: Loader | None = None, told: Told | None = None,
) -> Trend:  # fmt: skip
    """Signals over time; see `Trend`."""
    return Trend(title, drawn, settings or TrendSettings(), load, told)


def words() -> dict[str, Any]:
    """The words on a trend, in the language of the person."""
    return {
        "loading": _("Reading finer data…"),
        "tools": _("Move in time"),
        "earlier": _("Earlier"),
        "later": _("Later"),
        "closer": _("Zoom in"),
        "wider": _("Zoom out"),
        "whole": _("The whole window"),
        "now": _("Newest readings"),
        "table": _("The same data as a table"),
        "signal": _("Signal"),
        "time": _("Time"),
        "value": _("Value"),
        "unit": _("Unit"),
        "quality": _("Quality"),
        "qualities": [_("good"), _("uncertain"), _("bad")],
        "shown": _("newest {n} of {all} points"),
        "beyond": _("beyond {limit}"),
        "none": _("{label}: no readings here."),
        "summary": _(
            "{label}: {value} {unit} at {time}, between {low} and {high}; "
            "bad readings {bad}, gaps {gaps}."
        ),
    }
