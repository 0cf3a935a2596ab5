"""The page of yields: right first time, what moves it, and what poor quality costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from goldenbatch.capabilities.monitoring import _pages as parts
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column, Tone
from goldenbatch.ui.web.fields import text_field
from goldenbatch.ui.web.pages import Asked, Group, Page, Place, Tile
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _, mark

Row = Mapping[str, Any]
PATH: Final = "/monitoring/yields"
POLL_S: Final = 2.0
_TABS: Final = (
    ("", mark("Right first time")), ("causes", mark("What moves it")),
    ("costs", mark("Costs of quality")),
)  # fmt: skip
_STEPS: Final = {
    "waiting": mark("waiting for its turn"), "table": mark("reading the batches"),
    "study": mark("predicting forward in time"),
}  # fmt: skip


@dataclass(frozen=True)
class Yields:
    """The tab, and what it shows."""

    tab: str
    told: Row
    analysts: Sequence[Row] = ()
    chosen: Row | None = None
    study: Row | None = None


def _load(asked: Asked) -> Yields:
    tab, api = asked.value("show"), asked.api
    if tab == "costs":
        return Yields(tab, {})
    if tab != "causes":
        found = api.get("/monitoring/yields/right-first-time", product=asked.value("product"))
        return Yields("", found)
    analysts = api.get("/monitoring/yields")["analysts"]
    wanted = [one for one in analysts if one["name"] == asked.value("analyst")] or analysts[:1]
    if not wanted:
        return Yields(tab, {}, analysts)
    study = api.get("/monitoring/yields/study", name=wanted[0]["name"])
    return Yields(tab, {}, analysts, wanted[0], study)


def _show(view: View, data: Yields) -> None:
    def to(name: str) -> str:
        return address(PATH, show=name)

    elements.tabs(_("Yields"), [(_(words), to(name)) for name, words in _TABS], to(data.tab))
    if data.tab == "costs":
        _costs(view)
    elif data.tab == "causes":
        _causes(view, data)
    else:
        _right(data.told)


# ---- right first time -----------------------------------------------------------------------


def _right(told: Row) -> None:
    names = [("", _("all products")), *((one, one) for one in told["products"])]
    field = parts.Field("product", _("Product"), str(told["product"]), names)
    parts.ask_form(_("Choose a product"), [field], _("Show"))
    share = told["right_first_time"]
    with elements.section(
        _("Right first time"),
        note=_("Batches completed without deviation, rework or result outside its limits, of those "
               "that can be judged (ISO 22400-2, first pass yield; the part is a batch)."),
    ):  # fmt: skip
        note = _judged_words(share)
        elements.figure(_("Right first time"), parts.percent(share["value"]), note=note)
        ends = [share["lower"], share["upper"]]
        if share["value"] is not None:
            words = _("Exact 95 % interval {interval}.")
            elements.paragraph(words.format(interval=parts.between(ends, parts.percent)))
        wrong = [one for one in told["batches"] if one["is_right"] is False]
        waiting = [one for one in told["batches"] if one["is_right"] is None]
        columns = [
            Column("batch", _("Batch"), parts.batch_link), Column("product", _("Product")),
            Column("reasons", _("What speaks against it"), _reasons),
        ]  # fmt: skip
        elements.table(_("Batches that were not right first time"), columns, wrong,
                       nothing=_("No batch was judged to be wrong."))  # fmt: skip
        elements.table(_("Batches that cannot be judged yet"), columns, waiting,
                       nothing=_("All batches can be judged."))  # fmt: skip


def _judged_words(share: Row) -> str:
    return _("{n} judged, {n_open} cannot be judged yet").format(**share)


def _reasons(reasons: Any, _row: Row) -> None:
    elements.text("span", "; ".join(str(one) for one in reasons) or "–")


# ---- causes ---------------------------------------------------------------------------------


def _causes(view: View, data: Yields) -> None:
    if data.chosen is None or data.study is None:
        elements.empty(
            _("No yield analyst is at work."),
            _("Put one to work: `goldenbatch adopt NAME FILE` with `monitoring.yields`."),
        )
        return
    chosen, study = data.chosen, data.study
    names = [(str(one["name"]), str(one["name"])) for one in data.analysts]
    field = parts.Field("analyst", _("Analyst"), str(chosen["name"]), names)
    parts.ask_form(_("Choose an analyst"), [field], _("Show"), {"show": "causes"})
    _asking(view, chosen, study)
    if study["step"] == "done":
        _found(view, chosen, study)


def _asking(view: View, chosen: Row, study: Row) -> None:
    async def begin() -> None:
        body = {"name": chosen["name"]}
        if await view.run(lambda: view.asked.api.post("/monitoring/yields/study", body)):
            await view.again()

    with elements.section(_("Study of {name}").format(**chosen)):
        if study["is_running"]:
            words = _(_STEPS.get(str(study["step"]), ""))
            elements.progress(_("The study"), study["share"], words)
            from nicegui import ui

            ui.timer(POLL_S, view.again, once=True)
            return
        if study["step"] == "failed":
            elements.problem(*study["problem"])
        if study["step"] == "none":
            elements.empty(_("Nobody has asked for it since the node began."))
        words = _("Study it") if study["step"] == "none" else _("Study it anew")
        elements.button(words, begin, kind="main")
        elements.paragraph(
            _("A worker process reads all batches and predicts them forward in time: seconds to "
              "minutes."), is_note=True,
        )  # fmt: skip


def _found(view: View, chosen: Row, study: Row) -> None:
    whole = study["document"]
    measures, unit = whole["measures"], whole["measures"]["unit"]
    with elements.section(_("What was found")), parts.said(chosen):
        elements.paragraph(str(measures["verdict"]))
        elements.paragraph(
            _("Error {rmse}, best of what costs nothing ({best}) {base}.").format(
                rmse=parts.with_unit(measures["rmse"], unit), best=measures["best_baseline"],
                base=parts.with_unit(
                    measures["rmse_baselines"].get(measures["best_baseline"]), unit
                ),
            )
        )  # fmt: skip
        elements.paragraph(str(whole["association"]), is_note=True)
        table = whole["table"]
        parts.how_known(view, chosen, [
            (_("Batches"), _("{n}, {known} with the target").format(
                n=table["n_batches"], known=table["n_with_target"])),
            (_("Digest of the table"), lambda: elements.digest(table["digest"])),
            (_("Read up to event"), str(study["upto"])),
            (_("Asked"), lambda: elements.moment(study["asked_at"], view.zone)),
            (_("Settings"), str(whole["settings_digest"])),
        ])  # fmt: skip
    _ranked(whole)
    _advice(whole, unit)


def _ranked(whole: Row) -> None:
    from goldenbatch.ui.web.echart import chart

    rows = whole["causes"][:15]
    with elements.section(_("Candidates, the most important first")):
        if not rows:
            elements.empty(str(whole["note"] or _("No candidate is worth a word.")))
            return
        shown = rows[::-1]
        bars = {"type": "bar", "name": _("share of the error, %"), "data": [
            {"value": 100 * (one["share_of_error"] or 0.0),
             "itemStyle": {} if one["named"] else {"decal": {"symbol": "rect", "dashArrayX": [1, 0],
                                                             "dashArrayY": [2, 3]}}}
            for one in shown
        ]}  # fmt: skip
        x = {"type": "value", "name": bars["name"], "nameLocation": "middle", "nameGap": 30}
        made = parts.options(
            x, {"type": "category", "data": [one["cause"] for one in shown]}, [bars]
        )
        made["grid"] = {"left": 220, "right": 24, "top": 32, "bottom": 56}
        named = [str(one["cause"]) for one in rows if one["named"]]
        words = _("Named: {names}. Striped bars are not named: they did not hold.").format(
            names=", ".join(named) or _("none")
        )
        chart(_("What the prediction loses without it"), made, summary=words,
              height=120 + 22 * len(shown))  # fmt: skip
        elements.paragraph(words)
        columns = [
            Column("cause", _("Candidate")), Column("named", _("Cause"), _named),
            Column("share", _("Share of the error"), is_number=True),
            Column("interval", _("95 % interval")),
            Column("stability", _("Stability"), is_number=True),
            Column("slope", _("Slope within products"), is_number=True),
            Column("products_same_sign", _("Products of one sign")),
            Column("why", _("Why it is not named")),
        ]  # fmt: skip
        listed = [
            {**one, "share": parts.percent(one["share_of_error"]),
             "interval": parts.between(one["interval"], parts.percent),
             "stability": parts.percent(one["stability"], 0),
             "slope": parts.number(one["slope_within_product"]), "why": "; ".join(one["why_not"])}
            for one in rows
        ]  # fmt: skip
        elements.table(_("Candidate causes"), columns, listed)


def _named(is_named: Any, _row: Row) -> None:
    elements.state(_("named") if is_named else _("not named"), "good" if is_named else "quiet")


def _advice(whole: Row, unit: str) -> None:
    with elements.section(
        _("Advice"), note=_("Only within proven ranges; a proposal for a person's decision.")
    ):
        rows = [
            {**one, "present": parts.number(one["present"]),
             "proposed": parts.number(one["proposed"]),
             "gain": parts.with_unit(one["expected_gain"], unit) if one["expected_gain"] else "",
             "interval": parts.between(one["interval"])}
            for one in whole["advice"]
        ]  # fmt: skip
        columns = [
            Column("product", _("Product")), Column("variable", _("Variable")),
            Column("present", _("Now"), is_number=True),
            Column("proposed", _("Proposed"), is_number=True),
            Column("gain", _("Expected gain"), is_number=True),
            Column("interval", _("95 % interval")), Column("advice", _("Says")),
        ]  # fmt: skip
        nothing = _("None was looked for: no variable is stated to be adjustable.")
        elements.table(_("Advice by product"), columns, rows, nothing=nothing)


# ---- costs ----------------------------------------------------------------------------------


def _costs(view: View) -> None:
    given = {"factors": "", "once": ""}
    with elements.section(
        _("Costs of quality"),
        note=_("Recorded events times the factors that you give; nothing is estimated, nothing is "
               "kept. What the factors look like: how-to, yields."),
    ):  # fmt: skip
        text_field(_("Cost factors (TOML)"), "", lambda v: given.update(factors=str(v)), rows=12)
        text_field(_("Phases that may run once a batch, with commas between"), "",
                   lambda v: given.update(once=str(v)))  # fmt: skip
        below: list[Any] = []

        async def cost() -> None:
            once = [one.strip() for one in given["once"].split(",") if one.strip()]
            body = {"factors": given["factors"], "once": once}
            path = "/monitoring/yields/costs"
            found = await view.run(lambda: view.asked.api.post(path, body))
            if found is not None:
                below[0].clear()
                with below[0]:
                    _costed(found)

        elements.button(_("Reckon"), cost, kind="main")
        below.append(parts.box_below())


def _costed(told: Row) -> None:
    currency = str(told["factors"].get("currency", ""))
    with elements.grid():
        elements.figure(_("Total"), str(told["total"]), unit=currency)
        for name, value in told["by_category"].items():
            elements.figure(str(name), str(value), unit=currency)
    columns = [
        Column("period", _("Month")), Column("product", _("Product")),
        Column("category", _("Category")), Column("factor", _("Factor")),
        Column("n", _("Number"), is_number=True), Column("cost", _("Cost"), is_number=True),
    ]  # fmt: skip
    elements.table(_("Costs"), columns, told["lines"], nothing=_("Nothing was costed."))
    open_ends = [{"what": what, "n": n} for what, n in told["not_costed"].items()]
    elements.table(_("Recorded, and not costed"),
                   [Column("what", _("What")), Column("n", _("Number"), is_number=True)],
                   open_ends, nothing=_("Everything counted has a factor."))  # fmt: skip


# ---- on the overview ------------------------------------------------------------------------


def _load_tile(asked: Asked) -> Row:
    found: Row = asked.api.get("/monitoring/yields/right-first-time")["right_first_time"]
    return found


def _show_tile(view: View, share: Row) -> None:
    tone: Tone = "quiet" if share["value"] is None else ""
    value, note = parts.percent(share["value"]), _judged_words(share)
    elements.figure(_("Right first time"), value, PATH, tone=tone, note=note)


YIELDS = Page(PATH, "Yields", Group.QUALITY, _load, _show, icon="trending_up", order=60)
TILE = Tile("Right first time", _load_tile, _show_tile, (Place.SITE, Place.ENTERPRISE), order=20,
            refresh_s=60)  # fmt: skip
