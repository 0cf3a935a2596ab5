"""What execution brings."""

from goldenbatch.core.capability import Capability, Offer

_LOGBOOK = "goldenbatch.capabilities.execution.logbook"

CAPABILITY = Capability(
    name="execution",
    title="Batch records",
    tier="bronze",
    analysts=(
        Offer(
            "context",
            "goldenbatch.capabilities.execution.context:context_analyst",
            "Boundaries that sources disagree on, tags that flap, and gaps in the data",
        ),
        Offer(
            "samples",
            "goldenbatch.capabilities.execution.samples:samples_analyst",
            "Samples and results that are missing or late against the plan",
        ),
    ),
    commands=(
        Offer(
            "report",
            "goldenbatch.capabilities.execution.commands:report_command",
            "Write the dossier of a batch as HTML and PDF, with its proof",
        ),
    ),
    routes=(
        Offer("logbook", f"{_LOGBOOK}.routes:router", "Shift logbooks: what stands, what is open"),
    ),
    widgets=(
        Offer(
            "dossier",
            "goldenbatch.capabilities.execution._pages:DOSSIER",
            "The dossier of a batch, made and fetched",
        ),
    ),
    record_types=(
        Offer("logbook", "goldenbatch.core.logbook:LogEntered", "Somebody wrote something down"),
    ),
    acts=(
        Offer("logbook-start", f"{_LOGBOOK}.acts:start", "Start a shift of an area"),
        Offer("logbook-write", f"{_LOGBOOK}.acts:write", "Write an entry into the running shift"),
        Offer(
            "logbook-correct", f"{_LOGBOOK}.acts:correct", "Correct an entry; the old text stays"
        ),
        Offer("logbook-settle", f"{_LOGBOOK}.acts:settle", "Say that an open entry was seen to"),
        Offer("logbook-prepare", f"{_LOGBOOK}.acts:prepare", "Freeze what is open for a handover"),
        Offer("logbook-sign-out", f"{_LOGBOOK}.acts:sign_out", "Hand a shift over, signed"),
        Offer("logbook-sign-in", f"{_LOGBOOK}.acts:sign_in", "Take a shift over, signed"),
    ),
)
