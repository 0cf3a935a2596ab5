"""How a component is bound: kinetic isotherms, as rates over pore and bound concentrations.

Concentrations in the solid are amounts per volume of solid skeleton, as in CADET. A column may
count in any unit of amount per volume (`mol/m3`, `g/L`); rates are per second.

References:
    Leweke and von Lieres 2018, doi:10.1016/j.compchemeng.2018.02.025 (conventions);
    Brooks and Cramer 1992, doi:10.1002/aic.690381212 (steric mass action).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple, Protocol

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process._casadi import ca

_FLOOR = 1e-12
"""Free sites and counter ions are kept above this share of the reference: no power of less."""


class Value(NamedTuple):
    """A number that a column depends on, with its unit (UCUM)."""

    name: str
    unit: str
    value: float
    help: str = ""


class Binding(Protocol):
    """What binds: bound states, their rates, and what of each component they hold."""

    def states(self, components: Sequence[str]) -> tuple[str, ...]:
        """Names of the bound states, such as `mab` or `mab_2` of a second kind of site."""

    def owners(self) -> tuple[int, ...]:
        """Component of each bound state."""

    def values(self, components: Sequence[str], unit: str) -> tuple[Value, ...]:
        """Numbers that the rates depend on; `unit` is that of concentrations."""

    def rates(self, v: Mapping[str, Any], cp: Sequence[Any], q: Sequence[Any]) -> list[Any]:
        """Adsorption less desorption of each bound state, in concentration per second.

        Args:
            v: Values by name.
            cp: Pore concentrations of all components.
            q: Bound concentrations of all bound states.
        """

    def held(self, v: Mapping[str, Any], q: Sequence[Any]) -> list[Any]:
        """Bound concentration of each component."""

    def taken(self, v: Mapping[str, Any], rates: Sequence[Any], dq: Sequence[Any]) -> list[Any]:
        """What each component loses from the pore liquid to the solid.

        Args:
            v: Values by name.
            rates: What `rates` gave.
            dq: Whole change of the bound states, surface diffusion included.
        """


@dataclass(frozen=True)
class Sites:
    """Bound states that belong to one component each; a base for isotherms."""

    n_components: int

    def states(self, components: Sequence[str]) -> tuple[str, ...]:
        """One state per component that binds."""
        return tuple(components[index] for index in self.owners())

    def owners(self) -> tuple[int, ...]:
        """All components bind, unless the isotherm says otherwise."""
        return tuple(range(self.n_components))

    def held(self, v: Mapping[str, Any], q: Sequence[Any]) -> list[Any]:
        """Sum of the bound states of each component."""
        return self.taken(v, q, q)

    def taken(self, v: Mapping[str, Any], rates: Sequence[Any], dq: Sequence[Any]) -> list[Any]:
        """Sum of the rates of the bound states of each component."""
        total: list[Any] = [ca.SX(0)] * self.n_components
        for owner, rate in zip(self.owners(), rates, strict=True):
            total[owner] = total[owner] + rate
        return total


@dataclass(frozen=True)
class Linear(Sites):
    """Linear: `dq/dt = ka cp - kd q`.

    >>> Linear.of(ka=(3.55,), kd=(0.1,)).owners()
    (0,)

    Attributes:
        ka: Adsorption rate constants, 1/s (volume of pore liquid per volume of solid). Shape
            `(n_components,)`; 0 for a component that does not bind.
        kd: Desorption rate constants, 1/s.
    """

    ka: tuple[float, ...] = ()
    kd: tuple[float, ...] = ()

    @classmethod
    def of(cls, *, ka: Sequence[float], kd: Sequence[float]) -> Linear:
        """Isotherm of as many components as constants are given."""
        _check("linear", len(ka), ka=ka, kd=kd)
        return cls(len(ka), tuple(ka), tuple(kd))

    def owners(self) -> tuple[int, ...]:
        """Components with an adsorption rate."""
        return tuple(index for index, ka in enumerate(self.ka) if ka > 0.0)

    def values(self, components: Sequence[str], unit: str) -> tuple[Value, ...]:
        """`ka_<component>`, `kd_<component>`."""
        return tuple(
            value
            for index in self.owners()
            for value in (
                Value(f"ka_{components[index]}", "1/s", self.ka[index], "adsorption rate"),
                Value(f"kd_{components[index]}", "1/s", self.kd[index], "desorption rate"),
            )
        )

    def rates(self, v: Mapping[str, Any], cp: Sequence[Any], q: Sequence[Any]) -> list[Any]:
        """See the class."""
        ka, kd = _named(v, "ka_"), _named(v, "kd_")
        return [ka[j] * cp[i] - kd[j] * q[j] for j, i in enumerate(self.owners())]


@dataclass(frozen=True)
class Langmuir(Sites):
    """Competitive Langmuir: `dq_i/dt = ka_i cp_i qmax_i (1 - sum_j q_j/qmax_j) - kd_i q_i`.

    Sites beyond the first kind compete among themselves only: `Langmuir.two_sites` is the
    fast and the slow site of Protein A, both of one component.

    >>> Langmuir.of(ka=(0.1,), kd=(1.0,), qmax=(10.0,)).owners()
    (0,)

    Attributes:
        ka: Adsorption rate constants, 1/(concentration s). Shape `(n_states,)`.
        kd: Desorption rate constants, 1/s.
        qmax: Capacities, concentration in the solid.
        owner: Component of each state.
        kind: Kind of site of each state; states of one kind compete.
    """

    ka: tuple[float, ...] = ()
    kd: tuple[float, ...] = ()
    qmax: tuple[float, ...] = ()
    owner: tuple[int, ...] = ()
    kind: tuple[int, ...] = ()

    @classmethod
    def of(cls, *, ka: Sequence[float], kd: Sequence[float], qmax: Sequence[float]) -> Langmuir:
        """One kind of site; a component with `ka` 0 does not bind."""
        _check("Langmuir", len(ka), ka=ka, kd=kd, qmax=qmax)
        bound = [index for index, one in enumerate(ka) if one > 0.0]
        _check_positive("Langmuir qmax", [qmax[i] for i in bound])
        kept = [tuple(values[i] for i in bound) for values in (ka, kd, qmax)]
        return cls(len(ka), kept[0], kept[1], kept[2], tuple(bound), (0,) * len(bound))

    @classmethod
    def two_sites(
        cls, component: int, n_components: int, *, ka: Sequence[float], kd: Sequence[float],
        qmax: Sequence[float],
    ) -> Langmuir:  # fmt: skip
        """Two kinds of site for one component, none for the others."""
        _check("two-site Langmuir", 2, ka=ka, kd=kd, qmax=qmax)
        _check_positive("two-site Langmuir qmax", qmax)
        return cls(n_components, tuple(ka), tuple(kd), tuple(qmax), (component,) * 2, (0, 1))

    def owners(self) -> tuple[int, ...]:
        """Component of each state."""
        return self.owner

    def states(self, components: Sequence[str]) -> tuple[str, ...]:
        """`<component>`, of a second kind of site `<component>_2`."""
        return tuple(
            components[owner] + (f"_{kind + 1}" if kind else "")
            for owner, kind in zip(self.owner, self.kind, strict=True)
        )

    def values(self, components: Sequence[str], unit: str) -> tuple[Value, ...]:
        """`ka_<state>`, `kd_<state>`, `qmax_<state>`."""
        return tuple(
            value
            for index, state in enumerate(self.states(components))
            for value in (
                Value(f"ka_{state}", f"1/({unit})/s", self.ka[index], "adsorption rate"),
                Value(f"kd_{state}", "1/s", self.kd[index], "desorption rate"),
                Value(f"qmax_{state}", unit, self.qmax[index], "capacity of the solid"),
            )
        )

    def rates(self, v: Mapping[str, Any], cp: Sequence[Any], q: Sequence[Any]) -> list[Any]:
        """See the class."""
        ka, kd, qmax = _named(v, "ka_"), _named(v, "kd_"), _named(v, "qmax_")
        free = {
            kind: 1.0 - sum(q[j] / qmax[j] for j, own in enumerate(self.kind) if own == kind)
            for kind in set(self.kind)
        }
        return [
            ka[j] * cp[i] * qmax[j] * free[self.kind[j]] - kd[j] * q[j]
            for j, i in enumerate(self.owner)
        ]


@dataclass(frozen=True)
class StericMassAction(Sites):
    """Steric mass action of ion exchange; component 0 is the salt.

    `dq_i/dt = ka_i cp_i (q0/qref)^nu_i - kd_i q_i (cp_0/cref)^nu_i` with the free sites
    `q0 = Lambda - sum_j (nu_j + sigma_j) q_j`. Bound salt follows from electroneutrality,
    `Lambda - sum_j nu_j q_j`, at every instant: it is no state, and what proteins displace
    enters the pore liquid.

    >>> sma = StericMassAction.of(ka=(35.5,), kd=(1000.0,), nu=(4.7,), sigma=(11.83,),
    ...                           capacity=1200.0)
    >>> sma.states(["salt", "lysozyme"])
    ('lysozyme',)

    Attributes:
        ka: Adsorption rate constants of the proteins, 1/s. Shape `(n_components - 1,)`.
        kd: Desorption rate constants, 1/s.
        nu: Characteristic charges.
        sigma: Steric factors.
        capacity: Ionic capacity Lambda, concentration in the solid.
        reference_liquid: cref.
        reference_solid: qref.

    References:
        Brooks and Cramer 1992, doi:10.1002/aic.690381212.
    """

    ka: tuple[float, ...] = ()
    kd: tuple[float, ...] = ()
    nu: tuple[float, ...] = ()
    sigma: tuple[float, ...] = ()
    capacity: float = 0.0
    reference_liquid: float = 1.0
    reference_solid: float = 1.0

    @classmethod
    def of(
        cls, *, ka: Sequence[float], kd: Sequence[float], nu: Sequence[float],
        sigma: Sequence[float], capacity: float, references: tuple[float, float] = (1.0, 1.0),
    ) -> StericMassAction:  # fmt: skip
        """Isotherm of the salt and as many proteins as constants are given.

        Args:
            ka: See the class, as for the rest.
            kd: Desorption.
            nu: Charges.
            sigma: Steric factors.
            capacity: Lambda.
            references: cref and qref.
        """
        _check("steric mass action", len(ka), ka=ka, kd=kd, nu=nu, sigma=sigma)
        _check_positive("capacity and reference concentrations", (capacity, *references))
        return cls(
            len(ka) + 1, tuple(ka), tuple(kd), tuple(nu), tuple(sigma), capacity, *references
        )

    def owners(self) -> tuple[int, ...]:
        """The proteins."""
        return tuple(range(1, self.n_components))

    def values(self, components: Sequence[str], unit: str) -> tuple[Value, ...]:
        """Constants by protein, then capacity and reference concentrations."""
        by_protein = tuple(
            value
            for j, name in enumerate(self.states(components))
            for value in (
                Value(f"ka_{name}", "1/s", self.ka[j], "adsorption rate"),
                Value(f"kd_{name}", "1/s", self.kd[j], "desorption rate"),
                Value(f"nu_{name}", "1", self.nu[j], "characteristic charge"),
                Value(f"sigma_{name}", "1", self.sigma[j], "steric factor"),
            )
        )
        return (
            *by_protein,
            Value("capacity", unit, self.capacity, "ionic capacity of the solid"),
            Value("cref", unit, self.reference_liquid, "reference concentration of the liquid"),
            Value("qref", unit, self.reference_solid, "reference concentration of the solid"),
        )

    def rates(self, v: Mapping[str, Any], cp: Sequence[Any], q: Sequence[Any]) -> list[Any]:
        """See the class."""
        ka, kd = _named(v, "ka_"), _named(v, "kd_")
        nu, sigma = _named(v, "nu_"), _named(v, "sigma_")
        shielded = sum((nu[j] + sigma[j]) * q[j] for j in range(len(q)))
        free = ca.fmax((v["capacity"] - shielded) / v["qref"], _FLOOR)
        salt = ca.fmax(cp[0] / v["cref"], _FLOOR)
        return [
            ka[j] * cp[j + 1] * ca.power(free, nu[j]) - kd[j] * q[j] * ca.power(salt, nu[j])
            for j in range(len(q))
        ]

    def held(self, v: Mapping[str, Any], q: Sequence[Any]) -> list[Any]:
        """Proteins, and the salt that electroneutrality leaves bound."""
        nu = _named(v, "nu_")
        return [v["capacity"] - sum(nu[j] * q[j] for j in range(len(q))), *q]

    def taken(self, v: Mapping[str, Any], rates: Sequence[Any], dq: Sequence[Any]) -> list[Any]:
        """Proteins as bound; the salt that they displace, as a loss below zero."""
        nu = _named(v, "nu_")
        return [-sum(nu[j] * dq[j] for j in range(len(dq))), *rates]


def _named(v: Mapping[str, Any], prefix: str) -> list[Any]:
    """Values whose names begin alike, in their order."""
    return [value for name, value in v.items() if name.startswith(prefix)]


def _check(what: str, n_expected: int, **given: Sequence[float]) -> None:
    for name, values in given.items():
        if len(values) != n_expected or n_expected == 0:
            raise DesignError(
                f"{what} isotherm has {len(values)} values of {name} for {n_expected}.",
                hint="Give one value for each bound component.",
            )
        bad = [one for one in values if not (isfinite(one) and one >= 0.0)]
        if bad:
            raise DesignError(
                f"{what} isotherm has {name} = {bad[0]}.", hint="Give finite values of 0 or more."
            )


def _check_positive(what: str, values: Sequence[float]) -> None:
    bad = [one for one in values if not (isfinite(one) and one > 0.0)]
    if bad:
        raise DesignError(f"{what} = {bad[0]}.", hint="Give finite values above zero.")
