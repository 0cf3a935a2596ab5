"""Data completeness: sources, what is missing of them, late data, batches, rows put aside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.pages._shared import batch_link, length, moment_cell
from goldenbatch.core.acquisition import GapCause
from goldenbatch.core.records import from_iso
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _, mark

Row = Mapping[str, Any]
N_ROWS = 100
DO = {
    GapCause.SOURCE_OFF: mark("Ask who runs the source; the batch record names the gap."),
    GapCause.LINK_DOWN: mark(
        "Look at the network; what the source kept is read when the link is back."
    ),
    GapCause.OVERRUN: mark("Ask for fewer signals or a longer interval in the source's card."),
    GapCause.REJECTED: mark("Look at the rows put aside; correct the source or its card."),
    GapCause.NODE_DOWN: mark("Look at the node's log; what the source kept is read by itself."),
    GapCause.UNKNOWN: mark("Look at the source's own log around these times."),
}
"""Cause of a gap to what to do about it; msgids."""


@dataclass(frozen=True)
class Completeness:
    """What is there, and what is missing.

    Attributes:
        sources: Running sources with their state.
        cards: What the ledger says of sources.
        gaps: Newest first.
        late: Entries that were recorded long after the act, newest first.
        assessed: Batches whose completeness was recorded.
        batches: Batches, newest first.
    """

    sources: list[Row]
    cards: list[Row]
    gaps: list[Row]
    late: list[Row]
    assessed: list[Row]
    batches: list[Row]
    quarantined: list[Row]
    conflicts: list[Row]


def _load(asked: Asked) -> Completeness:
    select = asked.site.ledger.select
    late = {"wanted": {"is_late": True}, "sort": "-seq", "limit": N_ROWS}
    return Completeness(
        sources=asked.api.get("/sources")["sources"],
        cards=list(select("source", order_by=("source",))),
        gaps=list(select("gap", order_by=("-seq",), limit=N_ROWS)),
        late=asked.api.post("/trail", late)["entries"],
        assessed=list(select("completeness", order_by=("-assessed_at",), limit=N_ROWS)),
        batches=list(select("batch", order_by=("-started_at",), limit=N_ROWS)),
        quarantined=list(select("quarantine", order_by=("-seq",), limit=N_ROWS)),
        conflicts=list(select("conflict", order_by=("-seq",), limit=N_ROWS)),
    )


def _show(view: View, data: Completeness) -> None:
    known = {row["batch"]: row for row in data.assessed}
    n_open = sum(row["needs_person"] for row in data.sources)
    with elements.grid("gb-tiles"):
        elements.figure(
            _("Sources"),
            str(len(data.sources)),
            "#sources",
            tone="bad" if n_open else "",
            note=_("{n} need somebody").format(n=n_open),
        )
        elements.figure(
            _("Gaps"), str(len(data.gaps)), "#gaps", tone="warn" if data.gaps else "good"
        )
        n_rows = sum(row["n_rows"] for row in data.quarantined)
        elements.figure(
            _("Rows put aside"), str(n_rows), "#aside", tone="warn" if n_rows else "good"
        )
        elements.figure(_("Conflicts"), str(len(data.conflicts)), "#conflicts",
                        tone="warn" if data.conflicts else "good")  # fmt: skip
    _sources(view, data)
    _gaps(view, data.gaps)
    _late(view, data.late)
    _batches(view, data.batches, known)
    _aside(data)


def _sources(view: View, data: Completeness) -> None:
    running = {row["name"]: row for row in data.sources}
    rows: list[Row] = [
        {**row, "name": row["source"], **running.get(row["source"], {})} for row in data.cards
    ]
    rows += [
        row for name, row in running.items() if name not in {one["source"] for one in data.cards}
    ]

    def stands(_value: Any, row: Row) -> None:
        words = row.get("state") or (
            _("stopped") if row.get("stopped_at") else _("not running here")
        )
        tone = {"running": "good", "stopped": "bad", "waiting": "warn"}.get(str(words), "")
        elements.state(_(str(words)), tone)  # type: ignore[arg-type]
        for told in (row.get("problem"), row.get("reason")):
            if told:
                elements.text("div", str(told), "gb-note")
        if row.get("needs_person"):
            elements.text("div", _("Somebody must mend this before it runs again."), "gb-note")

    with elements.section(_("Sources")):
        elements.box("", "span", id="sources")
        elements.table(
            _("Sources of readings"),
            [
                elements.Column("name", _("Source")),
                elements.Column("connector", _("Connector")),
                elements.Column("state", _("State"), stands),
                elements.Column("started_at", _("Started"), moment_cell(view.zone)),
                elements.Column("stopped_at", _("Stopped"), moment_cell(view.zone)),
            ],
            rows,
            nothing=_("No source is connected. Put a card into connections/ and restart the node."),
        )


def advice(cause: str) -> str:
    """What to do about a gap of a cause."""
    known = {one.value: words for one, words in DO.items()}
    return _(known.get(cause, DO[GapCause.UNKNOWN]))


def _gaps(view: View, rows: list[Row]) -> None:
    def lasted(_value: Any, row: Row) -> None:
        elements.text("span", length(row["end"] - row["start"]))

    def filled(is_filled: Any, row: Row) -> None:
        if is_filled:
            told = _("{n} readings came later").format(n=row["n_readings"])
            elements.state(told, "good")
        else:
            elements.text("span", advice(str(row["cause"])))

    with elements.section(
        _("Gaps"), note=_("Windows in which readings of a source are missing, and late data.")
    ):
        elements.box("", "span", id="gaps")
        elements.table(
            _("Gaps, newest first"),
            [
                elements.Column("source", _("Source")),
                elements.Column("start", _("From"), moment_cell(view.zone)),
                elements.Column("end", _("To"), moment_cell(view.zone)),
                elements.Column("seq", _("Lasted"), lasted),
                elements.Column("cause", _("Cause")),
                elements.Column("n_lost", _("Lost readings"), is_number=True),
                elements.Column("is_backfill", _("What to do"), filled),
                elements.Column("note", _("Note")),
            ],
            rows,
            nothing=_("No gap was found."),
        )


def _late(view: View, rows: list[Row]) -> None:
    def record(name: Any, row: Row) -> None:
        elements.link(f"{name}@{row['version']}", address("/trail", stream=name))

    with elements.section(
        _("Late entries"), note=_("Recorded long after the act: an exception, not an edit.")
    ):
        elements.table(
            _("Late entries, newest first"),
            [
                elements.Column(
                    "recorded_at", _("Recorded"),
                    lambda at, _row: elements.moment(from_iso(str(at)), view.zone),
                ),
                elements.Column("performed", _("Performed")),
                elements.Column("kind", _("What")),
                elements.Column("stream", _("Record"), record),
                elements.Column("reason", _("Why")),
            ],
            rows,
            nothing=_("No entry is late."),
        )  # fmt: skip


def _batches(view: View, rows: list[Row], known: Mapping[str, Row]) -> None:
    def stands(_value: Any, row: Row) -> None:
        one = known.get(row["batch"])
        if one is None:
            elements.state(_("not recorded yet"), "")
        elif one["is_complete"]:
            elements.state(_("complete"), "good")
        else:
            elements.state(_("incomplete: {n} holes").format(n=one["n_holes"]), "bad")

    def look(name: Any, _row: Row) -> None:
        elements.link(
            _("Look through now"), address("/completeness/{batch}", batch=str(name))
        ).props["aria-label"] = f"{_('Look through now')}: {name}"

    with elements.section(_("Batches")):
        elements.table(
            _("Completeness of batches"),
            [
                elements.Column("batch", _("Batch"), batch_link),
                elements.Column("started_at", _("Started"), moment_cell(view.zone)),
                elements.Column("ended_at", _("Ended"), moment_cell(view.zone)),
                elements.Column("state", _("As recorded"), stands),
                elements.Column("batch", _("Readings"), look),
            ],
            rows,
            nothing=_("There is no batch yet."),
        )


def _aside(data: Completeness) -> None:
    def reasons(text: Any, _row: Row) -> None:
        for words, n in json.loads(text or "{}").items():
            elements.text("div", f"{n} × {words}")

    def kept(digest: Any, _row: Row) -> None:
        elements.digest(str(digest))

    with elements.section(
        _("Rows put aside"),
        note=_("Rows of files that could not be read. They are kept as they came; correct the file "
               "or its card, and import it again."),
    ):  # fmt: skip
        elements.box("", "span", id="aside")
        elements.table(
            _("Quarantined rows, newest first"),
            [
                elements.Column("card", _("Source card")),
                elements.Column("file", _("File")),
                elements.Column("n_rows", _("Rows"), is_number=True),
                elements.Column("reasons", _("Why"), reasons),
                elements.Column("artefact", _("Kept as"), kept),
            ],
            data.quarantined,
            nothing=_("No row was put aside."),
        )
    with elements.section(
        _("Conflicts"),
        note=_("A file says something else than what is stored. What is stored stands: a person "
               "corrects it with a reason, or corrects the file."),
    ):  # fmt: skip
        elements.box("", "span", id="conflicts")
        columns = (("card", _("Source card")), ("file", _("File")), ("line", _("Line")),
                   ("what", _("What")), ("key", _("Of")), ("stored", _("Stored")),
                   ("offered", _("The file says")))  # fmt: skip
        elements.table(
            _("Conflicts, newest first"),
            [elements.Column(key, words) for key, words in columns],
            data.conflicts,
            nothing=_("No file contradicts what is stored."),
        )


# ---- one batch --------------------------------------------------------------------------------


def _load_batch(asked: Asked) -> Row:
    name = asked.path["batch"]
    found: Row = asked.api.get(address("/batches/{batch}", batch=name) + "/completeness")
    return found


def _show_batch(view: View, data: Row) -> None:
    elements.link(_("Data completeness"), "/completeness")
    elements.heading(data["batch"])
    with elements.row():
        batch_link(data["batch"])
        if data["is_complete"]:
            elements.state(_("complete"), "good")
        elif not data["is_ended"]:
            elements.state(_("the batch has not ended: what is there so far"), "warn")
        else:
            elements.state(_("incomplete"), "bad")

    def holes(some: Any, _row: Row) -> None:
        for one in some:
            with elements.box():
                elements.moment(from_iso(one["start"]), view.zone)
                elements.text("span", " – ")
                elements.moment(from_iso(one["end"]), view.zone)
                elements.text("span", f" {one['cause']}: {advice(one['cause'])}", "gb-note")

    def stands(words: Any, _row: Row) -> None:
        elements.state(_(str(words)), "good" if words == "complete" else "warn")

    elements.table(
        _("Tags of the batch"),
        [
            elements.Column("tag", _("Tag")),
            elements.Column("state", _("State"), stands),
            elements.Column("n_readings", _("Readings"), is_number=True),
            elements.Column("n_expected", _("Expected"), is_number=True),
            elements.Column("n_bad", _("Of bad quality"), is_number=True),
            elements.Column("holes", _("Holes, and what to do"), holes),
            elements.Column("digest", _("Digest"), lambda one, _row: elements.digest(str(one))),
        ],
        data["tags"][:500],
        nothing=_("No tag belongs to the places of this batch."),
    )


COMPLETENESS = Page(
    "/completeness", "Data completeness", Group.RECORDS, _load, _show, icon="fact_check", order=10
)
BATCH_COMPLETENESS = Page(
    "/completeness/{batch:path}", "Completeness of a batch", Group.RECORDS, _load_batch,
    _show_batch, in_menu=False,
)  # fmt: skip
