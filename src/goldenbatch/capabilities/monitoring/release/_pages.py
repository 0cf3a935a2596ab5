"""Pages of release testing: how batches stand for markets, on what evidence, and what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nicegui import ui

from goldenbatch.capabilities.monitoring import _pages as parts
from goldenbatch.capabilities.monitoring._pages import Entry, act_form
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column, Tone
from goldenbatch.ui.web.pages import Asked, Group, Page, Place, Tile, Widget
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]
PATH: Final = "/monitoring/release"
_TYPES: Final = {"html": "text/html", "pdf": "application/pdf", "proof": "application/json"}


@dataclass(frozen=True)
class Release:
    """All tests and registrations; and one batch, where one is chosen."""

    told: Row
    batch: Row | None = None
    why: tuple[str, str] = ("", "")
    wanted: str = ""


def tone_of(state: str) -> Tone:
    """Tone of a state of a release test."""
    if state.startswith("passes"):
        return "good"
    if state.startswith("under investigation") or "fail" in state:
        return "bad"
    return "warn" if state != "not asked" else "quiet"


def _load(asked: Asked) -> Release:
    from goldenbatch.core.errors import NotFoundError

    told = asked.api.get("/monitoring/release", product=asked.value("product") or None)
    batch = asked.value("batch")
    if not batch:
        return Release(told)
    try:
        found = asked.api.get("/monitoring/release/batch", batch=batch)
    except NotFoundError as error:
        return Release(told, None, (str(error), error.hint), batch)
    return Release(told, found, wanted=batch)


def _show(view: View, data: Release) -> None:
    field = parts.Field("batch", _("Batch"), data.wanted)
    parts.ask_form(_("Look at a batch"), [field], _("Show"))
    if data.why[0]:
        elements.problem(*data.why)
    if data.batch is not None:
        show_batch(view, data.batch)
    with elements.section(_("Release tests")):
        elements.table(_("Newest release tests"), _columns(view), data.told["tests"],
                       nothing=_("Nobody has asked for a release test yet."))  # fmt: skip
    _contingency(data.told["contingency"])
    _registrations(view, data.told["registrations"])


def _columns(view: View) -> list[Column]:
    def open_batch(batch: Any, _row: Row) -> None:
        elements.link(str(batch), address(PATH, batch=batch))

    def prediction(value: Any, row: Row) -> None:
        if not value:
            elements.text("span", str(row["no_prediction"] or "–"))
            return
        ends = parts.between([row["lower"], row["upper"]], str)
        elements.text("span", f"{value} {row['unit']} ({ends})")

    return [
        Column("batch", _("Batch"), open_batch), Column("market", _("Market")),
        Column("attribute", _("Attribute")),
        Column("state", _("State"), lambda v, _r: elements.state(str(v), tone_of(str(v)))),
        Column("value", _("Prediction, interval"), prediction),
        Column("model", _("Model")),
        Column("tested_at", _("Asked"), parts.moment_cell(view)),
    ]  # fmt: skip


# ---- one batch ------------------------------------------------------------------------------


def show_batch(view: View, told: Row) -> None:
    """A batch for each market: attributes, evidence, investigation, page and what can be done."""
    if not told["markets"]:
        elements.empty(
            _("Nothing is registered for this batch's product: it is tested in the laboratory.")
        )
    for market in told["markets"]:
        title = _("Batch {batch} for {market}").format(batch=told["batch"], market=market["market"])
        with elements.section(title):
            elements.link(
                _("Batch {batch}").format(**told), parts.batch_address(str(told["batch"]))
            )
            if not market["attributes"]:
                elements.empty(_("No attribute is registered for this market."))
            for one in market["attributes"]:
                _attribute(view, str(told["batch"]), str(market["market"]), one)
            _page(view, str(told["batch"]), market)


def _attribute(view: View, batch: str, market: str, one: Row) -> None:
    at = {"batch": batch, "market": market, "attribute": one["attribute"]}
    with elements.card(str(one["attribute"])):
        elements.state(str(one["state"]), tone_of(str(one["state"])))
        for doubt in one["doubts"]:
            elements.problem(str(doubt))
        if one["tested"] is not None:
            _said(view, one)
        if one["called"] is not None:
            _contingency_words(one["called"])
        for link in one["links"]:
            elements.paragraph(_("Laboratory: {value}, {statement}").format(**link))
            parts.record_link(link["record"])
        for each in one["investigations"]:
            elements.paragraph(_("Investigation ({category}): {statement}").format(**each))
        if one["concluded"] is not None:
            elements.paragraph(
                _("Concluded: {finding}. Root cause: {root_cause}").format(**one["concluded"])
            )
        _acts(view, at, one)


def _said(view: View, one: Row) -> None:
    tested = one["tested"]
    model, prediction = tested["model"] or {}, tested["prediction"]
    by = str(model.get("use", _("no model")))
    version = str(model.get("version", "–"))
    in_domain = bool(prediction and prediction["is_in_domain"])
    confidence = prediction["confidence"] if prediction else None
    with elements.statement(by=by, version=version, confidence=confidence, in_domain=in_domain):
        if prediction and prediction["value"]:
            ends = parts.between([prediction["lower"], prediction["upper"]], str)
            elements.paragraph(f"{prediction['value']} {prediction['unit']} ({ends})")
        limit = tested["limit"]
        ends = parts.between([limit["lower"] or None, limit["upper"] or None], str)
        words = _("Registered limit: {limit} {unit}")
        elements.paragraph(words.format(limit=ends, unit=limit["unit"]))
        elements.paragraph(str(tested["why"]))
        with elements.details(_("How do you know?")):
            _evidence(view, one, tested, model)


def _evidence(view: View, one: Row, tested: Row, model: Row) -> None:
    pairs: list[tuple[str, Any]] = [
        (_("Record of the test"), lambda: parts.record_link(one["record"])),
        (_("Registration"), lambda: parts.record_link(tested["registration"])),
        (_("Digest of the inputs"), lambda: elements.digest(tested["input_digest"] or "–")),
    ]
    if model:
        to = address("/governance/models/{use}", use=model["use"])
        words = _("{use}, version {version}").format(**model)
        pairs += [
            (_("Model"), lambda: elements.link(words, to)),
            (_("Artefact"), lambda: elements.digest(model["digest"])),
            (_("Approval"), lambda: parts.record_link(model["approval"])),
        ]
    elements.facts(pairs)
    columns = [
        Column("name", _("Input")), Column("value", _("Value"), is_number=True),
        Column("unit", _("Unit")), Column("source", _("From")),
        Column("evidence", _("Behind it"), _input_links), Column("why", _("Fault")),
    ]  # fmt: skip
    elements.table(_("Inputs of the prediction"), columns, tested["inputs"])


def _input_links(evidence: Any, _row: Row) -> None:
    for one in evidence:
        if one["kind"] == "window":
            to = parts.trend_address(one["tag"], one["start"], one["end"])
            words = _("{n} readings").format(n=one["n_readings"])
            elements.link(words, to)
        elif one["kind"] == "record":
            parts.record_link(f"{one['stream']}@{one['version']}")
        else:
            elements.digest(one["digest"])


def _contingency_words(called: Row) -> None:
    test = called["contingency"]
    elements.hint(
        _("No valid prediction ({why}): the registered contingency test {test}, {method} version "
          "{version}, is called.").format(
            why=called["no_prediction"], test=test["test"], method=test["method"],
            version=test["method_version"])
    )  # fmt: skip


def _acts(view: View, at: Mapping[str, str], one: Row) -> None:
    state = str(one["state"])
    with elements.row():
        if state == "not asked":
            act_form(view, "monitoring.release-test", _("Ask for the test"), at, ())
        elif not state.startswith("under investigation"):
            reason = (Entry("reason", _("What was corrected in the record")),)
            act_form(view, "monitoring.release-test", _("Ask again on corrected evidence"), at,
                     reason)  # fmt: skip
        if one["tested"] is not None:
            entries = (Entry("sample", _("Sample")), Entry("test", _("Test")))
            act_form(view, "monitoring.release-link", _("Link a laboratory result"), at, entries)
        if state.startswith("under investigation"):
            findings = {"confirmed": _("confirmed: the failure is real"),
                        "assignable_cause": _("assignable cause")}  # fmt: skip
            asked = (
                Entry("finding", _("Finding"), "confirmed", choices=findings),
                Entry("root_cause", _("Root cause"), rows=3),
                Entry("actions", _("Actions"), rows=2),
            )
            act_form(view, "monitoring.release-conclude", _("Conclude the investigation"), at,
                     asked, is_signed=True)  # fmt: skip


# ---- the page of evidence -------------------------------------------------------------------


def _page(view: View, batch: str, market: Row) -> None:
    at = {"batch": batch, "market": market["market"]}
    page = market["page"]
    with elements.card(_("Page of evidence")):
        if page is None:
            elements.empty(_("No page is kept."), _("Keep it once nothing is open any more."))
        else:
            _kept(view, batch, page)
        with elements.row():
            act_form(view, "monitoring.release-evidence", _("Keep the page"), at, ())
            if page is not None:
                reason = (Entry("reason", _("Reason")),)
                act_form(view, "monitoring.release-review", _("Review the page"), at, reason,
                         is_signed=True)  # fmt: skip
                act_form(view, "monitoring.release-approve", _("Approve the page"), at, reason,
                         is_signed=True)  # fmt: skip


def _kept(view: View, batch: str, page: Row) -> None:
    def names(pairs: Sequence[Any]) -> str:
        return ", ".join(str(one[0]) for one in pairs) or _("nobody yet")

    if page["is_stale"]:
        elements.problem(
            _("The record went on since: the page shows what is no more."),
            _("Keep it anew before anybody signs it."),
        )
    elements.facts([
        (_("Written"), lambda: elements.moment(page["written_at"], view.zone)),
        (_("Reviewed by"), names(page["reviewed"])),
        (_("Approved by"), names(page["approved"])),
        (_("Record"), lambda: parts.record_link(page["record"])),
    ])  # fmt: skip
    with elements.row():
        for kind, digest in page["files"].items():
            _file(view, f"release-{batch}.{'json' if kind == 'proof' else kind}", kind, digest)


def _file(view: View, name: str, kind: str, digest: str) -> None:
    async def fetch() -> None:
        content = await view.run(lambda: view.asked.site.registry.get(digest))
        if content is not None:
            ui.download.content(content, name, _TYPES.get(kind, "application/octet-stream"))

    elements.button(_("Take a copy: {kind}").format(kind=kind.upper()), fetch)


# ---- contingency and registrations ----------------------------------------------------------


def _contingency(rows: Sequence[Row]) -> None:
    from goldenbatch.ui.web.echart import chart

    with elements.section(
        _("Contingency tests"),
        note=_("How often there was no valid prediction, against the registered share."),
    ):
        shown = [one for one in rows if one["n"]]
        if not shown:
            elements.empty(_("Nothing was asked yet."))
        for one in shown:
            title = "{attribute}, {product}, {market}".format(**one)
            words = _("{calls} of {n} without a prediction ({share}; exact 95 % {interval}); "
                      "registered at most {most}.").format(
                calls=one["n_calls"], n=one["n"], share=parts.percent(one["n_calls"] / one["n"]),
                interval=parts.between(one["interval"], parts.percent),
                most=parts.percent(one["most"]),
            )  # fmt: skip
            elements.paragraph(words)
            share = [100 * v for v in one["shares"]]
            calls = [v if is_call else None
                     for v, is_call in zip(share, one["is_call"], strict=True)]  # fmt: skip
            series = [
                parts.line(_("share so far"), share, symbol="circle", symbolSize=5),
                parts.marked(_("laboratory called"), calls),
                parts.limit_line(_("registered"), [100 * one["most"]] * len(share)),
            ]
            x = parts.categories(_("batches in order of asking"), one["batches"])
            made = parts.options(x, parts.axis(_("without a prediction, %")), series)
            chart(title, made, summary=words, height=240)


def _registrations(view: View, rows: Sequence[Row]) -> None:
    with elements.section(
        _("Registrations"),
        note=_("Entered with `goldenbatch release register`; approved here by another person."),
    ):
        columns = [
            Column("product", _("Product")), Column("market", _("Market")),
            Column("attribute", _("Attribute")), Column("version", _("Version"), is_number=True),
            Column("state", _("State")), Column("dossier", _("Dossier")),
            Column("variation", _("Variation")), Column("use", _("Model")),
            Column("contingency", _("Contingency test")),
            Column("effective_from", _("From"), parts.moment_cell(view)),
            Column("record", _("Record"), parts.record_link),
        ]  # fmt: skip
        elements.table(_("Registrations"), columns, rows, nothing=_("Nothing is registered."))
        for one in rows:
            key = {name: one[name] for name in ("product", "market", "attribute")}
            reason = (Entry("reason", _("Reason")),)
            words = "{attribute}, {product}, {market}".format(**one)
            if one["state"] == "proposed":
                act_form(view, "monitoring.release-register-approve",
                         _("Approve {what}").format(what=words), key, reason,
                         is_signed=True)  # fmt: skip
            elif not one["withdrawn"]:
                act_form(view, "monitoring.release-register-withdraw",
                         _("Withdraw {what}").format(what=words), key, reason)  # fmt: skip


# ---- on other pages -------------------------------------------------------------------------


def _load_batch(asked: Asked) -> Row | None:
    found: Row = asked.api.get("/monitoring/release/batch", batch=asked.path["batch"])
    return found if found["markets"] else None


def _load_tile(asked: Asked) -> Row:
    found: Row = asked.api.get("/monitoring/release", n=500)
    return found


def _show_tile(view: View, told: Row) -> None:
    states = [str(one["state"]) for one in told["tests"]]
    n_investigated = sum(1 for one in states if one.startswith("under investigation"))
    n_passed = sum(1 for one in states if one.startswith("passes"))
    tone: Tone = "bad" if n_investigated else "good" if states else "quiet"
    note = _("{n} asked, {open} under investigation").format(n=len(states), open=n_investigated)
    elements.figure(_("Release tests passed"), str(n_passed), PATH, tone=tone, note=note)


RELEASE = Page(PATH, "Release evidence", Group.QUALITY, _load, _show, icon="verified", order=50,
               classes=parts.CONFIDENTIAL)  # fmt: skip
BATCH = Widget("Release", Place.BATCH, _load_batch, show_batch, order=60,
               classes=parts.CONFIDENTIAL)  # fmt: skip
TILE = Tile("Release tests", _load_tile, _show_tile, (Place.SITE,), order=60,
            classes=parts.CONFIDENTIAL)  # fmt: skip
