"""What the sensors and the laboratory show of a run: faults, noise, cadence and delay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.recipe import Fault

_SAME = 1e-9


class Sensors:
    """Shows outputs at the borders of intervals; a result comes after its delay."""

    def __init__(self, model: Model, faults: Sequence[Fault], seed: int | None) -> None:
        """Prepare.

        Args:
            model: With the outputs' noise, cadence and delay.
            faults: Of which those of sensors count here.
            seed: Of the noise; None: sensors without noise.
        """
        self._model, self._faults = model, faults
        self._random = None if seed is None else np.random.default_rng(seed)
        self._next = {one.name: 0.0 for one in model.outputs}
        self._waiting: list[tuple[float, str, float]] = []
        self._last: dict[str, float] = {}
        self.measured: dict[str, list[float]] = {one.name: [] for one in model.outputs}

    def show(self, time: float, true: Mapping[str, float]) -> dict[str, float]:
        """What is known at a time of each output: the newest value that has come."""
        sensed: Mapping[str, float] = self._noisy(true)
        for fault in self._faults:
            sensed = fault.sensed(time, sensed)
        for one in self._model.outputs:
            is_due = time >= self._next[one.name] - _SAME
            self.measured[one.name].append(sensed[one.name] if is_due else np.nan)
            if is_due:
                if one.cadence > 0.0:
                    self._next[one.name] += one.cadence * (
                        1 + (time - self._next[one.name]) // one.cadence
                    )
                self._waiting.append((time + one.delay, one.name, sensed[one.name]))
            # Before the first result a controller is shown the sensor: recipes start at t = 0.
            self._last.setdefault(one.name, sensed[one.name])
        self._waiting.sort(key=lambda entry: entry[0])
        while self._waiting and self._waiting[0][0] <= time + _SAME:
            _, name, value = self._waiting.pop(0)
            self._last[name] = value
        return dict(self._last)

    def _noisy(self, true: Mapping[str, float]) -> dict[str, float]:
        if self._random is None:
            return dict(true)
        shown = dict(true)
        for one in self._model.outputs:
            if one.noise is not None:
                error = one.noise.at(shown[one.name]) * self._random.standard_normal()
                shown[one.name] += error
        return shown
