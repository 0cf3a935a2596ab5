"""Watch and shadow, run through the conformance kit over views of a real home."""

from tests.capabilities.governance import sealed_case as case
from tests.capabilities.governance import test_shadow as shadows
from tests.capabilities.governance import watch_home as home

from goldenbatch.capabilities.governance._capability import CAPABILITY
from goldenbatch.testing import AnalystCase, analyst_checks, seen_views

WATCH = {"max_age_s": 0, "wait_s": 7200, "arl0": 20, "n_reference": 8}
SHADOW = {"max_age_s": 0, "wait_s": 7200}


def heads_of(site, first, n, **more):
    """Batches with their late results, each a place to look from."""
    heads = [(site.historian.head(), site.ledger.head())]
    for number in range(first, first + n):
        home.run(site, number, 1, bias=1.5, wake=False, **more)
        heads.append((site.historian.head(), site.ledger.head()))
    return heads


def check(kind, settings, site, heads):
    # Without the kit's split: a tick that is cut in two sees a batch end before its last row.
    one = AnalystCase(
        kind,
        settings,
        lambda: seen_views(site, heads, at=site.clock()),
        is_closed_under_splitting=False,
    )
    checks = list(analyst_checks(CAPABILITY, one))
    assert len(checks) >= 4
    for each in checks:
        each.run()


def test_the_watch_conforms(original):
    check("watch", WATCH, original, heads_of(original, 24, 9, temp=4.0))


def test_the_shadow_conforms(original):
    site = original
    shadows.candidate(site, ridge=0.5)
    shadows.adopt(site)
    shadows.start(site)
    heads = heads_of(site, 24, 6)
    case.act(site, "shadow-end", "dev", use=case.USE, version=2, reason="enough")
    heads.append((site.historian.head(), site.ledger.head()))
    check("shadow", SHADOW, site, heads)
