"""Calling a CasADi function on memory of its own: no conversion of arguments and results.

A call by arrays converts each of them to CasADi's matrices and back, which for a small model
costs as much as the function. Not for two threads at once: each run has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Direct:
    """A CasADi function bound to buffers; what raises when called raises here too."""

    def __init__(self, function: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Bind.

        Args:
            function: With dense inputs and outputs.
            inputs: Names of those that a call gives; the others are 0.
            outputs: Names of those that it returns.
        """
        self._function = function
        self._buffer, self._evaluate = function.buffer()
        self._given = [np.zeros(function.numel_in(name)) for name in inputs]
        self._found = [np.zeros(function.numel_out(name)) for name in outputs]
        for name, array in zip(inputs, self._given, strict=True):
            if array.size:
                self._buffer.set_arg(function.index_in(name), array.data)
        for name, array in zip(outputs, self._found, strict=True):
            if array.size:
                self._buffer.set_res(function.index_out(name), array.data)

    def __call__(self, *values: Any) -> list[NDArray[np.float64]]:
        """Results, each of shape `(n,)`, for values in the order of the inputs."""
        for array, value in zip(self._given, values, strict=True):
            array[:] = value
        self._evaluate()
        return [array.copy() for array in self._found]
