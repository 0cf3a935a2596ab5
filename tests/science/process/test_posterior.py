"""What is believed of parameters: written, read back, and refused when it was changed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.ensembles.members import unit_points
from goldenbatch.science.process.fitting import Search
from goldenbatch.science.process.posterior import Posterior


def written() -> dict:
    made = Posterior("m", "ab", ("k",), np.array([[0.1], [1 / 3]]), "laplace", "data")
    return json.loads(json.dumps(made.to_dict()))


def test_a_posterior_is_read_as_it_was_written() -> None:
    read = Posterior.from_dict(written())
    assert read.digest == written()["digest"]
    assert read.member(1) == ({"k": 1 / 3}, {})
    old = written()
    del old["digest"]
    assert Posterior.from_dict(old).digest == read.digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"draws": [[0.1], [0.4]]}, "was changed"),
        ({"model_digest": "cd"}, "was changed"),
        ({"method": "prior"}, "was changed"),
        ({"draws": [[float("nan")], [0.1]]}, "finite"),
        ({"draws": []}, "1 names"),
        ({"draws": "x"}, "no posterior"),
        ({"draws": [[0.1], [0.1, 0.2]]}, "cannot be read"),
        ({"names": ["k", "l"]}, "2 names"),
        ({"schema": "x"}, "no posterior"),
    ],
)
def test_a_changed_or_impossible_posterior_is_refused(change: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Posterior.from_dict({**written(), **change})


def test_what_is_no_posterior_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="no posterior"):
        Posterior.from_dict([1])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no draw"):
        Posterior("m", "ab", ("k",), np.empty((0, 1)), "laplace")


def test_members_and_searches_of_nothing_are_refused() -> None:
    for n, seed in ((0, 1), (4, -1)):
        with pytest.raises(DesignError, match="cannot be drawn"):
            unit_points(n, 1, seed, "sobol")
    for more in ({"n_starts": 0}, {"seed": -1}):
        with pytest.raises(DesignError, match="a search of"):
            Search(**more)
