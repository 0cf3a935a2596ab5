"""The room: lazy names, a clear word where SimPy is missing, and a filling line inside a plant."""

import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from tests.science.lines.lines_of_tests import plant

from goldenbatch.core.errors import BadInputError
from goldenbatch.science import lines
from goldenbatch.science.errors import MissingEngineError
from goldenbatch.science.lines import _world
from goldenbatch.science.lines.fill_line import FillLine, Station, Stop, VialLot, run_fill_line
from goldenbatch.science.lines.fill_twin import FillTwin
from goldenbatch.science.lines.simulation import RunSettings, simulate_line


def test_every_public_name_is_there_and_a_wrong_one_is_not():
    assert len(lines.__all__) == len(set(lines.__all__)) <= 25
    assert dir(lines) == sorted(lines.__all__)
    for name in lines.__all__:
        assert getattr(lines, name) is not None
    with pytest.raises(AttributeError, match="magic"):
        _ = lines.magic


def test_nothing_heavy_is_imported_before_it_is_used():
    code = "import sys, goldenbatch.science.lines\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "goldenbatch" in loaded
    assert not loaded & {"numpy", "scipy", "simpy", "casadi"}


def test_without_simpy_the_error_names_the_extra(monkeypatch):
    def missing(name):
        if name == "simpy":
            raise ModuleNotFoundError(name)
        return import_module(name)

    monkeypatch.setattr(_world, "import_module", missing)
    with pytest.raises(MissingEngineError, match=r"goldenbatch\[twin\]"):
        simulate_line(plant(), RunSettings(10.0), seed=1)


def test_a_filling_line_gives_a_step_of_a_plant_its_duration_and_yield():
    stop = Stop("jam", _exponential(30.0), _exponential(5.0), removes=50)
    line = FillLine("filling", (Station("filler", 400.0, stops=(stop,), rejects=0.01),))
    twin = FillTwin(line, VialLot("any", "2R", 50_000))
    route = [{"name": "fill", "unit": "vessel", "twin": "filling"}]
    declared = plant(
        products=[{"name": "A", "route": route}],
        plan=[{"product": "A", "n_lots": 5, "size": 50_000}],
    )
    run = simulate_line(declared, RunSettings(100.0), seed=1, twins={"filling": twin})
    spans = run.lots["ended"] - run.lots["begun"]
    assert len(set(spans.round(6))) == 5
    assert (spans > 50_000 / 400 / 60).all()
    assert ((run.lots["amount"] > 48_000) & (run.lots["amount"] < 49_600)).all()
    assert run.provenance["twins"]["filling"] == f"sha256:{twin.digest}"
    alone = run_fill_line(line, [twin.lot], seed=3)
    assert twin(3) == pytest.approx((alone.minutes / 60, alone.lots["n_good"][0] / 50_000))
    np.testing.assert_array_equal(twin(3), twin(3))


def test_a_filling_twin_of_nothing_is_refused():
    line = FillLine("filling", (Station("filler", 400.0),))
    with pytest.raises(BadInputError, match="0 vials"):
        FillTwin(line, VialLot("any", "2R", 0))
    with pytest.raises(BadInputError, match="week"):
        FillTwin(line, VialLot("any", "2R", 10), "week")


def _exponential(mean):
    from goldenbatch.science.lines.distributions import Distribution

    return Distribution("exponential", (mean,))
