"""The page of a batch: what happened on one axis, results, findings, lots, signatures, dossier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goldenbatch.apps.web.pages._batch_parts import (
    completeness,
    genealogy,
    results_by_attribute,
    signatures,
)
from goldenbatch.apps.web.pages._forms import Field, Values, form
from goldenbatch.apps.web.pages._shared import (
    TONES,
    finding_link,
    finding_path,
    length,
    record_path,
    sample_path,
    severity,
    verdict,
)
from goldenbatch.apps.web.pages.batches import plain_quantity
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Group, Page, Place
from goldenbatch.ui.web.parts import widgets
from goldenbatch.ui.web.timeline import Lane, Mark, timeline
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _, mark

Data = Mapping[str, Any]
MEANINGS = ("reviewed", "verified", "performed", "approved", "certified", "released", "rejected")
EVENTS = {
    "BatchCreated": mark("batch begun"),
    "BatchEnded": mark("batch ended"),
    "BatchCorrected": mark("record corrected"),
    "MaterialConsumed": mark("material consumed"),
    "ConsumptionCorrected": mark("consumption corrected"),
    "SignatureApplied": mark("signed"),
}


def load(asked: Asked) -> Data:
    """All of the batch that is no widget of a capability."""
    found: Data = asked.api.get("/overview/batch", name=asked.path["batch"])
    return found


def show(view: View, data: Data) -> None:
    """From the whole to the details."""
    name = data["batch"]["batch"]
    head(view, data)
    with elements.section(_("What happened")):
        timeline(_("Timeline of the batch"), lanes(data), window(data), view.zone)
    with elements.section(_("Findings")):
        findings_table(view, data["findings"])
    with elements.section(_("Results against limits")):
        results_by_attribute(view, data["results"])
    with elements.section(_("Genealogy")):
        genealogy(data["lineage"])
    with elements.grid("gb-columns"):
        with elements.section(_("Signatures")):
            signatures(view, data["signatures"])
            sign(view, data)
        with elements.section(_("Completeness of readings")):
            completeness(view, data["completeness"], name)
    widgets(view, Place.BATCH, {"batch": name})


def head(view: View, data: Data) -> None:
    """What the batch is, and how far it is."""
    batch, expected = data["batch"], data["expected"]
    is_running = batch["ended_at"] is None and batch["started_at"] is not None
    elapsed = (batch["ended_at"] or data["now"]) - (batch["started_at"] or data["now"])
    with elements.section(batch["batch"]):
        with elements.row():
            if batch["outcome"]:
                elements.state(
                    _(batch["outcome"]), "bad" if batch["outcome"] == "aborted" else "good"
                )
            elif is_running:
                elements.state(_("running"), "warn")
            if batch["n_open"]:
                elements.text("span", _("{n} findings wait").format(n=batch["n_open"]))
                severity(batch["worst"])
            if batch["unsigned_since"] is not None:
                words = _("unsigned since version {n}").format(n=batch["unsigned_since"])
                elements.state(words, "bad")
        if is_running and expected.get("median_us"):
            done = elapsed / expected["median_us"]
            words = _("{time} of about {all}, as {n} earlier batches there took").format(
                time=length(elapsed), all=length(expected["median_us"]), n=expected["n"]
            )
            elements.progress(_("Elapsed"), min(1.0, done), words)
        elements.facts(_facts(view, batch, elapsed))


def _facts(view: View, batch: Data, elapsed: int) -> list[Any]:
    stream = f"batch/{batch['batch']}"
    found: list[Any] = [
        (_("Product"), batch["product"]),
        (_("Size"), plain_quantity(batch["size"] or "")),
        (_("Recipe"), batch["recipe"]),
        (_("Place"), batch["place"]),
        (_("Started"), lambda: elements.moment(batch["started_at"], view.zone)),
        (_("Ended"), lambda: elements.moment(batch["ended_at"], view.zone)),
        (_("Length"), length(elapsed)),
    ]
    for name in ("attributes", "pinned"):
        found += [(key, str(value)) for key, value in sorted(batch[name].items())]
    record = _("{stream}, version {n}").format(stream=stream, n=batch["stream_version"])
    return [*found, (_("Record"), lambda: elements.link(record, record_path(stream)))]


def window(data: Data) -> tuple[int, int]:
    """The axis: the batch, and all that happened to it, with a little room."""
    batch = data["batch"]
    times = [one for one in (batch["started_at"], batch["ended_at"]) if one is not None]
    for one in data["phases"]:
        times += [at for at in (one["started_at"], one["ended_at"]) if at is not None]
    times += [one["taken_at"] for one in data["samples"] if one["taken_at"] is not None]
    times += [one["started_at"] for one in data["findings"]]
    if batch["ended_at"] is None and times:
        times.append(data["now"])
    if not times:
        return 0, 0
    room = max(1, (max(times) - min(times)) // 50)
    return min(times) - room, max(times) + room


def lanes(data: Data) -> list[Lane]:
    """Phases by place, findings, samples and other events."""
    found = []
    until = data["batch"]["ended_at"] or data["now"]
    for place in dict.fromkeys(one["place"] for one in data["phases"]):
        own = [one for one in data["phases"] if one["place"] == place and one["started_at"]]
        marks = tuple(
            Mark(_run(one), one["started_at"], one["ended_at"] or until,
                 tone="" if one["ended_at"] else "warn")
            for one in own
        )  # fmt: skip
        found.append(Lane(place.rpartition("/")[2] or _("Phases"), marks))
    findings = tuple(
        Mark(one["title"], one["started_at"], one["ended_at"] or until,
             finding_path(one["uid"]), TONES.get(one["severity"], ""))
        for one in data["findings"]
    )  # fmt: skip
    samples = tuple(
        Mark(one["sample"], one["taken_at"], None, sample_path(one["sample"]), "good")
        for one in data["samples"]
        if one["taken_at"] is not None
    )
    start, end = window(data)
    stream = f"batch/{data['batch']['batch']}"
    events = tuple(
        Mark(f"{_(EVENTS.get(one['kind'], one['kind']))} {one['note']}".strip(), one["at"], None,
             record_path(stream, one["version"]))
        for one in data["events"]
        if start <= one["at"] <= end
    )  # fmt: skip
    return [*found, Lane(_("Findings"), findings), Lane(_("Samples"), samples),
            Lane(_("Events"), events)]  # fmt: skip


def _run(one: Data) -> str:
    return one["phase"] if one["run"] in (0, 1) else f"{one['phase']} ({one['run']})"


def findings_table(view: View, rows: Sequence[Data]) -> None:
    """Findings that touch the batch, in the order in which they began."""
    columns = [
        Column("title", _("Finding"), finding_link),
        Column("severity", _("Severity"), lambda v, _row: severity(str(v))),
        Column("started_at", _("Since"), lambda at, _row: elements.moment(at, view.zone)),
        Column("analyst", _("Analyst")),
        Column("verdict", _("Decision"), lambda v, _row: verdict(str(v))),
    ]  # fmt: skip
    elements.table(
        _("Findings of the batch"), columns, rows,
        nothing=_("No finding touches this batch."),
    )  # fmt: skip


def sign(view: View, data: Data) -> None:
    """The form that signs the record of the batch as it stands; the policy says who may."""
    batch = data["batch"]
    stream, version = f"batch/{batch['batch']}", batch["stream_version"]

    async def do(values: Values) -> bool:
        view.n_busy += 1
        try:
            signed = await view.sign({"stream": stream, "version": version, **values})
        finally:
            view.n_busy -= 1
        if signed is not None:
            view.tell(_("The record is signed."), "good")
        return signed is not None

    fields = [
        Field("meaning", _("Meaning"), "choice", "reviewed", {one: one for one in MEANINGS},
              note=_("Meanings are never translated.")),
        Field("reason", _("Reason"), "text", note=_("Asked for by some meanings.")),
    ]  # fmt: skip
    with elements.details(_("Sign this record")):
        form(view, f"sign-{stream}", fields, _("Sign"), do)


BATCH = Page(
    "/batches/{batch:path}", "Batch", Group.PRODUCTION, load, show, in_menu=False, refresh_s=0
)
