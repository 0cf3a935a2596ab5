"""The commands about models under control."""

from __future__ import annotations

from collections.abc import Mapping

from goldenbatch.apps.cli._lazy import Entry

_AT = "goldenbatch.apps.cli.models"
_PLANS = "goldenbatch.apps.cli.plans"
_SERVING = "goldenbatch.apps.cli.serving"
_SHADOWS = "goldenbatch.apps.cli.shadows"
_TESTS = "goldenbatch.apps.cli.test_data"


def models_tree(panel: str) -> Mapping[str, Entry]:
    """The commands, under a heading of the help."""
    return {
        "model": Entry(
            "Models under control: from the draft to the retirement.",
            children={
                "draft": Entry("Begin a version, or an update of one.", f"{_AT}:draft"),
                "intend": Entry("State what it is for, signed.", f"{_AT}:intend"),
                "criteria": Entry("Fix what its test must show, signed.", f"{_AT}:criteria"),
                "select": Entry("Select test data, locked at once.", f"{_TESTS}:select"),
                "seal": Entry("Seal selected test data, signed.", f"{_TESTS}:seal"),
                "sets": Entry("All test sets, and who opened them.", f"{_TESTS}:sets"),
                "bind": Entry("Choose the sealed test set.", f"{_AT}:bind"),
                "train": Entry("Fit and freeze its model, signed.", f"{_TESTS}:train"),
                "unseal-ask": Entry("Ask to open its test set, signed.", f"{_TESTS}:unseal_ask"),
                "unseal": Entry("Let a test set be opened, signed.", f"{_TESTS}:unseal"),
                "test": Entry("Test it on its opened test set, signed.", f"{_TESTS}:test"),
                "retire-set": Entry("Never open a test set again.", f"{_TESTS}:retire_set"),
                "shadow-start": Entry("Run it beside what serves.", f"{_SHADOWS}:shadow_start"),
                "shadow-end": Entry("End its shadow, on record.", f"{_SHADOWS}:shadow_end"),
                "gate": Entry("Ask whether an update is in its plan.", f"{_PLANS}:gate"),
                "validate": Entry("Find it fit for its use, signed.", f"{_AT}:validate"),
                "approve": Entry("Approve it for its use, signed.", f"{_AT}:approve"),
                "activate": Entry("Put an approved version to work.", f"{_AT}:activate"),
                "suspend": Entry("Take it from its work at once.", f"{_AT}:suspend"),
                "retire": Entry("Take a version out of use for ever.", f"{_AT}:retire"),
                "predict": Entry("Ask the model that serves.", f"{_SERVING}:predict"),
                "replay": Entry("Make logged predictions again.", f"{_SERVING}:replay"),
                "list": Entry("All versions with their stages.", f"{_AT}:list_"),
                "history": Entry("What happened to a model, verified.", f"{_AT}:history"),
                "card": Entry("The model card as page and PDF, with proof.", f"{_AT}:card"),
                "export": Entry("A trained version as a folder for MLflow.", f"{_AT}:export"),
            },
            panel=panel,
        ),
    }
