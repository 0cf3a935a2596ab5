"""What monitoring brings."""

from goldenbatch.core.capability import Capability, Offer

_ROOM = "goldenbatch.capabilities.monitoring"

CAPABILITY = Capability(
    name="monitoring",
    title="Real-time quality monitoring",
    tier="bronze",
    analysts=(
        Offer(
            "charts",
            f"{_ROOM}.charts:control_charts",
            "Individuals, EWMA and CUSUM charts of attributes, a chart a product",
        ),
        Offer(
            "batches",
            f"{_ROOM}.multivariate:batch_model",
            "T2 and SPE of each batch against the golden set of its product",
        ),
        Offer(
            "soft_sensor",
            f"{_ROOM}.soft_sensor:soft_sensor",
            "An attribute from spectra, with interval and domain check",
        ),
    ),
    trials=(
        Offer("charts", f"{_ROOM}.trials:ControlChartTrial", "False alarms of charts, later rows"),
        Offer("soft_sensor", f"{_ROOM}.trials:SoftSensorTrial", "Errors of a spectral sensor"),
    ),
    fits=(
        Offer("batches", f"{_ROOM}.fitting:fit", "A PCA a product, from its first batches"),
        Offer("soft_sensor", f"{_ROOM}.fitting:fit", "A PLS from spectra with results"),
    ),
    trainers=(
        Offer("soft_sensor", f"{_ROOM}.training:train_soft_sensor", "A PLS to given spectra"),
    ),
    commands=(
        Offer("limits", f"{_ROOM}.commands:limits_command", "Limits with their false-alarm rates"),
    ),
    documents=(
        Offer("charts", f"{_ROOM}._documents:batch_charts", "Charts of a batch for its dossier"),
    ),
)
