"""Configurations in CADET's form: both spellings, and what is refused."""

from __future__ import annotations

import json

import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process import ModelRef, Recipe, Steps, simulate
from goldenbatch.science.process.library.chromatography import Grid, from_cadet

COLUMN = {
    "UNIT_TYPE": "COLUMN_MODEL_1D",
    "NCOMP": 1,
    "COL_LENGTH": 0.014,
    "COL_DISPERSION": 5.75e-8,
    "COL_POROSITY": 0.37,
    "CROSS_SECTION_AREA": 0.282021151586369,
    "VELOCITY": 5.75e-4,
    "NPARTYPE": 1,
    "particle_type_000": {
        "HAS_FILM_DIFFUSION": 1,
        "HAS_PORE_DIFFUSION": 1,
        "HAS_SURFACE_DIFFUSION": 1,
        "PAR_POROSITY": 0.75,
        "PAR_RADIUS": 4.5e-5,
        "FILM_DIFFUSION": 6.9e-6,
        "PORE_DIFFUSION": [6.07e-11],
        "SURFACE_DIFFUSION": 5e-11,
        "ADSORPTION_MODEL": "LINEAR",
        "NBOUND": [1],
        "adsorption": {"IS_KINETIC": 1, "LIN_KA": [3.55], "LIN_KD": [0.1]},
    },
}
OLD = {
    "UNIT_TYPE": b"GENERAL_RATE_MODEL",
    **{key: COLUMN[key] for key in ("NCOMP", "COL_LENGTH", "COL_DISPERSION", "COL_POROSITY")},
    "VELOCITY": 5.75e-4,
    "PAR_POROSITY": 0.75,
    "PAR_RADIUS": 4.5e-5,
    "FILM_DIFFUSION": [6.9e-6],
    "PAR_DIFFUSION": [6.07e-11],
    "PAR_SURFDIFFUSION": [5e-11],
    "ADSORPTION_MODEL": "LINEAR",
    "adsorption": {"is_kinetic": 1, "LIN_KA": [3.55], "LIN_KD": [0.1]},
    "discretization": {"NCOL": 4, "NPAR": 3, "NBOUND": [1], "weno": {"WENO_ORDER": 2}},
}


def system(column, flow=6e-5, **model):
    return {
        "input": {
            "model": {
                "NUNITS": 2,
                "connections": {
                    "NSWITCHES": 1,
                    "CONNECTIONS_INCLUDE_PORTS": 0,
                    "switch_000": {"CONNECTIONS": [0, 1, -1, -1, flow], "SECTION": 0},
                },
                "unit_000": {
                    "UNIT_TYPE": "INLET",
                    "sec_000": {"CONST_COEFF": [1.0]},
                    "sec_001": {"CONST_COEFF": [0.0]},
                },
                "unit_001": column,
                **model,
            },
            "solver": {"sections": {"SECTION_TIMES": [0.0, 10.0, 700.0]}},
        }
    }


def changed(**values):
    particle = {k.removeprefix("p_"): v for k, v in values.items() if k.startswith("p_")}
    rest = {k: v for k, v in values.items() if not k.startswith("p_")}
    return {**COLUMN, "particle_type_000": {**COLUMN["particle_type_000"], **particle}, **rest}


def test_both_spellings_are_one_column():
    new, old = from_cadet(system(COLUMN)), from_cadet(system(OLD))
    assert new.column.particles == old.column.particles
    grid = Grid(16, 6)
    assert new.run(grid=grid)["c0"] == pytest.approx(old.run(grid=grid)["c0"])


def test_flat_keys_of_either_case_are_the_nested_ones():
    def flatten(inside, path=""):
        for key, value in inside.items():
            if isinstance(value, dict):
                yield from flatten(value, f"{path}{key}/")
            else:
                yield f"{path}{key}".lower(), value

    assert from_cadet(dict(flatten(system(COLUMN)))).column == from_cadet(system(COLUMN)).column


def test_a_stated_grid_is_made_fine_enough_unless_it_is_to_be_kept():
    assert from_cadet(system(OLD), keeps_grid=True).grid == Grid(4, 3, 3)
    case = from_cadet(system(OLD))
    assert case.grid.n_cells >= 96 and "made 96" in case.notes[0]


def test_lumped_model_without_pores_in_the_older_spelling():
    lumped = {
        "UNIT_TYPE": "LUMPED_RATE_MODEL_WITHOUT_PORES", "NCOMP": 2, "COL_LENGTH": 1.0,
        "COL_DISPERSION": [1e-5, 2e-5], "TOTAL_POROSITY": 0.4, "VELOCITY": 0.1,
        "INIT_Q": [0.5], "NBOUND": [0, 1], "ADSORPTION_MODEL": "MULTI_COMPONENT_LANGMUIR",
        "adsorption": {"IS_KINETIC": 0, "MCL_KA": [0.1, 0.05], "MCL_KD": [1, 1],
                       "MCL_QMAX": [10, 10]},
    }  # fmt: skip
    config = system(lumped)
    for number in (0, 1):
        config["input"]["model"]["unit_000"][f"sec_{number:03d}"]["CONST_COEFF"] = [1.0, 1.0]
    case = from_cadet(config)
    assert case.column.dispersion_m2_s == (1e-5, 2e-5)
    assert case.column.particles[0].binding.owners() == (1,)
    assert case.column.particles[0].initial_bound == (0.5,)
    assert "equilibrium" in case.notes[0]


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (changed(UNIT_TYPE="CSTR"), "unit_001 is a CSTR"),
        (changed(VELOCITY=5.75e-3), "contradicts the flow"),
        (changed(VELOCITY=[1e-3, 2e-3], CROSS_SECTION_AREA=None), "changes its VELOCITY"),
        (changed(p_ADSORPTION_MODEL="SIPS"), "isotherm SIPS"),
        (changed(p_NBOUND=[2]), "several bound states"),
        (changed(p_PORE_ACCESSIBILITY=[0.5]), "size exclusion"),
        (changed(NREAC_LIQUID=1), "reactions"),
        (changed(COL_LENGTH=None), "COL_LENGTH is missing"),
        (changed(COL_LENGTH="long"), "no number"),
        (changed(p_FILM_DIFFUSION=[1e-6, 1e-6]), "FILM_DIFFUSION has 2 values for 1"),
        (changed(NPARTYPE=2), "PAR_TYPE_VOLFRAC"),
    ],
)
def test_what_is_not_covered_is_named(column, what):
    column = {key: value for key, value in column.items() if value is not None}
    with pytest.raises(DesignError, match=what):
        from_cadet(system(column))


def test_systems_of_several_columns_are_refused():
    with pytest.raises(DesignError, match="2 columns"):
        from_cadet(system(COLUMN, unit_002=COLUMN))


def test_the_velocity_follows_from_flow_and_area_where_it_is_not_given():
    column = {key: value for key, value in COLUMN.items() if key != "VELOCITY"}
    assert from_cadet(system(column)).column.velocity_m_s == pytest.approx(5.75e-4, rel=1e-6)
    del column["CROSS_SECTION_AREA"]
    with pytest.raises(DesignError, match="neither a VELOCITY nor"):
        from_cadet(system(column))


def test_an_ion_exchanger_in_the_older_name_with_the_newer_group():
    column = {
        "UNIT_TYPE": "LUMPED_RATE_MODEL_WITHOUT_PORES", "NCOMP": 2, "TOTAL_POROSITY": 0.8,
        "COL_LENGTH": 0.014, "COL_DISPERSION": 5.75e-8, "VELOCITY": 5.75e-4, "INIT_C": [50.0, 0.0],
        "particle_type_000": {
            "HAS_FILM_DIFFUSION": 0, "NBOUND": [1, 1], "INIT_CS": [1200.0, 0.5],
            "ADSORPTION_MODEL": ["STERIC_MASS_ACTION"],
            "adsorption": {"IS_KINETIC": 0, "SMA_KA": [0.0, 35.5], "SMA_KD": [0.0, 1000.0],
                           "SMA_LAMBDA": 1200.0, "SMA_NU": [0.0, 4.7], "SMA_SIGMA": [0.0, 11.8]},
        },
    }  # fmt: skip
    config = system(column)
    inlet = config["input"]["model"]["unit_000"]
    inlet["sec_000"]["CONST_COEFF"], inlet["sec_001"]["CONST_COEFF"] = [50, 1, 9], [50, 0, 9]
    case = from_cadet(config)
    particle = case.column.particles[0]
    assert particle.binding.kd == (1000.0,) and particle.initial_bound == (0.5,)
    assert case.sections[0].at(1.0) == (50.0, 1.0)
    del column["particle_type_000"]["ADSORPTION_MODEL"]
    with pytest.raises(DesignError, match="no ADSORPTION_MODEL"):
        from_cadet(config)


def test_a_configuration_is_a_model_for_the_common_simulator():
    where = "goldenbatch.science.process.library.chromatography.cadet:model_from_cadet"
    ref = ModelRef.of(where, text=json.dumps(system(COLUMN)), n_cells=12, n_shells=4)
    inlet = {"in_c0": Steps((0.0, 10.0), (1.0, 0.0))}
    found = simulate(ref.load(), Recipe(duration=700.0, interval=10.0, inputs=inlet))
    made = from_cadet(system(COLUMN)).run(grid=Grid(12, 4), times_s=found.time)
    assert found["out_c0"][-1] == pytest.approx(made["c0"][-1], rel=1e-3)
    with pytest.raises(DesignError, match="no JSON"):
        ModelRef.of(where, text="{").load()
