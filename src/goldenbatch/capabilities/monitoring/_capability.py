"""What monitoring brings: a room a subject, each with its own list of offers."""

from __future__ import annotations

from goldenbatch.capabilities.monitoring.alarms._offers import OFFERS as ALARMS
from goldenbatch.capabilities.monitoring.batch._offers import OFFERS as BATCH
from goldenbatch.capabilities.monitoring.charts._offers import OFFERS as CHARTS
from goldenbatch.capabilities.monitoring.lifecycle._offers import OFFERS as LIFECYCLE
from goldenbatch.capabilities.monitoring.pat._offers import OFFERS as PAT
from goldenbatch.capabilities.monitoring.process._offers import OFFERS as PROCESS
from goldenbatch.capabilities.monitoring.release._offers import OFFERS as RELEASE
from goldenbatch.capabilities.monitoring.yields._offers import OFFERS as YIELDS
from goldenbatch.core.capability import Capability, Offer

_WHOLE = {
    "documents": (
        Offer(
            "charts",
            "goldenbatch.capabilities.monitoring._documents:batch_charts",
            "Charts of a batch for its dossier",
        ),
    ),
}
_ROOMS = (CHARTS, PROCESS, BATCH, PAT, RELEASE, YIELDS, ALARMS, LIFECYCLE, _WHOLE)

CAPABILITY = Capability.of_rooms(
    _ROOMS, name="monitoring", title="Real-time quality monitoring", tier="bronze"
)
