"""The scenario of a study as a form: inputs, starts, parameters, faults, measures, factors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from goldenbatch.capabilities.twin._studio_document import (
    Document,
    at,
    put,
    schedule_of,
    schedule_text,
    text_of,
    value_of,
)
from goldenbatch.capabilities.twin._studio_rows import factor_row, fault_row, measure_row
from goldenbatch.core.errors import BadInputError
from goldenbatch.ui.web import elements, fields
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _


@dataclass
class Scenario:
    """Edits the study in place, and tells each change.

    Attributes:
        document: The study.
        model: As the catalogue has it.
        changed: Is told.
    """

    view: View
    document: Document
    model: Mapping[str, Any]
    changed: Callable[[], None]

    def show(self) -> None:
        """The form."""
        with elements.section(_("Scenario")):
            self._field(_("Name"), ("name",), note=_("For titles and for the list of runs."))
            with elements.box("gb-filters"):
                self._field(_("Duration"), ("recipe", "duration"), is_value=True,
                            placeholder=self._own_duration())  # fmt: skip
                self._field(_("Members of ensembles"), ("members",), is_whole=True)
                self._field(_("Seed"), ("seed",), is_whole=True)
            self._inputs()
            self._quantities(_("Starts"), "states", ("model", "initial"))
            self._quantities(_("Parameters"), "parameters", ("model", "parameters"))
        _Rows(
            self, "recipe.faults", _("Faults"), _("Add a fault"), self._new_fault, fault_row
        ).show()
        _Rows(
            self, "measures", _("Measures and their limits"), _("Add a measure"),
            self._new_measure, measure_row,
        ).show()  # fmt: skip
        _Rows(
            self, "factors", _("Factors that are varied"), _("Add a factor"),
            self._new_factor, factor_row,
        ).show()  # fmt: skip

    def set(self, way: Sequence[str], value: Any) -> None:
        """Set an entry and tell."""
        put(self.document, way, value)
        self.changed()

    def names(self, kind: str) -> dict[str, str]:
        """Names of a kind with what they are, for choices."""
        return {one["name"]: _named(one) for one in self.model.get(kind) or []}

    def _field(
        self, label: str, way: Sequence[str], *, note: str = "", is_value: bool = False,
        is_whole: bool = False, placeholder: str = "",
    ) -> None:  # fmt: skip
        def told(text: str) -> None:
            value: Any = value_of(text) if is_value or is_whole else text
            if is_whole and isinstance(value, float) and value.is_integer():
                value = int(value)
            self.set(way, value)

        fields.text_field(
            label, text_of(at(self.document, way)), told, note=note, placeholder=placeholder
        )

    def _own_duration(self) -> str:
        own = self.model.get("recipe") or {}
        if not own.get("duration"):
            return ""
        return _("{n} {unit}, as the model's own recipe").format(
            n=text_of(own["duration"]), unit=self.model.get("time_unit", "")
        )

    # ---- values ---------------------------------------------------------------------------------

    def _inputs(self) -> None:
        own = (self.model.get("recipe") or {}).get("inputs") or {}

        def cell(_value: Any, row: Mapping[str, Any]) -> None:
            way = ("recipe", "inputs", row["name"])

            def told(text: str) -> None:
                try:
                    self.set(way, schedule_of(text))
                except BadInputError as error:
                    self.view.tell(str(error), "warn", error.hint)

            fields.text_field(
                _("Input {name}").format(name=row["name"]),
                schedule_text(at(self.document, way)), told, hidden=True,
                placeholder=_own_words(own.get(row["name"]), row),
            )  # fmt: skip

        with elements.details(_("Inputs of the recipe"), is_open=True):
            elements.paragraph(
                _("A value with its unit, or a schedule: 0 h: 0 L/h; 2 d: 0.4 mL/h. Begin with "
                  "“ramp” for straight lines. Empty: as the model's own recipe has it."),
                is_note=True,
            )  # fmt: skip
            elements.table(
                _("Inputs"),
                [elements.Column("name", _("Input"), _name_cell),
                 elements.Column("unit", _("Unit")),
                 elements.Column("range", _("Physical range"), _range_cell),
                 elements.Column("value", _("In this scenario"), cell)],
                self.model.get("inputs") or [], is_titled=False,
            )  # fmt: skip

    def _quantities(self, title: str, kind: str, way: Sequence[str]) -> None:
        given = at(self.document, way, {})

        def cell(_value: Any, row: Mapping[str, Any]) -> None:
            place = (*way, row["name"])
            if row["size"] > 1:
                elements.text("span", _("{n} elements").format(n=row["size"]), "gb-note")
                return
            fields.text_field(
                _("Value of {name}").format(name=row["name"]), text_of(at(self.document, place)),
                lambda text: self.set(place, value_of(text)), hidden=True,
                placeholder=text_of(row["value"]),
            )  # fmt: skip

        summary = _("{title}: {n} set").format(title=title, n=len(given))
        with elements.details(summary, is_open=bool(given)):
            elements.table(
                title,
                [elements.Column("name", _("Name"), _name_cell), elements.Column("unit", _("Unit")),
                 elements.Column("range", _("Physical range"), _range_cell),
                 elements.Column("value", _("In this scenario"), cell)],
                self.model.get(kind) or [], is_titled=False,
            )  # fmt: skip

    # ---- rows to begin with ---------------------------------------------------------------------

    def _new_fault(self) -> Document:
        first = next(iter(self.names("outputs")), "")
        own = (self.model.get("recipe") or {}).get("duration") or 0.0
        return {"kind": "sensor-drift", "output": first, "start": own / 3, "rate": 0.0}

    def _new_measure(self) -> Document:
        first = next(iter({**self.names("outputs"), **self.names("states")}), "")
        return {"name": f"{first} at the end", "column": first}

    def _new_factor(self) -> Document:
        for one in self.model.get("inputs") or []:
            value = float(one["value"]) or 1.0
            return {"input": one["name"], "low": 0.8 * value, "high": 1.2 * value, "n": 5}
        return {"duration": True, "low": 1.0, "high": 2.0, "n": 5}


@dataclass
class _Rows:
    """A list of tables of the study, one card each, with buttons to add and to remove."""

    scenario: Scenario
    place: str
    title: str
    add: str
    new: Callable[[], Document]
    show_row: Callable[[Scenario, Document, Callable[[], None]], None]

    def show(self) -> None:
        with elements.section(self.title):
            self.box = elements.box("gb-stack")
            with elements.row():
                elements.button(self.add, self._add)
        self._draw()

    def _rows(self) -> list[Document]:
        found = at(self.scenario.document, self.place.split("."), [])
        return found if isinstance(found, list) else []

    def _draw(self) -> None:
        self.box.clear()
        with self.box:
            if not self._rows():
                elements.paragraph(_("None."), is_note=True)
            for number, one in enumerate(self._rows(), start=1):
                with elements.card(), elements.box("gb-filters"):
                    self.show_row(self.scenario, one, self._redrawn)
                    elements.button(
                        _("Remove"), partial(self._remove, number - 1),
                        label=_("Remove {title} {n}").format(title=self.title, n=number),
                    )  # fmt: skip

    def _redrawn(self) -> None:
        self._draw()
        self.scenario.changed()

    def _add(self) -> None:
        self.scenario.set(self.place.split("."), [*self._rows(), self.new()])
        self._draw()

    def _remove(self, index: int) -> None:
        rows = self._rows()
        left = [*rows[:index], *rows[index + 1 :]]
        self.scenario.set(self.place.split("."), left or None)
        self._draw()


# ---- cells --------------------------------------------------------------------------------------


def _named(one: Mapping[str, Any]) -> str:
    unit = f" [{one['unit']}]" if one.get("unit") not in ("", "1", None) else ""
    return f"{one['name']}{unit} {one.get('help') or ''}".strip()


def _name_cell(_value: Any, row: Mapping[str, Any]) -> None:
    elements.text("span", row["name"], "gb-mono")
    if row.get("help"):
        elements.text("div", row["help"], "gb-note")


def _range_cell(_value: Any, row: Mapping[str, Any]) -> None:
    low, high = text_of(row.get("lower")), text_of(row.get("upper"))
    shown = f"{low or '–∞'} … {high or '∞'}" if low or high else "–"
    elements.text("span", shown)
    if row.get("valid"):
        low, high = (text_of(one) for one in row["valid"])
        told = _("calibrated {low} to {high}").format(low=low, high=high)
        elements.text("div", told, "gb-note")


def _own_words(profile: Mapping[str, Any] | None, row: Mapping[str, Any]) -> str:
    """What the model's own recipe does with an input, in short."""
    if not profile:
        return text_of(row["value"])
    if profile["kind"] == "constant":
        return text_of(profile["value"])
    if "low" not in profile:
        return _("a schedule of the model's own")
    return _("a schedule of {n} points, {low} to {high}").format(
        n=profile["n"], low=text_of(profile["low"]), high=text_of(profile["high"])
    )
