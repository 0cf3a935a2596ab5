"""Run rules over predictions of earlier batches."""

from types import SimpleNamespace

from goldenbatch.capabilities.monitoring.release.trends import trend_of
from goldenbatch.core.release_parts import Registration
from goldenbatch.core.release_records import Predicted
from tests.capabilities.monitoring.release import bench


def test_a_rule_looks_at_earlier_batches_in_the_unit_registered_now():
    """Six in a row, each higher; the earlier ones are in mg/mL and mg/L."""
    units = [("50.1", "mg/mL"), ("50200", "mg/L"), ("50.3", "g/L"), ("50400", "mg/L")]
    told = [*units, ("9", "Cel"), ("50.5", "g/L")]
    rows = [
        {"release_test": str(n), "batch": str(n), "head": 1, "first_seq": n,
         "number": float(value), "value": value, "unit": unit}
        for n, (value, unit) in enumerate(told)
    ]  # fmt: skip
    site = SimpleNamespace(ledger=SimpleNamespace(select=lambda *_: rows))
    said = Predicted(value="50.6", unit="g/L", is_in_domain=True)
    found = trend_of(site, Registration(**bench.REGISTRATION), "R1", said)
    assert found.signs == ("run rule nelson-3 over 6 batches",)
    assert found.recent == tuple(f"release-test/{n}@1" for n in (0, 1, 2, 3, 5))
