"""The guided tour: six steps over pages of the site, and the bar that leads on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from goldenbatch.ui.web import elements, words
from goldenbatch.ui.web.view import address
from goldenbatch.ui.web.words import _

PARAMETER = "tour"
"""Of the query string: the step that is shown; 0 leaves the tour."""
STEPS: tuple[tuple[str, str], ...] = (
    (
        words.mark("The site at a glance"),
        words.mark("What runs, how well batches go, and what waits. Each figure leads to what is "
                   "behind it."),
    ),
    (
        words.mark("A sensor beside its twin"),
        words.mark("The twin says what each sensor should show. One of them drifts away from it."),
    ),
    (
        words.mark("A finding with its evidence"),
        words.mark("An analyst said so, with version, confidence and the readings it rests on. "
                   "Nobody wrote it beforehand."),
    ),
    (
        words.mark("The batch in trouble"),
        words.mark("Phases, results, findings and material of the batch that the finding is of."),
    ),
    (
        words.mark("A signed decision"),
        words.mark("Decide under \"Your decision\": the ceremony shows what you sign and asks for "
                   "your password."),
    ),
    (
        words.mark("The trail, verified"),
        words.mark("Run a verification: every event, signature and reading is checked. Then take a "
                   "proof away."),
    ),
)  # fmt: skip
"""Title of each step, and what is to be seen there."""


def step_of(values: Mapping[str, str], kept: int) -> int:
    """The step that a page belongs to: as its address says, else as it was kept; 0: none.

    >>> step_of({"tour": "3"}, 0), step_of({}, 2), step_of({"tour": "0"}, 2)
    (3, 2, 0)
    """
    given = values.get(PARAMETER, "")
    if given.isascii() and given.isdigit() and int(given) <= len(STEPS):
        return int(given)
    return kept


def bar(step: int) -> None:
    """The bar over a page: where one is in the tour, and the ways on, back and out."""
    if not 1 <= step <= len(STEPS):
        return
    title, seen = STEPS[step - 1]
    with elements.box("gb-tour gb-noprint", "nav") as whole:
        whole.props["aria-label"] = _("Guided tour")
        with elements.box("gb-tour-words"):
            count = _("Step {n} of {all}").format(n=step, all=len(STEPS))
            elements.text("strong", f"{count} · {_(title)}")
            elements.text("span", _(seen))
        with elements.box("gb-tour-ways"):
            if step > 1:
                _way(_("Back"), f"/tour/{step - 1}", "b")
            if step < len(STEPS):
                _way(_("Next step"), f"/tour/{step + 1}", "n", is_main=True)
            else:
                _way(_("End of the tour"), address("/tour", tour=0), "n", is_main=True)
            _way(_("Leave the tour"), address("/tour", tour=0), "l")


def _way(label: str, to: str, key: str, *, is_main: bool = False) -> None:
    link = elements.text("a", label, "gb-button gb-button-main" if is_main else "gb-button")
    link.props.update({"href": to, "accesskey": key})


def unit_address(pages: Mapping[str, Any], place: str) -> str:
    """Where a unit is seen live, without one the list of units; empty: no page shows it."""
    if not place:
        return "/units" if any(one.path == "/units" for one in pages.values()) else ""
    for page in pages.values():
        path: str = page.path
        head, _brace, rest = path.partition("{")
        if head == "/units/" and rest.endswith("}"):
            return head + quote(place, safe="/" if ":path" in rest else "")
    return ""
