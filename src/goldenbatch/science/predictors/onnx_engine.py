"""ONNX models by ONNX Runtime, one thread, in order; the only module that imports it.

A matrix product of ONNX Runtime adds in another order for one row than for many (measured: see
ADR 0021). Models of trees and of elementwise steps are asked in blocks, all others row by row.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.core.artefacts import onnx_facts
from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import PredictorError
from goldenbatch.science.predictors._engines import engine
from goldenbatch.science.predictors._onnx_linear import LINEAR_KINDS, Linear, linear_part
from goldenbatch.science.predictors.prediction import (
    Explanation,
    Predicted,
    PredictorFacts,
    input_rows,
    plain,
)

_ROWWISE: Final = frozenset(
    "Abs Add Binarizer Cast Clip Concat Constant Div FeatureVectorizer Flatten Identity Imputer "
    "Mul Neg Reshape Scaler Sub TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor".split()
)
_NUMBERS: Final = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
}
_LARGEST: Final = {
    "tensor(float)": float(np.finfo(np.float32).max),
    "tensor(double)": float(np.finfo(np.float64).max),
    "tensor(int64)": 2.0**53,
}
_FLOATS: Final = ("tensor(float)", "tensor(double)")


class OnnxPredictor:
    """Predicts by an ONNX model with one table of inputs, or one column for each input.

    Names of the columns come from its metadata (`inputs`: JSON list, or separated by commas) or
    from its inputs; else they are x0, x1, ...

    Args:
        content: Checked by `goldenbatch.core.artefacts.check_artefact`.

    Raises:
        PredictorError: ONNX Runtime does not take it, or its inputs are no numbers.
        MissingEngineError: ONNX Runtime is not installed.
    """

    def __init__(self, content: bytes) -> None:
        runtime, read = engine("onnxruntime", "onnx"), onnx_facts(content)
        self._session = _session(runtime, content)
        self._types = [one.type for one in self._session.get_inputs()]
        shapes = [one.shape for one in self._session.get_inputs()]
        names = self._names(read.metadata.get("inputs", ""), shapes)
        self._output = self._chosen_output()
        is_fixed = isinstance(shapes[0][0] if shapes[0] else None, int)
        self._is_blockwise = not is_fixed and read.operators <= _ROWWISE
        self._largest = min(_LARGEST[one] for one in self._types)
        self._linear = self._as_sum(content, len(names)) if read.operators <= LINEAR_KINDS else None
        self._facts = PredictorFacts(
            kind="onnx",
            inputs=names,
            outputs=self._outputs(len(names)),
            contributors=names,
            explanation=Explanation.NONE if self._linear is None else Explanation.ADDITIVE,
            is_row_by_row=not self._is_blockwise,
            engine={"onnxruntime": runtime.__version__},
            notes=(f"written by {read.producer or 'an unknown maker'}",
                   *(["computes in float32"] if "tensor(float)" in self._types else [])),
        )  # fmt: skip

    @property
    def facts(self) -> PredictorFacts:
        """What it is and what it can say."""
        return self._facts

    def _names(self, given: str, shapes: list[list[Any]]) -> tuple[str, ...]:
        wrong = [one for one in self._types if one not in _NUMBERS]
        if wrong or any(not 1 <= len(shape) <= 2 for shape in shapes):
            message = f"the inputs of the ONNX model are {', '.join(self._types)}; give tables"
            raise PredictorError(message)
        if len(shapes) > 1:
            if any(len(shape) == 2 and shape[1] not in (1, None) for shape in shapes):
                message = "the ONNX model has several tables of inputs; give one, or columns"
                raise PredictorError(message)
            return tuple(one.name for one in self._session.get_inputs())
        n = shapes[0][1] if len(shapes[0]) == 2 else 1
        named = _listed(given)
        if not isinstance(n, int):
            n = len(named)
        if not n:
            message = "the ONNX model does not say how many inputs it has; fix its input's shape"
            raise PredictorError(message)
        return named if len(named) == n else tuple(f"x{i}" for i in range(n))

    def _as_sum(self, content: bytes, n_inputs: int) -> Linear | None:
        """The model as a sum, if what its graph says is what the engine computes."""
        try:
            found = linear_part(content, n_inputs)
            if found is None:
                return None
            coefficients, centre, base = found
            rows = np.vstack([np.zeros(n_inputs), np.ones(n_inputs), np.arange(n_inputs) - 0.5])
            value = self._run(rows)
        except Exception:  # of a graph that cannot be read so, nothing is explained
            return None
        expected = (rows - centre) @ coefficients.T + base
        is_same = value.shape == expected.shape and np.allclose(value, expected, 1e-3, 1e-3)
        return found if is_same else None

    def _chosen_output(self) -> str:
        """The first output of floats: of a classifier its probabilities, not its label."""
        outputs = self._session.get_outputs()
        found = next((one.name for one in outputs if one.type in _FLOATS), "")
        if not found:
            types = ", ".join(one.type for one in outputs)
            message = f"the outputs of the ONNX model are {types}; export it with zipmap=False"
            raise PredictorError(message)
        return str(found)

    def _outputs(self, n_inputs: int) -> tuple[str, ...]:
        """Names of the outputs, as many as a row gives."""
        try:
            n = self._run(np.zeros((1, n_inputs))).shape[1]
        except Exception as error:  # what ONNX Runtime raises has no common base
            message = f"the ONNX model cannot score a row: {error}"
            raise PredictorError(message) from error
        return (self._output,) if n == 1 else tuple(f"{self._output}_{i}" for i in range(n))

    def _fed(self, rows: Floats) -> dict[str, Any]:
        """Rows as the model takes them."""
        fed: dict[str, Any] = {}
        for number, one in enumerate(self._session.get_inputs()):
            part = rows if len(self._types) == 1 else rows[:, number : number + 1]
            part = part.reshape(-1) if len(one.shape) == 1 else part
            fed[one.name] = np.ascontiguousarray(part, dtype=_NUMBERS[one.type])
        return fed

    def _run(self, rows: Floats) -> Floats:
        (found,) = self._session.run([self._output], self._fed(rows))
        return np.asarray(found, dtype=np.float64).reshape(len(rows), -1)

    def _run_alone(self, rows: Floats, m: int) -> Floats:
        """One row at a time; nothing but the engine's own call is done for each."""
        fed, names, run = self._fed(rows), [self._output], self._session.run
        found = [run(names, {name: whole[i : i + 1] for name, whole in fed.items()})[0]
                 for i in range(len(rows))]  # fmt: skip
        return np.array(found, dtype=np.float64).reshape(len(rows), m)

    def predict(self, X: ArrayLike, *, explain: bool = False) -> Predicted:
        """Predict rows; one with a missing input, or a number its type cannot hold, is not scored.

        Args:
            X: shape (n_rows, n_inputs); NaN marks missing.
            explain: Split each prediction over the inputs too, where the model is linear.

        Raises:
            DataError: The number of columns is another, or a value is infinite.
        """
        rows = input_rows(X, self._facts)
        value = np.full((len(rows), len(self._facts.outputs)), np.nan)
        # NaN is not below the limit either: such a row is not scored.
        whole = np.flatnonzero((np.abs(rows) <= self._largest).all(axis=1))
        if len(whole):
            part = rows[whole]
            value[whole] = (
                self._run(part) if self._is_blockwise else self._run_alone(part, value.shape[1])
            )
        found = plain(value)
        if not explain or self._linear is None:
            return found
        coefficients, centre, base = self._linear
        parts = (rows - centre)[:, None, :] * coefficients
        return Predicted(
            value, found.lower, found.upper, found.in_domain, parts,
            np.broadcast_to(base, value.shape).copy(),
        )  # fmt: skip


def _session(runtime: Any, content: bytes) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # what ONNX Runtime raises has no common base
        message = f"ONNX Runtime does not take the model: {error}"
        raise PredictorError(message) from error
    if not session.get_inputs():
        message = "the ONNX model has no input"
        raise PredictorError(message)
    return session


def _listed(text: str) -> tuple[str, ...]:
    if not text.startswith("["):
        return tuple(one.strip() for one in text.split(",")) if text else ()
    try:
        return tuple(str(one) for one in json.loads(text))
    except ValueError:
        return ()
