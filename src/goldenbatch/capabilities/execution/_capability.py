"""What execution brings."""

from goldenbatch.core.capability import Capability, Offer

CAPABILITY = Capability(
    name="execution",
    title="Batch records",
    tier="bronze",
    commands=(
        Offer(
            "report",
            "goldenbatch.capabilities.execution.commands:report_command",
            "Write the dossier of a batch as HTML and PDF, with its proof",
        ),
    ),
)
