"""The two modes of the twin: as published, and with its faults set right, each by its name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from goldenbatch.science.errors import DataError

Mode = Literal["compatible", "corrected"]


@dataclass(frozen=True)
class Corrections:
    """What is set right. Each is False in the compatible mode and can be tried alone.

    Attributes:
        ph_set_point: the pH controller's previous error lacks its set-point as published, so that
            its proportional term always sees a step of 6.5.
        heating_previous: the heating controller starts each step from the coolant's last flow.
        coolant_shut: the coolant is set to zero when heating starts, and then at once to 30 % of
            its last flow; set right it stays shut.
        sensor_everywhere: a sensor fault reaches the error but not the derivative term.
        paa_signal: the controller of phenylacetic acid computes a prediction from spectra and
            then steers by the true concentration; set right it steers by the signal.
        no_floors: any state at or below 0 is set to 0.001 (penicillin starts at 0), dissolved
            oxygen below 2 mg/L to 1 mg/L.
        starvation: maintenance and synthesis take substrate when there is none, so that only the
            floor keeps it above 0; set right they fall with the last traces.
        growth_kept: after 63 of 64 falling growth rates the *greatest* rate is set to the actual
            one, which is then inhibited a second time; set right the greatest rate stays.
        oil_volume: the oil is weighed but takes up no volume and does not dilute.
        viscosity_jump: a viscosity up to 4 cP counts as 1 cP, a jump of the oxygen transfer.
        laboratory_hours: the laboratory's delay of 4 hours is taken as 4 samples (0.8 h).
        harvest_density: the yield counts a kilogram of harvested broth as a litre.
    """

    ph_set_point: bool = False
    heating_previous: bool = False
    coolant_shut: bool = False
    sensor_everywhere: bool = False
    paa_signal: bool = False
    no_floors: bool = False
    starvation: bool = False
    growth_kept: bool = False
    oil_volume: bool = False
    viscosity_jump: bool = False
    laboratory_hours: bool = False
    harvest_density: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are made."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))

    @property
    def label(self) -> str:
        """The mode, or the corrections made; for the version of the model.

        >>> Corrections(no_floors=True).label
        'no_floors'
        """
        if not self.names:
            return "compatible"
        return "corrected" if len(self.names) == len(fields(self)) else "+".join(self.names)


def corrections(mode: Mode | Corrections) -> Corrections:
    """All or none, or those given.

    Raises:
        DataError: There is no such mode.

    >>> corrections("compatible").names
    ()
    >>> len(corrections("corrected").names)
    12
    """
    if isinstance(mode, Corrections):
        return mode
    if mode not in ("compatible", "corrected"):
        raise DataError(f"there is no mode {mode!r}.", hint="Choose 'compatible' or 'corrected'.")
    chosen = mode == "corrected"
    return Corrections(**{field.name: chosen for field in fields(Corrections)})
