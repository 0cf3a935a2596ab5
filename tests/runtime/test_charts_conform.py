"""The charts of monitoring, run through the kit over the views of a real home."""

import pytest

from goldenbatch.capabilities.monitoring._capability import CAPABILITY
from goldenbatch.testing import AnalystCase, analyst_checks, seen_views

SETTINGS = {
    "attributes": ["assay"],
    "n_reference": 10,
    "sigma": "overall",
    "rules": ["nelson-1"],
    "autocorrelation": "ignore",
}
N_BATCHES = 24
CHECKS = (
    "satisfies Analyst, and bears its given name",
    "gives the same for the same, through JSON as well",
    "leaves the state that it is given alone",
    "numbers its transitions, and signs its findings",
    "finds the same in other ticks",
)


@pytest.fixture
def case(bench, site):
    """Ten quiet batches, then more of them, two of which are far away."""
    heads = []
    for number in range(N_BATCHES):
        far = 9.0 if number in {14, 15, 20} else 0.0
        bench.batch(site, f"B{number:02}", number * 100, number * 100 + 50)
        value = f"{100 + number % 3 + far:.1f}"
        bench.result(site, f"S{number:02}", f"B{number:02}", value, number * 100 + 60)
        heads.append((0, site.ledger.head()))
    return AnalystCase(
        "charts",
        SETTINGS,
        lambda: seen_views(site, [*heads[6::7], heads[-1]], at=site.clock()),
        is_closed_under_splitting=True,
        split_views=lambda: seen_views(site, heads, at=site.clock()),
    )


@pytest.mark.parametrize("name", CHECKS)
def test_charts(case, name):
    found = {str(check): check for check in analyst_checks(CAPABILITY, case)}
    assert set(found) == {f"analyst charts {one}" for one in CHECKS}
    found[f"analyst charts {name}"].run()
