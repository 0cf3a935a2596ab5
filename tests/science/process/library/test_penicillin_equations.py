"""The penicillin equations: one text for symbols and for numbers, units, modes, constants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.library.penicillin import constants, kinetics, model, variables
from goldenbatch.science.process.library.penicillin._algebra import Kit, Numbers
from goldenbatch.science.process.library.penicillin.equations import Now, balances
from goldenbatch.science.process.library.penicillin.modes import Corrections, corrections

BROTH = {
    "S": 0.002, "DO2": 11.0, "O2": 0.19, "P": 12.0, "V": 74000.0, "Wt": 82000.0, "H": 3.1e-7,
    "T": 298.1, "Q": 1e5, "Viscosity": 45.0, "Culture_age": 2000.0, "a0": 5.0, "a1": 9.0,
    "a3": 0.7, "a4": 0.2, "nm": 3e5, "phi0": 4e-3, "CO2outgas": 1.9, "CO2_d": 3.0, "PAA": 1200.0,
    "NH3": 1500.0,
}  # fmt: skip
FLOWS = {
    "Fs": 84.0, "Foil": 30.0, "Fg": 60.0, "RPM": 100.0, "Fc": 210.0, "Fh": 3.0, "Fb": 40.0,
    "Fa": 2.0, "Fw": 150.0, "pressure": 1.1, "Fremoved": -4000.0, "Fpaa": 10.0, "NH3_shots": 0.5,
}  # fmt: skip


def at_a_point(scale: float = 1.0, **changed: float) -> tuple[np.ndarray, np.ndarray]:
    """States and inputs of a plausible broth."""
    broth = {**{name: 2e5 / (i + 1) for i, name in enumerate(variables.BINS)}, **BROTH}
    broth = {
        name: value * (scale if name not in ("T", "H") else 1.0) for name, value in broth.items()
    }
    broth |= changed
    x = np.array([broth.get(name, 0.01) for name in variables.STATE_NAMES])
    upsets = (1e-3, -0.01, 8.0, -5.0, 1e-3, 900.0, 0.7, 1e-3)
    return x, np.array([*(FLOWS[name] for name in variables.FLOW_NAMES), *upsets])


def plain_rates(x: np.ndarray, u: np.ndarray, corrected: Corrections) -> np.ndarray:
    now = Now(
        70.0,
        variables.Broth.of(tuple(x.tolist())),
        variables.Feeds(*u[:13].tolist()),
        variables.Upsets(*u[13:].tolist()),
        variables.Drawn(*(one.value for one in constants.DRAWN)),
    )
    return np.array(balances(now, Kit(constants.numbers(), Numbers(), corrected)).rates)


@settings(max_examples=12)
@given(st.floats(0.3, 1.3), st.sampled_from(["compatible", "corrected"]), st.booleans())
def test_symbols_and_numbers_say_the_same(scale: float, mode: str, is_basic: bool) -> None:
    x, u = at_a_point(scale, H=2e-8 if is_basic else 3.1e-7)
    one = model(mode)
    symbolic = np.array(one.rhs(70.0, x, [], u, one.parameter_vector())[0]).ravel()
    plain = plain_rates(x, u, corrections(mode))
    assert symbolic == pytest.approx(plain, rel=1e-10, abs=1e-14)


def test_a_thin_broth_is_a_jump_of_the_transfer_only_as_published() -> None:
    thin, u = at_a_point(Viscosity=3.99)
    thick, _ = at_a_point(Viscosity=4.01)
    oxygen = variables.INDEX["DO2"]

    def jump(corrected: Corrections) -> float:
        return plain_rates(thin, u, corrected)[oxygen] - plain_rates(thick, u, corrected)[oxygen]

    assert jump(Corrections()) > 100 * jump(Corrections(viscosity_jump=True)) > 0.0


def test_oil_takes_up_volume_only_when_set_right() -> None:
    x, u = at_a_point()
    volume = variables.INDEX["V"]
    published = plain_rates(x, u, Corrections())
    right = plain_rates(x, u, Corrections(oil_volume=True))
    assert right[volume] - published[volume] == pytest.approx(FLOWS["Foil"])
    assert right[variables.INDEX["Wt"]] == published[variables.INDEX["Wt"]]


def test_cells_take_no_substrate_that_is_not_there_when_set_right() -> None:
    empty, u = at_a_point(S=0.0)
    u[:2] = 0.0
    substrate = variables.INDEX["S"]
    assert plain_rates(empty, u, Corrections())[substrate] < -0.1
    assert plain_rates(empty, u, Corrections(starvation=True))[substrate] == 0.0


def test_inhibitions_go_from_none_to_full() -> None:
    kit = Kit(constants.numbers(), Numbers(), Corrections())

    def slowed(**changed: float) -> kinetics.Inhibition:
        x, _ = at_a_point(**changed)
        return kinetics.inhibition(variables.Broth.of(tuple(x.tolist())), 15.0, kit)

    healthy = slowed()
    assert healthy.production == pytest.approx(1.0, abs=1e-4)
    assert slowed(PAA=190.0).production == pytest.approx(0.0, abs=1e-6)
    assert slowed(PAA=2410.0).growth == pytest.approx(0.0, abs=1e-6)
    assert slowed(NH3=140.0).growth == pytest.approx(0.0, abs=1e-6)
    assert slowed(DO2=0.5).growth < 0.25 * healthy.growth
    assert slowed(H=1e-9).growth < 0.05 * healthy.growth
    assert slowed(T=310.0).growth < healthy.growth


def test_modes_have_names_and_an_unknown_one_is_refused() -> None:
    assert corrections("compatible").names == ()
    assert "ph_set_point" in corrections("corrected").names
    chosen = Corrections(no_floors=True)
    assert corrections(chosen) is chosen
    assert model(chosen).version == "1+no_floors"
    assert model("corrected").version == "1+corrected"
    assert model("compatible").digest != model("corrected").digest
    with pytest.raises(DataError, match="no mode 'better'"):
        corrections("better")  # type: ignore[arg-type]
