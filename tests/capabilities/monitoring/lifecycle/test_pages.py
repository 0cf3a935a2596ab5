"""The lifecycle on the page: what a plan comes to, and the reports that are kept."""

from __future__ import annotations

import pytest

from goldenbatch.capabilities.monitoring.lifecycle import _pages as pages
from goldenbatch.core.errors import BadInputError
from tests.capabilities.monitoring.lifecycle.test_lifecycle import PASSWORD, PLAN, make
from tests.capabilities.monitoring.pages.node import Node, is_plain


def test_a_plan_is_looked_at_kept_and_signed(bench):
    node = Node(bench.site)
    assert "No report is kept" in node.show(pages.LIFECYCLE).text
    make(bench, ["q0", "q1", "q2"], sd=0.08, seed=3)
    make(bench, [f"c{n}" for n in range(14)], centre=0.40, sd=0.05, seed=5)
    told = node.api.post("/monitoring/lifecycle", {"plan": PLAN})
    assert is_plain(told) and any("Ppk" in one for one in told["summary"]["faults"])
    assert told["indicators"][0]["indicator"] == "right first time"
    for login, role in (("ana", "process_engineer"), ("bob", "quality_reviewer")):
        bench.site.people.add(login, login.title(), PASSWORD)
        bench.site.people.grant(login, role, "test")
    bench.site.acts.act("monitoring.lifecycle-keep", {"plan": PLAN, "reason": "yearly"}, "ana",
                        PASSWORD)  # fmt: skip
    bench.site.sign("lifecycle/P", "reviewed", "bob", PASSWORD)
    (report,) = node.get("/lifecycle")["reports"]
    assert report["signatures"] == [{"by": "Bob", "meaning": "reviewed"}]
    assert bench.site.registry.get(report["paper"]).startswith(b"%PDF")
    shown = node.show(pages.LIFECYCLE)
    assert "Bob (reviewed)" in shown.text and "Take a copy: PDF" in shown.text
    assert "/trail?stream=lifecycle%2FP" in shown.links
    with pytest.raises(BadInputError):
        node.api.post("/monitoring/lifecycle", {"plan": "product = 3"})
