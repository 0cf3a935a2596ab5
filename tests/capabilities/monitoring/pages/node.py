"""The node of an open site in this process, asked as a page asks it."""

from __future__ import annotations

import asyncio
import math

import httpx

from goldenbatch.apps.node.app import create_app
from goldenbatch.runtime.remote import NodeClient, RemoteSite
from goldenbatch.testing.pages import shown, view_of
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import Person

PASSWORD = "a long password"
WHO = Person("test", "test", "Tess Test", frozenset(), frozenset({"operational", "confidential"}))


class _InProcess(httpx.BaseTransport):
    """Calls an application without a socket."""

    def __init__(self, app):
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request):
        async def call():
            whole = httpx.Request(request.method, request.url, headers=request.headers,
                                  content=request.read())  # fmt: skip
            found = await self._inner.handle_async_request(whole)
            content = await found.aread()
            return httpx.Response(found.status_code, headers=found.headers, content=content)

        return asyncio.run(call())


class Node:
    """Calls of the node's API, and pages that are loaded and shown through it."""

    def __init__(self, site, login=""):
        self.app = create_app(site, token="token")
        transport = _InProcess(self.app)
        token = "token"
        if login:
            anyone = NodeClient("http://testserver", "", transport=transport)
            token = anyone.post("/login", {"login": login, "password": PASSWORD})["token"]
        self.api = NodeClient("http://testserver", token, transport=transport)

    def get(self, path, **params):
        return self.api.get(f"/monitoring{path}", **params)

    def asked(self, path=None, values=None):
        return Asked(RemoteSite(self.api), self.api, path or {}, values or {})

    def show(self, page, path=None, values=None):
        """What a page (or tile, or widget) shows, and what it was made of."""
        asked = self.asked(path, values)
        data = page.load(asked)
        if data is None:
            return None
        found = shown(page.show, data, view_of(asked, WHO))
        assert not found.html
        return found


def is_plain(value):
    """Whether JSON has it: no NaN, no infinity."""
    if isinstance(value, dict):
        return all(is_plain(one) for one in value.values())
    if isinstance(value, list):
        return all(is_plain(one) for one in value)
    return not isinstance(value, float) or math.isfinite(value)
