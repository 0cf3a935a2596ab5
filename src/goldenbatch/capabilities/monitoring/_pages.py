"""Parts that the pages of monitoring share: who says it and how one knows, forms, drawings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nicegui import ui

from goldenbatch.core.time import local_text
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.fields import choice_field, text_field
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]
CONFIDENTIAL = ("operational", "confidential")
"""What one must be able to read to look into frozen models."""


# ---- numbers --------------------------------------------------------------------------------


def number(value: Any, digits: int = 4) -> str:
    """A number in so many significant digits; a dash where there is none.

    >>> number(0.0123456), number(None), number(1234567.0)
    ('0.01235', '–', '1.235e+06')
    """
    if value is None or value == "":
        return "–"
    return f"{float(value):.{digits}g}" if isinstance(value, int | float) else str(value)


def percent(share: Any, digits: int = 1) -> str:
    """A share in per cent; a dash where there is none."""
    return "–" if share is None else f"{100 * float(share):.{digits}f} %"


def between(ends: Sequence[Any] | None, show: Callable[[Any], str] = number) -> str:
    """The two ends of an interval, or the one that there is; empty where there is none."""
    if not ends or (ends[0] is None and ends[1] is None):
        return ""
    if ends[0] is None:
        return _("at most {upper}").format(upper=show(ends[1]))
    if ends[1] is None:
        return _("at least {lower}").format(lower=show(ends[0]))
    return _("{lower} to {upper}").format(lower=show(ends[0]), upper=show(ends[1]))


def with_unit(value: Any, unit: str, digits: int = 4) -> str:
    """A number with its unit."""
    return number(value, digits) if unit in ("", "1") else f"{number(value, digits)} {unit}"


# ---- addresses ------------------------------------------------------------------------------


def record_address(record: str) -> str:
    """Where a record (`stream@version`) is shown: a sample on its page, others in the trail."""
    stream = record.rpartition("@")[0] or record
    if stream.startswith("sample/"):
        return address("/samples", sample=stream.removeprefix("sample/"))
    return address("/trail", stream=stream)


def batch_address(batch: str) -> str:
    """The page of a batch."""
    return address("/batches/{batch}", batch=batch)


def finding_address(uid: str) -> str:
    """The page of a finding."""
    return address("/findings/{finding}", finding=uid)


def unit_address(unit: str) -> str:
    """The page of a unit."""
    return address("/units/{unit}", unit=unit)


def trend_address(tag: str, start: Any = None, end: Any = None) -> str:
    """The signal of a tag in a window."""
    return address("/trends", tag=tag, start=start, end=end)


def batch_link(batch: Any, _row: Row | None = None) -> None:
    """A cell with a link to a batch."""
    if batch:
        elements.link(str(batch), batch_address(str(batch)))


def finding_link(title: Any, row: Row) -> None:
    """A cell with a link to a finding, whose uid is in the row."""
    elements.link(str(title), finding_address(str(row["uid"])))


def record_link(record: Any, _row: Row | None = None) -> None:
    """A cell with a link to a record."""
    if record:
        elements.link(str(record), record_address(str(record)))


def moment_cell(view: View) -> Callable[[Any, Row], None]:
    """Makes cells of times in the zone of the site."""
    return lambda at, _row: elements.moment(at, view.zone)


# ---- what a model or a rule says ------------------------------------------------------------


@contextmanager
def said(told: Row, *, by: str = "", in_domain: bool = True) -> Iterator[None]:
    """What an analyst says, with its version; its explanation goes inside."""
    name = by or str(told.get("name", ""))
    with elements.statement(by=name, version=str(told.get("version", "")), in_domain=in_domain):
        yield


def how_known(view: View, told: Row, more: Iterable[tuple[str, Any]] = ()) -> None:
    """The records behind a statement: adoption, model, what it was fitted to."""
    model = told.get("model") or {}
    fitted = model.get("fitted") or {}
    pairs: list[tuple[str, Any]] = []
    if told.get("record"):
        pairs.append((_("Put to work"), lambda: record_link(told["record"])))
    if model.get("digest"):
        pairs.append((_("Frozen model"), lambda: elements.digest(model["digest"])))
    if model.get("use"):
        words = _("{use}, version {version}").format(use=model["use"], version=model["version"])
        to = address("/governance/models/{use}", use=model["use"])
        pairs.append((_("Under control as"), lambda: elements.link(words, to)))
    elif model.get("digest"):
        pairs.append((_("Under control as"), _("a fit that nobody governs")))
    if model.get("record"):
        pairs.append((_("Record of the model"), lambda: record_link(model["record"])))
    if fitted:
        n = _("{method}, from {n} values").format(method=fitted["method"], n=fitted["n_training"])
        pairs.append((_("Fitted by"), n))
        pairs.append((_("Fitted at"), lambda: elements.moment(fitted["fitted_at"], view.zone)))
    pairs += list(more)
    with elements.details(_("How do you know?")):
        elements.facts(pairs)


def no_model(model: Row | None) -> bool:
    """Say that no model may be used, and why; whether that is so."""
    if model is None or model.get("digest"):
        return False
    elements.problem(
        _("No model may be used: {why}").format(why=model.get("why_not") or _("none was fitted")),
        _("Fit it with `goldenbatch fit`, or have a version made active."),
    )
    return True


def rate_words(measured: Row | None) -> str:
    """How often good rows are above a limit, as it was measured."""
    if not measured:
        return _("how often good rows are above it was never measured")
    return _("measured: {rate} of {n} good rows above it (95 %: {lower} to {upper}; {on})").format(
        rate=percent(measured["rate"], 2), n=measured["n_rows"],
        lower=percent(measured["lower"], 2), upper=percent(measured["upper"], 2),
        on=measured["measured_on"],
    )  # fmt: skip


def findings_table(view: View, caption: str, rows: Sequence[Row], nothing: str = "") -> None:
    """Findings with their state and what was decided."""
    elements.table(
        caption,
        [
            elements.Column("title", _("Finding"), finding_link),
            elements.Column("batch", _("Batch"), batch_link),
            elements.Column("state", _("State")),
            elements.Column("verdict", _("Decision")),
            elements.Column("started_at", _("Since"), moment_cell(view)),
        ],
        rows,
        nothing=nothing or _("No finding."),
    )


# ---- forms whose state is the address -------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """A field of a form that only asks: its value stands in the address of the page.

    Attributes:
        options: Value and words of each choice; empty: a text or number is typed.
        kind: Of the input, where it is typed.
        step: Of a number.
    """

    name: str
    label: str
    value: str = ""
    options: Sequence[tuple[str, str]] = ()
    kind: str = "text"
    step: str = "any"


def ask_form(label: str, fields: Sequence[Field], go: str, kept: Mapping[str, str] = {}) -> None:
    """A form of plain HTML that opens the same page with other values.

    Args:
        label: What it is for, for screen readers.
        fields: What may be chosen.
        go: Words of its button.
        kept: Values that stay as they are.
    """
    with elements.box("gb-row", "form", method="get", aria_label=label):
        for name, value in kept.items():
            elements.box("", "input", type="hidden", name=name, value=value)
        for one in fields:
            with elements.box("gb-field", "label"):
                elements.text("span", one.label, "gb-field-label")
                _entry(one)
        elements.text("button", go, "gb-button").props["type"] = "submit"


def _entry(one: Field) -> None:
    if not one.options:
        made = elements.box("gb-input", "input", type=one.kind, name=one.name, value=one.value)
        if one.kind == "number":
            made.props["step"] = one.step
        return
    with elements.box("gb-input", "select", name=one.name):
        for value, words in one.options:
            option = elements.text("option", words)
            option.props["value"] = value
            if value == one.value:
                option.props["selected"] = True


# ---- what people do -------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A value of an act that a person gives.

    Attributes:
        rows: Of an area of text; 0: one line.
        choices: Value to words; empty: it is typed.
        note: What helps to fill it in.
    """

    name: str
    label: str
    value: str = ""
    rows: int = 0
    choices: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def act_form(
    view: View, act: str, words: str, fixed: Mapping[str, Any], entries: Sequence[Entry],
    *, is_signed: bool = False,
) -> None:  # fmt: skip
    """An act with its entries, folded away; the page is loaded again once it was done.

    Args:
        view: The page.
        act: Full name of the act.
        words: What it does, on its button.
        fixed: Values that the page knows.
        entries: What the person gives.
        is_signed: Done by the signing ceremony.
    """
    given = {one.name: one.value for one in entries}
    touched: list[bool] = []

    def told(name: str) -> Callable[[Any], None]:
        def take(value: Any) -> None:
            given[name] = str(value)
            if not touched:  # a refresh must not take away what is being entered
                touched.append(True)
                view.n_busy += 1

        return take

    async def do() -> None:
        values = {**fixed, **{name: value for name, value in given.items() if value}}
        form = {"act": act, "values": values}
        done = await (view.sign(form) if is_signed else view.act(act, values))
        if done is None:
            return
        if touched:
            view.n_busy -= 1
        view.tell(_("Recorded."), "good")
        await view.again()

    with elements.details(words):
        for one in entries:
            if one.choices:
                choice_field(one.label, one.value, one.choices, told(one.name), note=one.note)
            else:
                text_field(one.label, one.value, told(one.name), note=one.note, rows=one.rows)
        elements.button(words, do, kind="main")


# ---- drawings -------------------------------------------------------------------------------


def line(name: str, data: Sequence[Any], **more: Any) -> dict[str, Any]:
    """A line of a chart."""
    return {"type": "line", "name": name, "data": list(data), "symbol": "none", **more}


def limit_line(name: str, data: Sequence[Any], colour: str = "var(--gb-bad)") -> dict[str, Any]:
    """A limit: dashed, so that not the colour alone tells it."""
    style = {"type": "dashed", "color": colour, "width": 1.5}
    return line(name, data, lineStyle=style, itemStyle={"color": colour}, z=1)


def marked(name: str, data: Sequence[Any]) -> dict[str, Any]:
    """Points that alarm: large diamonds with an edge, on top of all else."""
    return {
        "type": "scatter", "name": name, "data": list(data), "symbol": "diamond",
        "symbolSize": 15, "z": 5,
        "itemStyle": {"color": "var(--gb-bad)", "borderColor": "var(--gb-ink)", "borderWidth": 1},
    }  # fmt: skip


def options(x: Mapping[str, Any], y: Any, series: Sequence[Any], **more: Any) -> dict[str, Any]:
    """Options of a chart with a legend and room for its axes."""
    return {
        "animation": False, "grid": {"left": 64, "right": 24, "top": 48, "bottom": 64},
        "legend": {"type": "scroll", "top": 4}, "tooltip": {"trigger": "item"},
        "xAxis": x, "yAxis": y, "series": list(series), **more,
    }  # fmt: skip


def axis(name: str, **more: Any) -> dict[str, Any]:
    """An axis of values with its name and unit."""
    return {"type": "value", "name": name, "nameLocation": "middle", "nameGap": 44,
            "scale": True, **more}  # fmt: skip


def categories(name: str, data: Sequence[str]) -> dict[str, Any]:
    """An axis of names."""
    return {"type": "category", "name": name, "nameLocation": "middle", "nameGap": 40,
            "data": list(data)}  # fmt: skip


def times(name: str) -> dict[str, Any]:
    """An axis of times; data in milliseconds UTC."""
    return {"type": "time", "name": name, "nameLocation": "middle", "nameGap": 40}


def time_labels(view: View, moments: Sequence[int]) -> list[str]:
    """Times in the zone of the site, short enough for an axis: month, day and time."""
    return [local_text(at, view.zone)[5:19].replace("T", " ") for at in moments]


def contribution_bars(parts: Sequence[Row], statistic: str, most: int = 12) -> dict[str, Any]:
    """Contributions as bars, the largest on top; patterns of the sign are told in words too."""
    shown = list(parts[:most])[::-1]
    bars = {"type": "bar", "name": _("Contribution to {name}").format(name=statistic),
            "data": [one["contribution"] for one in shown]}  # fmt: skip
    y = {"type": "category", "data": [one["variable"] for one in shown]}
    x = {"type": "value", "name": bars["name"], "nameLocation": "middle", "nameGap": 30}
    made = options(x, y, [bars])
    made["grid"] = {"left": 160, "right": 24, "top": 32, "bottom": 56}
    return made


def box_below() -> ui.element:
    """A place that is filled by a click; screen readers are told of it."""
    return elements.box("gb-picked", "div", aria_live="polite")
