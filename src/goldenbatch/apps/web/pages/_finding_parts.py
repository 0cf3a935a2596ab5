"""Parts of the page of a finding: contributions, evidence, measures, its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from goldenbatch.apps.web.pages._finding_windows import micros
from goldenbatch.apps.web.pages._shared import on_demand, record_path
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Data = Mapping[str, Any]
AT_ONCE = 8
"""So many pieces of evidence are listed at once; more are shown on demand."""


def contributions(found: Sequence[Data]) -> None:
    """Which variables add how much, signed, the largest first; each with its number."""
    ordered = sorted(found, key=lambda one: -abs(one["value"]))
    largest = max((abs(one["value"]) for one in ordered), default=0.0) or 1.0
    with elements.box("gb-bars", "ul"):
        for one in ordered[:20]:
            _bar(one, largest)
    if len(ordered) > 20:
        elements.paragraph(_("{n} smaller ones are not drawn.").format(n=len(ordered) - 20))


def _bar(one: Data, largest: float) -> None:
    width = 50 * abs(one["value"]) / largest
    with elements.box("gb-bar", "li"):
        elements.text("span", one["variable"])
        with elements.box("gb-bar-track", aria_hidden="true"):
            is_negative = one["value"] < 0
            made = elements.box(f"gb-bar-part{' gb-negative' if is_negative else ''}")
            left = 50 - width if is_negative else 50
            made.style(f"left:{left:.2f}%;width:{width:.2f}%")
        elements.text("span", f"{one['value']:+.4g}")


def measures(found: Sequence[Data]) -> None:
    """Numbers that the finding rests on, with their limits."""
    if not found:
        return

    def limits(_value: Any, row: Data) -> None:
        low, high = row["lower_limit"], row["upper_limit"]
        words = [f"≥ {low:.5g}"] if low is not None else []
        words += [f"≤ {high:.5g}"] if high is not None else []
        elements.text("span", ", ".join(words) or "–")

    def shown(value: Any, row: Data) -> None:
        unit = "" if row["unit"] == "1" else f" {row['unit']}"
        elements.text("span", f"{value:.5g}{unit}")

    columns = [Column("name", _("Measure")), Column("value", _("Value"), shown, True),
               Column("limits", _("Limits"), limits, True)]  # fmt: skip
    elements.table(_("Measures"), columns, found)


def model(found: Data | None) -> None:
    """The model's version and the way to its card."""
    if found is None:
        return
    with elements.row():
        elements.text("span", _("Model"))
        if found["use"]:
            words = _("{use}, version {n}: {stage}").format(
                use=found["use"], n=found["version"], stage=found["stage"]
            )
            to = address(
                "/governance/models/{use}/{version}", use=found["use"], version=found["version"]
            )
            elements.link(words, to)
        else:
            elements.text("span", _("a fit without a card"), "gb-note")
        elements.digest(found["digest"])


def evidence(view: View, page: Data) -> None:
    """Each piece with its digest; a button reads all of it again and compares."""
    pieces = page["finding"]["evidence"]
    box = elements.box("")
    with box:
        _pieces(view, pieces)

    async def press() -> None:
        path = f"/overview/findings/{page['row']['uid']}/evidence"
        found = await view.run(lambda: view.asked.api.get(path))
        if found is None:
            return
        box.clear()
        with box:
            with elements.row():
                good = found["is_same"]
                words = (
                    _("Read again: everything is as it was when the finding was made.")
                    if good
                    else _("Read again: something is not as it was.")
                )
                elements.state(words, "good" if good else "bad")
                elements.moment(found["checked_at"], view.zone)
            _pieces(view, found["pieces"])

    elements.button(
        _("Check the digests"), press, label=_("Read the evidence again and compare its digests")
    )


def _pieces(view: View, pieces: Sequence[Data]) -> None:
    columns = [
        Column("kind", _("Kind"), _kind),
        Column("tag", _("What"), lambda _v, row: _what(view, row)),
        Column("n_readings", _("Readings"), None, True),
        Column("digest", _("Digest"), lambda v, _row: elements.digest(str(v))),
        Column("note", _("Why")),
    ]
    if pieces and "is_same" in pieces[0]:
        columns.insert(0, Column("is_same", _("Checked"), _same))
    elements.table(_("Evidence"), columns, pieces[:AT_ONCE])
    if len(pieces) > AT_ONCE:
        left = pieces[AT_ONCE:]
        bad = sum(not one.get("is_same", True) for one in left)
        words = _("{n} more pieces of evidence").format(n=len(left))
        on_demand(words, partial(elements.table, words, columns, left), is_open=bool(bad))


def _kind(value: Any, _row: Data) -> None:
    elements.text("span", _kinds()[str(value)])


def _kinds() -> Mapping[str, str]:
    return {"window": _("readings"), "record": _("record"), "artefact": _("file or model")}


def _same(value: Any, row: Data) -> None:
    elements.state(_("the same") if value else _("not the same"), "good" if value else "bad")
    if row["why"]:
        elements.text("div", row["why"], "gb-note")


def _what(view: View, row: Data) -> None:
    if row["kind"] == "record":
        words = _("{stream}, version {n}").format(stream=row["stream"], n=row["version"])
        elements.link(words, record_path(row["stream"], row["version"]))
        return
    if row["kind"] != "window":
        elements.text("span", _("kept by its content"))
        return
    start, end = micros(row["start"]), micros(row["end"])
    elements.link(row["tag"], address("/trends", tag=row["tag"], start=start, end=end))
    with elements.box("gb-note"):
        elements.moment(start, view.zone)
        elements.text("span", " – ")
        elements.moment(end, view.zone)
        if row["as_of"] is not None:
            words = _("as known at frame {n}").format(n=row["as_of"])
            elements.text("div", words)
