"""Is all of a demonstration site up: pages, protocols, a finding of what runs, the trail."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from goldenbatch.apps.demo.folder import DemoFolder, DemoState
from goldenbatch.apps.demo.plant import SITE
from goldenbatch.apps.demo.schedule import FIRST_DRYER, FIRST_REACTOR
from goldenbatch.apps.demo.seed import PASSWORD
from goldenbatch.core.records import from_iso

LIVE_S, FINDING_S = 60.0, 180.0
TAGS = {
    "OPC UA": f"{SITE}/upstream/bioreactor/temperature",
    "Modbus": f"{SITE}/drug-product/freeze-dryer/shelf",
}
LIVE_BATCHES = (f"GB-{FIRST_REACTOR:03d}", f"FD-{FIRST_DRYER:03d}")
ERRORS = ("Traceback (most recent call last)", " ERROR ", '"level": "error"')
"""What no log may hold."""


@dataclass
class Checked:
    """What was seen.

    Attributes:
        seconds: What was checked to how long it took from the start of the check.
        problems: What is not as it should be, in words.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass
class Checker:
    """Asks a site that runs, as a person and as its own command line.

    Attributes:
        folder: Of the site.
        state: What is known of it.
        tell: Hears of each thing that was checked.
        found: What was seen so far.
    """

    folder: DemoFolder
    state: DemoState
    tell: Callable[[str], Any]
    found: Checked = field(default_factory=Checked)

    def run(self) -> Checked:
        """Check everything; what is wrong is told, and the rest checked all the same."""
        begun = time.monotonic()
        for what, check, seconds in self._checks():
            problem = _until(check, seconds)
            took = time.monotonic() - begun
            self.found.seconds[what] = round(took, 1)
            if problem:
                self.found.problems.append(f"{what}: {problem}")
            self.tell(
                f"{'FAILED' if problem else 'ok':<7} {what} ({took:.0f} s) {problem}".rstrip()
            )
        return self.found

    def _checks(self) -> Iterator[tuple[str, Callable[[], str], float]]:
        yield "the page to log in is there", self._page, 20.0
        yield "a person logs in at the web", self._login, 20.0
        for protocol, tag in TAGS.items():
            yield f"live readings over {protocol}", partial(self._is_live, tag), LIVE_S
        yield "a result of the laboratory came as a file", self._result, LIVE_S
        yield "the batch that runs is on record", self._batch, LIVE_S
        yield "an analyst opened a finding on what runs", self._finding, FINDING_S
        yield "no analyst failed", self._failed, 1.0
        yield "the trail verifies", self._verify, 1.0
        yield "no error in any log", self._logs, 1.0

    def _web(self) -> httpx.Client:
        address = f"http://127.0.0.1:{self.state.ports['web']}"
        return httpx.Client(base_url=address, timeout=20.0, follow_redirects=True)

    def _node(self) -> httpx.Client:
        address = f"http://127.0.0.1:{self.state.ports['node']}/api/v1"
        form = {"login": "rita", "password": PASSWORD}
        token = httpx.post(f"{address}/login", json=form, timeout=20.0).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=address, headers=bearer, timeout=20.0)

    def _page(self) -> str:
        with self._web() as web:
            answer = web.get("/login")
        return "" if answer.status_code == 200 else f"it answers {answer.status_code}"

    def _login(self) -> str:
        with self._node() as node:
            person = node.get("/session").json()
        return "" if person else "nobody is logged in"

    def _is_live(self, tag: str) -> str:
        with self._node() as node:
            answer = node.get("/historian/latest", params={"tag": tag}).json()
        times = [from_iso(one["time"]) for one in _rows(answer)]
        age = time.time() - max(times, default=0) / 1e6
        return "" if age < 10.0 else f"the newest reading of {tag} is {age:.0f} s old"

    def _select(self, projection: str, where: dict[str, str]) -> list[dict[str, Any]]:
        with self._node() as node:
            answer = node.post(f"/projections/{projection}/select", json={"where": where})
        rows: list[dict[str, Any]] = _rows(answer.json())
        return rows

    def _result(self) -> str:
        found = self._select("result", {"batch": LIVE_BATCHES[0]})
        return "" if found else f"no result of {LIVE_BATCHES[0]}"

    def _batch(self) -> str:
        found = self._select("batch", {"batch": LIVE_BATCHES[0]})
        return "" if found else f"no batch {LIVE_BATCHES[0]}"

    def _finding(self) -> str:
        with self._node() as node:
            for batch in LIVE_BATCHES:
                answer = node.get("/findings", params={"batch": batch}).json()
                if answer["findings"]:
                    return ""
        return f"none of {' or '.join(LIVE_BATCHES)}"

    def findings(self) -> list[dict[str, Any]]:
        """All findings of the site."""
        with self._node() as node:
            rows: list[dict[str, Any]] = node.get("/findings").json()["findings"]
        return rows

    def _failed(self) -> str:
        with self._node() as node:
            events = _rows(node.get("/events", params={"kind": "AnalystFailed"}).json())
        return f"{len(events)} times: {events[0]['body']}" if events else ""

    def _verify(self) -> str:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "goldenbatch", "--home", str(self.folder.home), "--json",
             "verify"],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        return "" if done.returncode == 0 else (done.stdout + done.stderr)[-400:]

    def _logs(self) -> str:
        for path in sorted(self.folder.logs.glob("*.log")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                if any(one in line for one in ERRORS):
                    return f"{path.name}: {line[:200]}"
        return ""


def _rows(answer: Any) -> list[Any]:
    """The rows of an answer, whatever its list is called."""
    if isinstance(answer, list):
        return answer
    return next((one for one in answer.values() if isinstance(one, list)), [])


def _until(check: Callable[[], str], seconds: float) -> str:
    """Ask again until it is so, or the time is over; what was wrong last."""
    deadline, problem = time.monotonic() + seconds, "it was never asked"
    while True:
        problem = "the answer could not be read"
        with suppress(httpx.HTTPError, KeyError, json.JSONDecodeError):
            problem = check()
        if not problem or time.monotonic() >= deadline:
            return problem
        time.sleep(1.0)
