"""The page of soft sensors: predictions with their interval beside the laboratory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from goldenbatch.capabilities.monitoring import _pages as parts
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column, Tone
from goldenbatch.ui.web.pages import Asked, Group, Page, Place, Widget
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]
PATH: Final = "/monitoring/soft-sensors"
_HOURS: Final = ("1", "8", "24", "168", "720", "8760")
_TONES: Final[Mapping[str, Tone]] = {"in domain": "good", "out of domain": "warn",
                                     "not computed": "bad"}  # fmt: skip


@dataclass(frozen=True)
class Sensors:
    """All sensors at work, and the one that is looked at."""

    sensors: Sequence[Row]
    told: Row | None = None
    why: tuple[str, str] = ("", "")
    hours: str = "24"


def _load(asked: Asked) -> Sensors:
    from goldenbatch.core.errors import NotFoundError

    sensors = asked.api.get("/monitoring/sensors")["sensors"]
    hours = asked.value("hours") if asked.value("hours") in _HOURS else "24"
    names = [one["name"] for one in sensors]
    name = asked.value("sensor") if asked.value("sensor") in names else (names or [""])[0]
    if not name:
        return Sensors(sensors, hours=hours)
    try:
        told = asked.api.get("/monitoring/sensors/series", name=name, hours=hours,
                             batch=asked.value("batch"))  # fmt: skip
    except NotFoundError as error:
        return Sensors(sensors, None, (str(error), error.hint), hours)
    return Sensors(sensors, told, hours=hours)


def _show(view: View, data: Sensors) -> None:
    if not data.sensors:
        elements.empty(
            _("No soft sensor is at work."),
            _("Adopt `monitoring.soft_sensor` and fit it; see how-to, spectra."),
        )
        return
    with elements.section(_("At work")):
        elements.table(_("Soft sensors"), _columns(view), data.sensors)
    if data.told is None:
        elements.empty(data.why[0] or _("Nothing was predicted."), data.why[1])
        return
    told = data.told
    names = [(str(one["name"]), str(one["name"])) for one in data.sensors]
    hours = [(one, _("{n} h").format(n=one)) for one in _HOURS]
    fields = [
        parts.Field("sensor", _("Sensor"), str(told["name"]), names),
        parts.Field("hours", _("Up to the newest"), data.hours, hours),
        parts.Field("batch", _("Or a whole batch"), str(told["batch"])),
    ]
    parts.ask_form(_("Choose a sensor"), fields, _("Show"))
    show_sensor(view, told)
    with elements.section(_("Findings")):
        parts.findings_table(view, _("Findings of {name}").format(**told), told["findings"])


def _columns(view: View) -> list[Column]:
    def open_sensor(name: Any, row: Row) -> None:
        elements.link(str(name), address(PATH, sensor=name))

    def newest(told: Any, row: Row) -> None:
        if not told:
            elements.text("span", _("nothing yet"))
            return
        words = parts.with_unit(told["value"], row["unit"])
        ends = parts.between([told["lower"], told["upper"]])
        elements.text("span", f"{words} ({ends})")
        elements.state(_word(told["state"]), _TONES[told["state"]])

    def model(told: Any, _row: Row) -> None:
        if told["use"]:
            to = address("/governance/models/{use}", use=told["use"])
            elements.link(_("{use}, version {version}").format(**told), to)
        elif told["digest"]:
            elements.digest(told["digest"])
        else:
            elements.state(_("none serves"), "bad")

    return [
        Column("name", _("Sensor"), open_sensor), Column("attribute", _("Of")),
        Column("newest", _("Newest, with its interval"), newest),
        Column("model", _("Model"), model), Column("place", _("Place")),
    ]  # fmt: skip


def _word(state: str) -> str:
    return {"in domain": _("in its domain"), "out of domain": _("outside its domain")}.get(
        state, _("not computed")
    )


def show_sensor(view: View, told: Row) -> None:
    """One sensor: what it says of itself, its predictions, its domain, the laboratory."""
    newest = told["newest"]
    in_domain = newest.get("state") == "in domain"
    with elements.section(
        _("{attribute} by {name}").format(**told),
        note=_("valid in {phases}; silent elsewhere").format(
            phases=", ".join(told["phases"]) or _("any phase of a batch at its place")
        ),
    ):
        with parts.said(told, in_domain=in_domain):
            elements.paragraph(_accuracy(told))
            if not parts.no_model(told["model"]):
                parts.how_known(view, told, [(_("Spectra"), lambda: _spectra(told))])
        _drawing(view, told)
        _domain(view, told)
    with elements.section(_("Laboratory")):
        elements.table(_("Results beside predictions"), _results(view, told), told["laboratory"],
                       nothing=_("No result of the laboratory in this time."))  # fmt: skip


def _spectra(told: Row) -> None:
    elements.link(str(told["tag"]), parts.trend_address(str(told["tag"]), *told["window"]))


def _accuracy(told: Row) -> str:
    if not told["n_results"]:
        return _("No result of the laboratory lies in this time: nothing is said of its error.")
    unit = told["unit"]
    words = _("Against {n} results its error (RMSE) is {rmse}, its bias {bias}; carrying the last "
              "result forward has {last}. Of {inside} in its domain {covered} lie in the interval, "
              "{coverage} is stated.")  # fmt: skip
    return words.format(
        n=told["n_results"], rmse=parts.with_unit(told["rmse"], unit, 3),
        bias=parts.with_unit(told["bias"], unit, 3),
        last=parts.with_unit(told["rmse_last"], unit, 3), inside=told["n_in_domain"],
        covered=told["n_covered"], coverage=parts.percent(told["coverage"], 0),
    )  # fmt: skip


def _drawing(view: View, told: Row) -> None:
    from goldenbatch.ui.web.echart import chart

    at = told["times"]
    if not at:
        elements.empty(_("Nothing was predicted in this time."), _("Choose a longer time."))
        return
    outside = [v if s != "in domain" else None
               for v, s in zip(told["values"], told["states"], strict=True)]  # fmt: skip
    results = [[_place(at, one["at"]), one["value"]] for one in told["laboratory"]]
    series = [
        parts.line(_("prediction"), told["values"], symbol="circle", symbolSize=4),
        parts.line(_("lower end"), told["lower"], lineStyle={"type": "dotted"}),
        parts.line(_("upper end"), told["upper"], lineStyle={"type": "dotted"}),
        parts.marked(_("outside its domain"), outside),
        {"type": "scatter", "name": _("laboratory"), "data": results, "symbol": "rect",
         "symbolSize": 11, "z": 6},
    ]  # fmt: skip
    unit = "" if told["unit"] in ("", "1") else f" [{told['unit']}]"
    x = parts.categories(_("time of the site"), parts.time_labels(view, at))
    made = parts.options(x, parts.axis(f"{told['attribute']}{unit}"), series)
    chart(_("Prediction with its interval"), made, summary=_accuracy(told), height=340)


def _place(at: Sequence[int], moment: int) -> int:
    """Place of the time on the axis that is nearest."""
    return min(range(len(at)), key=lambda place: abs(at[place] - moment))


def _domain(view: View, told: Row) -> None:
    from goldenbatch.ui.web.echart import chart

    labels = parts.time_labels(view, told["times"])
    with elements.grid():
        for key, name in (("t2", "T2"), ("spe", "SPE")):
            limit = told[f"{key}_limit"]
            series = [parts.line(name, told[key], symbol="circle", symbolSize=3)]
            if limit is not None:
                series.append(parts.limit_line(_("limit of the domain"), [limit] * len(labels)))
            y = parts.axis(name, type="log")
            made = parts.options(parts.categories(_("time of the site"), labels), y, series)
            n = sum(1 for v in told[key] if v is not None and limit is not None and v > limit)
            words = _("{n} of {of} above the limit.").format(n=n, of=len(labels))
            title = _("{name}: is it like the calibration?").format(name=name)
            chart(title, made, summary=words, height=220)


def _results(view: View, told: Row) -> list[Column]:
    def cell(value: Any, _row: Row) -> None:
        elements.text("span", parts.with_unit(value, told["unit"]))

    def covered(is_covered: Any, row: Row) -> None:
        words, tone = (_("yes"), "good") if is_covered else (_("no"), "warn")
        elements.state(words, tone)  # type: ignore[arg-type]

    return [
        Column("at", _("Sample taken"), parts.moment_cell(view)),
        Column("sample", _("Sample"), lambda _v, row: parts.record_link(row["record"])),
        Column("batch", _("Batch"), parts.batch_link),
        Column("value", _("Laboratory"), cell, is_number=True),
        Column("predicted", _("Prediction"), cell, is_number=True),
        Column("lower", _("Lower end"), cell, is_number=True),
        Column("upper", _("Upper end"), cell, is_number=True),
        Column("is_covered", _("In the interval"), covered),
        Column("state", _("Domain"), lambda v, _r: elements.state(_word(v), _TONES[v])),
    ]


# ---- on the page of a batch -----------------------------------------------------------------


def _load_batch(asked: Asked) -> Sensors | None:
    from goldenbatch.core.errors import GoldenbatchError

    batch, found = asked.path["batch"], []
    for one in asked.api.get("/monitoring/sensors")["sensors"]:
        try:
            told = asked.api.get("/monitoring/sensors/series", name=one["name"], batch=batch)
        except GoldenbatchError:  # it has said nothing yet
            continue
        if told["times"]:
            found.append(told)
    return Sensors(found) if found else None


def _show_batch(view: View, data: Sensors) -> None:
    for told in data.sensors:
        show_sensor(view, told)


SENSORS = Page(PATH, "Soft sensors", Group.QUALITY, _load, _show, icon="sensors", order=40,
               refresh_s=60, classes=parts.CONFIDENTIAL)  # fmt: skip
BATCH = Widget("Soft sensors", Place.BATCH, _load_batch, _show_batch, order=50,
               classes=parts.CONFIDENTIAL)  # fmt: skip
