"""The package: lazy, at most 25 names a room, every name there, nothing heavy before it is used."""

import subprocess
import sys
from importlib import import_module

import pytest

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.science import errors

ROOMS = ["goldenbatch.science"] + [
    f"goldenbatch.science.{name}"
    for name in ("statistics", "comparison", "latent", "spectra", "drivers")
]


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_there_and_a_wrong_one_is_not(room):
    module = import_module(room)
    assert len(module.__all__) == len(set(module.__all__)) <= 25
    assert dir(module) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="magic"):
        _ = module.magic


@pytest.mark.parametrize(
    ("line", "unwanted"),
    [
        ("import " + ", ".join(ROOMS), {"numpy", "scipy", "sklearn", "chemotools"}),
        ("from goldenbatch.science.statistics import step, reference", {"scipy", "sklearn"}),
        ("from goldenbatch.science.latent import ScoringPlan", {"scipy", "sklearn"}),
        # pandas may come along: scikit-learn takes it where it is installed.
        ("from goldenbatch.science.spectra import fit_soft_sensor", {"chemotools"}),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_used(line, unwanted):
    code = f"import sys\n{line}\nprint(*sorted(set(m.split('.')[0] for m in sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    assert "goldenbatch" in loaded
    assert not loaded & unwanted


def test_every_error_is_one_of_the_package():
    for name in ("DataError", "DesignError", "OverlapError", "PlanError", "NotFittedYetError"):
        assert issubclass(getattr(errors, name), GoldenbatchError)
        assert str(getattr(errors, name)("what was wrong")) == "what was wrong"
