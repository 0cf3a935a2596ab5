"""A home, a node, a web process and a browser for tests of pages; all real, and made once.

    def test_the_inbox_shows_a_finding(page_as, web):
        page = page_as("rita")
        page.goto(web.url + "/findings")
        expect(page.get_by_role("heading", level=1)).to_have_text("Findings")
        look(page, "findings")

An error on the console, an exception on the page and a text that was executed fail the test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from gbx_bench import TANK, TEMP, Bench, Clock

from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home

PASSWORD = "long enough a password"
MINUTE = 60_000_000
SIZES = {"desktop": (1440, 900), "tablet": (820, 1180)}
PEOPLE = {
    "olga": ("Olga Operator", "operator"),
    "pavel": ("Pavel Process", "process_engineer"),
    "rita": ("Rita Reviewer", "quality_reviewer"),
    "quentin": ("Quentin Qualified", "qualified_person"),
    "ada": ("Ada Admin", "administrator"),
}
"""Login to printed name and role; all with `PASSWORD`."""

EVIL = "<img src=x onerror=\"window.gbEvil=1;alert('stored text was executed')\">"
"""A text as a person or a source may give one; part of a name in each kind of record."""

BROWSER = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
             "--disable-dev-shm-usage"]  # fmt: skip

_NODE = """
import json, sys
from pathlib import Path
from goldenbatch.apps.node.service import NodeOptions, serve
def told(address):
    print(json.dumps({"url": address.url, "token": address.token}), flush=True)
serve(Path(sys.argv[1]), NodeOptions(port=0, wake_s=0, flush_s=0), told)
"""


def build_home(path: Path) -> None:
    """A demonstration home: people of each role, batches, readings, results and findings."""
    from gbx_bench import PLANT

    now = time.time_ns() // 1000
    start = now - 180 * MINUTE
    settings = HomeSettings("Plant of the tests", "Test site", PLANT, zone="Europe/Ljubljana",
                            kind=HomeKind.DEMONSTRATION)  # fmt: skip
    create_home(path, settings, clock=Clock(start))
    bench = Bench(path, Clock(start + MINUTE))
    with bench.open() as site:
        for login, (name, role) in PEOPLE.items():
            site.people.add(login, name, PASSWORD)
            site.people.grant(login, role, "for the tests")
        site.people.add("evil", f"Eve {EVIL}", PASSWORD)
        site.people.grant("evil", "operator", f"for the tests {EVIL}")
        site.adopt("watch", "test.threshold", {"tag": TEMP, "limit": 50.0})
        bench.batch(site, "B-7", start, start + 90 * MINUTE)
        bench.batch(site, f"B-8 {EVIL}", start + 100 * MINUTE, place=TANK)
        bench.result(site, "S1", "B-7", "42.0", start + 31 * MINUTE)
        bench.write(site, [(start + one * MINUTE, 40.0 + one % 25) for one in range(170)])
        site.wake()


@dataclass
class Web:
    """The node and the web process of a home.

    Attributes:
        url: Address of the interface.
        node: Address of the node.
        token: Token of the home's own command line at the node.
    """

    home: Path
    url: str = ""
    node: str = ""
    token: str = ""
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start both; they answer when this returns."""
        self.start_node()
        self.start_web()

    def start_node(self, port: int = 0) -> None:
        program = _NODE.replace("port=0", f"port={port}")
        told = self._start("node", ["-c", program, str(self.home)])
        self.node, self.token = told["url"], told["token"]
        self._tokens.clear()

    def start_web(self, port: int = 0) -> None:
        command = ["-m", "goldenbatch.apps.web", "--node", self.node, "--port", str(port)]
        self.url = self._start("web", command)["url"]

    def _start(self, name: str, command: list[str]) -> dict[str, str]:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, text=True,
            env={**os.environ, **self.environment},
        )  # fmt: skip
        self.processes[name] = process
        line = process.stdout.readline()
        assert line, f"the {name} ended at once"
        return json.loads(line)

    def stop(self, *names: str) -> None:
        """End processes in good order; all by default."""
        for name in names or list(self.processes):
            process = self.processes.pop(name)
            process.terminate()
            process.wait(30)
            process.stdout.close()

    def call(self, method: str, path: str, login: str = "", **settings) -> httpx.Response:
        """A call of the node, as a person or as the home's own command line."""
        headers = {"Authorization": f"Bearer {self.token_of(login) if login else self.token}"}
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.request(method, f"{self.node}/api/v1{path}", headers=headers, **settings)

    def token_of(self, login: str) -> str:
        """A session of a person at the node, made once."""
        if login not in self._tokens:
            with httpx.Client(trust_env=False, timeout=60) as client:
                form = {"login": login, "password": PASSWORD}
                answer = client.post(f"{self.node}/api/v1/login", json=form)
            self._tokens[login] = answer.raise_for_status().json()["token"]
        return self._tokens[login]


def log_in(page, url: str, login: str, password: str = PASSWORD) -> None:
    """Log in by the form, as a person does."""
    page.goto(f"{url}/login")
    page.fill("[name=login]", login)
    page.fill("[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda at: "/login" not in at)


def settled(page) -> None:
    """Wait until the page is there and its connection stands."""
    page.wait_for_function("() => window.socket?.connected && document.querySelector('#main')")


def look(page, name: str) -> None:
    """Keep pictures of the page at both sizes, for people to look at; whole where it is asked."""
    folder = Path(os.environ.get("GOLDENBATCH_SHOTS", ""))
    if not os.environ.get("GOLDENBATCH_SHOTS"):
        folder = page.gb_shots
    folder.mkdir(parents=True, exist_ok=True)
    before, is_whole = page.viewport_size, "GOLDENBATCH_SHOTS" in os.environ
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=folder / f"{name}-{size}.png", full_page=is_whole)
    page.set_viewport_size(before)
