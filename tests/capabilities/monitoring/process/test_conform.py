"""The analyst of running equipment, run through the conformance kit over views of a real home."""

from __future__ import annotations

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.capabilities.monitoring._capability import CAPABILITY
from goldenbatch.testing import AnalystCase, analyst_checks, seen_views
from tests.capabilities.monitoring.process import test_analyst as plain

site = plain.site


def test_process_conforms(site):
    site.adopt("conformance", "monitoring.process", plain.SETTINGS)
    fit(site, "conformance")
    rows, heads = plain.shifted(30, 5, 8, 18), []
    for k in range(0, 30, 2):
        site.historian.write(plain.frame(rows[k : k + 2], 0, k, str(k)))
        heads.append((site.historian.head(), site.ledger.head()))
    at = site.clock()  # it remembers when it last heard of its units
    case = AnalystCase(
        "process",
        plain.SETTINGS,
        lambda: seen_views(site, [*heads[1::3], heads[-1]], at=at),
        is_closed_under_splitting=False,
    )
    checks = list(analyst_checks(CAPABILITY, case))
    assert len(checks) >= 4
    for check in checks:
        check.run()
