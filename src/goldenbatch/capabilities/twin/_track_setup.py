"""From the settings of `twin.track` to the model that is tracked and the bank of hypotheses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.capabilities.twin._track_settings import Suspect, TrackSettings
from goldenbatch.core.errors import BadInputError, GoldenbatchError
from goldenbatch.core.quantities import conversion
from goldenbatch.science.process import library
from goldenbatch.science.process.declarations import Noise
from goldenbatch.science.process.faults import Altered, Stuck, Weakened
from goldenbatch.science.process.model import Model, ModelRef
from goldenbatch.science.process.posterior import Posterior
from goldenbatch.science.process.tracking import (
    Gate,
    Hypothesis,
    Setup,
    Tracker,
    Varied,
    hypothesis,
    nominal,
    none_of_these,
    sensor_fault,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.recipe import Fault

MEDIA_TYPE = "application/vnd.goldenbatch.posterior+json"


@dataclass(frozen=True)
class Twin:
    """What follows a place.

    Attributes:
        settings: As adopted.
        model: Loaded.
        setup: What is tracked.
        bank: Hypotheses, nominal first.
    """

    settings: TrackSettings
    model: Model
    setup: Setup
    bank: tuple[Hypothesis, ...]

    @cached_property
    def unit_us(self) -> float:
        """Microseconds of the clock in the model's time unit."""
        return conversion(self.model.time_unit, "s")[0] * 1e6 / self.settings.pace

    @cached_property
    def units(self) -> dict[str, str]:
        """Unit of every output, state and input."""
        found = {one.name: one.unit for one in self.model.outputs}
        for kind in ("states", "inputs"):
            found |= {e: one.unit for one in getattr(self.model, kind) for e in one.elements}
        return found

    def tracker(self, kept: Mapping[str, Any] | None) -> Tracker:
        """A tracker that goes on from what was kept."""
        chosen = self.settings
        new = Tracker(
            self.setup, self.bank, cadence=chosen.cadence, window=chosen.window,
            checkpoint_every=max(1, round(chosen.window / chosen.cadence / 8)),
        )  # fmt: skip
        return new if kept is None else new.read(kept)

    def planned_inputs(self, last: NDArray[np.float64]) -> Callable[[float, float], Any]:
        """Inputs still to come: what is planned, else what was last."""
        columns = self.model.columns("inputs")
        plan = self.settings.end.plan if self.settings.end is not None else {}

        def inputs(begin: float, _end: float) -> NDArray[np.float64]:
            found = last.copy()
            for name, one in plan.items():
                place = int(np.searchsorted(one.times, begin + 1e-9, side="right"))
                found[columns.index(name)] = one.values[max(place - 1, 0)]
            return found

        return inputs


def load_model(settings: TrackSettings) -> Model:
    """The model that the settings name."""
    part = settings.model
    if part.target:
        return ModelRef.of(part.target, **part.settings).load()
    ref = library.entry(part.use).ref
    return ModelRef.of(ref.target, **{**dict(ref.settings), **part.settings}).load()


def make_twin(
    name: str, settings: TrackSettings, model: Model, posterior: bytes | None = None
) -> Twin:
    """Model and bank of an analyst.

    Args:
        name: Of the analyst, for errors.
        settings: As adopted.
        model: Loaded.
        posterior: Content of the artefact that the settings name.

    Raises:
        BadInputError: A setting does not fit the model.
    """
    try:
        _check(settings, model)
        setup = _setup(settings, model, posterior)
        return Twin(settings, model, setup, _bank(settings, model))
    except BadInputError:
        raise
    except GoldenbatchError as error:
        raise BadInputError(
            str(error), hint="Correct the settings of twin.track.", file=f"analyst {name}"
        ) from error


def _check(settings: TrackSettings, model: Model) -> None:
    known = {
        "inputs": (set(settings.inputs), set(model.columns("inputs"))),
        "outputs": (
            {*settings.outputs, *settings.laboratory},
            {one.name for one in model.outputs if one.noise is not None},
        ),
        "end.plan": (
            set(settings.end.plan) if settings.end is not None else set(),
            set(model.columns("inputs")),
        ),
    }
    for key, (given, there) in known.items():
        if given - there:
            raise BadInputError(
                f"{sorted(given - there)[0]!r} is not among them in {model.name}.",
                hint=f"There are: {', '.join(sorted(there)) or 'none'}.",
                key=key,
            )
    units = {one.name: one.unit for one in model.outputs}
    units |= {element: one.unit for one in model.inputs for element in one.elements}
    for name, one in {**settings.outputs, **settings.inputs}.items():
        conversion(one.unit or units[name], units[name])


def _setup(settings: TrackSettings, model: Model, posterior: bytes | None) -> Setup:
    part = settings.model
    parameters: dict[str, Any] = dict(part.parameters)
    spread: dict[str, float] = {}
    if posterior is not None:
        found = Posterior.from_dict(json.loads(posterior))
        found.check(model)
        sd = np.sqrt(np.diag(found.covariance))
        for k, column in enumerate(found.names):
            if not column.startswith("x0."):
                parameters.setdefault(column, float(found.mean[k]))
                spread[column] = float(sd[k])
    varied = tuple(
        Varied(one.name, one.sd or spread.get(one.name), one.walk, one.transform)
        for one in settings.varied
    )
    seen = tuple(
        one.name for one in model.outputs
        if one.name in settings.outputs or one.name in settings.laboratory
    )  # fmt: skip
    return Setup(
        model, noise={state: Noise(**one) for state, one in part.noise.items()}, varied=varied,
        initial=part.initial, initial_sd=part.initial_sd, parameters=parameters, outputs=seen,
        gate=Gate(limit=settings.gate), kind=settings.kind,
    )  # fmt: skip


def _bank(settings: TrackSettings, model: Model) -> tuple[Hypothesis, ...]:
    suspects = settings.suspects or tuple(
        Suspect(kind="sensor", output=name, walk=0.3)
        for name in (*settings.outputs, *settings.laboratory)
    )
    return (nominal(), *(_suspect(model, one) for one in suspects), none_of_these())


def _suspect(model: Model, one: Suspect) -> Hypothesis:
    if one.kind == "sensor":
        found = sensor_fault(model, one.output, one.size, one.walk)
        return replace(found, name=one.what or found.name, prior=one.prior)
    names = {"stuck": (one.input,), "weakened": one.inputs, "altered": tuple(one.parameters)}
    there = set(model.columns("parameters" if one.kind == "altered" else "inputs"))
    if not names[one.kind] or set(names[one.kind]) - there:
        raise BadInputError(
            f"suspect {one.kind!r} names {list(names[one.kind])}, which {model.name} has not.",
            hint=f"There are: {', '.join(sorted(there)) or 'none'}.",
            key="suspects",
        )
    return hypothesis(_fault(one), name=one.what, walk=one.walk, upper=one.most, prior=one.prior)


def _fault(one: Suspect) -> Fault:
    if one.kind == "stuck":
        return Stuck(input=one.input, value=one.value)
    if one.kind == "weakened":
        return Weakened(inputs=one.inputs, factor=one.factor, what=one.what)
    return Altered(values=one.parameters, what=one.what)
