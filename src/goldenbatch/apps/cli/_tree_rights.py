"""The commands about rights: procedures, training, delegation, access."""

from __future__ import annotations

from collections.abc import Mapping

from goldenbatch.apps.cli._lazy import Entry

_AT = "goldenbatch.apps.cli.rights"
_ALERTS = "goldenbatch.apps.cli.alerts"
_SETTINGS = "goldenbatch.apps.cli.settings"
_POLICY = "goldenbatch.apps.cli.policy"


def rights_tree(panel: str) -> Mapping[str, Entry]:
    """The commands, under a heading of the help."""
    return {**_rules(panel), **_people(panel), **_access(panel)}


def _rules(panel: str) -> Mapping[str, Entry]:
    return {
        "policy": Entry(
            "Who may do what: proposed by one, adopted by another, signed.",
            children={
                "show": Entry("The policy in force, and who signed it.", f"{_POLICY}:show"),
                "diff": Entry("What a policy file would change.", f"{_POLICY}:diff"),
                "propose": Entry("Propose a policy file.", f"{_POLICY}:propose"),
                "proposals": Entry("Proposed policies.", f"{_POLICY}:proposals"),
                "adopt": Entry("Adopt what another one proposed, signed.", f"{_POLICY}:adopt"),
            },
            panel=panel,
        ),
        "alerts": Entry(
            "Alerts about accounts, for those in charge.",
            children={
                "list": Entry("Alerts, newest first.", f"{_ALERTS}:list_"),
                "acknowledge": Entry("Say what came of an alert.", f"{_ALERTS}:acknowledge"),
            },
            panel=panel,
        ),
        "settings": Entry(
            "The signing settings: recorded, in production signed.",
            children={
                "show": Entry("Those in force, and what is pending.", f"{_SETTINGS}:show"),
                "adopt": Entry("Put those of home.toml into force, signed.", f"{_SETTINGS}:adopt"),
            },
            panel=panel,
        ),
    }


def _people(panel: str) -> Mapping[str, Entry]:
    return {
        "procedure": Entry(
            "Written procedures and their versions.",
            children={
                "issue": Entry("Issue a version of a procedure.", f"{_AT}:issue"),
                "approve": Entry("Approve the newest version, signed.", f"{_AT}:approve"),
                "withdraw": Entry("Take a version out of force.", f"{_AT}:withdraw"),
                "list": Entry("Procedures and their versions.", f"{_AT}:procedures"),
            },
            panel=panel,
        ),
        "training": Entry(
            "Who is trained on which version.",
            children={
                "assign": Entry("Ask a person to be trained.", f"{_AT}:assign"),
                "complete": Entry("Say that a person was trained.", f"{_AT}:complete"),
                "withdraw": Entry("Have a training count no more.", f"{_AT}:untrain"),
                "list": Entry("Trainings.", f"{_AT}:trainings"),
                "gaps": Entry("Who lacks which training.", f"{_AT}:gaps"),
            },
            panel=panel,
        ),
        "delegation": Entry(
            "Acting in another's place for a time.",
            children={
                "propose": Entry("Propose a delegation.", f"{_AT}:delegate"),
                "approve": Entry("Approve what another one proposed.", f"{_AT}:allow"),
                "revoke": Entry("End a delegation at once.", f"{_AT}:undelegate"),
                "list": Entry("Delegations.", f"{_AT}:delegations"),
            },
            panel=panel,
        ),
    }


def _access(panel: str) -> Mapping[str, Entry]:
    return {
        "access": Entry(
            "Who may do what: identity, windows, roles by two, review.",
            children={
                "report": Entry("Who has what, and what is overdue.", f"{_AT}:report"),
                "review": Entry("Record a review of rights.", f"{_AT}:review"),
                "identify": Entry("Say that one knows who somebody is.", f"{_AT}:identify"),
                "accept": Entry("Accept accountability for one's signature.", f"{_AT}:accept"),
                "window": Entry("Let a role count within a window only.", f"{_AT}:window"),
                "propose": Entry("Propose a role for another person.", f"{_AT}:propose"),
                "confirm": Entry("Give a role that another one proposed.", f"{_AT}:confirm"),
                "refuse": Entry("Not give a role that was proposed.", f"{_AT}:refuse"),
                "may": Entry("Whether somebody may do something, and why.", f"{_AT}:may"),
                "list": Entry("Records to which somebody may do it.", f"{_AT}:list_for"),
            },
            panel=panel,
        ),
    }
