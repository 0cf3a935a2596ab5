"""What live signals cost: CPU of the node and of the web process while pages are open, by clients.

`python -m benchmarks.live [--signals 50] [--clients 20 200] [--seconds 30] [--browser PATH]` prints
one JSON document. A home, a node and a web process are started; readings of all signals are written
once a second; simulated browsers load the unit's page and hold its socket. Shares are CPU seconds
of each process over wall seconds, less nothing: writing the readings durably is in the node's.
With a browser, 24 h of one tag at 1 Hz are drawn: from navigation to painted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import numpy as np

from goldenbatch.core.records import HomeKind
from goldenbatch.core.series import Frame, frame_table
from goldenbatch.runtime import _wire as wire
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

UNIT, PASSWORD = "site/area/unit", "long enough a password"
A_PERSON = 40
NODE = """
import json, sys
from pathlib import Path
from goldenbatch.apps.node.service import NodeOptions, serve
def told(address):
    print(json.dumps({"url": address.url, "token": address.token}), flush=True)
serve(Path(sys.argv[1]), NodeOptions(port=0), told)
"""
DAY_S = 86_400


def plant(n_signals: int) -> str:
    tags = "".join(
        f'\n[[tags]]\nname = "{UNIT}/s{one:02d}"\nunit = "Cel"\ncadence_s = 1\n'
        for one in range(n_signals)
    )
    levels = (("site", "site"), ("site/area", "area"), (UNIT, "unit"))
    places = "".join(f'\n[[places]]\npath = "{p}"\nlevel = "{n}"\n' for p, n in levels)
    return f'name = "live"\nversion = "1"\n{places}{tags}'


def build(home: Path, n_signals: int, n_people: int) -> None:
    """A home with people and a day of readings of the first signal at 1 Hz."""
    create_home(home, HomeSettings("Live", "site", plant(n_signals), kind=HomeKind.DEMONSTRATION))
    now = time.time_ns() // 1000
    random = np.random.default_rng(8)
    times = now - np.arange(DAY_S, 0, -1) * 1_000_000
    values = np.cumsum(random.normal(size=DAY_S))
    with LocalSite.open(home) as site:
        for one in range(n_people):
            site.people.add(f"person{one}", f"Person {one}", PASSWORD)
            site.people.grant(f"person{one}", "process_engineer", "benchmark")
        for start in range(0, DAY_S, 10_800):
            part = slice(start, start + 10_800)
            n = len(times[part])
            table = frame_table("number", times[part], [f"{UNIT}/s00"] * n, values[part], [0] * n)
            site.historian.write(Frame("benchmark", f"day/{start}", "number", table, now))


def start(command: list[str]) -> tuple[subprocess.Popen[str], dict[str, str]]:
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def feed(node: dict[str, str], n_signals: int, stop: threading.Event) -> None:
    """Write one reading of each signal a second."""
    names = [f"{UNIT}/s{one:02d}" for one in range(n_signals)]
    headers = {"Authorization": f"Bearer {node['token']}"}
    random, n = np.random.default_rng(9), 0
    with httpx.Client(headers=headers, trust_env=False, timeout=30) as client:
        while not stop.wait(1.0 - time.time() % 1.0):
            now, n = time.time_ns() // 1000, n + 1
            values = random.normal(size=n_signals)
            table = frame_table("number", [now] * n_signals, names, values, [0] * n_signals)
            content = wire.frame_to_bytes(Frame("benchmark", f"{now}", "number", table, now))
            answer = client.post(f"{node['url']}/api/v1/historian/frames", content=content)
            answer.raise_for_status()


async def cookies_of(url: str, login: str) -> dict[str, str]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Origin": url}) as client:
        async with client.get(f"{url}/login") as answer:
            hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', await answer.text())
        form = {**dict(hidden), "login": login, "password": PASSWORD}
        async with client.post(f"{url}/login", data=form, allow_redirects=False) as answer:
            if answer.status != 303:
                raise RuntimeError(f"login: {answer.status}: {(await answer.text())[:300]}")
        return {one.key: one.value for one in jar}


async def browse(url: str, cookies: dict[str, str], told: dict[str, Any]) -> None:
    """A simulated browser: the page, then its socket, until cancelled."""
    async with aiohttp.ClientSession(cookies=cookies, headers={"Origin": url}) as client:
        begun = time.perf_counter()
        async with client.get(f"{url}/units/{UNIT}") as answer:
            page = await answer.text()
        told["pages_ms"].append(1000 * (time.perf_counter() - begun))
        found = re.search(r'"?client_id"?["\':\s&quot;]+([0-9a-f-]{36})', page)
        if found is None:
            raise RuntimeError(f"no client in the page: {answer.status} {page[:300]}")
        query = {
            "client_id": found.group(1), "document_id": "d", "tab_id": f"t{id(client)}",
            "next_message_id": "0", "implicit_handshake": "true", "EIO": "4",
            "transport": "websocket",
        }  # fmt: skip
        async with client.ws_connect(f"{url}/_nicegui_ws/socket.io/", params=query) as socket:
            await socket.send_str("40")
            async for message in socket:
                if message.data == "2":
                    await socket.send_str("3")
                elif isinstance(message.data, str) and "push" in message.data:
                    told["n_pushes"] += 1
                    told["bytes"] += len(message.data)


async def measure(url: str, pids: dict[str, int], n_clients: int, seconds: float) -> dict[str, Any]:
    told: dict[str, Any] = {"pages_ms": [], "n_pushes": 0, "bytes": 0}
    cookies = [await cookies_of(url, f"person{one}") for one in range(-(-n_clients // A_PERSON))]
    tasks = []
    for one in range(n_clients):
        tasks.append(asyncio.create_task(browse(url, cookies[one // A_PERSON], told)))
        while len(told["pages_ms"]) <= one and not tasks[-1].done():
            await asyncio.sleep(0.01)
    await asyncio.sleep(6)
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    n_before, begun, load = told["n_pushes"], time.perf_counter(), os.getloadavg()[0]
    await asyncio.sleep(seconds)
    wall = time.perf_counter() - begun
    shares = {name: (cpu_s(pid) - before[name]) / wall for name, pid in pids.items()}
    pushes = told["n_pushes"] - n_before
    failed = [str(one.exception()) for one in tasks if one.done() and one.exception()]
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    pages = sorted(told["pages_ms"])
    return {
        "clients": n_clients, "cpu_share": shares, "cpu_share_together": sum(shares.values()),
        "pushes_per_client_and_second": pushes / wall / n_clients,
        "bytes_a_push": told["bytes"] / max(1, told["n_pushes"]), "failed": failed[:3],
        "n_failed": len(failed), "load_before": load,
        "page_p50_ms": statistics.median(pages), "page_p95_ms": pages[int(0.95 * (len(pages) - 1))],
    }  # fmt: skip


def drawn(url: str, browser: str, rounds: int = 5) -> dict[str, Any]:
    """Milliseconds from navigation to a painted trend of 24 h at 1 Hz."""
    from playwright.sync_api import sync_playwright

    took = []
    with sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"]
        )
        page = opened.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/login")
        page.fill("[name=login]", "person0")
        page.fill("[name=password]", PASSWORD)
        page.click("button[type=submit]")
        for _ in range(rounds + 1):
            page.goto(f"{url}/trends?tag={UNIT}/s00", wait_until="commit")
            page.wait_for_selector(".gb-trend-box[data-painted]")
            took.append(
                float(page.get_attribute(".gb-trend-box", "data-painted") or "nan")
            )  # of performance.now(): since the navigation began
        opened.close()
    return {"first_ms": took[0], "median_ms": statistics.median(took[1:]), "all_ms": took}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=50)
    parser.add_argument("--clients", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    given = parser.parse_args()
    found: dict[str, Any] = {"signals": given.signals, "clients": []}
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        build(home, given.signals, -(-max(given.clients) // A_PERSON))
        node, address = start(["-c", NODE, str(home)])
        web, page = start(["-m", "goldenbatch.apps.web", "--node", address["url"], "--port", "0"])
        feeder = threading.Thread(target=feed, args=(address, given.signals, stop))
        feeder.start()
        try:
            pids = {"node": node.pid, "web": web.pid}
            if Path(given.browser).exists():
                found["drawn_24h"] = drawn(page["url"], given.browser)
            for n_clients in given.clients:
                asked = measure(page["url"], pids, n_clients, given.seconds)
                found["clients"].append(asyncio.run(asked))
        finally:
            stop.set()
            feeder.join()
            for process in (web, node):
                process.terminate()
                process.wait(30)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
