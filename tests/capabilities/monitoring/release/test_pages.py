"""Release testing on the page: each state with its evidence, and what can be done about it."""

from __future__ import annotations

from goldenbatch.capabilities.monitoring.release import _pages as pages
from tests.capabilities.monitoring.pages.node import Node, is_plain
from tests.capabilities.monitoring.release import bench


def test_a_pass_a_failure_and_a_call_are_shown_with_what_is_behind_them(site):
    node = Node(site)
    assert "Nobody has asked" in node.show(pages.RELEASE).text
    bench.batch(site, "1")
    bench.batch(site, "2", *bench.FAILS, number=1)
    bench.batch(site, "3", ph=None, number=2)
    told = node.get("/release/batch", batch="1")
    assert told["markets"][0]["attributes"][0]["state"] == "not asked"
    assert "Ask for the test" in node.show(pages.BATCH, {"batch": "1"}).text
    for name in ("1", "2", "3"):
        bench.ask(site, name)
    told = node.get("/release")
    assert is_plain(told) and told["n_tests"] == 3
    assert {one["batch"]: one["state"].partition(" ")[0] for one in told["tests"]} == {
        "1": "passes", "2": "under", "3": "contingency",
    }  # fmt: skip
    (trend,) = told["contingency"]
    assert trend["is_call"] == [False, False, True] and trend["shares"][-1] == 1 / 3
    shown = node.show(pages.RELEASE, values={"batch": "2"})
    assert (
        "Conclude the investigation" in shown.text
        and "Registered limit: 50.0 to 63.0" in shown.text
    )
    assert any(one.startswith("/trends?tag=site%2Ffermentation") for one in shown.links)
    shown = node.show(pages.BATCH, {"batch": "3"})
    assert "HPLC-7" in shown.text and "contingency test" in shown.text
    bench.act(site, "evidence", "dev", batch="1", market="EU")
    shown = node.show(pages.BATCH, {"batch": "1"})
    assert "Take a copy: PDF" in shown.text and "nobody yet" in shown.text
    page = node.get("/release/batch", batch="1")["markets"][0]["page"]
    assert site.registry.get(page["files"]["pdf"]).startswith(b"%PDF") and not page["is_stale"]
    assert "3 asked, 1 under investigation" in node.show(pages.TILE).text
