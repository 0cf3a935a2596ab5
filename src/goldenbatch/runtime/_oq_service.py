"""Check of the qualification: the node that people and programs reach, as it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from goldenbatch.runtime._oq_bench import Bench, CheckFailedError, expect

START: Final = "/api/v1"
FREE: Final = ("/health", "/readiness", "/welcome", "/login", "/enrolment")
"""What must answer before anybody is known: whether it lives, and how to log in."""

UNAUTHORISED: Final = 401
TIMEOUT_S: Final = 60


def command(home: Path) -> list[str]:
    """How the installed node is started on a home."""
    return [sys.executable, "-m", "goldenbatch", *options(home)]


def options(home: Path) -> list[str]:
    """What the node is told: a port of its own, nothing in the background."""
    quiet = ["--wake", "0", "--flush", "0"]
    return ["serve", "--no-web", "--port", "0", "--json", "--home", str(home), *quiet]


def strangers_are_refused_everywhere(bench: Bench) -> str:
    """Each route of the running node refuses callers without a log-in, and with a made-up one."""
    with _served(bench.home()) as url:
        document = json.loads(_call(f"{url}{START}/openapi.json")[1])
        open_routes, n_asked = [], 0
        for path, operations in sorted(document["paths"].items()):
            short = path.removeprefix(START)
            if short.startswith(FREE):
                continue
            for method in operations:
                for token in ("", "made-up"):
                    code, _ = _call(url + _filled(path), method.upper(), token)
                    n_asked += 1
                    if code != UNAUTHORISED:
                        open_routes.append(f"{method.upper()} {short} answers {code}")
    expect(not open_routes, f"strangers are let in: {'; '.join(open_routes[:5])}.")
    expect(n_asked, "the node names no route that could be asked.")
    return f"{n_asked} calls of {len(document['paths'])} routes refused with {UNAUTHORISED}"


def _filled(path: str) -> str:
    """A route with something in place of its parameters."""
    while "{" in path:
        head, _, rest = path.partition("{")
        path = f"{head}0{rest.partition('}')[2]}"
    return path


@contextmanager
def _served(home: Path) -> Iterator[str]:
    """The node as a process of its own; gives its address."""
    process = subprocess.Popen(  # noqa: S603  our own program on a scratch home
        command(home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)
        if process.stdout is not None:
            process.stdout.close()


def _address(process: subprocess.Popen[str]) -> str:
    text = ""
    for line in process.stdout or ():
        text += line
        try:
            return str(json.loads(text)["url"]).rstrip("/")
        except ValueError:
            continue
        except (KeyError, TypeError) as error:
            raise CheckFailedError(f"the node does not say where it listens: {text!r}.") from error
    raise CheckFailedError(f"the node did not start: {text.strip() or 'it said nothing'}.")


def _call(url: str, method: str = "GET", token: str = "") -> tuple[int, str]:
    """Status and body of a call; no proxy stands before one's own machine."""
    headers: dict[str, str] = {"Authorization": f"Bearer {token}"} if token else {}
    data: Any = None if method == "GET" else b"{}"
    if data is not None:
        headers["Content-Type"] = "application/json"
    request = Request(url, data=data, headers=headers, method=method)  # noqa: S310  loopback
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except HTTPError as error:
        with error:
            return error.code, ""
    except URLError as error:
        raise CheckFailedError(f"the node does not answer: {error.reason}.") from error
