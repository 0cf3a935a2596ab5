"""The analysts of monitoring, run through the conformance kit over views of a real home."""

from __future__ import annotations

import random

import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.capabilities.monitoring._capability import CAPABILITY
from goldenbatch.testing import AnalystCase, analyst_checks, seen_views
from tests.capabilities.monitoring import test_multivariate as golden
from tests.capabilities.monitoring import test_soft_sensor as spectra

sensor = spectra.sensor


def _case(kind, settings, site, heads):
    return AnalystCase(
        kind,
        settings,
        lambda: seen_views(site, [*heads[1::3], heads[-1]], at=site.clock()),
        is_closed_under_splitting=False,
    )


def _run(case):
    checks = list(analyst_checks(CAPABILITY, case))
    assert len(checks) >= 4
    for check in checks:
        check.run()


def test_batches_conform(bench):
    golden.report(bench, 31, 1)
    bench.site.adopt("conformance", "monitoring.batches", golden.SETTINGS)
    fit(bench.site, "conformance")
    heads = [(0, bench.site.ledger.head())]
    for i in range(6):
        golden.report(bench, 1, i, start=60 + i, shift={62, 63})
        heads.append((0, bench.site.ledger.head()))
    _run(_case("batches", golden.SETTINGS, bench.site, heads))


@pytest.mark.parametrize("strays", [[0.0] * 4 + [5.0] * 6 + [0.0] * 6])
def test_soft_sensor_conforms(sensor, strays):
    site, rng, heads = sensor.site, random.Random(9), []
    site.retire("glucose", "the kit calls it conformance")
    site.adopt("conformance", "monitoring.soft_sensor", spectra.SETTINGS)
    fit(site, "conformance")
    for i, stray in enumerate(strays):
        row = (spectra.START + i * spectra.MINUTE, spectra.spectrum(10.0, rng, stray))
        spectra.write(site, spectra.TAG, [row], f"s{i}")
        heads.append((site.historian.head(), site.ledger.head()))
    _run(_case("soft_sensor", spectra.SETTINGS, site, heads))
