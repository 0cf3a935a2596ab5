"""What several pages of overviews show alike: lengths of time, severities, filters, paging."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Tone
from goldenbatch.ui.web.view import address
from goldenbatch.ui.web.words import _, mark

HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
TONES: Mapping[str, Tone] = {"critical": "bad", "major": "bad", "minor": "warn", "info": ""}


SEVERITIES = {
    "critical": mark("critical"),
    "major": mark("major"),
    "minor": mark("minor"),
    "info": mark("info"),
}
VERDICTS = {
    "": mark("open"),
    "confirmed": mark("accepted"),
    "dismissed": mark("rejected"),
    "needs_laboratory": mark("needs laboratory"),
}
OUTCOMES = {
    "within": mark("within"),
    "outside": mark("outside"),
    "undecidable": mark("undecidable"),
    "no limit": mark("no limit"),
}
OUTCOME_TONES: Mapping[str, Tone] = {"within": "good", "outside": "bad", "undecidable": "warn"}


def length(micros: float | None) -> str:
    """A length of time in the two largest units that it has.

    >>> length(93_600_000_000), length(90_000_000), length(None)
    ('1 d 2 h', '1 min 30 s', '–')
    """
    if micros is None:
        return "–"
    left, words = max(0, int(micros // 1_000_000)), []
    for unit, seconds in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        n, left = divmod(left, seconds)
        if n:
            words.append(f"{n} {unit}")
    return " ".join(words[:2]) or "0 s"


def share(value: float | None) -> str:
    """A share in per cent.

    >>> share(0.9312), share(None)
    ('93.1 %', '–')
    """
    return "–" if value is None else f"{100 * value:.1f} %"


def batch_path(name: str) -> str:
    """Address of the page of a batch."""
    return address("/batches/{batch}", batch=name)


def lot_path(material: str, lot: str) -> str:
    """Address of the page of a lot."""
    return address("/lots", material=material, lot=lot)


def sample_path(sample: str) -> str:
    """Address of the page of a sample."""
    return address("/samples", sample=sample)


def record_path(stream: str, version: int | None = None) -> str:
    """Address of the page of a record."""
    return address("/record", stream=stream, version=version)


def finding_path(uid: str) -> str:
    """Address of the page of a finding."""
    return address("/findings/{uid}", uid=uid)


def finding_link(title: Any, row: Mapping[str, Any]) -> None:
    """A cell with a finding."""
    with elements.box("gb-wide"):
        elements.link(str(title), finding_path(row["uid"]))


def place_cell(path: Any, _row: Mapping[str, Any] | None = None) -> None:
    """A cell with a place: its own name, the whole path on hover."""
    name = str(path or "").rpartition("/")[2] or "–"
    elements.text("span", name).props["title"] = str(path or "")


def severity(value: str) -> None:
    """The severity of a finding."""
    elements.state(_(SEVERITIES.get(value, value)), TONES.get(value, ""))


def verdict(value: str) -> None:
    """What was decided of a finding."""
    tones: Mapping[str, Tone] = {"": "warn", "confirmed": "bad", "needs_laboratory": "warn"}
    elements.state(_(VERDICTS.get(value, value)), tones.get(value, ""))


def outcome(value: str) -> None:
    """How a result compares with its limits."""
    elements.state(_(OUTCOMES.get(value, value)), OUTCOME_TONES.get(value, ""))


def batch_link(name: Any, _row: Mapping[str, Any] | None = None) -> None:
    """A cell with a batch."""
    with elements.box("gb-name"):
        elements.link(str(name), batch_path(str(name))) if name else elements.text("span", "–")


def moment_cell(zone: str) -> Any:
    """Cells with times in a zone."""
    return lambda at, _row: elements.moment(at, zone)


@dataclass(frozen=True)
class Filter:
    """A field of a list's filter.

    Attributes:
        name: Of the value in the address.
        choices: Value to words; none: any text.
    """

    name: str
    label: str
    choices: Mapping[str, str] | None = None


def filters(path: str, fields: Sequence[Filter], values: Mapping[str, str]) -> None:
    """A form of plain HTML whose answer is an address, so that it can be kept and sent."""
    with elements.box("gb-filters gb-noprint", "form", method="get", action=path, role="search"):
        for one in fields:
            with elements.box("gb-field"):
                label = elements.text("label", one.label)
                label.props["for"] = f"filter-{one.name}"
                _input(one, values.get(one.name, ""))
        for name in ("sort",):
            if values.get(name):
                elements.box("", "input", type="hidden", name=name, value=values[name])
        elements.text("button", _("Show"), "gb-button").props["type"] = "submit"
        elements.link(_("Clear"), path)


def _input(one: Filter, value: str) -> None:
    shown = {"id": f"filter-{one.name}", "name": one.name}
    if one.choices is None:
        elements.box("gb-input", "input", type="search", value=value, **shown)
        return
    with elements.box("gb-input", "select", **shown):
        choices = dict(one.choices)
        if value not in choices:
            choices[value] = value
        for key, words in choices.items():
            made = elements.text("option", words)
            made.props["value"] = key
            if key == value:
                made.props["selected"] = True


def pages(path: str, values: Mapping[str, str], page: int, n_pages: int) -> None:
    """The way to the pages before and after."""
    if n_pages < 2:
        return
    kept = {name: one for name, one in values.items() if name != "page"}
    with elements.box("gb-row", "nav", aria_label=_("Pages of the list")):
        if page:
            elements.link(_("Earlier page"), address(path, **kept, page=page - 1))
        elements.text("span", _("page {page} of {n}").format(page=page + 1, n=n_pages))
        if page + 1 < n_pages:
            elements.link(_("Next page"), address(path, **kept, page=page + 1))


def sort_head(
    path: str, values: Mapping[str, str], chosen: str, names: Mapping[str, str],
    *, can_turn: bool = True,
) -> None:  # fmt: skip
    """Links that sort a list; the one that is chosen says so, and turns round when followed."""
    kept = {name: one for name, one in values.items() if name not in ("sort", "page")}
    with elements.box("gb-row gb-noprint", "nav", aria_label=_("Sort by")):
        elements.text("span", _("Sort by"), "gb-note")
        for key, words in names.items():
            is_chosen = chosen.lstrip("-") == key
            is_down = chosen.startswith("-")
            to = f"-{key}" if can_turn and is_chosen and not is_down else key
            arrow = (" ↓" if is_down or not can_turn else " ↑") if is_chosen else ""
            made = elements.link(f"{words}{arrow}", address(path, **kept, sort=to))
            if is_chosen:
                made.props["aria-current"] = "true"


def on_demand(summary: str, show: Callable[[], None], *, is_open: bool = False) -> None:
    """What is made only when it is opened: long tables cost nothing before."""
    with elements.details(summary, is_open=is_open):
        inside = elements.box("")
    done: list[bool] = []

    def fill() -> None:
        if not done:
            done.append(True)
            with inside:
                show()

    if is_open:
        fill()
    elif inside.parent_slot is not None:
        inside.parent_slot.parent.on("toggle", fill, args=[])


def number(values: Mapping[str, str], name: str) -> int:
    """A number of the address, 0 where there is none."""
    text = values.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
