"""The commands about retention: schedules, holds, deletions, erasure."""

from __future__ import annotations

from collections.abc import Mapping

from goldenbatch.apps.cli._lazy import Entry

_AT = "goldenbatch.apps.cli.retention"
_TIER = "goldenbatch.apps.cli.tiering"


def retention_tree(panel: str) -> Mapping[str, Entry]:
    """The commands, under a heading of the help."""
    return {
        "retention": Entry(
            "How long what is kept: schedules, what is due, why not.",
            children={
                "show": Entry("The schedule in force, and its rules.", f"{_AT}:show"),
                "adopt": Entry("Put a schedule forward.", f"{_AT}:adopt"),
                "approve": Entry("Approve the newest one, signed.", f"{_AT}:approve_schedule"),
                "due": Entry("What may be deleted.", f"{_AT}:due"),
                "explain": Entry("Whether something may go, and why.", f"{_AT}:explain"),
            },
            panel=panel,
        ),
        "tiering": Entry(
            "Which readings lie where: policy, plan, move.",
            children={
                "show": Entry("The policy in force, and what the tiers hold.", f"{_TIER}:show"),
                "adopt": Entry("Put a policy forward.", f"{_TIER}:adopt"),
                "approve": Entry("Approve the newest one, signed.", f"{_TIER}:approve"),
                "plan": Entry("What goes where, and why not.", f"{_TIER}:plan"),
                "run": Entry("Move what goes now to its tier.", f"{_TIER}:run_"),
            },
            panel=panel,
        ),
        "hold": Entry(
            "Legal holds: what must not be deleted.",
            children={
                "place": Entry("Forbid the deletion of something.", f"{_AT}:place"),
                "lift": Entry("End a hold, signed by another person.", f"{_AT}:lift"),
                "list": Entry("Holds, those that were lifted too.", f"{_AT}:holds"),
            },
            panel=panel,
        ),
        "deletion": Entry(
            "Deletion by two people: propose, approve.",
            children={
                "propose": Entry("Propose to delete what is due.", f"{_AT}:propose"),
                "approve": Entry("Approve a deletion and carry it out.", f"{_AT}:approve"),
                "refuse": Entry("Refuse a deletion, or take it back.", f"{_AT}:refuse"),
                "finish": Entry("Finish one that was cut short.", f"{_AT}:finish"),
                "list": Entry("Deletions as they stand.", f"{_AT}:deletions"),
                "show": Entry("A deletion with its things.", f"{_AT}:describe"),
            },
            panel=panel,
        ),
        "erase": Entry(
            "Erasure of a person's data, as far as it may go.",
            children={
                "propose": Entry("Propose an erasure.", f"{_AT}:propose_erasure"),
                "approve": Entry("Approve an erasure and carry it out.", f"{_AT}:approve"),
            },
            panel=panel,
        ),
    }
