"""Declaring a model: plain Python gives out symbols, takes equations and checks their units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.declarations import (
    Algebraic,
    Input,
    Jump,
    Law,
    Noise,
    Output,
    Parameter,
    Prior,
    Quantity,
    State,
    Watch,
)
from goldenbatch.science.process.dimensions import DimensionCheck, dimension_of
from goldenbatch.science.process.model import Expressions, Model
from goldenbatch.science.process.soundness import (
    check_free,
    check_laws,
    check_name,
    check_time_unit,
    check_twin,
    check_unique,
    column,
    finite,
    resolved,
    single,
)


class Range(TypedDict, total=False):
    """What every declared quantity may have besides (see `declarations.Quantity`)."""

    lower: float
    upper: float
    scale: float
    valid: tuple[float, float] | None
    help: str


class ModelBuilder:
    """Collects declarations and equations; `build` checks and freezes them.

    >>> m = ModelBuilder("tank", version="1", title="Draining tank", time_unit="s")
    >>> V = m.state("V", "m3", initial=1.0, lower=0.0)
    >>> k = m.parameter("k", "1/s", value=0.1)
    >>> m.derivative(V, -k * V)
    >>> m.build().n_x
    1
    """

    def __init__(
        self,
        name: str,
        *,
        version: str,
        title: str,
        time_unit: str,
        references: Sequence[str] = (),
        checks_units: bool = True,
    ) -> None:
        """Begin a model.

        Args:
            name: Such as `cho.amribt`.
            version: Changes with every change of equations or declared values.
            title: One line, for people.
            time_unit: UCUM code of time.
            references: Papers (`doi:...`) and clauses.
            checks_units: False only for a grid so fine that the check would take long, of a
                model that is checked on a coarse one.
        """
        check_time_unit(time_unit, name)
        self._head = (name, version, title, time_unit)
        self._references = tuple(references)
        self._check = DimensionCheck() if checks_units else None
        self._names: set[str] = {"t"}
        self._declared: dict[type[Quantity], list[Any]] = {
            State: [], Algebraic: [], Input: [], Parameter: [],
        }  # fmt: skip
        self._symbols: dict[type[Quantity], list[Any]] = {kind: [] for kind in self._declared}
        self._starts: dict[str, Any] = {}
        self._derivatives: dict[str, Any] = {}
        self._replaced: list[tuple[Any, Any]] = []
        self._residuals: list[Any] = []
        self._outputs: list[tuple[Output, Any]] = []
        self._laws: list[tuple[Law, Any, Any]] = []
        self._watches: list[tuple[Watch, Any]] = []
        self._jumps: list[tuple[Jump, Any, dict[str, Any]]] = []
        self.t = self._symbol("t", 1, time_unit)

    def _symbol(self, name: str, size: int, unit: str) -> Any:
        symbol = ca.SX.sym(name, size)
        if self._check is not None:
            self._check.declare(symbol, dimension_of(unit))
        return symbol

    def _declare(
        self, kind: type[Quantity], name: str, unit: str, value: Any, size: int, **more: Any
    ) -> Any:
        self._take(name)
        values = tuple(map(float, value)) if isinstance(value, Sequence) else (float(value),) * size
        self._declared[kind].append(kind(name=name, unit=unit, value=values, size=size, **more))
        symbol = self._symbol(name, size, unit)
        self._symbols[kind].append(symbol)
        return symbol

    def _take(self, name: str) -> None:
        check_name(name, self._head[0])
        if name in self._names:
            raise DesignError(f"{self._head[0]} declares {name!r} twice.", hint="Rename one.")
        self._names.add(name)

    def state(
        self,
        name: str,
        unit: str,
        *,
        initial: float | Sequence[float] | Any = 0.0,
        size: int = 1,
        **more: Unpack[Range],
    ) -> Any:
        """Declare a state and return its symbol, shape `(size, 1)`.

        Args:
            name: Unique.
            unit: UCUM code.
            initial: Number(s), or an expression over parameters.
            size: Elements of a vector.
            more: Bounds, scale, calibrated range and help.
        """
        value = initial
        if isinstance(initial, ca.SX):
            self._starts[name] = ca.SX(initial)
            value = more["lower"] if "lower" in more else 0.0
        symbol = self._declare(State, name, unit, value, size, **more)
        if name in self._starts:
            self._require(self._starts[name], unit, f"initial value of {name!r}")
        return symbol

    def algebraic(
        self, name: str, unit: str, *, guess: float, size: int = 1, **more: Unpack[Range]
    ) -> Any:
        """Declare an algebraic variable; each element needs one `equation`."""
        return self._declare(Algebraic, name, unit, guess, size, **more)

    def input(self, name: str, unit: str, *, value: float = 0.0, **more: Unpack[Range]) -> Any:
        """Declare an input with the value that it has where a recipe says nothing."""
        return self._declare(Input, name, unit, value, 1, **more)

    def parameter(
        self,
        name: str,
        unit: str,
        *,
        value: float | Sequence[float],
        size: int = 1,
        prior: Prior | None = None,
        source: str = "",
        **more: Unpack[Range],
    ) -> Any:
        """Declare a parameter; its scale is its value where none is given."""
        first = value[0] if isinstance(value, Sequence) else value
        own: Range = {"scale": abs(float(first)) or 1.0, **more}
        return self._declare(Parameter, name, unit, value, size, prior=prior, source=source, **own)

    def constant(self, name: str, value: float, unit: str) -> Any:
        """A number with a unit that never changes: a natural constant, a conversion factor."""
        self._take(name)
        symbol = self._symbol(name, 1, unit)
        self._replaced.append((symbol, ca.SX(finite(float(value), f"constant {name!r}"))))
        return symbol

    def define(self, name: str, expression: Any, unit: str) -> Any:
        """Name an intermediate; its unit is checked.

        Raises:
            UnitMismatchError: The expression has another unit.
        """
        self._require(expression, unit, f"{self._head[0]}: {name!r}")
        return self._named(name, expression, unit)

    def empirical(self, name: str, expression: Any, unit: str, *, source: str) -> Any:
        """Name an empirical correlation: the unit is asserted, its inside is not checked.

        Args:
            name: Unique.
            expression: A correlation whose coefficients carry hidden units.
            unit: Of its result, as the source states.
            source: Paper or table, required.
        """
        if not source:
            raise DesignError(
                f"correlation {name!r} names no source.", hint="Name where it stands."
            )
        return self._named(name, expression, unit)

    def _named(self, name: str, expression: Any, unit: str) -> Any:
        self._take(name)
        expression = ca.densify(ca.SX(expression))
        symbol = self._symbol(name, expression.numel(), unit)
        self._replaced.append((symbol, ca.vec(expression)))
        return symbol

    def equation(self, name: str, residual: Any, unit: str) -> None:
        """An algebraic equation: the residual is zero; its terms have the unit."""
        self._require(residual, unit, f"{self._head[0]}: equation {name!r}")
        self._residuals.append(ca.vec(ca.SX(residual)))

    def derivative(self, state: Any, expression: Any) -> None:
        """Set the time derivative of a state."""
        declared = self._find_state(state)
        if declared.name in self._derivatives:
            raise DesignError(f"state {declared.name!r} has two derivatives.", hint="Keep one.")
        unit = (
            f"({declared.unit})/({self._head[3]})"
            if declared.unit != "1"
            else f"1/({self._head[3]})"
        )
        where = f"{self._head[0]}: derivative of {declared.name!r}"
        expression = ca.vec(ca.densify(ca.SX(expression)))
        if expression.numel() != declared.size:
            raise DesignError(
                f"{where} has {expression.numel()} elements, not {declared.size}.", hint=""
            )
        self._require(expression, unit, where)
        self._derivatives[declared.name] = expression

    def _find_state(self, symbol: Any) -> State:
        for declared, own in zip(self._declared[State], self._symbols[State], strict=True):
            if own is symbol:
                return declared  # type: ignore[no-any-return]
        raise DesignError(
            f"{symbol} is no state of {self._head[0]}.", hint="Pass what `state` returned."
        )

    def output(
        self,
        name: str,
        expression: Any,
        unit: str,
        *,
        noise: Noise | None = None,
        cadence: float = 0.0,
        delay: float = 0.0,
        help: str = "",
    ) -> None:
        """Declare what is computed or measured; K is turned into Cel where Cel is asked for."""
        if unit == "Cel":
            self._require(expression, "K", f"{self._head[0]}: output {name!r}")
            expression = expression - 273.15
        else:
            self._require(expression, unit, f"{self._head[0]}: output {name!r}")
        where = f"{self._head[0]}: output {name!r}"
        check_unique(name, (one for one, _ in self._outputs), where)
        check_twin(name, expression, self._declared, self._symbols, where)
        declared = Output(name, unit, noise, float(cadence), float(delay), help)
        self._outputs.append((declared, single(expression, where)))

    def conserved(self, name: str, amount: Any, *, inflow: Any, unit: str) -> None:
        """Declare a law: the amount changes at the rate of the inflow, and by nothing else."""
        self._require(amount, unit, f"{self._head[0]}: amount of {name!r}")
        rate = f"({unit})/({self._head[3]})" if unit != "1" else f"1/({self._head[3]})"
        self._require(inflow, rate, f"{self._head[0]}: inflow of {name!r}")
        where = f"{self._head[0]}: law {name!r}"
        check_unique(name, (law for law, _, _ in self._laws), where)
        self._laws.append((Law(name, unit), single(amount, where), single(inflow, where)))

    def watch(self, name: str, expression: Any, *, stops: bool = False, help: str = "") -> None:
        """Name an event: the expression rises through zero. It may end the run."""
        where = f"{self._head[0]}: event {name!r}"
        check_unique(name, (one for one, _ in self._watches), where)
        watched = single(expression, where)
        if self._check is not None:
            self._check.of(watched, where)
        self._watches.append((Watch(name, stops, help), watched))

    def stop(self, name: str, expression: Any, *, help: str = "") -> None:
        """An event that ends the run."""
        self.watch(name, expression, stops=True, help=help)

    def argument(self, name: str, unit: str) -> Any:
        """A symbol for an argument of a jump."""
        return self._symbol(name, 1, unit)

    def jump(
        self,
        name: str,
        after: Mapping[str, Any],
        arguments: Mapping[str, tuple[Any, str]],
        *,
        help: str = "",
    ) -> None:
        """Declare a sudden change.

        Args:
            name: Such as `bolus`.
            after: New values of states, by name; the others stay.
            arguments: Name to (symbol of `argument`, unit).
            help: For people.
        """
        known = {one.name: one for one in self._declared[State]}
        check_unique(name, (jump for jump, _, _ in self._jumps), f"{self._head[0]}: jump {name!r}")
        for state, expression in after.items():
            where = f"{self._head[0]}: jump {name!r}, {state!r}"
            if state not in known:
                raise DesignError(f"jump {name!r} changes {state!r}, no state.", hint="Correct it.")
            if ca.SX(expression).numel() != known[state].size:
                raise DesignError(f"{where} has another number of elements.", hint="Give each.")
            self._require(expression, known[state].unit, where)
        for argument, (symbol, unit) in arguments.items():
            self._require(symbol, unit, f"{self._head[0]}: jump {name!r}, argument {argument!r}")
        symbols = ca.vertcat(*(symbol for symbol, _ in arguments.values()))
        pairs = tuple((argument, unit) for argument, (_, unit) in arguments.items())
        self._jumps.append((Jump(name, pairs, help), ca.SX(symbols), dict(after)))

    def _require(self, expression: Any, unit: str, where: str) -> None:
        if self._check is not None:
            self._check.require(expression, unit, where)

    def build(self) -> Model:
        """Check completeness and freeze.

        Raises:
            DesignError: A derivative or an equation is missing, or a symbol is a stranger.
        """
        self._check_complete()
        name, version, title, time_unit = self._head
        quantities = {
            "states": tuple(self._declared[State]),
            "algebraics": tuple(self._declared[Algebraic]),
            "inputs": tuple(self._declared[Input]),
            "parameters": tuple(self._declared[Parameter]),
        }
        model = Model(
            name, version, title, time_unit, **quantities,
            outputs=tuple(one for one, _ in self._outputs),
            laws=tuple(law for law, _, _ in self._laws),
            watches=tuple(one for one, _ in self._watches),
            jumps=tuple(jump for jump, _, _ in self._jumps),
            references=self._references,
            expressions=self._expressions(),
        )  # fmt: skip
        if self._check is not None:
            check_laws(model)
        return model

    def _check_complete(self) -> None:
        missing = [s.name for s in self._declared[State] if s.name not in self._derivatives]
        if missing:
            raise DesignError(
                f"{self._head[0]}: states without a derivative: {', '.join(missing)}.",
                hint="Call `derivative` for each; 0 for one that only jumps.",
            )
        n_equations = sum(one.numel() for one in self._residuals)
        n_unknown = sum(one.size for one in self._declared[Algebraic])
        if n_equations != n_unknown:
            raise DesignError(
                f"{self._head[0]}: {n_equations} equations for {n_unknown} algebraic variables.",
                hint="Give one equation for each.",
            )

    def _expressions(self) -> Expressions:
        x, z, u, p = (
            ca.vertcat(*self._symbols[k]) if self._symbols[k] else ca.SX(0, 1)
            for k in (State, Algebraic, Input, Parameter)
        )
        whole = {
            "rhs": column(self._derivatives[one.name] for one in self._declared[State]),
            "residuals": column(self._residuals),
            "outputs": column(expression for _, expression in self._outputs),
            "laws": column([*(a for _, a, _ in self._laws), *(i for _, _, i in self._laws)]),
            "watches": column(expression for _, expression in self._watches),
            "starts": column(
                self._starts.get(one.name, ca.SX(list(one.value))) for one in self._declared[State]
            ),
        }
        afters = [self._after(jump[2]) for jump in self._jumps]
        found = resolved(self._replaced, [*whole.values(), *afters])
        named = dict(zip(whole, found, strict=False))
        jumps = [*zip((a for _, a, _ in self._jumps), found[len(whole) :], strict=True)]
        head = self._head[0]
        seen = ca.vertcat(*(e for key, e in named.items() if key != "starts"))
        check_free([self.t, x, z, u, p], "symbols of this model", seen, head)
        check_free([p], "parameters in initial values", named["starts"], head)
        for arguments, after in jumps:
            check_free([arguments, x, p], "arguments, states and parameters in jumps", after, head)
        return Expressions(self.t, x, z, u, p, **named, jumps=tuple(jumps))

    def _after(self, changed: Mapping[str, Any]) -> Any:
        pairs = zip(self._declared[State], self._symbols[State], strict=True)
        return column(changed.get(one.name, symbol) for one, symbol in pairs)
