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
)
