"""A model: what was declared, and the functions that CasADi made of it.

One object serves simulation, ensembles, fitting, tracking, optimisation and export, with the
same parameters; `ModelRef` names it across process borders, because a model is code.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.core.quantities import Quantity as Measured
from goldenbatch.core.quantities import conversion
from goldenbatch.science.errors import DataError, DesignError, ScienceError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.declarations import (
    Algebraic,
    Input,
    Jump,
    Law,
    Output,
    Parameter,
    Quantity,
    State,
    Watch,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

Given = float | str | Sequence[float | str]
"""A value in the declared unit, or text with a unit such as `0.3 L`, or one per element."""


@dataclass(frozen=True)
class Expressions:
    """The CasADi side of a model: symbols (SX) and expressions over them.

    Attributes:
        t: Time since the start of the run, in the model's time unit.
        x: States. Shape `(n_x, 1)`, as all others are columns.
        z: Algebraic variables.
        u: Inputs.
        p: Parameters.
        rhs: Time derivatives of `x`.
        residuals: Algebraic equations, zero when they hold.
        outputs: Outputs.
        laws: Amounts conserved, beneath them their inflows. Shape `(2 n_laws, 1)`.
        watches: Expressions that rise through zero.
        jumps: For each jump its argument symbols and the states after it.
        starts: Initial states over `p`, where they follow from parameters.
    """

    t: Any
    x: Any
    z: Any
    u: Any
    p: Any
    rhs: Any
    residuals: Any
    outputs: Any
    laws: Any
    watches: Any
    jumps: tuple[tuple[Any, Any], ...]
    starts: Any


@dataclass(frozen=True)
class Model:
    """A declared model of a unit operation.

    Attributes:
        name: Such as `cho.amribt`.
        version: Changes with every change of equations or declared values.
        title: One line, for people.
        time_unit: UCUM code of its time.
        states: In the order of `x`; `algebraics`, `inputs`, `parameters` likewise.
        outputs: What is computed and measured.
        laws: Conservation laws, which tests hold for every model of the library.
        watches: Named events.
        jumps: Named sudden changes.
        references: Papers and clauses that it stands on.
        expressions: The CasADi side.
    """

    name: str
    version: str
    title: str
    time_unit: str
    states: tuple[State, ...]
    algebraics: tuple[Algebraic, ...]
    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    laws: tuple[Law, ...]
    watches: tuple[Watch, ...]
    jumps: tuple[Jump, ...]
    references: tuple[str, ...]
    expressions: Expressions = field(repr=False, compare=False)

    @property
    def n_x(self) -> int:
        """Number of state elements."""
        return sum(one.size for one in self.states)

    @property
    def n_z(self) -> int:
        """Number of algebraic elements."""
        return sum(one.size for one in self.algebraics)

    @property
    def n_u(self) -> int:
        """Number of input elements."""
        return sum(one.size for one in self.inputs)

    @property
    def n_p(self) -> int:
        """Number of parameter elements."""
        return sum(one.size for one in self.parameters)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over declarations and equations: what this version really is."""
        return hashlib.sha256(self.canonical).hexdigest()

    @cached_property
    def canonical(self) -> bytes:
        """Declarations and equations as the bytes that `digest` is of."""
        e = self.expressions
        whole = ca.Function(
            "whole",
            [e.t, e.x, e.z, e.u, e.p],
            [e.rhs, e.residuals, e.outputs, e.laws, e.watches, e.starts],
        )
        declared = (self.name, self.version, self.time_unit, self._declared())
        parts = [*(repr(part).encode() for part in declared), _instructions(whole)]
        for symbols, after in e.jumps:
            parts.append(_instructions(ca.Function("jump", [symbols, e.x, e.p], [after])))
        return b"".join(parts)

    def _declared(self) -> tuple[Any, ...]:
        kinds: tuple[tuple[Any, ...], ...] = (
            self.states, self.algebraics, self.inputs, self.parameters, self.outputs,
            self.watches, self.jumps,
        )  # fmt: skip
        # Other words for people are no other model: posteriors fitted with it stay its own.
        return (self.laws, *(tuple(replace(one, help="") for one in kind) for kind in kinds))

    @cached_property
    def rhs(self) -> Any:
        """CasADi function `(t, x, z, u, p) -> (dx/dt, residuals)`."""
        e = self.expressions
        return ca.Function("rhs", [e.t, e.x, e.z, e.u, e.p], [e.rhs, e.residuals])

    @cached_property
    def output_function(self) -> Any:
        """CasADi function `(t, x, z, u, p) -> outputs`."""
        e = self.expressions
        return ca.Function("outputs", [e.t, e.x, e.z, e.u, e.p], [e.outputs])

    @cached_property
    def watch_function(self) -> Any:
        """CasADi function `(t, x, z, u, p) -> watched expressions`."""
        e = self.expressions
        return ca.Function("watches", [e.t, e.x, e.z, e.u, e.p], [e.watches])

    @cached_property
    def law_functions(self) -> Any:
        """CasADi function `(t, x, z, u, p) -> (amounts, d(amounts)/dt, inflows)`."""
        e = self.expressions
        amounts, inflows = e.laws[: len(self.laws)], e.laws[len(self.laws) :]
        rates = ca.jtimes(amounts, e.x, e.rhs) + ca.jacobian(amounts, e.t)
        return ca.Function("laws", [e.t, e.x, e.z, e.u, e.p], [amounts, rates, inflows])

    @cached_property
    def jump_functions(self) -> dict[str, Any]:
        """CasADi functions `(arguments, x, p) -> x after`, by name of the jump."""
        e = self.expressions
        return {
            jump.name: ca.Function(f"jump_{i}", [symbols, e.x, e.p], [after])
            for i, (jump, (symbols, after)) in enumerate(zip(self.jumps, e.jumps, strict=True))
        }

    @cached_property
    def start_function(self) -> Any:
        """CasADi function `p -> x` of the initial states."""
        return ca.Function("starts", [self.expressions.p], [self.expressions.starts])

    def parameter_vector(self, given: Mapping[str, Given] | None = None) -> NDArray[np.float64]:
        """Parameters in the order of `p`. Shape `(n_p,)`.

        Raises:
            DataError: A name is unknown, a value impossible, a unit does not convert.
        """
        return _vector(self.parameters, given or {}, f"parameter of {self.name}")

    def input_vector(self, given: Mapping[str, Given] | None = None) -> NDArray[np.float64]:
        """Inputs in the order of `u`. Shape `(n_u,)`."""
        return _vector(self.inputs, given or {}, f"input of {self.name}")

    def guess_vector(self, given: Mapping[str, Given] | None = None) -> NDArray[np.float64]:
        """Algebraic guesses in the order of `z`. Shape `(n_z,)`."""
        return _vector(self.algebraics, given or {}, f"algebraic variable of {self.name}")

    def x0(
        self,
        parameters: NDArray[np.float64] | None = None,
        given: Mapping[str, Given] | None = None,
    ) -> NDArray[np.float64]:
        """Initial states in the order of `x`. Shape `(n_x,)`.

        Raises:
            DataError: A name is unknown, or a state lies outside its physical bounds.
        """
        p = self.parameter_vector() if parameters is None else parameters
        start = np.array(self.start_function(p), dtype=float).ravel()
        return _vector(self.states, given or {}, f"initial state of {self.name}", start)

    def at(self, kind: str, name: str) -> slice:
        """Place of a quantity in its vector.

        Args:
            kind: `states`, `algebraics`, `inputs` or `parameters`.
            name: Its name.

        Raises:
            DataError: There is none of that name.
        """
        start = 0
        for one in getattr(self, kind):
            if one.name == name:
                return slice(start, start + one.size)
            start += one.size
        names = ", ".join(one.name for one in getattr(self, kind)) or "none"
        raise DataError(
            f"model {self.name} has no {name!r} in its {kind}.", hint=f"It has: {names}."
        )

    def columns(self, kind: str) -> tuple[str, ...]:
        """Names of all elements of a vector, in order."""
        return tuple(element for one in getattr(self, kind) for element in one.elements)


@dataclass(frozen=True)
class ModelRef:
    """A model by the function that builds it: what a worker process is told.

    Attributes:
        target: `package.module:function`.
        settings: Keyword arguments of the function, sorted by name.
    """

    target: str
    settings: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, target: str, **settings: Any) -> ModelRef:
        """Reference with settings as keyword arguments."""
        return cls(target, tuple(sorted((name, _frozen(one)) for name, one in settings.items())))

    def load(self) -> Model:
        """The model, built once in a process.

        Raises:
            DesignError: The target does not exist or builds no model.
        """
        return _load(self)


@lru_cache(maxsize=64)
def _load(ref: ModelRef) -> Model:
    module, _, function = ref.target.partition(":")
    try:
        build = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise DesignError(
            f"model {ref.target!r} cannot be loaded: {error}.",
            hint="Name it as package.module:function.",
        ) from error
    _check_build(ref, build)
    try:
        model = build(**dict(ref.settings))
    except (TypeError, ValueError, KeyError) as error:
        if isinstance(error, ScienceError):
            raise
        raise DesignError(
            f"model {ref.target!r} with settings {dict(ref.settings)} cannot be built: {error}.",
            hint="Correct the settings.",
        ) from error
    if not isinstance(model, Model):
        raise DesignError(
            f"{ref.target!r} returns {type(model).__name__}, no model.",
            hint="End the function with `return builder.build()`.",
        )
    return model


def _check_build(ref: ModelRef, build: Any) -> None:
    """A name from a file must not call anything: only what says that it builds a model."""
    said = getattr(inspect.unwrap(build), "__annotations__", {}).get("return", "")
    if said is not Model and str(said).rpartition(".")[2] != "Model":
        raise DesignError(
            f"{ref.target!r} does not say that it returns a model.",
            hint="Write it as `def name(...) -> Model:`.",
        )
    try:
        inspect.signature(build).bind(**dict(ref.settings))
    except TypeError as error:
        names = ", ".join(inspect.signature(build).parameters) or "none"
        raise DesignError(
            f"model {ref.target!r} cannot be built: {error}.", hint=f"It has settings: {names}."
        ) from error


def _frozen(value: Any) -> Any:
    """A setting that can be compared and kept: lists from files become tuples."""
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, Mapping):
        raise DesignError(f"a model has no setting such as {dict(value)}.", hint="Give values.")
    return value


def to_unit(given: float | str, unit: str, where: str) -> float:
    """A given value as a number in a unit.

    Raises:
        DataError: The text is no quantity of that dimension, or the number is not finite.
    """
    if isinstance(given, bool):
        raise DataError(f"{where} is {given}.", hint="Give a number.")
    if isinstance(given, str):
        try:
            measured = Measured.parse(given)
            if measured.operator:
                raise DataError(f"{where} is only known as {given!r}.", hint="Give a value.")
            factor, offset = conversion(measured.unit, unit)
        except ValueError as error:
            raise DataError(f"{where} is given as {given!r}: {error}", hint="") from error
        given = measured.float * factor + offset
    value = float(given)
    if not np.isfinite(value):
        raise DataError(f"{where} is {value}.", hint="Give a finite number.")
    return value


def _vector(
    declared: Sequence[Quantity],
    given: Mapping[str, Given],
    what: str,
    start: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    unknown = set(given) - {one.name for one in declared}
    if unknown:
        names = ", ".join(one.name for one in declared) or "none"
        raise DataError(f"no {what} is called {sorted(unknown)[0]!r}.", hint=f"There are: {names}.")
    parts: list[NDArray[np.float64]] = []
    place = 0
    for one in declared:
        own = np.asarray(one.value) if start is None else start[place : place + one.size]
        place += one.size
        parts.append(_values(one, given[one.name], what) if one.name in given else own)
        _check_bounds(one, parts[-1], what)
    return np.concatenate(parts) if parts else np.empty(0)


def _values(one: Quantity, given: Given, what: str) -> NDArray[np.float64]:
    where = f"{what} {one.name!r}"
    if isinstance(given, str | int | float | np.floating):
        return np.full(one.size, to_unit(given, one.unit, where))
    values = np.array([to_unit(value, one.unit, where) for value in given])
    if values.size != one.size:
        raise DataError(f"{where} has {values.size} values, not {one.size}.", hint="Give one each.")
    return values


def _check_bounds(one: Quantity, values: NDArray[np.float64], what: str) -> None:
    outside = values[~((values >= one.lower) & (values <= one.upper))]
    if outside.size:
        raise DataError(
            f"{what} {one.name!r} is {outside[0]:g} {one.unit}, which cannot be: "
            f"it lies between {one.lower:g} and {one.upper:g}.",
            hint="Correct the value and its unit.",
        )


def _instructions(function: Any) -> bytes:
    """The operations of an SX function, in order: equal for equal equations."""
    lines = [
        f"{function.instruction_id(k)} {function.instruction_input(k)} "
        f"{function.instruction_output(k)} "
        + (
            repr(function.instruction_constant(k))
            if function.instruction_id(k) == ca.OP_CONST
            else ""
        )
        for k in range(function.n_instructions())
    ]
    return "\n".join(lines).encode()
