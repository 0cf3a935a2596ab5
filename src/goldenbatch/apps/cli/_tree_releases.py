"""The commands about real-time release testing."""

from __future__ import annotations

from collections.abc import Mapping

from goldenbatch.apps.cli._lazy import Entry

_AT = "goldenbatch.apps.cli.releases"


def releases_tree(panel: str) -> Mapping[str, Entry]:
    """The commands, under a heading of the help."""
    return {
        "release": Entry(
            "Real-time release testing: registered, asked, settled, signed.",
            children={
                "register": Entry("Enter what is registered; another approves.", f"{_AT}:register"),
                "confirm": Entry("Approve a registration, signed.", f"{_AT}:confirm"),
                "withdraw": Entry("Let a registration permit nothing more.", f"{_AT}:withdraw"),
                "registrations": Entry("All registrations.", f"{_AT}:registrations"),
                "test": Entry("Ask for the release test of a batch.", f"{_AT}:test"),
                "show": Entry("How a batch stands, each attribute.", f"{_AT}:show"),
                "link": Entry("Link a result of the contingency test.", f"{_AT}:link"),
                "conclude": Entry("End an investigation, signed by quality.", f"{_AT}:conclude"),
                "evidence": Entry("Keep the page of evidence of a batch.", f"{_AT}:evidence"),
                "review": Entry("Review the kept page, signed.", f"{_AT}:review"),
                "approve": Entry("Approve the kept page, signed.", f"{_AT}:approve"),
                "page": Entry("Write the kept page and its signatures.", f"{_AT}:page"),
            },
            panel=panel,
        ),
    }
