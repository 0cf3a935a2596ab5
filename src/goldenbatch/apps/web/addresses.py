"""Where people come from, and where they are sent to: proxies that are trusted, paths of ours."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection


def client_address(request: HTTPConnection, proxies: tuple[str, ...]) -> str:
    """The address of who asks: the last one that no trusted proxy stands behind.

    Args:
        request: The request.
        proxies: Networks whose `X-Forwarded-For` is believed; without any, nobody's is.
    """
    peer = request.client.host if request.client else ""
    told = [one.strip() for one in request.headers.get("x-forwarded-for", "").split(",")]
    while told and _is_in(peer, proxies):
        before = told.pop()
        if not _is_address(before):
            break
        peer = before
    return peer


def own_path(path: str) -> str:
    r"""A path of ours: nobody is sent elsewhere by a link to the login page.

    >>> own_path("/findings?state=open"), own_path("//evil.example"), own_path("/\\evil.example")
    ('/findings?state=open', '/', '/')
    """
    clean = all(" " <= one <= "~" for one in path) and "\\" not in path
    if not clean or not path.startswith("/") or path.startswith("//"):
        return "/"
    parts = urlsplit(path)
    is_away = parts.scheme or parts.netloc or parts.path.startswith(("/login", "/logout", "//"))
    return "/" if is_away else path


def _is_in(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(one, strict=False) for one in networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
