"""Rows of models that read spectra: channels in bands, arrays of another axis are no input."""

import numpy as np
import pyarrow as pa
from tests.capabilities.governance import sealed_case as case

from goldenbatch.capabilities.governance.live_rows import LiveRows, RowSettings
from goldenbatch.capabilities.governance.watch_units import Units
from goldenbatch.capabilities.governance.watched import Told, Watched
from goldenbatch.core.series import Frame, frame_schema

SPECTRA = f"{case.PLACE}/nir"
MODEL = Watched(
    use="sugar", version=1, since=1, digest="0" * 64, media_type="x", output="sugar", unit="g/L",
    tags=(SPECTRA,), is_array=True, inputs=("1000", "1010", "1020", "1030"),
    lower=(None,) * 4, upper=(None,) * 4, products=("P",), places=(case.PLACE,), phases=(),
    error=None, batches=("B01",),
)  # fmt: skip
SETTINGS = RowSettings(0, 0, ())


def write(site, rows):
    schema = frame_schema("array")
    columns = [
        pa.array([time for time, _, _ in rows], pa.int64()).cast(schema.field("time").type),
        pa.array([SPECTRA] * len(rows), pa.string()),
        pa.array([values for _, values, _ in rows], schema.field("value").type),
        pa.array([quality for _, _, quality in rows], pa.int64()),
    ]
    table = pa.Table.from_arrays(columns, schema=schema)
    site.historian.write(Frame("nir", "1", "array", table, received_at=case.START))


def view_of(site):
    site.adopt("any", "governance.changes", {})
    site.wake()
    tick = site.runner._ticks[-1]
    return site.runner._views.at(tick, tick)


def test_spectra_are_rows_and_bands_are_features(governed):
    at = case.START + case.DAY
    write(governed, [
        (at, [1.0, 3.0, 5.0, 7.0], 0),
        (at + 10, [1.0, 2.0], 0),  # another axis
        (at + 20, [9.0] * 4, 0x80000000),  # bad
        (at + 30, [2.0, 2.0, 4.0, None], 0),
        (at + 40, [3.0, 5.0, 7.0, 9.0], 0),
    ])  # fmt: skip
    view = view_of(governed)
    live = LiveRows(MODEL, SETTINGS, None)
    rows = live.at(view, [at, at + 10, at + 20, at + 30, at + 40])
    assert np.isfinite(rows).all(axis=1).tolist() == [True, False, False, False, True]
    live.take(view)
    [(batch, block)] = live.past(view, ["B01", "of another home"])
    assert (batch, len(block)) == ("B01", 5)
    units = Units(MODEL, 0, 2, None)
    assert units.labels == (f"{SPECTRA} 1000 to 1010", f"{SPECTRA} 1020 to 1030")
    said = np.where(np.isfinite(block.values).all(axis=1), 1.0, np.nan)
    units.add(block, Told(said, said, said, np.isfinite(said)))
    [unit] = units.closed()
    assert (unit.n_rows, unit.n_bad, unit.features) == (5, 3, (3.0, 7.0))
    assert (unit.start, unit.end) == (at, at + 40)


def test_what_it_remembers_travels_as_json(governed):
    import json

    view = view_of(governed)
    live = LiveRows(MODEL, SETTINGS, None)
    live.take(view)
    kept = json.loads(json.dumps(live.to_json()))
    again = LiveRows(MODEL, SETTINGS, kept)
    again.take(view)
    assert again.is_within(view, case.START + case.DAY)
    assert not again.is_within(view, case.START - case.DAY)
    assert again.windows_of("B01") == (case.START + case.DAY, case.START + 2 * case.DAY)
