"""How soon pages are there: server time, first meaningful paint, bytes; in a real browser.

`python -m benchmarks.pages --web http://127.0.0.1:8601 --login rita --password ...` prints one JSON
document on each page of the menu of a running interface (the demo plant's; without `--web` it is
started, and ended again). Each page is opened `--rounds` times by its link from elsewhere, with
what the browser has kept from before (`warm`), and the first one once with nothing kept (`cold`).

A page is there when its own heading and first content are painted: the moment is taken by an
observer in the page, from the start of the navigation. Targets: first meaningful page within 1.5 s,
server p95 within 150 ms; beside them the budget of bytes that a cold page may load.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks._demo import demo_plant

TARGETS = {"first_meaningful_ms": 1500.0, "server_p95_ms": 150.0, "cold_kB": 2000.0}
BROWSER = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
             "--disable-dev-shm-usage"]  # fmt: skip

OBSERVER = """
window.__there = 0;
const look = () => {
  const page = document.querySelector('.gb-page');
  if (page && page.childElementCount && document.querySelector('h1')) {
    requestAnimationFrame(() => setTimeout(() => { window.__there = performance.now(); }, 0));
    return true;
  }
};
new MutationObserver((_, self) => { if (look()) self.disconnect(); })
  .observe(document, {childList: true, subtree: true});
"""
TIMES = """() => {
  const [n] = performance.getEntriesByType('navigation');
  const bytes = performance.getEntriesByType('resource')
    .reduce((sum, one) => sum + one.transferSize, n.transferSize);
  return {server: n.responseStart - n.requestStart, there: window.__there, bytes: bytes,
          requests: performance.getEntriesByType('resource').length};
}"""


def p95(values: list[float]) -> float:
    """The smallest value that at least 95 % do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A real browser without a window."""
    from playwright.sync_api import sync_playwright

    path = next(found for name in BROWSER if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


def log_in(page: Any, web: str, login: str, password: str) -> None:
    """Log in by the form."""
    page.goto(f"{web}/login")
    page.fill("[name=login]", login)
    page.fill("[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda at: "/login" not in at)


def opened(page: Any, address: str) -> dict[str, float]:
    """Open a page; when it was there."""
    page.goto(address)
    page.wait_for_function("() => window.__there > 0", timeout=30_000)
    found: dict[str, float] = page.evaluate(TIMES)
    return found


def measure(web: str, login: str, password: str, rounds: int) -> dict[str, Any]:
    """All pages of a person's menu."""
    with browser() as chromium:
        page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.add_init_script(OBSERVER)
        log_in(page, web, login, password)
        cookies = page.context.cookies()
        links = page.eval_on_selector_all(
            "nav a[href^='/']", "all => [...new Set(all.map(one => one.getAttribute('href')))]"
        )
        cold_context = chromium.new_context(viewport={"width": 1440, "height": 900})
        cold_context.add_cookies(cookies)
        cold_page = cold_context.new_page()
        cold_page.add_init_script(OBSERVER)
        cold = opened(cold_page, web + links[0])
        cold_context.close()
        rows = {link: [opened(page, web + link) for _ in range(rounds)] for link in links}
    return report(cold, rows)


def report(cold: dict[str, float], rows: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """The document."""
    servers = [one["server"] for found in rows.values() for one in found]
    there = [one["there"] for found in rows.values() for one in found]
    return {
        "pages": {
            link: {
                "server_ms": round(statistics.median(one["server"] for one in found), 1),
                "first_meaningful_ms": round(statistics.median(one["there"] for one in found), 1),
                "kB": round(statistics.median(one["bytes"] for one in found) / 1000, 1),
            }
            for link, found in rows.items()
        },
        "cold": {
            "first_meaningful_ms": round(cold["there"], 1),
            "kB": round(cold["bytes"] / 1000, 1),
            "n_requests": cold["requests"],
        },
        "server_p95_ms": round(p95(servers), 1),
        "first_meaningful_p95_ms": round(p95(there), 1),
        "n_opened": len(servers),
        "targets": TARGETS,
        "load": round(os.getloadavg()[0], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--web", default="", help="Address of a running interface.")
    parser.add_argument("--login", default="rita")
    parser.add_argument("--password", default=os.environ.get("GOLDENBATCH_PASSWORD", ""))
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        web, login, password = given.web, given.login, given.password
        if not web:
            web, login, password = stack.enter_context(demo_plant())
        found = measure(web, login, password, given.rounds)
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
