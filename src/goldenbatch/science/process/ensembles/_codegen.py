"""From the instructions of a CasADi function to machine code, without any text in between.

CasADi keeps a scalar (SX) function as a list of elementary operations. Each becomes one LLVM
instruction inside a numba intrinsic, so nothing is written out as source and nothing is passed
to `exec`: only operations of the table below can come out of it (ADR 0029).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.ensembles._numba import intrinsic, types

_DOUBLE = ir.DoubleType()
_ARITHMETIC = {
    ca.OP_ADD: "fadd", ca.OP_SUB: "fsub", ca.OP_MUL: "fmul", ca.OP_DIV: "fdiv", ca.OP_FMOD: "frem",
}  # fmt: skip
_COMPARED = {ca.OP_LT: "<", ca.OP_LE: "<=", ca.OP_EQ: "==", ca.OP_NE: "!="}
_LLVM = {
    ca.OP_EXP: "llvm.exp", ca.OP_LOG: "llvm.log", ca.OP_SQRT: "llvm.sqrt", ca.OP_SIN: "llvm.sin",
    ca.OP_COS: "llvm.cos", ca.OP_FABS: "llvm.fabs", ca.OP_FLOOR: "llvm.floor",
    ca.OP_CEIL: "llvm.ceil", ca.OP_POW: "llvm.pow", ca.OP_CONSTPOW: "llvm.pow",
    ca.OP_FMIN: "llvm.minnum", ca.OP_FMAX: "llvm.maxnum", ca.OP_COPYSIGN: "llvm.copysign",
}  # fmt: skip


_CALLED: dict[int, Callable[..., float]] = {
    ca.OP_TAN: math.tan, ca.OP_ASIN: math.asin, ca.OP_ACOS: math.acos, ca.OP_ATAN: math.atan,
    ca.OP_SINH: math.sinh, ca.OP_COSH: math.cosh, ca.OP_TANH: math.tanh,
    ca.OP_ASINH: math.asinh, ca.OP_ACOSH: math.acosh, ca.OP_ATANH: math.atanh,
    ca.OP_ERF: math.erf, ca.OP_LOG1P: math.log1p, ca.OP_EXPM1: math.expm1,
    ca.OP_ATAN2: math.atan2, ca.OP_HYPOT: math.hypot,
}  # fmt: skip


class Emitter:
    """Emits the body of one SX function into an LLVM builder."""

    def __init__(self, context: Any, builder: Any) -> None:
        """Where to."""
        self.context, self.builder = context, builder

    def number(self, value: float) -> Any:
        """A constant."""
        return ir.Constant(_DOUBLE, float(value))

    def operation(self, code: int, arguments: list[Any]) -> Any:
        """Value of one elementary operation.

        Raises:
            DesignError: The operation has no counterpart here.
        """
        b, a = self.builder, arguments
        if code in _ARITHMETIC:
            return getattr(b, _ARITHMETIC[code])(a[0], a[1])
        if code in _LLVM:
            kind = ir.FunctionType(_DOUBLE, [_DOUBLE] * len(a))
            return b.call(b.module.declare_intrinsic(_LLVM[code], [_DOUBLE], kind), a)
        if code in _CALLED:
            signature = types.float64(*[types.float64] * len(a))
            return self.context.get_function(_CALLED[code], signature)(b, a)
        if code in _COMPARED:
            return b.uitofp(b.fcmp_ordered(_COMPARED[code], a[0], a[1]), _DOUBLE)
        return self._other(code, a)

    def _other(self, code: int, a: list[Any]) -> Any:
        b, zero, one = self.builder, self.number(0.0), self.number(1.0)
        made: dict[int, Callable[[], Any]] = {
            ca.OP_ASSIGN: lambda: a[0],
            ca.OP_LIFT: lambda: a[0],
            ca.OP_NEG: lambda: b.fneg(a[0]),
            ca.OP_SQ: lambda: b.fmul(a[0], a[0]),
            ca.OP_TWICE: lambda: b.fadd(a[0], a[0]),
            ca.OP_INV: lambda: b.fdiv(one, a[0]),
            ca.OP_NOT: lambda: b.select(self._is(a[0]), zero, one),
            ca.OP_AND: lambda: b.uitofp(b.and_(self._is(a[0]), self._is(a[1])), _DOUBLE),
            ca.OP_OR: lambda: b.uitofp(b.or_(self._is(a[0]), self._is(a[1])), _DOUBLE),
            ca.OP_IF_ELSE_ZERO: lambda: b.select(self._is(a[0]), a[1], zero),
            ca.OP_SIGN: lambda: self._sign(a[0]),
        }
        if code not in made:
            raise DesignError(
                f"the kernel knows no operation number {code} of CasADi.",
                hint="Run this model with the engine 'casadi'.",
            )
        return made[code]()

    def _is(self, value: Any) -> Any:
        return self.builder.fcmp_unordered("!=", value, self.number(0.0))

    def _sign(self, value: Any) -> Any:
        b, zero = self.builder, self.number(0.0)
        up = b.uitofp(b.fcmp_ordered(">", value, zero), _DOUBLE)
        down = b.uitofp(b.fcmp_ordered("<", value, zero), _DOUBLE)
        return b.fsub(up, down)

    def body(self, function: Any, inputs: list[Any], output: Any) -> None:
        """All instructions of a function.

        Args:
            function: An SX function.
            inputs: Per input a value (a scalar) or a pointer.
            output: Pointer to memory for all outputs, each dense in row order, one by one.
        """
        work: dict[int, Any] = {}
        places = _places(function)
        for k in range(function.n_instructions()):
            code = function.instruction_id(k)
            source, target = function.instruction_input(k), function.instruction_output(k)
            if code == ca.OP_CONST:
                work[target[0]] = self.number(function.instruction_constant(k))
            elif code == ca.OP_INPUT:
                work[target[0]] = self._load(inputs[source[0]], source[1])
            elif code == ca.OP_OUTPUT:
                pointer = self._at(output, places[target[0]][target[1]])
                self.builder.store(work[source[0]], pointer)
            else:
                work[target[0]] = self.operation(code, [work[one] for one in source])

    def _load(self, given: Any, place: int) -> Any:
        if given.type == _DOUBLE:
            return given
        return self.builder.load(self._at(given, place))

    def _at(self, pointer: Any, place: int) -> Any:
        return self.builder.gep(pointer, [ir.Constant(ir.IntType(64), place)], inbounds=True)


def _places(function: Any) -> list[list[int]]:
    """Place of each nonzero of each output in the memory for all of them."""
    made, start = [], 0
    for k in range(function.n_out()):
        sparsity = function.sparsity_out(k)
        rows, columns = sparsity.get_triplet()
        width = sparsity.size2()
        made.append([start + r * width + c for r, c in zip(rows, columns, strict=True)])
        start += sparsity.numel()
    return made


def _pointer(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        return context.make_array(kind)(context, builder, value).data
    return value


def intrinsic_of(function: Any) -> Any:
    """Intrinsic `(tau, x, packed, out)` of an SX function `(tau, x, packed) -> outputs`.

    Structural zeros of an output are not written: `out` is to hold zeros there.
    """

    @intrinsic
    def evaluate(typing: Any, tau: Any, x: Any, packed: Any, out: Any) -> Any:
        """Evaluate the function."""

        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            given = [
                _pointer(context, builder, kind, value)
                for kind, value in zip(signature.args, values, strict=True)
            ]
            Emitter(context, builder).body(function, given[:3], given[3])
            return context.get_dummy_value()

        return types.void(tau, x, packed, out), code

    return evaluate
