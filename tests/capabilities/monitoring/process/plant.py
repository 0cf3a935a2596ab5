"""A small plant of alike units with readings to order, for tests and for the campaign."""

from __future__ import annotations

import numpy as np

from goldenbatch.core.series import Frame, Quality, frame_table

TAGS = ("a", "b", "c", "d", "e", "f")
START = 1_700_000_000_000_000
STEP = 1_000_000
N_HIDDEN = 2


def unit(i):
    """Path of a unit."""
    return f"site/line/u{i:03d}"


def plant(n_units):
    """A plant with so many units."""
    places = "".join(f'[[places]]\npath = "{unit(i)}"\nlevel = "unit"\n\n' for i in range(n_units))
    return (
        'name = "test plant"\nversion = "1"\n\n[[places]]\npath = "site"\nlevel = "site"\n\n'
        '[[places]]\npath = "site/line"\nlevel = "area"\n\n'
        + places
        + '[[products]]\ncode = "P"\nname = "Product P"\n'
    )


def good(n, seed, tags=TAGS):
    """Good rows, shape (n, n_tags), to three decimals as a sensor gives them."""
    p = len(tags)
    mixing = np.random.default_rng(99).standard_normal((N_HIDDEN, p))
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, N_HIDDEN)) @ mixing + 0.3 * rng.standard_normal((n, p))
    return np.round(rows + 50.0, 3)


def frame(rows, i, first, key, *, tags=TAGS, step=STEP, start=START):
    """Rows of a unit as one frame, all tags at one time; NaN is not sent."""
    n, p = rows.shape
    times = np.repeat(start + (first + np.arange(n)) * step, p)
    names = [f"{unit(i)}/{tag}" for tag in tags] * n
    values, keep = rows.reshape(-1), ~np.isnan(rows.reshape(-1))
    table = frame_table(
        "number", times[keep], [name for name, flag in zip(names, keep, strict=True) if flag],
        values[keep].tolist(), [int(Quality.GOOD)] * int(keep.sum()),
    )  # fmt: skip
    return Frame(f"plc{i}", str(key), "number", table, int(start))
