"""All loops of the plant as one controller, which remembers what was really given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from goldenbatch.science.process.faults import Stuck
from goldenbatch.science.process.library.penicillin import control
from goldenbatch.science.process.library.penicillin.constants import SAMPLE_H
from goldenbatch.science.process.library.penicillin.control import Memory, SetPoints
from goldenbatch.science.process.library.penicillin.modes import Corrections
from goldenbatch.science.process.library.penicillin.upsets import SensorRamp

_HELD_FROM, _MOVED_FROM, _EVERY = 475, 500, 100


@dataclass(frozen=True)
class PlantControl:
    """pH, temperature, phenylacetic acid, the operator's moves and the published growth loss.

    Attributes:
        corrected: What is set right.
        set_points: Where it holds the batch.
        stuck: Flows that do not follow; the loops see what was really given.
        ramp: Fault of a sensor, whose error the published derivative term does not see.
        mu_x: Greatest growth rate at the start, 1/h.
        moves: Interval to the operator's change of (sugar, phenylacetic acid) feed, L/h.
        paa_signal: Phenylacetic acid as a predictor of spectra gave it at the start of each
            interval, mg/L; None: the sensor of the model.
    """

    corrected: Corrections
    set_points: SetPoints = field(default_factory=SetPoints)
    stuck: tuple[Stuck, ...] = ()
    ramp: SensorRamp | None = None
    mu_x: float = 0.41
    moves: Mapping[int, tuple[float, float]] | None = None
    paa_signal: tuple[float, ...] | None = None

    @property
    def name(self) -> str:
        """Unique in a recipe."""
        return "plant control"

    def start(self) -> Memory:
        """Nothing seen and nothing given."""
        return Memory()

    def step(
        self,
        memory: Memory,
        time: float,
        seen: Mapping[str, float],
        inputs: Mapping[str, float],
    ) -> tuple[Memory, Mapping[str, float]]:
        """Flows of the coming interval."""
        number = round(time / SAMPLE_H) + 1
        bias = self._bias(time)
        ph, phs = memory.ph.with_new(seen["pH"] + bias["pH"], number == 1)
        warm, warms = memory.temperature.with_new(
            seen["temperature"] + bias["temperature"], number == 1
        )
        paa, paas = memory.paa.with_new(self._paa(number, seen), number == 1)
        memory = replace(memory, ph=ph, temperature=warm, paa=paa)
        given = self._fed(memory, number, inputs)
        if self.set_points.paa is not None and number * SAMPLE_H >= control.PAA_FROM_H:
            given["Fpaa"] = control.paa_feed(memory, paas, self.set_points.paa)
        goals = self.set_points
        given["Fa"], given["Fb"] = control.acid_and_base(
            memory, phs, bias["pH"], goals.ph, self.corrected
        )
        given["Fc"], given["Fh"] = control.cooling_and_heating(
            memory, warms, bias["temperature"], goals.temperature_k, self.corrected
        )
        if not self.corrected.growth_kept and number > 1:
            memory = control.exhausted(memory, seen["growth"])
        for one in self.stuck:
            given = {**given, **one.applied(time, given)} if one.input in given else given
        memory = replace(memory, flows=MappingProxyType(given))
        return memory, self._with_growth(memory, given, inputs)

    def _paa(self, number: int, seen: Mapping[str, float]) -> float:
        """What the loop of phenylacetic acid looks at."""
        if self.paa_signal is not None:
            return float(self.paa_signal[number - 1])
        return seen["paa_signal" if self.corrected.paa_signal else "PAA"]

    def _bias(self, time: float) -> dict[str, float]:
        """What to put back so that the derivative term sees no fault, as published."""
        bias = {"pH": 0.0, "temperature": 0.0}
        if self.ramp is not None and not self.corrected.sensor_everywhere:
            bias[self.ramp.output] = self.ramp.error(time)
        return bias

    def _fed(self, memory: Memory, number: int, inputs: Mapping[str, float]) -> dict[str, float]:
        """Sugar and phenylacetic acid by the recipe, or by the operator from interval 476 on."""
        given = {"Fs": inputs["Fs"], "Fpaa": inputs["Fpaa"]}
        if self.moves is not None and number > _HELD_FROM:
            sugar, paa = self.moves.get(number, (0.0, 0.0))
            given = {"Fs": memory.last("Fs") + sugar, "Fpaa": memory.last("Fpaa") + paa}
        return given

    def _with_growth(
        self, memory: Memory, given: Mapping[str, float], inputs: Mapping[str, float]
    ) -> Mapping[str, float]:
        if memory.mu_x is None:
            return given
        return {**given, "distMuX": inputs["distMuX"] + memory.mu_x - self.mu_x}


def operator_moves(n_intervals: int, seed: int) -> dict[int, tuple[float, float]]:
    """The operator's random steps: every 100 intervals none, up or down.

    >>> sorted(operator_moves(1150, 1))
    [600, 700, 800, 900, 1000, 1100]
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    first = (_MOVED_FROM // _EVERY + 1) * _EVERY
    return {
        number: (
            float(rng.choice((0.0, 15.0, -15.0))),
            float(rng.choice((0.0, 1.0, -1.0))),
        )
        for number in range(first, n_intervals + 1, _EVERY)
    }
