"""Estimators of scikit-learn, from skops files; the only module that imports skops.

Linear ones are folded into a linear model of ours, which is exact and has no BLAS in it. Forests
are asked in blocks, all others row by row: their products of matrices add in another order for
one row than for many (measured: see ADR 0021).
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.core.artefacts import skops_types
from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import PredictorError
from goldenbatch.science.predictors._engines import engine
from goldenbatch.science.predictors._sklearn_parts import (
    check_trees,
    folded,
    input_names,
    steps_of,
)
from goldenbatch.science.predictors.linear import LinearPredictor
from goldenbatch.science.predictors.prediction import (
    Explanation,
    Predicted,
    Predictor,
    PredictorFacts,
    input_rows,
    plain,
)

_FORESTS: Final = frozenset(
    "DecisionTreeRegressor DecisionTreeClassifier ExtraTreeRegressor ExtraTreeClassifier "
    "RandomForestRegressor RandomForestClassifier ExtraTreesRegressor ExtraTreesClassifier "
    "GradientBoostingRegressor GradientBoostingClassifier HistGradientBoostingRegressor "
    "HistGradientBoostingClassifier".split()
)
_ELEMENTWISE: Final = frozenset({"StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"})
_TAKES_MISSING: Final = frozenset(
    {"HistGradientBoostingRegressor", "HistGradientBoostingClassifier"}
)
_NORMAL_95: Final = 1.959963984540054
_TURN = threading.Lock()
_N_KNOWN: Final = 64
_KNOWN: dict[bytes, list[str]] = {}
"""Types of files that were gone through, by digest: the same bytes ask for the same."""


def load_skops(content: bytes) -> Predictor:
    """The estimator of a skops file as a predictor.

    Args:
        content: Checked by `goldenbatch.core.artefacts.check_artefact`.

    Raises:
        PredictorError: It cannot be loaded, predicts nothing, or its trees do not hold together.
        MissingEngineError: skops is not installed.
    """
    skops_io = engine("skops.io", "skops")
    trusted = _known_types(content)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            model = skops_io.loads(content, trusted=trusted)
        except Exception as error:  # whatever a damaged file makes of a constructor
            message = f"skops cannot load the model: {type(error).__name__}: {error}"
            raise PredictorError(message) from error
    notes = tuple(sorted({str(one.message) for one in said}))
    return predictor_of(model, notes)


def _known_types(content: bytes) -> list[str]:
    """Names that the file asks for, each a class that scikit-learn itself defines there."""
    key = hashlib.sha256(content).digest()
    if key in _KNOWN:
        return _KNOWN[key]
    found = []
    for loader, module, name in skops_types(content):
        if not module.startswith("sklearn."):
            continue
        one = getattr(import_module(module), name, None)
        if not isinstance(one, type) or not one.__module__.startswith("sklearn."):
            message = f"the skops file names {module}.{name} ({loader}), which is no class there"
            raise PredictorError(message)
        found.append(f"{module}.{name}")
    while len(_KNOWN) >= _N_KNOWN:
        _KNOWN.pop(next(iter(_KNOWN)), None)
    _KNOWN[key] = sorted(set(found))
    return _KNOWN[key]


def predictor_of(model: Any, notes: tuple[str, ...] = ()) -> Predictor:
    """A fitted estimator as a predictor.

    Raises:
        PredictorError: It predicts nothing, or is not fitted.
    """
    steps = steps_of(model)
    last = steps[-1]
    names = input_names(model)
    if not hasattr(last, "predict") or not names:
        message = f"{type(last).__name__} is no fitted estimator that predicts"
        raise PredictorError(message)
    check_trees(steps)
    linear = folded(steps, names)
    version = {"scikit-learn": import_module("sklearn").__version__}
    if linear is None:
        return SklearnPredictor(model, names, version, notes)
    facts = PredictorFacts(
        kind="scikit-learn",
        inputs=names,
        outputs=linear.outputs,
        contributors=names,
        explanation=Explanation.ADDITIVE,
        notes=(*notes, f"{type(last).__name__}, computed as the linear model that it is"),
    )
    return LinearPredictor(linear, facts)


class SklearnPredictor:
    """Predicts by a fitted estimator that is not linear.

    Of a classifier the value is the probability of each class; a Gaussian process gives an
    interval of 95 % too.

    Args:
        model: The estimator, or a pipeline that ends with one.
        names: Of its inputs.
        version: Of scikit-learn.
        notes: Warnings of its loading.
    """

    def __init__(
        self, model: Any, names: tuple[str, ...], version: dict[str, str], notes: tuple[str, ...]
    ) -> None:
        steps = steps_of(model)
        last = steps[-1]
        kind = type(last).__name__
        self._model, self._is_proba = model, hasattr(model, "predict_proba")
        self._has_spread = kind == "GaussianProcessRegressor" and len(steps) == 1
        self._takes_missing = kind in _TAKES_MISSING and len(steps) == 1
        is_plain = all(type(one).__name__ in _ELEMENTWISE for one in steps[:-1])
        self._is_blockwise = kind in _FORESTS and is_plain
        if hasattr(last, "n_jobs"):
            last.n_jobs = 1
        self._facts = PredictorFacts(
            kind="scikit-learn",
            inputs=names,
            outputs=self._outputs(last, len(names)),
            coverage=0.95 if self._has_spread else 0.0,
            is_row_by_row=not self._is_blockwise,
            engine=version,
            notes=(*notes, kind),
        )

    @property
    def facts(self) -> PredictorFacts:
        """What it is and what it can say."""
        return self._facts

    def _outputs(self, last: Any, n_inputs: int) -> tuple[str, ...]:
        try:
            value, _ = self._ask(np.zeros((1, n_inputs)))
            n = value.shape[1]
            if self._is_proba:
                names = tuple(f"probability of {one}" for one in last.classes_)
                return tuple(name for name, _ in zip(names, range(n), strict=True))
        except Exception as error:  # whatever a file made by hand makes of a method
            message = f"the estimator cannot score a row: {type(error).__name__}: {error}"
            raise PredictorError(message) from error
        return ("value",) if n == 1 else tuple(f"value_{i}" for i in range(n))

    def _ask(self, rows: Floats) -> tuple[Floats, Floats | None]:
        with warnings.catch_warnings():
            # Names of columns were checked here; sklearn would ask for a data frame.
            warnings.simplefilter("ignore")
            if self._has_spread:
                value, spread = self._model.predict(rows, return_std=True)
                return _table(value, rows), _table(spread, rows)
            ask = self._model.predict_proba if self._is_proba else self._model.predict
            return _table(ask(rows), rows), None

    def predict(self, X: ArrayLike, *, explain: bool = False) -> Predicted:
        """Predict rows; it cannot say how a prediction came about.

        Args:
            X: shape (n_rows, n_inputs); NaN marks missing.
            explain: Has no effect.

        Raises:
            DataError: The number of columns is another, or a value is infinite.
        """
        del explain
        rows = input_rows(X, self._facts)
        value = np.full((len(rows), len(self._facts.outputs)), np.nan)
        half = np.full_like(value, np.nan)
        whole = np.arange(len(rows))
        if not self._takes_missing:
            whole = np.flatnonzero(~np.isnan(rows).any(axis=1))
        parts = [whole] if self._is_blockwise else whole.reshape(-1, 1)
        with _one_thread():
            for part in parts:
                if len(part):
                    value[part], spread = self._ask(rows[part])
                    if spread is not None:
                        half[part] = _NORMAL_95 * spread
        found = plain(value)
        return Predicted(value, value - half, value + half, found.in_domain)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for BLAS and OpenMP, and one caller: the limit is the whole process's.

    With more threads sums are cut elsewhere, and on a busy machine they wait for one another.
    """
    with _TURN, _controller().limit(limits=1):
        yield


@cache
def _controller() -> Any:
    return import_module("threadpoolctl").ThreadpoolController()


def _table(found: Any, rows: Floats) -> Floats:
    return np.asarray(found, dtype=np.float64).reshape(len(rows), -1)
