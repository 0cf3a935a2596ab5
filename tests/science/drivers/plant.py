"""A plant whose causes are known: what moves its yield is written here and nowhere else."""

import numpy as np

from goldenbatch.science.drivers import Rows

COLUMNS = ("force", "force_peak", "water", "month_drift", "speed", "n1", "n2", "n3", "n4", "once")


def plant(seed, n=240, *, has_effect=True, noise=1.0):
    """Four products; force lowers the yield within each, though strong products are pressed hard.

    `force_peak` follows force, `water` is a property of the API lot, `month_drift` rises with time
    as the yield falls with it, `once` took another value in every second quarter of the time; the
    rest does nothing.
    """
    draw = np.random.default_rng(seed)
    product = draw.integers(0, 4, n)
    block = np.arange(n) // 10
    lot = np.arange(n) // 4
    time = np.arange(n) / n
    force = 10.0 + 4.0 * product + draw.normal(size=n)
    peak = 1.2 * force + 0.2 * draw.normal(size=n)
    water = draw.normal(size=lot.max() + 1)[lot]
    drift = time + 0.02 * draw.normal(size=n)
    X = np.column_stack(
        [force, peak, water, drift, draw.normal(size=(n, 5)), np.floor(4 * time) % 2]
    )
    y = 90.0 + 2.0 * product + noise * draw.normal(size=n)
    if has_effect:
        y = y - 1.5 * (force - 10.0 - 4.0 * product) + 1.2 * water - 3.0 * time
        y = y + 5.0 * product
    return Rows.of(X, y, COLUMNS, product=product, lot=lot, block=block)
