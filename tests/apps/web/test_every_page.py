"""All registered pages in Chromium: no stored text runs, no serious fault of accessibility.

Which pages there are, the registry says; a new one is looked at without being named here. The
home has `kit.EVIL` in names of batches, people and reasons, so the canary of the `new_page`
fixture (dialogs, `window.gbEvil`, errors) watches on each of them.
"""

from __future__ import annotations

import os
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.apps.conftest import SUPPORT
from tests.apps.web.kit import EVIL, settled

for _path in SUPPORT:
    if _path not in sys.path:
        sys.path.insert(0, _path)

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
N_SHARES = 3
"""So that the workers of a run share the pages."""
COLOURS = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}


def addresses(web):
    """Each page's address: those with values in their path of something that is there."""
    from goldenbatch.apps.web.registry import load_registry
    from goldenbatch.ui.web.view import address

    found = web.call("GET", "/findings").json()["findings"]
    there = {
        "batch": f"B-8 {EVIL}", "unit": "site/area/cell/tank", "finding": found[0]["uid"],
        "uid": found[0]["uid"], "area": "site/area", "path": "site/area/cell/tank", "login": "evil",
        "name": EVIL, "model": EVIL, "line": EVIL, "site": "Test site", "run": "none",
        "use": EVIL, "version": "1", "sample": "S1", "tag": "site/area/cell/tank/temp",
    }  # fmt: skip
    for name, page in sorted(load_registry().pages.items()):
        inner = [part.strip("{}").partition(":")[0] for part in page.path.split("/") if "{" in part]
        yield name, address(page.path, **{one: there.get(one, EVIL) for one in inner})


IS_WHOLE = int(os.environ.get("GOLDENBATCH_EXAMPLES", "30")) > 30
"""Each page in the dark too, not each third: for campaigns."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(N_SHARES))
def test_every_page_runs_no_stored_text_and_is_accessible(page_as, web, share):
    page = page_as("rita")
    axe, bad, failed = Axe(), [], []
    for number, (name, to) in enumerate(list(addresses(web))[share::N_SHARES]):
        page.gb_allow(" 404 ")  # what is not there is said by the page, and by its status
        page.goto(web.url + to)
        settled(page)
        page.wait_for_timeout(150)
        if page.get_by_text("This page failed.").count():
            failed.append(name)
        bad += violations(axe, page, name)
        if number % 3 and not IS_WHOLE:
            continue
        page.emulate_media(color_scheme="dark")  # only colours change
        bad += violations(axe, page, f"{name} (dark)", COLOURS)
        page.emulate_media(color_scheme="light")
    assert not failed
    assert not bad, "\n".join(bad)


def violations(axe, page, name, options=OPTIONS):
    """Serious and critical violations, one line each."""
    for one in axe.run(page, options=options).response["violations"]:
        if one["impact"] in ("serious", "critical"):
            for node in one["nodes"][:3]:
                why = node["failureSummary"].replace("\n", " ")[:200]
                yield f"{name}: {one['id']}: {node['html'][:140]} -- {why}"


def test_login_is_accessible_and_runs_nothing_of_its_address(new_page, web):
    page, axe = new_page(), Axe()
    page.goto(web.url + '/login?next="><script>window.gbEvil=1</script>')
    assert page.locator("[name=next]").get_attribute("value") == "/"
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light")
        bad = list(violations(axe, page, "login"))
        assert not bad, "\n".join(bad)
