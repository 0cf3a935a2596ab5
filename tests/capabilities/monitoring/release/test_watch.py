"""How often the laboratory is called: one finding an event, the same however ticks are cut."""

import pytest

from goldenbatch.capabilities.monitoring._capability import CAPABILITY
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import NewEvent
from goldenbatch.testing import AnalystCase, analyst_checks, seen_views
from tests.core import releases as made


def report(site, outcomes, start=0):
    """Release tests of successive batches: `p` passes, anything else is why there is none."""
    reasons = {"m": "missing_input", "d": "out_of_domain"}
    for n, one in enumerate(outcomes, start):
        name = f"R{n}"
        body = (
            made.tested()
            if one == "p"
            else made.tested("no_valid_prediction", no_prediction=reasons[one])
        )
        body = body.model_copy(update={"batch": name, "most_contingency": 0.05})
        site.ledger.append([NewEvent(f"release-test/{name}/EU/assay", body, 0, "u1")])


def findings(site):
    return site.ledger.select("finding", {"analyst": "calls"}, ("opened_seq",))


def test_a_share_above_the_registered_one_is_one_finding_until_it_is_back(bench):
    site = bench.site
    site.adopt("calls", "monitoring.release_watch", {})
    report(site, "p" * 15 + "m" + "p" * 15)
    site.wake()
    assert findings(site) == []  # one in thirty is within what was registered
    report(site, "mmdm", 31)
    site.wake()
    (row,) = findings(site)
    finding = site.ledger.stream(f"finding/{row['uid']}")[-1].decode().finding
    assert row["state"] == "open"
    assert "missing input 3, out of domain 1" in finding.statement
    assert [one.variable for one in finding.contributions] == ["missing_input", "out_of_domain"]
    assert finding.measures[0].value == 5 / 35 and finding.measures[0].upper_limit == 0.05
    report(site, "m", 35)
    site.wake()
    report(site, "p" * 60, 36)
    site.wake()
    (row,) = findings(site)
    assert row["state"] == "closed"
    report(site, "dddd", 96)
    site.wake()
    assert [one["state"] for one in findings(site)] == ["closed", "open"]


def test_a_correction_counts_where_it_calls_the_laboratory(bench):
    site = bench.site
    site.adopt("calls", "monitoring.release_watch", {})
    report(site, "pppp")
    for n in range(4):
        body = made.tested("no_valid_prediction", corrects=1, reason="probe was wrong")
        body = body.model_copy(update={"batch": f"R{n}"})
        site.ledger.append([NewEvent(f"release-test/R{n}/EU/assay", body, 1, "u1")])
    site.wake()
    assert len(findings(site)) == 1


def test_the_watch_conforms(bench):
    site = bench.site
    heads = [(0, site.ledger.head())]
    for n, some in enumerate(("ppm", "mm", "d", "p" * 50, "mmmm")):
        report(site, some, n * 100)
        heads.append((0, site.ledger.head()))
    case = AnalystCase("release_watch", {}, lambda: seen_views(site, heads, at=site.clock()))
    checks = list(analyst_checks(CAPABILITY, case))
    assert len(checks) >= 4
    for check in checks:
        check.run()


@pytest.mark.parametrize("settings", [{"arl0": 1}, {"products": ["P", "P"]}, {"share": 0.1}])
def test_an_impossible_setting_is_named(bench, settings):
    with pytest.raises(BadInputError, match=next(iter(settings))):
        bench.site.adopt("calls", "monitoring.release_watch", settings)
