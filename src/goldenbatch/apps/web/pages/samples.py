"""The steps behind a result: its sample, its lot, and the record with its digests and proof."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from goldenbatch.apps.web.pages._batch_parts import results_table, signatures
from goldenbatch.apps.web.pages._shared import batch_link, batch_path, lot_path, record_path
from goldenbatch.apps.web.pages.batches import plain_quantity
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Data = Mapping[str, Any]


def load_sample(asked: Asked) -> Data:
    """A sample with its results."""
    found: Data = asked.api.get("/overview/sample", name=asked.value("sample"))
    return found


def show_sample(view: View, data: Data) -> None:
    """What was taken, what was found in it, and what was measured then."""
    sample = data["sample"]
    with elements.section(str(sample["sample"])):
        if not data["is_taken"]:
            elements.state(_("not taken yet"), "warn")
        elements.facts(_sample_facts(view, sample, data["stream"]))
    with elements.section(_("Results")):
        results_table(view, data["results"])
    with elements.section(_("Readings when it was taken")):
        if not data["phases"]:
            elements.empty(_("No phase of its batch ran at a known time then."))
        for one in data["phases"]:
            _phase(view, one)


def _sample_facts(view: View, sample: Data, stream: str) -> list[Any]:
    found: list[Any] = []
    if sample["batch"]:
        name = str(sample["batch"])
        found.append((_("Batch"), lambda: elements.link(name, batch_path(name))))
    if sample["lot"]:
        to = lot_path(sample["material"], sample["lot"])
        found.append((_("Lot"), lambda: elements.link(str(sample["lot"]), to)))
    found += [
        (_("Sampling point"), str(sample["point"] or "")),
        (_("Plan"), str(sample["plan"] or "")),
        (_("Container"), str(sample["container"] or "")),
        (_("Taken"), lambda: elements.moment(sample["taken_at"], view.zone)),
    ]
    if sample["due_at"]:
        found.append((_("Due"), lambda: elements.moment(sample["due_at"], view.zone)))
    return [*found, (_("Record"), lambda: elements.link(stream, record_path(stream)))]


def _phase(view: View, one: Data) -> None:
    with elements.card(f"{one['phase']} · {one['place']}"):
        with elements.row():
            elements.moment(one["start"], view.zone)
            elements.text("span", "–")
            elements.moment(one["end"], view.zone)
        with elements.row():
            for tag in one["tags"]:
                to = address("/trends", tag=tag, start=one["start"], end=one["end"])
                elements.link(tag.rpartition("/")[2], to)
        if not one["tags"]:
            elements.paragraph(_("No tag of this place has readings."), is_note=True)


def load_lot(asked: Asked) -> Data:
    """A lot with its results and the batches that it went into."""
    found: Data = asked.api.get(
        "/overview/lot", material=asked.value("material"), lot=asked.value("lot")
    )
    return found


def show_lot(view: View, data: Data) -> None:
    """Where it came from and where it went."""
    with elements.section(f"{data['material']} · {data['lot']}"):
        pairs: list[Any] = [
            (_("Supplier"), str(data["supplier"] or "")),
            (_("Registered"), lambda: elements.moment(data["registered_at"], view.zone)),
            *((key, str(value)) for key, value in sorted(data["attributes"].items())),
        ]
        if data["registered_at"] is not None:
            stream = f"lot/{data['material']}/{data['lot']}"
            pairs.append((_("Record"), lambda: elements.link(stream, record_path(stream))))
        if data["is_batch"]:
            to = batch_path(data["lot"])
            pairs.append((_("Made as batch"), lambda: elements.link(data["lot"], to)))
        elements.facts(pairs)
    with elements.section(_("Batches that it went into")):
        columns = [
            Column("batch", _("Batch"), batch_link), Column("product", _("Product")),
            Column("quantity", _("Quantity"), _amount),
        ]  # fmt: skip
        elements.table(
            _("Batches that it went into"), columns, data["used"],
            nothing=_("No batch has consumed it yet."),
        )  # fmt: skip
    with elements.section(_("Results")):
        results_table(view, data["results"])


def _amount(value: Any, _row: Data) -> None:
    elements.text("span", plain_quantity(str(value or "")) or "–")


def load_record(asked: Asked) -> Data:
    """The events of a record."""
    found: Data = asked.api.get("/overview/record", stream=asked.value("stream"))
    return found


def show_record(view: View, data: Data) -> None:
    """Every event with its digest; a button proves it."""
    with elements.section(data["stream"]):
        elements.paragraph(_("{n} events; the newest is last.").format(n=data["version"]))
        if data["n_left_out"]:
            words = _("The first {n} are not shown here; the audit trail has them.")
            elements.paragraph(words.format(n=data["n_left_out"]), is_note=True)
        signatures(view, data["signatures"])
    for one in data["events"]:
        _event(view, one, [c for c in data["changes"] if c["version"] == one["version"]])


def _event(view: View, one: Data, changes: list[Data]) -> None:
    with elements.section(_("Version {n}: {kind}").format(n=one["version"], kind=one["kind"])):
        elements.facts([
            (_("Recorded"), lambda: elements.moment(one["recorded_at"], view.zone)),
            (_("Performed"), lambda: elements.moment(one["performed_at"], view.zone)),
            (_("Number in the ledger"), str(one["seq"])),
            (_("Class of data"), one["data_class"]),
            (_("Digest (leaf)"), lambda: elements.digest(one["leaf"])),
        ])  # fmt: skip
        if changes:
            columns = [Column("field", _("Field")), Column("old", _("Old value")),
                       Column("new", _("New value"))]  # fmt: skip
            words = _("What version {n} changed").format(n=one["version"])
            elements.table(words, columns, changes)
        if one["body"] is None:
            elements.paragraph(_("Its content is withheld: you may not read it, or it was erased."))
        else:
            with elements.details(_("Content as recorded")):
                words = json.dumps(one["body"], indent=1, ensure_ascii=False)
                elements.text("pre", words, "gb-mono").style("white-space:pre-wrap")
        _prove(view, one)


def _prove(view: View, one: Data) -> None:
    said = elements.box("", role="status")

    async def press() -> None:
        found = await view.run(lambda: view.asked.api.get("/overview/proof", seq=one["seq"]))
        if found is None:
            return
        said.clear()
        with said:
            if not found["is_proved"]:
                elements.problem(_("Not proved: {why}").format(why=found["why"]))
                return
            elements.state(_("proved"), "good")
            words = _("{n} hashes lead from its digest to the root of {size} events, which the "
                      "home's key signed.")  # fmt: skip
            elements.paragraph(words.format(n=found["n_hashes"], size=found["size"]))
            elements.digest(found["root"])

    elements.button(_("Prove it"), press, label=_("Prove version {n}").format(n=one["version"]))


SAMPLE = Page("/samples", "Sample", Group.PRODUCTION, load_sample, show_sample, in_menu=False)
LOT = Page("/lots", "Lot", Group.PRODUCTION, load_lot, show_lot, in_menu=False)
RECORD = Page("/record", "Record", Group.RECORDS, load_record, show_record, in_menu=False,
              classes=())  # fmt: skip
