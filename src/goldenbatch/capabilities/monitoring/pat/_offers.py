"""What the room pat brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offer, Offers

_ROOM = "goldenbatch.capabilities.monitoring.pat"

OFFERS: Offers = {
    "pages": (Offer("soft-sensors", f"{_ROOM}._pages:SENSORS", "Predictions, laboratory, domain"),),
    "widgets": (Offer("sensors-batch", f"{_ROOM}._pages:BATCH", "Soft sensors of a batch"),),
    "routes": (Offer("sensors", f"{_ROOM}.routes:routes", "Soft sensors and their predictions"),),
    "analysts": (
        Offer(
            "soft_sensor",
            f"{_ROOM}.soft_sensor:soft_sensor",
            "An attribute from spectra, with interval and domain check",
        ),
    ),
    "trials": (
        Offer("soft_sensor", f"{_ROOM}.trial:SoftSensorTrial", "Errors of a spectral sensor"),
        Offer(
            "calibration",
            f"{_ROOM}.calibration_trial:CalibrationTrial",
            "Errors of spectral calibrations per instrument, and of their transfer",
        ),
    ),
    "fits": (
        Offer(
            "soft_sensor",
            "goldenbatch.capabilities.monitoring.fitting:fit",
            "A PLS from spectra with results",
        ),
    ),
    "trainers": (
        Offer("soft_sensor", f"{_ROOM}.training:train_soft_sensor", "A PLS to given spectra"),
    ),
}
