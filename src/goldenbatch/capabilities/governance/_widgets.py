"""On a finding: the card of the model that said it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from goldenbatch.capabilities.governance._pages_models import stage_state, version_link
from goldenbatch.core.errors import DeniedError, NotFoundError
from goldenbatch.core.findings import newest_finding
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _

_ABOUT: Final = re.compile(r"^[0-9]+")

if TYPE_CHECKING:
    from goldenbatch.core.findings import Finding


@dataclass(frozen=True)
class SaidBy:
    """The card of the model behind a finding."""

    card: Mapping[str, Any]


def load_said_by(asked: Asked) -> SaidBy | None:
    """The card of the governed model that a finding names; None: no such model said it."""
    uid = asked.path["finding"]
    finding = newest_finding(asked.site.ledger.stream(f"finding/{uid}"))
    if finding is None:
        return None
    try:
        uses = asked.api.get("/governance/models")["uses"]
        use, version = said_by(finding, uses)
        return (
            SaidBy(asked.api.get(f"/governance/models/{quote(use, safe='')}/{version}"))
            if use
            else None
        )
    except (NotFoundError, DeniedError):
        return None


def said_by(finding: Finding, uses: Sequence[Mapping[str, Any]]) -> tuple[str, int]:
    """Use and version of the model behind a finding: by its artefact, else by what it is about.

    Args:
        finding: As it was stated last.
        uses: All uses with their versions.

    Returns:
        Empty and 0 where no model under control said it or is its subject.
    """
    for one in uses:
        for row in one["versions"]:
            if finding.model_digest and finding.model_digest == row["digest"]:
                return str(one["use"]), int(row["version"])
    about = next((one for one in uses if one["use"] == finding.subject.attribute), None)
    if about is None:
        return "", 0
    match = _ABOUT.match(finding.subject.key.removeprefix(f"{about['use']}@"))
    return str(about["use"]), int(match[0]) if match else 0


def show_said_by(view: View, data: SaidBy) -> None:
    """What the model is for, who stands for it, what it lacks."""
    card = data.card
    elements.facts([
        (_("Model"), lambda: version_link(card["use"], card["version"])),
        (_("Title"), card["title"]), (_("Owner"), card["owner"]),
        (_("Stage"), lambda: stage_state(card["stage"])),
        (_("Artefact"), lambda: elements.digest(card["digest"])),
    ])  # fmt: skip
    signed = [one for one in card["steps"] if one["signed"]]
    if signed:
        with elements.details(_("Who signed what")):
            for one in signed:
                elements.paragraph(f"{one['words']}: {one['signed']}")
    if card["gaps"]:
        with elements.details(_("What it lacks"), is_open=True):
            for gap in card["gaps"]:
                elements.paragraph(gap)
