"""What execution brings."""

from goldenbatch.core.capability import Capability, Offer

CAPABILITY = Capability(
    name="execution",
    title="Batch records",
    tier="bronze",
    analysts=(
        Offer(
            "context",
            "goldenbatch.capabilities.execution.context:context_analyst",
            "Boundaries that sources disagree on, and gaps in the data",
        ),
    ),
    commands=(
        Offer(
            "report",
            "goldenbatch.capabilities.execution.commands:report_command",
            "Write the dossier of a batch as HTML and PDF, with its proof",
        ),
    ),
)
