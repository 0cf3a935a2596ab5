"""What governance brings."""

from goldenbatch.core.capability import Capability, Offer

_ROOM = "goldenbatch.capabilities.governance"

CAPABILITY = Capability(
    name="governance",
    title="Models and change plans under control",
    tier="bronze",
    analysts=(
        Offer(
            "changes",
            f"{_ROOM}.changes:changes_analyst",
            "Updates that the gate did not let pass: change control or a deviation is asked for",
        ),
    ),
    acts=(
        Offer("draft", f"{_ROOM}.life:draft", "Begin a version of a model, or an update of one"),
        Offer("intend", f"{_ROOM}.life:intend", "State what a version is for, signed as reviewed"),
        Offer("criteria", f"{_ROOM}.life:criteria", "Fix what its test must show, signed"),
        Offer("bind", f"{_ROOM}.life:bind", "Choose the sealed set that it is tested on"),
        Offer("judge", f"{_ROOM}.judging:judge", "Ask the gate whether an update is in its plan"),
        Offer("plan-propose", f"{_ROOM}.plans:propose", "Propose a change plan"),
        Offer("plan-withdraw", f"{_ROOM}.plans:withdraw", "Withdraw a change plan"),
        Offer("validate", f"{_ROOM}.life:validate", "Find it fit for its use, signed as verified"),
        Offer("approve", f"{_ROOM}.life:approve", "Approve it for its use, signed"),
        Offer("activate", f"{_ROOM}.line:activate", "Put an approved version to work"),
        Offer("suspend", f"{_ROOM}.line:suspend", "Take it from its work, for its fallback"),
        Offer("retire", f"{_ROOM}.line:retire", "Take a version out of use for ever"),
    ),
)
