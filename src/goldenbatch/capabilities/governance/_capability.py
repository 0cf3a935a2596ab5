"""What governance brings."""

from goldenbatch.core.capability import Capability, Offer

_ROOM = "goldenbatch.capabilities.governance"

CAPABILITY = Capability(
    name="governance",
    title="Models and change plans under control",
    tier="bronze",
    acts=(
        Offer("draft", f"{_ROOM}.life:draft", "Begin a version of a model, or an update of one"),
        Offer("intend", f"{_ROOM}.life:intend", "State what a version is for, signed as reviewed"),
        Offer("criteria", f"{_ROOM}.life:criteria", "Fix what its test must show, signed"),
        Offer("bind", f"{_ROOM}.life:bind", "Choose the sealed set that it is tested on"),
        Offer("validate", f"{_ROOM}.life:validate", "Find it fit for its use, signed as verified"),
        Offer("approve", f"{_ROOM}.life:approve", "Approve it for its use, signed"),
        Offer("activate", f"{_ROOM}.line:activate", "Put an approved version to work"),
        Offer("suspend", f"{_ROOM}.line:suspend", "Take it from its work, for its fallback"),
        Offer("retire", f"{_ROOM}.line:retire", "Take a version out of use for ever"),
    ),
)
