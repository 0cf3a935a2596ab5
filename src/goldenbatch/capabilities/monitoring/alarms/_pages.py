"""The page of alarms: what waits for whom, what is hidden, the master database, its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from goldenbatch.capabilities.monitoring import _pages as parts
from goldenbatch.capabilities.monitoring._pages import Entry, act_form
from goldenbatch.core.records import to_iso
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column, Tone
from goldenbatch.ui.web.pages import Asked, Group, Page, Place, Tile
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _, mark

Row = Mapping[str, Any]
PATH: Final = "/monitoring/alarms"
_TABS: Final = (
    ("", mark("Waiting")), ("figures", mark("Performance")), ("master", mark("Master database")),
)  # fmt: skip
_DAYS: Final = ("1", "7", "30", "90", "365")
_TONES: Final[Mapping[str, Tone]] = {
    "unacknowledged": "bad", "acknowledged": "warn", "returned": "warn", "latched": "warn",
}  # fmt: skip
_PRIORITY: Final[Mapping[str, Tone]] = {"critical": "bad", "high": "bad", "medium": "warn"}


@dataclass(frozen=True)
class Alarms:
    """What is shown: the tab, and what it needs."""

    tab: str
    position: str
    days: str
    told: Row
    figures: Sequence[Row] = ()


def _load(asked: Asked) -> Alarms:
    tab, position = asked.value("show"), asked.value("position")
    days = asked.value("days") if asked.value("days") in _DAYS else "30"
    api = asked.api
    if tab == "master":
        return Alarms(tab, position, days, api.get("/monitoring/alarms/master"))
    told = api.get("/monitoring/alarms", position=position)
    if tab == "figures":
        found = api.get("/monitoring/alarms/performance", days=days, position=position)
        return Alarms(tab, position, days, told, found["rows"])
    return Alarms("", position, days, told)


def _show(view: View, data: Alarms) -> None:
    entries = [
        (_(words), address(PATH, show=name, position=data.position)) for name, words in _TABS
    ]
    elements.tabs(_("Alarms"), entries, address(PATH, show=data.tab, position=data.position))
    if data.tab == "master":
        _master(view, data.told)
        return
    _filter(data)
    if data.tab == "figures":
        _figures(data)
    else:
        _waiting(view, data)


def _filter(data: Alarms) -> None:
    names = [("", _("all positions")), *((one, one) for one in data.told["positions"])]
    fields = [parts.Field("position", _("Operator position"), data.position, names)]
    if data.tab == "figures":
        words = [(one, _("{n} days").format(n=one)) for one in _DAYS]
        fields.append(parts.Field("days", _("Up to now"), data.days, words))
    parts.ask_form(_("Choose a position"), fields, _("Show"), {"show": data.tab})


# ---- what waits -----------------------------------------------------------------------------


def _waiting(view: View, data: Alarms) -> None:
    told = data.told
    if not told["is_rationalised"]:
        elements.empty(
            _("No alarm is rationalised: findings are advice here."),
            _("Put a master alarm database forward, and have another person approve it."),
        )
    shown = [one for one in told["alarms"] if not one["is_hidden"]]
    hidden = [one for one in told["alarms"] if one["is_hidden"]]
    with elements.section(_("Waiting for somebody")):
        if not shown:
            elements.empty(_("No alarm waits."))
        for one in shown:
            _alarm(view, one)
    with elements.section(
        _("Hidden"), note=_("What is hidden still stops the release of its batches.")
    ):
        if not hidden:
            elements.empty(_("No alarm is hidden."))
        for one in hidden:
            _alarm(view, one)


def _alarm(view: View, one: Row) -> None:
    with elements.card(str(one["title"])):
        with elements.row():
            elements.state(
                _("{priority} priority").format(**one), _PRIORITY.get(one["priority"], "")
            )
            elements.state(str(one["state"]), _TONES.get(one["state"], "quiet"))
            if one["is_late"]:
                elements.state(_("response overdue"), "bad")
            if one["is_gmp"]:
                elements.state(_("GMP: stops the release"), "quiet")
        pairs: list[tuple[str, Any]] = [
            (_("What to do"), str(one["response"])),
            (_("Respond by"), lambda: elements.moment(one["respond_by"], view.zone)),
            (_("If nobody acts"), str(one["consequence"])),
            (_("Cause"), str(one["cause"])),
            (_("Raised"), lambda: elements.moment(one["raised_at"], view.zone)),
            (_("Alarm, position"), f"{one['alarm']}, {one['position']}"),
        ]
        if one["place"]:
            to = parts.unit_address(str(one["place"]))
            pairs.append((_("Place"), lambda: elements.link(str(one["place"]), to)))
        if one["batches"]:
            pairs.append((_("Batches"), lambda: _batches(one)))
        if one["cleared_at"]:
            pairs.append((_("Cause gone"), lambda: elements.moment(one["cleared_at"], view.zone)))
        if one["acknowledged_at"]:
            pairs.append(
                (_("Acknowledged"), lambda: elements.moment(one["acknowledged_at"], view.zone))
            )
        if one["shelved_until"]:
            pairs.append(
                (_("Shelved until"), lambda: elements.moment(one["shelved_until"], view.zone))
            )
        elements.facts(pairs)
        _evidence(one)
        _acts(view, one)


def _batches(one: Row) -> None:
    with elements.row():
        for batch in one["batches"]:
            parts.batch_link(batch)


def _evidence(one: Row) -> None:
    if one["source"]:
        words = _("It is an alarm of source {source}: acknowledge it there.").format(**one)
        elements.paragraph(words, is_note=True)
        return
    elements.link(_("How do you know? The finding with its evidence"),
                  parts.finding_address(str(one["occurrence"])))  # fmt: skip


def _acts(view: View, one: Row) -> None:
    comment = (Entry("comment", _("Comment")),)
    reason = (Entry("reason", _("Reason")),)
    alarm, of = {"alarm": one["alarm"]}, {"alarm": one["occurrence"]}
    with elements.row():
        if not one["source"] and not one["acknowledged_at"]:
            act_form(view, "monitoring.alarm-acknowledge", _("Acknowledge"), of, comment)
        if one["state"] == "latched":
            act_form(view, "monitoring.alarm-reset", _("Reset"), of, comment)
        if one["shelved_until"]:
            act_form(view, "monitoring.alarm-unshelve", _("Show again"), alarm, reason)
        elif one["max_shelving_s"]:
            _shelve(view, one)
        if one["is_out"]:
            act_form(view, "monitoring.alarm-put-back", _("Put back into service"), alarm, reason)
        else:
            act_form(view, "monitoring.alarm-take-out", _("Take out of service"), alarm, reason)


def _shelve(view: View, one: Row) -> None:
    longest = one["max_shelving_s"] / 3600
    note = _("Shown again after {hours} h at the latest, as its row in the database says.").format(
        hours=parts.number(longest, 3)
    )
    now = int(view.asked.site.clock())
    choices = {
        to_iso(now + round(hours * 3.6e9)): _("{hours} h").format(hours=parts.number(hours, 3))
        for hours in (0.25, 0.5, 1, 2, 4, 8)
        if hours <= longest
    } or {to_iso(now + round(longest * 3.6e9)): _("{hours} h").format(hours=parts.number(longest))}
    entries = (
        Entry("until", _("For"), next(iter(choices)), choices=choices, note=note),
        Entry("reason", _("Reason")),
    )
    act_form(view, "monitoring.alarm-shelve", _("Shelve"), {"alarm": one["alarm"]}, entries)


# ---- figures --------------------------------------------------------------------------------


def _figures(data: Alarms) -> None:
    by_position: dict[str, list[Row]] = {}
    for row in data.figures:
        by_position.setdefault(str(row["position"]), []).append(row)
    if not by_position:
        elements.empty(_("No alarm was shown in this time."))
    for name, rows in by_position.items():
        with elements.section(
            name, note=_("Recommended are the values of ANSI/ISA-18.2-2016, table 7.")
        ):
            columns = [
                Column("figure", _("Figure")),
                Column("value", _("Value"), lambda v, _r: _plain(v), is_number=True),
                Column("recommended", _("Recommended")),
                Column("is_met", _("Met"), _met),
                Column("which", _("Which alarms")),
            ]
            elements.table(_("Alarms of {position}").format(position=name), columns, rows)


def _plain(value: Any) -> None:
    elements.text("span", parts.number(value))


def _met(is_met: Any, _row: Row) -> None:
    if is_met is None:
        elements.text("span", "–")
    else:
        elements.state(_("yes") if is_met else _("no"), "good" if is_met else "warn")


# ---- master database ------------------------------------------------------------------------


def _master(view: View, told: Row) -> None:
    title = _("In force: version {version}").format(**told) if told["version"] else _("In force")
    with elements.section(title, note=str(told["title"])):
        columns = [
            Column("id", _("Alarm")), Column("title", _("Title")),
            Column("priority", _("Priority")), Column("position", _("Position")),
            Column("cause", _("Cause")),
            Column("consequence", _("Consequence")), Column("response", _("Response")),
            Column("respond_within_s", _("Respond within, s"), is_number=True),
            Column("is_out", _("State"), lambda _v, row: _service(view, row)),
        ]  # fmt: skip
        nothing = _("No database is in force: put one forward below.")
        elements.table(_("Rationalised alarms"), columns, told["alarms"], nothing=nothing)
        _out_of_service(view, told["alarms"])
    _versions(view, told["versions"])
    with elements.section(_("Rationalise")):
        newest = told["versions"][0]["text"] if told["versions"] else ""
        entries = (
            Entry("text", _("The whole database (TOML)"), newest, rows=16),
            Entry("reason", _("Reason")),
        )
        elements.paragraph(
            _("It is without effect before another person has approved it by a signature.")
        )
        act_form(view, "monitoring.alarm-rationalise", _("Put forward"), {}, entries)


def _service(view: View, row: Row) -> None:
    if row["is_out"]:
        elements.state(_("out of service"), "warn")
    elif row["shelved_until"]:
        elements.state(_("shelved"), "warn")
        elements.moment(row["shelved_until"], view.zone)
    else:
        elements.state(_("in service"), "good")


def _out_of_service(view: View, rows: Sequence[Row]) -> None:
    reason = (Entry("reason", _("Reason")),)
    for row in rows:
        if row["is_out"]:
            words = _("Put {alarm} back into service").format(alarm=row["id"])
            act_form(view, "monitoring.alarm-put-back", words, {"alarm": row["id"]}, reason)
        elif row["shelved_until"]:
            words = _("Show {alarm} again").format(alarm=row["id"])
            act_form(view, "monitoring.alarm-unshelve", words, {"alarm": row["id"]}, reason)


def _versions(view: View, versions: Sequence[Row]) -> None:
    with elements.section(_("Versions")):
        columns = [
            Column("version", _("Version")), Column("reason", _("Reason")),
            Column("at", _("Put forward"), parts.moment_cell(view)),
            Column("approved_at", _("Approved"), parts.moment_cell(view)),
            Column("record", _("Record"), parts.record_link),
            Column("fault", _("Fault")),
        ]  # fmt: skip
        elements.table(_("Versions of the database"), columns, versions)
        if versions and not versions[0]["approved_at"] and not versions[0]["fault"]:
            _approve(view, versions[0])


def _approve(view: View, newest: Row) -> None:
    async def sign() -> None:
        form = {
            "stream": "master/alarms", "meaning": "approved", "reason": "",
            "version": newest["stream_version"],
        }  # fmt: skip
        if await view.sign(form) is not None:
            await view.again()

    words = _("Approve version {version}").format(**newest)
    elements.button(words, sign, kind="main")


# ---- on the overview ------------------------------------------------------------------------


def _load_tile(asked: Asked) -> Row:
    found: Row = asked.api.get("/monitoring/alarms")
    return found


def _show_tile(view: View, told: Row) -> None:
    waiting = [one for one in told["alarms"] if one["state"] == "unacknowledged"]
    tone: Tone = "bad" if waiting else "warn" if told["alarms"] else "good"
    note = _("{n} wait, {new} of them unacknowledged").format(
        n=len(told["alarms"]), new=len(waiting)
    )
    if not told["is_rationalised"]:
        tone, note = "quiet", _("no alarm is rationalised")
    elements.figure(_("Alarms in the last hour"), str(told["in_last_hour"]), PATH, tone=tone,
                    note=note, unit="1/h")  # fmt: skip


ALARMS = Page(PATH, "Alarms", Group.PRODUCTION, _load, _show, icon="notifications", order=40,
              refresh_s=10)  # fmt: skip
TILE = Tile("Alarms", _load_tile, _show_tile, (Place.SITE, Place.ENTERPRISE), order=30)
