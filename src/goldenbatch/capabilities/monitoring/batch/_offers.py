"""What the room batch brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offer, Offers

_ROOM = "goldenbatch.capabilities.monitoring.batch"

OFFERS: Offers = {
    "widgets": (Offer("runs-batch", f"{_ROOM}._pages:BATCH", "A batch against golden ones"),),
    "routes": (
        Offer("batches", f"{_ROOM}.routes:routes", "Batches against golden ones, contributions"),
    ),
    "analysts": (
        Offer(
            "batches",
            f"{_ROOM}.results:batch_model",
            "T2 and SPE of each batch against the golden set of its product",
        ),
        Offer(
            "batch_runs",
            f"{_ROOM}.following:batch_runs",
            "Running batches against golden batches, phase by phase, with forecasts",
        ),
    ),
    "trials": (
        Offer("batch_runs", f"{_ROOM}.trial:BatchRunTrial", "Faults and false alarms of batches"),
    ),
    "fits": (
        Offer(
            "batches",
            "goldenbatch.capabilities.monitoring.fitting:fit",
            "A PCA a product, from its first batches",
        ),
        Offer(
            "batch_runs",
            "goldenbatch.capabilities.monitoring.fitting:fit",
            "A plan of the phases, from golden batches",
        ),
    ),
}
