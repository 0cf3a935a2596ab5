"""The home, the processes and the browser of the tests of pages; see `kit`."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.apps.conftest import SUPPORT

for _path in SUPPORT:
    if _path not in sys.path:
        sys.path.insert(0, _path)


@pytest.fixture(scope="session")
def web_home(tmp_path_factory, outside):
    """A home of this worker; it is filled once for all workers, and copied."""
    from tests.apps.web.kit import build_home

    root = tmp_path_factory.getbasetemp()
    shared = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root
    made, lock = shared / "web-home", shared / "web-home.lock"
    with lock.open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        if not made.exists():
            half = shared / "web-home.half"
            shutil.rmtree(half, ignore_errors=True)
            build_home(half)
            half.rename(made)
    mine = tmp_path_factory.mktemp("web") / "home"
    shutil.copytree(made, mine)
    return mine


@pytest.fixture(scope="session")
def web(web_home, outside):
    """The node and the web process of the home, as processes of their own."""
    from tests.apps.web.kit import Web

    paths = os.pathsep.join([*SUPPORT, str(outside)])
    started = Web(web_home, environment={"PYTHONPATH": paths})
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
def browser(program):
    """A Chromium of this machine."""
    from playwright.sync_api import sync_playwright

    from tests.apps.web.kit import ARGUMENTS, BROWSER

    path = program(*BROWSER)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        opened.gb_loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        try:
            yield opened
        finally:
            asyncio._set_running_loop(opened.gb_loop)
            opened.close()


@pytest.fixture(scope="session")
def _cookies():
    return {}


@pytest.fixture
def new_page(browser, tmp_path):
    """Opens pages of nobody: `new_page(dark=True, size="tablet")`; faults on them fail the test."""
    from tests.apps.web.kit import SIZES

    contexts, faults = [], []

    def heard(message):
        is_fault = message.type == "error" and not any(one in message.text for one in allowed)
        if is_fault:
            faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def executed(dialog):
        if dialog.type == "beforeunload":
            dialog.accept()
            return
        faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    allowed: list[str] = []

    def open_page(size="desktop", dark=False, **settings):
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light", reduced_motion="reduce", **settings,
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(45_000)  # CI has two cores for all
        page.on("console", heard)
        page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
        page.on("dialog", executed)
        page.gb_shots = tmp_path / "shots"
        page.gb_allow = allowed.append
        return page

    # The driver leaves its loop running in this thread, where others' asyncio.run would refuse.
    asyncio._set_running_loop(browser.gb_loop)
    try:
        yield open_page
        for context in contexts:
            for page in context.pages:
                if not page.is_closed() and page.evaluate("() => window.gbEvil || 0"):
                    faults.append(f"stored text was executed on {page.url}")
            context.close()
    finally:
        asyncio._set_running_loop(None)
    assert not faults, "\n".join(faults)


@pytest.fixture
def page_as(new_page, web, _cookies):
    """Opens a page of a person who is logged in: `page_as("rita", size="tablet")`."""
    from tests.apps.web.kit import log_in

    def open_page(login="rita", is_new=False, **settings):
        page = new_page(**settings)
        if is_new:  # the first signature of a session asks for both parts of the proof
            log_in(page, web.url, login)
            return page
        page.context.add_cookies(_cookies.get(login, []))
        # A restart of either process ends all sessions, and a test may have logged out.
        if page.context.request.get(f"{web.url}/session/left").status != 200:
            page.context.clear_cookies()
            log_in(page, web.url, login)
            _cookies[login] = page.context.cookies()
        return page

    return open_page


@pytest.fixture
def asked_as(web):
    """What a page is asked for by a person, without a browser: `asked_as("rita", batch="B-7")`."""
    from goldenbatch.runtime.remote import NodeClient, RemoteSite
    from goldenbatch.ui.web.pages import Asked

    clients = []

    def asked(login="rita", values=None, **path):
        client = NodeClient(web.node, web.token_of(login))
        clients.append(client)
        return Asked(RemoteSite(client), client, path, values or {})

    yield asked
    for client in clients:
        client.close()


@pytest.fixture
def show_as(asked_as):
    """Loads and shows a page without a browser: `show_as(PAGE, "rita", batch="B-7").text`."""
    from goldenbatch.apps.web.registry import load_registry
    from goldenbatch.apps.web.sessions import person_of
    from goldenbatch.testing.pages import shown, view_of

    def show(page, login="rita", values=None, **path):
        asked = asked_as(login, values, **path)
        person = person_of(asked.api.get("/session"))
        view = view_of(asked, person, asked.site.home.zone, load_registry())
        return shown(page.show, page.load(asked), view)

    return show


def pytest_collection_modifyitems(items):
    """A browser and two processes need longer than a function does."""
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(180))
