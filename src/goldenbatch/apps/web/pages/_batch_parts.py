"""Parts of the pages of batches, samples and lots: results, lots, signatures, completeness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from goldenbatch.apps.web.pages._shared import (
    batch_link,
    batch_path,
    lot_path,
    on_demand,
    outcome,
    record_path,
    sample_path,
)
from goldenbatch.apps.web.pages.batches import plain_quantity
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _

Data = Mapping[str, Any]
AT_ONCE = 20
"""So many results stand in one table; more are shown by attribute."""


def results_by_attribute(view: View, rows: Sequence[Data]) -> None:
    """Results of a batch: those that are not within first, long lists on demand by attribute."""
    if len(rows) <= AT_ONCE:
        results_table(view, rows)
        return
    doubtful = [row for row in rows if row["outcome"] in ("outside", "undecidable")]
    if doubtful:
        results_table(view, doubtful[:AT_ONCE], _("Results that are not within their limits"))
    for name in dict.fromkeys(row["attribute"] for row in rows):
        own = [row for row in rows if row["attribute"] == name]
        n_bad = sum(row["outcome"] in ("outside", "undecidable") for row in own)
        words = _("{attribute}: {n} results, {bad} not within their limits")
        summary = words.format(attribute=name, n=len(own), bad=n_bad)
        on_demand(summary, partial(results_table, view, own, str(name)))


def results_table(view: View, rows: Sequence[Data], caption: str = "") -> None:
    """Results, each with its limits and the value rounded to their digits."""

    def limits(checks: Any, _row: Data) -> None:
        if not checks:
            elements.text("span", _("no limit in master data"), "gb-note")
        for one in checks:
            words = f"{one['kind'].replace('_', ' ')}: {one['limit']}"
            elements.text("div", words).props["title"] = one["why"]

    def rounded(_value: Any, row: Data) -> None:
        shown = dict.fromkeys(one["rounded"] for one in row["checks"] if one["rounded"])
        elements.text("span", " / ".join(shown) or "–")

    def compared(value: Any, row: Data) -> None:
        outcome(str(value))
        for one in row["checks"]:
            if one["outcome"] != "within":
                elements.text("div", one["why"], "gb-note")
        if row["status"] != "valid":
            elements.text("div", f"{row['status']}: {row['cause']}".rstrip(": "), "gb-note")

    def sampled(name: Any, _row: Data) -> None:
        elements.link(str(name), sample_path(str(name)))

    columns = [
        Column("attribute", _("Attribute")),
        Column("text", _("Result"), _value, True),
        Column("rounded", _("Rounded to the limit"), rounded, True),
        Column("checks", _("Limits"), limits),
        Column("outcome", _("Compared"), compared),
        Column("sample", _("Sample"), sampled),
        Column("method", _("Method")),
        Column("performed_at", _("Performed"), lambda at, _r: elements.moment(at, view.zone)),
    ]
    elements.table(
        caption or _("Results"), columns, rows,
        nothing=_("No result is reported yet. The laboratory's import or a person brings them."),
    )  # fmt: skip


def _value(value: Any, row: Data) -> None:
    unit = "" if row["unit"] in ("", "1") else f" {plain_quantity(row['unit'])}"
    elements.text("span", f"{value}{unit}")


def genealogy(found: Data) -> None:
    """Lots in and batches out; each is a step to walk on."""

    def lot(name: Any, row: Data) -> None:
        elements.link(str(name), lot_path(row["material"], str(name)))
        if row["is_batch"]:
            elements.text("span", " ")
            elements.link(_("its batch"), batch_path(str(name)))

    def amount(value: Any, _row: Data) -> None:
        elements.text("span", plain_quantity(str(value or "")) or "–")

    into = [Column("material", _("Material")), Column("lot", _("Lot"), lot),
            Column("quantity", _("Quantity"), amount, True)]  # fmt: skip
    elements.table(
        _("Lots that went in"), into, found["inputs"],
        nothing=_("No lot is recorded as consumed."),
    )  # fmt: skip
    out = [Column("batch", _("Batch"), batch_link), Column("material", _("As material")),
           Column("quantity", _("Quantity"), amount, True)]  # fmt: skip
    elements.table(
        _("Batches that it went into"), out, found["outputs"],
        nothing=_("No batch has consumed it yet."),
    )  # fmt: skip


def signatures(view: View, rows: Sequence[Data]) -> None:
    """Signatures on a record, and whether each still stands."""

    def standing(words: Any, row: Data) -> None:
        elements.state(str(words), "good" if row["is_signed"] else "bad")

    columns = [
        Column("meaning", _("Meaning")),
        Column("by", _("Signed by")),
        Column("role", _("Role")),
        Column("at", _("When"), lambda at, _r: elements.moment(at, view.zone)),
        Column("version", _("Version"), None, True),
        Column("standing", _("Stands"), standing),
        Column("reason", _("Reason")),
    ]
    elements.table(
        _("Signatures"), columns, rows,
        nothing=_("Nobody has signed this record yet."),
    )  # fmt: skip


def completeness(view: View, row: Data | None, batch: str) -> None:
    """What was last found of the completeness of readings."""
    if row is None:
        elements.empty(
            _("The readings have not been looked through yet."),
            _("Look them through on the page of completeness, or by `goldenbatch batch complete`."),
        )
        return
    elements.state(
        _("complete") if row["is_complete"] else _("not complete"),
        "good" if row["is_complete"] else "bad",
    )
    words = _("{n} of {all} tags are incomplete, with {holes} holes")
    elements.paragraph(words.format(n=row["n_incomplete"], all=row["n_tags"], holes=row["n_holes"]))
    elements.moment(row["assessed_at"], view.zone)
    elements.link(_("Its record"), record_path(f"completeness/{batch}"))
