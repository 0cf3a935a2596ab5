"""A footprint is a sum that hides nothing: what has no factor is refused by name."""

import copy
import tomllib
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.quantities import UnitError
from goldenbatch.science.process.footprint import FootprintSettings, flow, footprint
from goldenbatch.science.process.footprint_factors import (
    INDICATORS,
    UnknownFactorError,
    read_factors,
    shipped_factors,
)

S2024 = FootprintSettings(year=2024)
FLOWS = [
    flow("electricity.GB", "1500 kW.h", stage="culture"),
    flow("natural gas", 900.0, "kW.h", "sterilisation"),
    flow("water.mains", 30.0, "m3", "cleaning"),
    flow("polymer.LDPE", 25.0, "kg", "culture"),
    flow("waste water", 28.0, "m3", "cleaning"),
]


def table(**factor):
    row = {"indicator": "co2e", "value": 5.0, "unit": "kg/kg", "years": [2020, 2026],
           "source": "supplier", **factor}  # fmt: skip
    return {
        "schema": "goldenbatch/footprint-factors/1",
        "version": "7",
        "title": "our own",
        "items": [{"item": "agarose", "kind": "material", "unit": "kg", "mass_kg": 1.0,
                   "factors": [row]}],
    }  # fmt: skip


def test_the_sum_is_what_a_pencil_gives():
    found = footprint(FLOWS, product_kg=5.0, n_doses=1000, settings=S2024)
    co2e = 1500 * 0.20705 + 900 * 0.1829 + 30 * 0.15311 + 25 * 2.1 + 28 * 0.18574
    assert found.batch["co2e"].value == pytest.approx(co2e)
    assert found.dose["co2e"].value == pytest.approx(co2e / 1000)
    assert found.batch["energy"].value == pytest.approx(2400 * 3.6)
    assert found.batch["water"].value == 30
    assert found.mass_intensity.value == pytest.approx((30 * 998.2 + 25) / 5)
    assert found.by_stage() == pytest.approx(
        {"culture": 1500 * 0.20705 + 52.5, "sterilisation": 900 * 0.1829,
         "cleaning": 30 * 0.15311 + 28 * 0.18574}
    )  # fmt: skip
    assert found.provenance["factors_digest"] == shipped_factors().digest
    assert "UK Government" in found.parts["source"][0]


def test_units_are_converted_and_wrong_ones_refused():
    one = footprint([flow("electricity.GB", 3600.0, "MJ")], product_kg=1.0, settings=S2024)
    assert one.batch["co2e"].value == pytest.approx(1000 * 0.20705)
    litres = footprint([flow("water.mains", "500 L")], product_kg=1.0, settings=S2024)
    assert litres.batch["water"].value == pytest.approx(0.5)
    with pytest.raises(UnitError):
        footprint([flow("water.mains", "500 kg")], product_kg=1.0, settings=S2024)


def test_what_has_no_factor_is_refused_and_never_zero():
    with pytest.raises(UnknownFactorError, match="'unobtainium'"):
        footprint([*FLOWS, flow("unobtainium", "1 kg")], product_kg=1.0, settings=S2024)
    with pytest.raises(UnknownFactorError, match="for 2019; there is one for 2024 to 2024, 2025"):
        footprint(FLOWS[:1], product_kg=1.0, settings=FootprintSettings(year=2019))


def test_what_is_left_out_is_named_with_its_reason():
    chosen = FootprintSettings(year=2024, left_out={"unobtainium": "under 0.1 % of the mass"})
    found = footprint([*FLOWS, flow("unobtainium", "1 kg")], product_kg=1.0, settings=chosen)
    assert found.left_out == {"unobtainium": "under 0.1 % of the mass"}
    assert "unobtainium" not in found.parts["item"]
    with pytest.raises(BadInputError, match="without a reason"):
        FootprintSettings(year=2024, left_out={"unobtainium": " "})


def test_an_interval_of_a_factor_is_that_of_the_sum():
    found = footprint([flow("emission.N2O", "2 kg")], product_kg=1.0, settings=S2024)
    co2e = found.batch["co2e"]
    assert co2e.value == 546
    assert (co2e.lower, co2e.upper) == pytest.approx((286, 806), rel=0.03)
    # Two flows of one item share its factor: the intervals add up, they do not cancel.
    two = footprint(
        [flow("emission.N2O", "1 kg", stage="a"), flow("emission.N2O", "1 kg", stage="b")],
        product_kg=1.0, settings=S2024,
    )  # fmt: skip
    assert two.batch["co2e"] == co2e
    assert found.without_interval == ()
    assert footprint(FLOWS, product_kg=1.0, settings=S2024).without_interval != ()


def test_members_of_an_ensemble_stay_together():
    rng = np.random.default_rng(1)
    titre = rng.uniform(2, 6, 500)
    flows = [flow("electricity.GB", 100.0 * titre, "kW.h"), flow("water.mains", 10 * titre, "m3")]
    found = footprint(flows, product_kg=titre, settings=S2024)
    # Water and product rise together: the intensity is the same for every member.
    assert found.mass_intensity.lower == pytest.approx(9982, rel=1e-9)
    assert found.mass_intensity.upper == pytest.approx(9982, rel=1e-9)
    low, high = np.quantile(titre, [0.025, 0.975])
    assert found.batch["energy"].lower == pytest.approx(360 * low, rel=0.03)
    assert found.batch["energy"].upper == pytest.approx(360 * high, rel=0.03)
    with pytest.raises(BadInputError, match="ensembles of"):
        footprint(flows, product_kg=titre[:9], settings=S2024)


@given(st.lists(st.floats(0, 1e4), min_size=3, max_size=3), st.floats(1.5, 10))
@settings(max_examples=25, deadline=None)
def test_a_footprint_is_linear_and_never_smaller_with_more(amounts, factor):
    def total(scale):
        flows = [
            flow(name, scale * amount, unit)
            for (name, unit), amount in zip(
                [("electricity.GB", "kW.h"), ("water.mains", "m3"), ("polymer.PP", "kg")],
                amounts, strict=True,
            )
        ]  # fmt: skip
        chosen = FootprintSettings(year=2024, n_draws=200)
        return footprint(flows, product_kg=2.0, settings=chosen).batch["co2e"].value

    assert total(factor) == pytest.approx(factor * total(1.0))
    assert total(factor) >= total(1.0)


def test_factors_of_ones_own_go_before_the_shipped_ones():
    own = read_factors(table())
    both = shipped_factors().with_items(own)
    found = footprint(
        [*FLOWS, flow("agarose", "2 kg")], product_kg=1.0, settings=S2024, factors=both
    )
    shipped = footprint(FLOWS, product_kg=1.0, settings=S2024)
    assert found.batch["co2e"].value == pytest.approx(shipped.batch["co2e"].value + 10)
    assert found.provenance["factors_version"] == "1+7"
    assert found.provenance["factors_digest"] != shipped.provenance["factors_digest"]


def test_every_shipped_factor_has_its_source_and_fits_its_unit():
    found = shipped_factors()
    assert len(found.items) >= 20
    for item in found.items:
        assert item.factors, item.item
        for one in item.factors:
            assert one.source.strip()
            assert one.unit == f"{INDICATORS[one.indicator]}/" + (
                f"({item.unit})" if "." in item.unit else item.unit
            )
            assert one.value >= 0


@pytest.mark.parametrize(
    ("name", "n_carbon", "molar_mass"),
    [("ethanol", 2, 46.069), ("methanol", 1, 32.042), ("isopropanol", 3, 60.096),
     ("acetonitrile", 2, 41.053), ("acetone", 3, 58.080)],
)  # fmt: skip
def test_burnt_solvents_are_stoichiometry(name, n_carbon, molar_mass):
    factor = shipped_factors().factor(f"solvent burnt.{name}", "co2e", 2024)
    assert factor.value == pytest.approx(n_carbon * 44.010 / molar_mass, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": "much"}, "no number"),
        ({"years": [2026, 2020]}, "no years"),
        ({"source": ""}, "source"),
        ({"indicator": "beauty"}, "no indicator"),
        ({"lower": 4.0}, "does not hold"),
        ({"lower": 6.0, "upper": 7.0}, "does not hold"),
        ({"unit": "furlong"}, "furlong"),
        ({"colour": "red"}, "no such setting"),
    ],
)
def test_a_factor_that_cannot_be_is_refused(change, message):
    with pytest.raises(BadInputError, match=message):
        read_factors(table(**change))


def test_a_table_that_cannot_be_is_refused():
    good = table()
    for change, message in (
        ({"schema": "x"}, "not read here"), ({"items": "x"}, "no list"), ({"version": ""}, "text"),
        ({"items": good["items"] * 2}, "twice"),
    ):  # fmt: skip
        with pytest.raises(BadInputError, match=message):
            read_factors({**good, **change})
    massless = copy.deepcopy(good)
    del massless["items"][0]["mass_kg"]
    with pytest.raises(BadInputError, match="has no mass"):
        read_factors(massless)


@pytest.mark.parametrize(
    "call",
    [
        lambda: footprint([], product_kg=1.0, settings=S2024),
        lambda: footprint(FLOWS, product_kg=0.0, settings=S2024),
        lambda: footprint(FLOWS, product_kg=1.0, n_doses=0, settings=S2024),
        lambda: flow("water.mains", -1.0, "m3"),
        lambda: flow("water.mains", [1.0, np.nan], "m3"),
        lambda: flow("water.mains", 1.0),
        lambda: FootprintSettings(year=2024, n_draws=1),
    ],
)
def test_input_that_cannot_be_is_refused(call):
    with pytest.raises(BadInputError):
        call()


def test_the_shipped_table_is_read_from_the_package_itself():
    path = files("goldenbatch.science.process").joinpath("data", "footprint_factors.toml")
    assert read_factors(tomllib.loads(path.read_text())).digest == shipped_factors().digest
