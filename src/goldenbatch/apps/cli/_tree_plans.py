"""The commands about change plans."""

from __future__ import annotations

from collections.abc import Mapping

from goldenbatch.apps.cli._lazy import Entry

_AT = "goldenbatch.apps.cli.plans"


def plans_tree(panel: str) -> Mapping[str, Entry]:
    """The commands, under a heading of the help."""
    return {
        "plan": Entry(
            "Change plans: which updates of a model are permitted beforehand.",
            children={
                "reference": Entry("Digest of a reference set, for a plan.", f"{_AT}:reference"),
                "check": Entry("Check the file of a plan.", f"{_AT}:check"),
                "propose": Entry("Propose a plan; another one approves it.", f"{_AT}:propose"),
                "approve": Entry("Approve what another one proposed, signed.", f"{_AT}:approve"),
                "withdraw": Entry("Let a plan permit nothing any more.", f"{_AT}:withdraw"),
                "list": Entry("All plans with their states.", f"{_AT}:list_"),
                "show": Entry("A plan: who signed it, what it permits.", f"{_AT}:show"),
            },
            panel=panel,
        ),
    }
