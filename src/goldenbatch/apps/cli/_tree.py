"""The tree of commands: names, one-line helps, and where their functions are."""

from __future__ import annotations

from collections.abc import Mapping

from goldenbatch.apps.cli._lazy import Entry
from goldenbatch.apps.cli._tree_models import models_tree
from goldenbatch.apps.cli._tree_plans import plans_tree
from goldenbatch.apps.cli._tree_releases import releases_tree
from goldenbatch.apps.cli._tree_retention import retention_tree
from goldenbatch.apps.cli._tree_rights import rights_tree

_CLI = "goldenbatch.apps.cli"
_SET_UP, _WORK, _PROOF, _SERVICE = "Set up", "Work", "Proof", "Service"


def _batch_commands() -> Mapping[str, Entry]:
    return {
        "list": Entry("Batches with their state and open findings.", f"{_CLI}.batches:list_"),
        "show": Entry("A batch: phases, lots, results, findings.", f"{_CLI}.batches:show"),
        "complete": Entry(
            "Is its data complete, and if not, why.", f"{_CLI}.completeness:complete"
        ),
        "context": Entry("What each source says of it.", f"{_CLI}.completeness:context"),
        "say": Entry("Enter by hand what began or ended.", f"{_CLI}.completeness:say"),
        "report": Entry(
            "Write the dossier of a batch (HTML and PDF) with its proof.",
            f"{_CLI}.batches:report",
        ),
    }


_TREE: dict[str, Entry] = {
    "init": Entry("Make a home, empty or from an example.", f"{_CLI}.setup:init", panel=_SET_UP),
    "demo": Entry("A living plant with its site and pages.", f"{_CLI}.demo:demo", panel=_SET_UP),
    "plant": Entry(
        "The plant's master data: show, preview, adopt.",
        children={
            "show": Entry("The plant in its effective version.", f"{_CLI}.plant:show"),
            "preview": Entry(
                "What adopting the files of the home would change.", f"{_CLI}.plant:preview"
            ),
            "adopt": Entry("Put the files of the home into force.", f"{_CLI}.plant:adopt"),
        },
        panel=_SET_UP,
    ),
    "user": Entry(
        "People who sign, and their roles.",
        children={
            "add": Entry("Give a person an account with a password.", f"{_CLI}.people:add"),
            "grant": Entry("Give a person a role.", f"{_CLI}.people:grant"),
            "revoke": Entry("Take a role from a person.", f"{_CLI}.people:revoke"),
            "disable": Entry("Close an account.", f"{_CLI}.people:disable"),
            "enable": Entry("Open a closed account again.", f"{_CLI}.people:enable"),
            "unlock": Entry("Open a locked account.", f"{_CLI}.people:unlock"),
            "password": Entry("Choose another password.", f"{_CLI}.people:password"),
            "list": Entry("People and their roles.", f"{_CLI}.people:list_"),
        },
        panel=_SET_UP,
    ),
    "credential": Entry(
        "What people prove with who they are.",
        children={
            "offer": Entry("Make a one-time enrolment token.", f"{_CLI}.credentials:offer"),
            "add": Entry("Enrol a credential with a token.", f"{_CLI}.credentials:add"),
            "list": Entry("Credentials of a person.", f"{_CLI}.credentials:list_"),
            "confirm": Entry("Confirm whose it is.", f"{_CLI}.credentials:confirm"),
            "revoke": Entry("Take one out of use.", f"{_CLI}.credentials:revoke"),
            "replace": Entry("Replace a lost one, by two people.", f"{_CLI}.credentials:replace"),
        },
        panel=_SET_UP,
    ),
    **rights_tree(_SET_UP),
    "promote": Entry(
        "Carry a configuration to the next kind of home: pack, diff, apply.",
        children={
            "pack": Entry("Pack the configuration in force, signed.", f"{_CLI}.promote:pack"),
            "diff": Entry("What a package would change here.", f"{_CLI}.promote:diff"),
            "apply": Entry("Put a package into force, by a signature.", f"{_CLI}.promote:apply"),
            "status": Entry("What is in force, and is it as promoted.", f"{_CLI}.promote:status"),
        },
        panel=_SET_UP,
    ),
    "adopt": Entry("Put an analyst to work.", f"{_CLI}.analysts:adopt", panel=_SET_UP),
    "retire": Entry("Take an analyst from its work.", f"{_CLI}.analysts:retire", panel=_SET_UP),
    "fit": Entry("Fit and freeze the models of an analyst.", f"{_CLI}.analysts:fit", panel=_SET_UP),
    "import": Entry("Import files by a source card.", f"{_CLI}.intake:import_", panel=_WORK),
    "imports": Entry("Files that were imported.", f"{_CLI}.intake:imports", panel=_WORK),
    "quarantine": Entry(
        "Rows that were refused, and why.", f"{_CLI}.intake:quarantine", panel=_WORK
    ),
    "conflicts": Entry("Rows that contradict the record.", f"{_CLI}.intake:conflicts", panel=_WORK),
    "source": Entry(
        "Running sources: list, check, browse, run, gaps, alarms.",
        children={
            "list": Entry("Sources with their state and health.", f"{_CLI}.sources:list_"),
            "check": Entry("Check a card without connecting.", f"{_CLI}.sources:check"),
            "browse": Entry("Ask a source what it offers.", f"{_CLI}.sources:browse"),
            "run": Entry("Read one source in the foreground.", f"{_CLI}.sources:run_"),
            "gaps": Entry("What is missing, and why.", f"{_CLI}.sources:gaps"),
            "alarms": Entry("Alarms that sources have raised.", f"{_CLI}.alarms:alarms"),
            "acknowledge": Entry("Acknowledge an alarm.", f"{_CLI}.alarms:acknowledge"),
        },
        panel=_WORK,
    ),
    "run": Entry("Wake the analysts, or replay history.", f"{_CLI}.analysts:run_", panel=_WORK),
    "findings": Entry("Findings, newest first.", f"{_CLI}.findings:findings", panel=_WORK),
    "show": Entry("A finding with its evidence.", f"{_CLI}.findings:show", panel=_WORK),
    "decide": Entry("Decide on a finding, signed.", f"{_CLI}.findings:decide", panel=_WORK),
    "act": Entry("Carry out an act of a capability.", f"{_CLI}.acting:act", panel=_WORK),
    "sign": Entry("Sign a version of a record.", f"{_CLI}.findings:sign", panel=_WORK),
    "batch": Entry("Batches: list, show, report.", children=_batch_commands, panel=_WORK),
    "sample": Entry(
        "Samples of the plans: what is due, orders to a laboratory.",
        children={
            "due": Entry("What is asked for, taken and tested.", f"{_CLI}.samples:due"),
            "order": Entry("Order what is due, into a file.", f"{_CLI}.samples:order"),
        },
        panel=_WORK,
    ),
    **models_tree(_WORK),
    **plans_tree(_WORK),
    **releases_tree(_WORK),
    "evaluate": Entry(
        "Measure a method on a labelled data set.", f"{_CLI}.trials:evaluate", panel=_WORK
    ),
    "trail": Entry(
        "The audit trail: show, open, review, print.",
        children={
            "show": Entry("Who did what, when and why.", f"{_CLI}.trail:show"),
            "open": Entry("Show entries to a person, for a review.", f"{_CLI}.trail:open_"),
            "review": Entry("Review entries that were shown, signed.", f"{_CLI}.trail:review"),
            "print": Entry("Write entries as PDF, HTML, JSON, CSV.", f"{_CLI}.trail:print_"),
        },
        panel=_PROOF,
    ),
    "archive": Entry(
        "Write a batch's whole record, readable for decades.",
        f"{_CLI}.backup:archive",
        panel=_PROOF,
    ),
    "backup": Entry("Write a backup while the home works.", f"{_CLI}.backup:backup", panel=_PROOF),
    "restore": Entry(
        "Restore a backup and verify it, or drill that.", f"{_CLI}.backup:restore", panel=_PROOF
    ),
    **retention_tree(_PROOF),
    "verify": Entry("Check everything that is stored.", f"{_CLI}.proof:verify", panel=_PROOF),
    "checkpoint": Entry("Sign the head of the ledger.", f"{_CLI}.proof:checkpoint", panel=_PROOF),
    "ledger": Entry(
        "The ledger's tables: install, move, rebuild, check.",
        children={
            "install": Entry("Make a ledger in a PostgreSQL database.", f"{_CLI}.ledger:install"),
            "move": Entry("Move it to another database, or back.", f"{_CLI}.ledger:move"),
            "rebuild": Entry("Fold projections anew.", f"{_CLI}.ledger:rebuild"),
            "check": Entry("Compare projections with the events.", f"{_CLI}.ledger:check"),
        },
        panel=_PROOF,
    ),
    "registry": Entry(
        "Models and files that came in: move, check.",
        children={
            "move": Entry("Move them to a bucket, or back.", f"{_CLI}.registry:move"),
            "check": Entry("Compare each with its digest.", f"{_CLI}.registry:check"),
        },
        panel=_PROOF,
    ),
    "export": Entry(
        "Write records for an outsider, with their proof.",
        f"{_CLI}.export:export",
        panel=_PROOF,
    ),
    "witness": Entry(
        "A second party that signs the head of the ledger.",
        children={
            "init": Entry("Make a witness with a key of its own.", f"{_CLI}.witness:init"),
            "request": Entry("Ask a witness for its signature.", f"{_CLI}.witness:request"),
            "cosign": Entry("Sign as a witness, or refuse.", f"{_CLI}.witness:cosign"),
            "keep": Entry("Keep what a witness signed.", f"{_CLI}.witness:keep"),
        },
        panel=_PROOF,
    ),
    "inspect": Entry(
        "An inspector's access, and the copy to take away.",
        children={
            "open": Entry("Open the home, read-only, until a time.", f"{_CLI}.inspect:open_"),
            "close": Entry("End an access at once.", f"{_CLI}.inspect:close"),
            "copy": Entry("Make the copy to take away, and record it.", f"{_CLI}.inspect:copy"),
            "list": Entry("Copies that were taken.", f"{_CLI}.inspect:list_"),
        },
        panel=_PROOF,
    ),
    "validate": Entry(
        "Qualify the installation, traced to requirements.",
        f"{_CLI}.validate:validate",
        panel=_PROOF,
    ),
    "flush": Entry(
        "Hand the frame log over to the Delta table.", f"{_CLI}.proof:flush", panel=_PROOF
    ),
    "historian": Entry(
        "Upkeep of the readings: compact, repair.",
        children={
            "compact": Entry(
                "Give each closed day one file, laid out for reading tags.",
                f"{_CLI}.historian:compact",
            ),
            "repair": Entry(
                "Replace damaged files of readings by those of a restored backup.",
                f"{_CLI}.historian:repair",
            ),
        },
        panel=_PROOF,
    ),
    "serve": Entry("Start the node of the home.", f"{_CLI}.serve:serve", panel=_SERVICE),
    "status": Entry("The home and what is in it.", f"{_CLI}.info:status", panel=_SERVICE),
    "capabilities": Entry(
        "What is installed, and what is broken.", f"{_CLI}.info:capabilities", panel=_SERVICE
    ),
}


_PROVED: dict[str, dict[str, Entry]] = {
    "twin": {"keep": Entry("Keep a result, its files and why.", f"{_CLI}.twins:keep")},
}
"""Commands that stand beside a capability's own, as they ask a person for a proof."""


def tree() -> Mapping[str, Entry]:
    """All commands: the platform's own, and those of the installed capabilities."""
    from goldenbatch.runtime.discovery import discover

    found = dict(_TREE)
    for name, capability in sorted(discover().capabilities.items()):
        if not capability.commands or name in found:
            continue
        children = {one.name: Entry(one.help, one.load) for one in capability.commands}
        children |= _PROVED.get(name, {})
        found[name] = Entry(
            f"{capability.title}: {', '.join(children)}.", children=children, panel="Capabilities"
        )
    return found
