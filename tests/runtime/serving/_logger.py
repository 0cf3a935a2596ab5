"""A process that logs predictions until it is killed."""

import os

import numpy as np
from tests.capabilities.conftest import Clock
from tests.capabilities.governance import sealed_case as case

from goldenbatch.core.prediction import PredictionsMade
from goldenbatch.runtime.local import LocalSite


def made(site, number):
    """A block of its own number: other rows, other times."""
    rows = np.random.default_rng(number).uniform([34.5, 6.5], [39.5, 7.5], (50, 2))
    times = case.START + number * 1_000_000 + np.arange(50)
    return PredictionsMade(site.models.active(case.USE).predict(rows), times, rows)


def crash_child(folder, seed):
    """Log one block after the other, and say which when it is durable."""
    with LocalSite.open(folder, clock=Clock()) as site:
        number = 1000 * seed
        while True:
            number += 1
            site.models.log(made(site, number), f"block {number}")
            os.write(1, f"{number}\n".encode())
