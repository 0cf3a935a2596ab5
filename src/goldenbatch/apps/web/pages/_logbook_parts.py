"""Parts of the logbook's page: what is open, how a shift stands, what an entry said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goldenbatch.apps.web.pages._shared import (
    batch_path,
    finding_path,
    length,
    moment_cell,
    record_path,
)
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]


def who(row: Row) -> str:
    """Who did it: the printed name on record, else the uid."""
    return str(row.get("by_name") or row.get("by") or "–")


def shift_state(shift: Row) -> None:
    """How a shift stands, in words."""
    if shift["is_taken_over"]:
        elements.state(_("signed out and taken over"), "good")
    elif shift["unsigned_since"] is not None:
        elements.state(_("UNSIGNED since version {n}").format(n=shift["unsigned_since"]), "bad")
    else:
        elements.state(_(shift["stage"]), "warn" if shift["stage"] == "signed out" else "")


def corrections(view: View, entry: Row) -> None:
    """What an entry said before, why it was corrected, and by whom."""
    for one in entry["corrections"]:
        with elements.box("gb-note"):
            elements.text("del", one["old"])
            elements.text(
                "div",
                _("corrected by {name}: {reason}").format(name=who(one), reason=one["reason"]),
            )
            elements.moment(one["at"], view.zone)


def address_of(stream: str) -> str:
    """The page of a record: its own where it has one."""
    kind, _sep, rest = stream.partition("/")
    if kind == "finding":
        return finding_path(rest)
    if kind == "batch":
        return batch_path(rest)
    return record_path(stream)


def item_table(view: View, caption: str, rows: Sequence[Row], now: int) -> None:
    """Things that are, or were, open; a hold time says how long it has left.

    Args:
        view: The page.
        caption: What they are.
        rows: The things.
        now: Moment that they are looked at, microseconds UTC.
    """

    def title(words: Any, row: Row) -> None:
        elements.link(str(words), address_of(row["stream"]))

    def expiry(at: Any, _row: Row) -> None:
        if at is None:
            elements.text("span", "–")
            return
        elements.moment(at, view.zone)
        left = at - now
        if left <= 0:
            elements.state(_("expired {ago} ago").format(ago=length(-left)), "bad")
        else:
            elements.state(_("{time} left").format(time=length(left)), "good")

    def ref(_value: Any, row: Row) -> None:
        name = f"{row['stream']}@{row['version']}"
        made = elements.link(
            _("version {n}").format(n=row["version"]), record_path(row["stream"], row["version"])
        )
        made.props.update({"title": name, "aria-label": name})

    elements.table(
        caption,
        [
            elements.Column("kind", _("What"), lambda one, _r: _kind(one)),
            elements.Column("title", _("Which"), title),
            elements.Column("state", _("State")),
            elements.Column("place", _("Place")),
            elements.Column("since", _("Since"), moment_cell(view.zone)),
            elements.Column("expires_at", _("Expires"), expiry),
            elements.Column("version", _("Record"), ref),
        ],
        rows,
        nothing=_("Nothing is open in this area."),
    )


def _kind(words: str) -> None:
    elements.text("span", _(words))
