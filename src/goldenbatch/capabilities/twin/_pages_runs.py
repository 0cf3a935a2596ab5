"""The list of runs: whose, of what, where they stand; two of them beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from goldenbatch.capabilities.twin.studio_check import WORKS
from goldenbatch.ui.web import elements, fields
from goldenbatch.ui.web.elements import Tone
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

TONES: Final[Mapping[str, Tone]] = {
    "waiting": "quiet", "running": "warn", "done": "good", "failed": "bad", "cancelled": "quiet",
}  # fmt: skip


@dataclass(frozen=True)
class Runs:
    """What the page shows: runs, newest first, and what the studio may take."""

    runs: Sequence[Mapping[str, Any]]
    limits: Mapping[str, Any]


def status_words(status: str) -> str:
    """Where a run stands, in words."""
    return {
        "waiting": _("waiting"), "running": _("at work"), "done": _("done"),
        "failed": _("failed"), "cancelled": _("cancelled"),
    }.get(status, status)  # fmt: skip


def load_runs(asked: Asked) -> Runs:
    """Runs that are kept."""
    found = asked.api.get("/twin/runs", limit=200)
    return Runs(found["runs"], found["limits"])


def show_runs(view: View, data: Runs) -> None:
    """The page."""
    if not data.runs:
        elements.empty(_("Nobody has run anything yet."), _("Begin in the twin studio."))
        elements.link(_("Twin studio"), "/twin/studio")
        return
    done = [one for one in data.runs if one["status"] == "done"]
    if len(done) > 1:
        _chooser(view, done)

    def asked_at(value: Any, _row: Mapping[str, Any]) -> None:
        elements.moment(value, view.zone)

    elements.table(
        _("Runs, newest first"),
        [elements.Column("name", _("Study"), _run_link), elements.Column("work", _("Asked"), _work),
         elements.Column("model", _("Model")), elements.Column("n_runs", _("Simulations"),
                                                                is_number=True),
         elements.Column("by_name", _("By")), elements.Column("asked_at", _("Asked at"), asked_at),
         elements.Column("status", _("State"), _status)],
        data.runs,
    )  # fmt: skip
    elements.paragraph(
        _("The newest {n} runs are kept, the oldest are cleared. Keep as a record what a decision "
          "rests on.").format(n=data.limits["n_kept"]),
        is_note=True,
    )  # fmt: skip


def _chooser(view: View, done: Sequence[Mapping[str, Any]]) -> None:
    chosen = [done[0]["run"], done[1]["run"]]
    names = {one["run"]: f"{one['name']} · {_(WORKS.get(one['work'], ''))} · {one['run']}"
             for one in done}  # fmt: skip
    with elements.section(_("Compare two runs")), elements.box("gb-filters"):
        fields.choice_field(
            _("This one"), chosen[0], names, lambda run: chosen.__setitem__(0, run)
        )  # fmt: skip
        fields.choice_field(
            _("with this one"), chosen[1], names, lambda run: chosen.__setitem__(1, run)
        )  # fmt: skip
        elements.button(
            _("Compare"), lambda: view.go("/twin/compare", first=chosen[0], second=chosen[1])
        )


def _run_link(value: Any, row: Mapping[str, Any]) -> None:
    elements.link(str(value), address("/twin/runs/{run}", run=row["run"]))


def _work(value: Any, _row: Mapping[str, Any]) -> None:
    elements.text("span", _(WORKS.get(value, value)))


def _status(value: Any, _row: Mapping[str, Any]) -> None:
    elements.state(status_words(value), TONES.get(value, "quiet"))
