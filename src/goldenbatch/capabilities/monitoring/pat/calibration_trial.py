"""Trial of a calibration: per instrument, and carried over to another with few standards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring._trial_columns import share
from goldenbatch.capabilities.monitoring.pat._instruments import Instrument, instruments, pairs
from goldenbatch.capabilities.monitoring.pat._trial_settings import CalibrationTrialSettings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Measures, TrialData, TrialFile
from goldenbatch.science.errors import ScienceError
from goldenbatch.science.latent import PlanScores, ScoringPlan
from goldenbatch.science.spectra import (
    Calibration,
    Transfer,
    calibrate,
    kennard_stone,
    nested_error,
    transfer_plan,
)
from goldenbatch.science.spectra.calibration import CalibrateSettings, error_statement
from goldenbatch.science.spectra.choice import Rule
from goldenbatch.science.spectra.maps import TransferKind, TransferMethod

if TYPE_CHECKING:
    from goldenbatch.core.series import Floats


@dataclass(frozen=True, eq=False)
class _Carried:
    """A transfer from the master to one other instrument."""

    transfer: Transfer
    slope_bias: ScoringPlan
    standards: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Sensors:
    """One set of models: native ones and those carried over.

    Attributes:
        mean_mass: That the models' values refer to; 0: the values are the results themselves.
    """

    master: str
    mean_mass: float
    native: Mapping[str, Calibration]
    nested: Mapping[str, float | None]
    is_grouped: Mapping[str, bool]
    carried: Mapping[str, _Carried]

    def scale(self, one: Instrument) -> Floats:
        """What a value of the model is multiplied by to be a result, shape (n,)."""
        return one.mass / self.mean_mass if self.mean_mass else np.ones(len(one.results))


@dataclass(frozen=True, eq=False)
class FittedCalibrations:
    """What the training rows gave; without the mass too where the trial file names one."""

    settings: CalibrationTrialSettings
    main: _Sensors
    spectra_only: _Sensors | None


class CalibrationTrial:
    """`monitoring.calibration`: a sensor per instrument, and the master's on each other one.

    Each role of the trial file is an instrument. `columns.spectra` and `columns.target` are
    needed; `columns.group` names what is left out as a whole, `columns.sample` what the same
    sample is called on each instrument (else the order of rows says it), and `columns.mass` a
    mass of each sample: the target is then a content, and the spectrum says a concentration.
    """

    name = "monitoring.calibration"
    version = "1"

    def fit(self, file: TrialFile, train: TrialData) -> FittedCalibrations:
        """Choose, calibrate and carry over, on the training rows only."""
        settings = read_settings(CalibrationTrialSettings, self.name, file.settings)
        known = instruments(file, train)
        has_mass = "mass" in file.columns
        try:
            main = _sensors(settings, known, has_mass=has_mass)
            bare = _sensors(settings, known, has_mass=False, is_nested=False) if has_mass else None
        except ScienceError as error:
            raise BadInputError(
                f"the calibration cannot be made: {error}.",
                hint="Give more rows, or correct the settings of the trial file.",
                key="settings",
            ) from error
        return FittedCalibrations(settings, main, bare)

    def measure(self, method: FittedCalibrations, file: TrialFile, test: TrialData) -> Measures:
        """Errors on the test rows, the share of them in the domain, and what was chosen."""
        found = instruments(file, test)
        _check(method.main, found)
        measures = _measures(method.main, found, method.settings)
        if method.spectra_only is not None:
            bare = _measures(method.spectra_only, found, method.settings)
            kept = ("rmsep", "bias", "share_in_domain", "rmsep_untreated")
            measures["spectra_only"] = {key: bare[key] for key in kept if key in bare}
        return measures

    def baseline(self, file: TrialFile, train: TrialData, test: TrialData) -> Measures:
        """Mean of the training results."""
        known, found = instruments(file, train), instruments(file, test)
        return {
            "rmsep": {
                name: _rmse(float(known[name].results.mean()) - one.results)
                for name, one in found.items()
                if name in known
            }
        }


def _sensors(
    settings: CalibrationTrialSettings,
    known: Mapping[str, Instrument],
    *,
    has_mass: bool,
    is_nested: bool = True,
) -> _Sensors:
    master = settings.master or next(iter(known))
    if master not in known:
        raise BadInputError(
            f"no role is named {master!r}.",
            hint=f"The instruments are: {', '.join(known)}.",
            key="settings.master",
        )
    mean = float(known[master].mass.mean()) if has_mass else 0.0
    native, nested = {}, {}
    for name, one in known.items():
        native[name] = _calibrated(settings, one, mean)
        nested[name] = _nested(settings, one, mean) if is_nested else None
    carried = {
        name: _carry(settings, native[master], known[master], one)
        for name, one in known.items()
        if name != master
    }
    is_grouped = {name: _groups(one) is not None for name, one in known.items()}
    return _Sensors(master, mean, native, nested, is_grouped, carried)


def _targets(one: Instrument, mean_mass: float) -> Floats:
    return one.results / one.mass * mean_mass if mean_mass else one.results


def _calibrated(
    settings: CalibrationTrialSettings, one: Instrument, mean_mass: float
) -> Calibration:
    missing = [name for name in settings.fitted_groups if name not in one.groups]
    if missing:
        raise BadInputError(
            f"no training row is of the group {missing[0]!r}.",
            hint=f"The groups are: {', '.join(dict.fromkeys(one.groups)) or 'none'}.",
            key="settings.fitted_groups",
        )
    return calibrate(
        one.spectra,
        one.axis,
        _targets(one, mean_mass),
        _method(settings, one),
        _groups(one),
        settings.fitted_groups,
    )


def _groups(one: Instrument) -> list[str] | None:
    """Groups to leave out; None where there are not two of them."""
    return list(one.groups) if len(set(one.groups)) > 1 else None


def _method(settings: CalibrationTrialSettings, one: Instrument) -> CalibrateSettings:
    """The method; another group is to be expected where groups are named, were it only one."""
    method = settings.method("value")
    if one.groups and method.choice.rule is Rule.AUTO:
        choice = replaced(method.choice, rule=Rule.ONE_STANDARD_ERROR)
        return replaced(method, choice=choice)
    return method


def _nested(settings: CalibrationTrialSettings, one: Instrument, mean_mass: float) -> float | None:
    """Error of the whole procedure; inner folds are not repeated, to save time."""
    chosen = replaced(_method(settings, one).choice, n_repeats=1)
    found = nested_error(one.spectra, one.axis, _targets(one, mean_mass), chosen, _groups(one))
    if found is None:
        return None
    scale = one.mass / mean_mass if mean_mass else 1.0
    return _rmse(found.predicted * scale - one.results)


def _carry(
    settings: CalibrationTrialSettings, native: Calibration, first: Instrument, other: Instrument
) -> _Carried:
    plan = native.sensor.plan
    own, theirs = (np.array(rows) for rows in pairs(first, other))
    good = native.is_used[own]
    own, theirs = own[good], theirs[good]
    scores = plan.score(first.spectra[own]).scores / np.sqrt(plan.arrays.score_variance)
    chosen = kennard_stone(scores, min(settings.n_standards, len(own)))
    standards = first.spectra[own[chosen]], other.spectra[theirs[chosen]]
    found = transfer_plan(plan, *standards)
    naive = transfer_plan(plan, *standards, [TransferMethod(TransferKind.SLOPE_BIAS)])
    return _Carried(found, naive.plan, tuple(first.samples[i] for i in own[chosen]))


def _check(sensors: _Sensors, found: Mapping[str, Instrument]) -> None:
    unknown = [name for name in found if name not in sensors.native]
    if unknown:
        raise BadInputError(
            f"instrument {unknown[0]!r} has test rows and no training rows.",
            hint="Give each instrument rows on both sides.",
            key="files",
        )


def _measures(
    sensors: _Sensors, found: Mapping[str, Instrument], settings: CalibrationTrialSettings
) -> Measures:
    native = {name: sensors.native[name].sensor.plan for name in found}
    carried = {name: sensors.carried[name] for name in found if name in sensors.carried}
    read = {name: _Read(plan, found[name], sensors) for name, plan in native.items()}
    moved = {name: _Read(one.transfer.plan, found[name], sensors) for name, one in carried.items()}
    master = sensors.native[sensors.master].sensor.plan
    raw = {name: _Read(master, found[name], sensors) for name in carried}
    shifted = {name: _Read(one.slope_bias, found[name], sensors) for name, one in carried.items()}
    measures: Measures = {
        "n_results": {name: len(one.results) for name, one in found.items()},
        "n_rows_left_out": {name: one.n_left_out for name, one in found.items()},
    }
    for key in ("rmsep", "bias", "coverage", "half_width", "share_in_domain"):
        measures[key] = {name: getattr(one, key) for name, one in read.items()}
        if moved:
            measures[key]["transfer"] = {name: getattr(one, key) for name, one in moved.items()}
    measures["rmsep_corrected"] = {
        name: error_statement(one.rmsep, settings.reference_error).corrected
        for name, one in read.items()
    }
    if moved:
        measures["rmsep_untreated"] = {name: one.rmsep for name, one in raw.items()}
        measures["rmsep_slope_bias"] = {name: one.rmsep for name, one in shifted.items()}
        measures["share_out_of_domain_untreated"] = {
            name: share(one.n - one.n_inside, one.n) for name, one in raw.items()
        }
    measures["chosen"] = {name: _chosen(sensors, name) for name in found}
    if carried:
        measures["transfer"] = {name: _transfer(one) for name, one in carried.items()}
    return measures


class _Read:
    """Readings of one plan beside the results of one instrument."""

    def __init__(self, plan: ScoringPlan, one: Instrument, sensors: _Sensors) -> None:
        scores: PlanScores = plan.score(one.spectra)
        scale = sensors.scale(one)
        errors = scores.values[:, 0] * scale - one.results
        half = 0.5 * (scores.upper - scores.lower)[:, 0] * scale
        self.n = len(errors)
        self.n_inside = int(scores.in_domain.sum())
        self.rmsep = _rmse(errors)
        self.bias = float(errors.mean())
        self.half_width = float(half.mean())
        self.coverage = share(int((np.abs(errors) <= half).sum()), self.n)
        self.share_in_domain = share(self.n_inside, self.n)


def _chosen(sensors: _Sensors, name: str) -> dict[str, Any]:
    one = sensors.native[name]
    return {
        "treatment": one.choice.treatment.to_json(),
        "n_components": one.choice.n_components,
        "n_candidates": int(one.choice.rmse.size),
        "rule": one.choice.rule.value,
        "rmse_left_out": one.error.apparent,
        "rmse_left_out_corrected": one.error.corrected,
        "rmse_left_out_without_set_aside": one.error_used.apparent,
        "rmse_nested": sensors.nested[name],
        "n_reference": int(one.is_used.sum()),
        "left_out": "groups" if sensors.is_grouped[name] else "repeated folds",
        "outliers": one.outliers.to_json(),
        "plan": one.sensor.plan.digest,
    }


def _transfer(one: _Carried) -> dict[str, Any]:
    found = one.transfer
    return {
        "method": found.method.words(),
        "n_standards": found.n_standards,
        "standards": list(one.standards),
        "rmse_left_out_standards": found.error,
        "rmse_untreated_standards": found.untreated,
        "rmse_by_method": {method.words(): error for method, error in found.rmse.items()},
        "plan": found.plan.digest,
    }


def _rmse(errors: Floats | Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))
