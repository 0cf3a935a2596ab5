"""All models: what serves since when, where each version stands, what its watch found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column, Tone
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _, ngettext

STAGE_TONES: Final[Mapping[str, Tone]] = {
    "active": "good", "approved": "good", "suspended": "bad", "test failed": "bad",
    "retired": "quiet",
}  # fmt: skip


@dataclass(frozen=True)
class Models:
    """What the page shows: each use with what serves and its versions."""

    uses: Sequence[Mapping[str, Any]]


def load_models(asked: Asked) -> Models:
    """All uses that the person may see."""
    return Models(asked.api.get("/governance/models")["uses"])


def stage_state(stage: str) -> None:
    """A stage of a version, in words with their colour."""
    elements.state(stage, STAGE_TONES.get(stage, "quiet"))


def serving_words(one: Mapping[str, Any]) -> tuple[str, Tone]:
    """What serves a use, in words."""
    if one["active"]:
        words = _("version {n} serves").format(n=one["active"])
        if one["is_fallback"]:
            return _("{words}, as the fallback").format(words=words), "warn"
        return words, "good"
    if one.get("is_suspended"):
        return _("suspended: the contingency holds"), "bad"
    return _("nothing serves yet"), "quiet"


def show_models(view: View, data: Models) -> None:
    """The page."""
    if not data.uses:
        elements.empty(
            _("There are no models under control here."),
            _("Begin one: goldenbatch model draft, or see the guide on the life of a model."),
        )
        return
    for one in data.uses:
        _use(view, one)


def _use(view: View, one: Mapping[str, Any]) -> None:
    newest = one["versions"][-1]
    with elements.section(newest["title"], note=one["use"]):
        words, tone = serving_words(one)
        with elements.row():
            elements.state(words, tone)
            if one["since"] is not None:
                elements.text("span", _("since"), "gb-note")
                elements.moment(one["since"], view.zone)
            if one["reason"]:
                elements.text("span", one["reason"], "gb-note")
        _watch(one)

        def version(value: Any, row: Mapping[str, Any]) -> None:
            to = address("/governance/models/{use}/{version}", use=row["use"], version=value)
            elements.link(_("version {n}").format(n=value), to)

        def stage(value: Any, _row: Mapping[str, Any]) -> None:
            stage_state(str(value))

        def begun(value: Any, _row: Mapping[str, Any]) -> None:
            elements.moment(value, view.zone)

        elements.table(
            _("Versions of {use}").format(use=one["use"]),
            [Column("version", _("Version"), version), Column("stage", _("Stage"), stage),
             Column("criticality", _("Criticality")), Column("follows", _("Follows")),
             Column("plan", _("Change plan")), Column("drafted_by", _("Begun by")),
             Column("drafted_at", _("Begun at"), begun)],
            list(reversed(one["versions"])), is_titled=False,
        )  # fmt: skip


def _watch(one: Mapping[str, Any]) -> None:
    findings = one["findings"]
    if not findings:
        elements.paragraph(_("No finding on it is open: neither drift nor a gate that refused."))
        return
    for each in findings:
        with elements.row():
            elements.state(each["severity"], "warn")
            elements.link(each["title"], address("/findings/{uid}", uid=each["uid"]))


# ---- the tile -----------------------------------------------------------------------------------


def load_tile(asked: Asked) -> Models:
    """The same, for the figures of the site."""
    return load_models(asked)


def show_tile(view: View, data: Models) -> None:
    """How many serve, and what is wrong with any of them."""
    n_serving = sum(bool(one["active"]) for one in data.uses)
    n_suspended = sum(bool(one.get("is_suspended") or one["is_fallback"]) for one in data.uses)
    n_findings = sum(len(one["findings"]) for one in data.uses)
    parts = []
    if n_suspended:
        parts.append(ngettext("{n} suspended", "{n} suspended", n_suspended).format(n=n_suspended))
    told = ngettext("{n} open finding", "{n} open findings", n_findings)
    parts.append(told.format(n=n_findings))
    tone: Tone = "bad" if n_suspended else "warn" if n_findings else "good" if n_serving else ""
    elements.figure(
        _("Models that serve"), str(n_serving), "/governance/models", tone=tone,
        note=", ".join(parts),
    )  # fmt: skip


def version_link(use: str, version: int) -> None:
    """A link to the card of a version."""
    to = address("/governance/models/{use}/{version}", use=use, version=version)
    elements.link(f"{use}@{version}", to)


def version_cell(use: str, version: int) -> partial[None]:
    """The same, to be shown later."""
    return partial(version_link, use, version)
