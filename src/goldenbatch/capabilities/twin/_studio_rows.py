"""Faults, measures and factors of a study, each a row of fields that changes it in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.twin._studio_document import Document, put, text_of, value_of
from goldenbatch.ui.web import elements, fields
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin._studio_scenario import Scenario

TAKES: Final = ("final", "maximum", "minimum", "mean", "integral", "time_of_maximum", "end_time")
VARIED: Final = {"scale": "inputs", "input": "inputs", "parameter": "parameters",
                 "initial": "states", "duration": ""}  # fmt: skip
"""Kind of a factor to what of the model it names."""
FAULTS: Final = {"sensor-drift": "outputs", "stuck": "inputs", "weakened": "inputs",
                 "altered": "parameters"}  # fmt: skip


def _setter(
    scenario: Scenario, row: Document, name: str, read: Callable[[str], Any] = value_of
) -> Callable[[str], None]:
    def told(text: str) -> None:
        put(row, (name,), read(text))
        scenario.changed()

    return told


def _named_field(scenario: Scenario, row: Document, label: str, name: str) -> None:
    fields.text_field(label, text_of(row.get(name)), _setter(scenario, row, name))


def measure_row(scenario: Scenario, row: Document, redraw: Callable[[], None]) -> None:
    """A measure: what of which column, and its limits."""
    columns = {**scenario.names("outputs"), **scenario.names("states")}
    fields.text_field(_("Name"), row.get("name", ""), _setter(scenario, row, "name", str))

    def take(value: str) -> None:
        row["take"] = value
        if value == "end_time":
            row.pop("column", None)
        else:
            row.setdefault("column", next(iter(columns), ""))
        redraw()

    fields.choice_field(
        _("What of it"), row.get("take", "final"),
        {one: one.replace("_", " ") for one in dict.fromkeys((*TAKES, row.get("take", "final")))},
        take,
    )  # fmt: skip
    if row.get("take") != "end_time":
        column = str(row.get("column", ""))
        choices = columns if column in columns else {column: column, **columns}
        fields.choice_field(
            _("Column"), column, choices, _setter(scenario, row, "column", str)
        )  # fmt: skip
    _named_field(scenario, row, _("Not below"), "lower")
    _named_field(scenario, row, _("Not above"), "upper")


def factor_row(scenario: Scenario, row: Document, redraw: Callable[[], None]) -> None:
    """A factor: what is varied, between which ends, at how many points."""
    kind = next((one for one in VARIED if row.get(one)), "")
    if not kind:
        elements.text("span", _("A factor of an event or a controller: see the study file."))
        return

    def choose(value: str) -> None:
        row.pop(kind, None)
        row[value] = True if value == "duration" else next(iter(scenario.names(VARIED[value])), "")
        row.pop("name", None)
        redraw()

    words = {"scale": _("share of an input's schedule"), "input": _("an input, held constant"),
             "parameter": _("a parameter"), "initial": _("a start"),
             "duration": _("the duration")}  # fmt: skip
    fields.choice_field(_("What is varied"), kind, words, choose)
    if VARIED[kind]:
        fields.choice_field(
            _("Which"), str(row[kind]), scenario.names(VARIED[kind]),
            _setter(scenario, row, kind, str),
        )  # fmt: skip
    _named_field(scenario, row, _("From"), "low")
    _named_field(scenario, row, _("To"), "high")
    fields.text_field(_("Points"), text_of(row.get("n")), _setter(scenario, row, "n", _whole))


def _whole(text: str) -> Any:
    value = value_of(text)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def fault_row(scenario: Scenario, row: Document, redraw: Callable[[], None]) -> None:
    """A fault: what goes wrong, by how much, and when."""
    kind = str(row.get("kind", ""))
    if kind not in FAULTS:
        elements.text("span", _("{kind}: see the study file.").format(kind=kind))
        return

    def choose(value: str) -> None:
        kept: Document = {name: row[name] for name in ("start", "end") if name in row}
        row.clear()
        row.update({"kind": value, **kept, **_fault_begun(value, scenario)})
        redraw()

    words = {"sensor-drift": _("a sensor drifts"), "stuck": _("an input is stuck"),
             "weakened": _("an input reaches the process in part"),
             "altered": _("a parameter is altered")}  # fmt: skip
    fields.choice_field(_("What goes wrong"), kind, words, choose)
    _fault_parts(scenario, row, kind)
    _named_field(scenario, row, _("From (time)"), "start")
    _named_field(scenario, row, _("Until (empty: for good)"), "end")


def _fault_begun(kind: str, scenario: Scenario) -> Document:
    first = next(iter(scenario.names(FAULTS[kind])), "")
    begun: dict[str, Document] = {
        "sensor-drift": {"output": first, "rate": 0.0}, "stuck": {"input": first, "value": 0.0},
        "weakened": {"inputs": [first], "factor": 0.5}, "altered": {"parameters": {first: 0.8}},
    }  # fmt: skip
    return begun[kind]


def _fault_parts(scenario: Scenario, row: Document, kind: str) -> None:
    names = scenario.names(FAULTS[kind])
    if kind in ("sensor-drift", "stuck"):
        key = "output" if kind == "sensor-drift" else "input"
        fields.choice_field(
            _("Which"), str(row.get(key, "")), names, _setter(scenario, row, key, str)
        )  # fmt: skip
        if kind == "stuck":
            _named_field(scenario, row, _("At the value"), "value")
            return
        _named_field(scenario, row, _("Error gained per time unit"), "rate")
        _named_field(scenario, row, _("Error from the start on"), "offset")
    elif kind == "weakened":
        chosen = str((row.get("inputs") or [""])[0])
        fields.choice_field(
            _("Which"), chosen, names, _setter(scenario, row, "inputs", lambda name: [name])
        )  # fmt: skip
        _named_field(scenario, row, _("Share that is left"), "factor")
    else:
        _altered(scenario, row, names)


def _altered(scenario: Scenario, row: Document, names: Mapping[str, str]) -> None:
    name, factor = next(iter((row.get("parameters") or {"": 1.0}).items()))

    def told(new: str, value: Any) -> None:
        row["parameters"] = {new: value}
        scenario.changed()

    held = [name, factor]

    def rename(new: str) -> None:
        held[0] = new
        told(new, held[1])

    def scale(text: str) -> None:
        value = value_of(text)
        if isinstance(value, float):
            held[1] = value
            told(held[0], value)

    fields.choice_field(_("Which"), name, names, rename)
    fields.text_field(_("Times its value"), text_of(factor), scale)
