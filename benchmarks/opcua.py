"""OPC UA: 10,000 items at 1 Hz from node-opcua into a home, beside asyncua's own handler alone.

Both clients read the same server in turn over a signed and encrypted channel, each in a process
of its own. Ours ends in the historian, acknowledged after fdatasync; asyncua's ends in a Python
method that counts. CPU is user and system time of the client's process over the wall clock;
latency is from the source's time to the reading being durable. Nothing may be missing: each item
must have each round of the server. Needs node and node-opcua (`npm ci` in tests/peers).
`python -m benchmarks.opcua [--items 10000] [--seconds 30] [--rounds 2]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WARM_S = 5.0
LIMIT = 0.35


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def percentiles(values: list[float]) -> dict[str, float]:
    import numpy as np

    found = np.percentile(values, [50, 99]) if values else [float("nan")] * 2
    return {"p50_s": round(float(found[0]), 3), "p99_s": round(float(found[1]), 3)}


# ---- our own client -------------------------------------------------------------------------


async def ours(
    server: dict[str, Any], folder: Path, n_items: int, seconds: float
) -> dict[str, Any]:
    from tests.connectors.opcua.kit import PLACE, USER, Home

    from goldenbatch.core.acquisition import ConnectionCard

    items = [{"node": f"ns=1;s=Load.i{i}", "tag": f"i{i}"} for i in range(n_items)]
    settings = {
        "url": server["url"],
        "user": USER,
        "security": {"server_thumbprints": [server["thumbprint"]]},
        "subscription": {"publishing_ms": 1000, "sampling_ms": 0},
        "items": items,
    }
    card = ConnectionCard(name="press", connector="opcua", place=PLACE, settings=settings)
    home = Home(folder / "home")
    latencies: list[float] = []
    async with home.reading(card):
        began = time.monotonic()
        await home.connected()
        ready_s = time.monotonic() - began
        await asyncio.sleep(WARM_S)
        watch(home, latencies)
        n_before, cpu_before, at = home.outlet.counts.n_readings, cpu(), time.monotonic()
        await asyncio.sleep(seconds)
        wall, used = time.monotonic() - at, cpu() - cpu_before
        n = home.outlet.counts.n_readings - n_before
        gaps = home.gaps()
        missing = await asyncio.to_thread(check, home, PLACE, n_items)
        state = home.outlet.state()
    return {
        "readings_per_s": round(n / wall),
        "cpu_share": round(used / wall, 4),
        "us_per_reading": round(1e6 * used / n, 2),
        "latency": percentiles(latencies),
        "ready_s": round(ready_s, 2),
        "n_gaps": len(gaps),
        "n_missing": missing,
        "n_spooled": state["n_spooled"],
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def watch(home: Any, latencies: list[float]) -> None:
    """Note how old each frame's first reading is once it is durable."""
    deliver = home.outlet.deliver

    async def timed(frames: Any, positions: Any = None) -> None:
        await deliver(frames, positions)
        if frames:
            first = frames[0].readings.column("time")[0].value
            latencies.append(time.time() - first / 1e6)

    home.outlet.deliver = timed


def check(home: Any, place: str, n_items: int) -> int:
    """Rounds of the server that an item lacks, over all items."""
    import numpy as np

    missing = 0
    for first in range(0, n_items, 500):
        tags = [f"{place}/i{i}" for i in range(first, min(first + 500, n_items))]
        found = home.site.historian.read(tags, (0, 2**62))
        rounds = np.floor(found.values()).astype(np.int64)
        names = found.table.column("tag").to_pylist()
        edges = [i for i in range(1, len(names)) if names[i] != names[i - 1]]
        for part in np.split(rounds, edges):
            seen = np.unique(part[part > 0])
            missing += int(seen[-1] - seen[0] + 1 - len(seen)) if len(seen) else 1
    return missing


# ---- asyncua alone --------------------------------------------------------------------------


async def alone(
    server: dict[str, Any], folder: Path, n_items: int, seconds: float
) -> dict[str, Any]:
    import logging

    from asyncua import Client, ua
    from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss
    from tests.connectors.opcua.kit import PASSWORD

    from goldenbatch.connectors.opcua import ensure_identity

    logging.disable(logging.CRITICAL)
    identity = ensure_identity(folder / "peer", "peer", time.time_ns() // 1000)

    class Handler:
        n = 0

        def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
            self.n += 1

    client = Client(server["url"], timeout=60)
    client.application_uri = identity.uri
    client.set_user("anna")
    client.set_password(PASSWORD)
    await client.set_security(SecurityPolicyAes256Sha256RsaPss, identity.certificate, identity.key)
    async with client:
        handler = Handler()
        subscription = await client.create_subscription(1000, handler)
        for first in range(0, n_items, 1000):
            last = min(first + 1000, n_items)
            nodes = [client.get_node(f"ns=1;s=Load.i{i}") for i in range(first, last)]
            await subscription.subscribe_data_change(
                nodes, ua.AttributeIds.Value, queuesize=10, sampling_interval=0
            )
        await asyncio.sleep(WARM_S)
        n_before, cpu_before, at = handler.n, cpu(), time.monotonic()
        await asyncio.sleep(seconds)
        wall, used = time.monotonic() - at, cpu() - cpu_before
        n = handler.n - n_before
    return {
        "readings_per_s": round(n / wall),
        "cpu_share": round(used / wall, 4),
        "us_per_reading": round(1e6 * used / n, 2),
    }


# ---- the run --------------------------------------------------------------------------------


def client(role: str, server: dict[str, Any], folder: Path, options: argparse.Namespace) -> Any:
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.opcua", "--role", role, "--folder", str(folder)]
    command += ["--server", json.dumps(server), "--items", str(options.items)]
    command += ["--seconds", str(options.seconds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--role", choices=("ours", "alone"))
    parser.add_argument("--server", type=json.loads, default={})
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.role:
        work = ours if options.role == "ours" else alone
        found = asyncio.run(work(options.server, options.folder, options.items, options.seconds))
        print(json.dumps(found))
        return
    print(json.dumps(compare(options)))


def compare(options: argparse.Namespace) -> dict[str, Any]:
    from tests.connectors.opcua.kit import PlantServer

    node = shutil.which("node")
    if node is None or not (ROOT / "tests/peers/node_modules/node-opcua").is_dir():
        raise SystemExit("node and node-opcua are needed: run `npm ci` in tests/peers")
    rounds: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plant = PlantServer(node, folder / "plant", nItems=options.items, rateMs=1000).start()
        server = {"url": plant.url, "thumbprint": plant.thumbprint}
        try:
            for i in range(options.rounds):
                load = round(os.getloadavg()[0], 2)
                roles = ("ours", "alone") if i % 2 == 0 else ("alone", "ours")
                found = {
                    role: client(role, server, folder / f"{role}{i}", options) for role in roles
                }
                rounds.append({"load_before": load, **found})
        finally:
            plant.kill()
    best = min(one["ours"]["cpu_share"] for one in rounds)
    peer = min(one["alone"]["cpu_share"] for one in rounds)
    return {
        "items": options.items,
        "cpu_share": best,
        "limit": LIMIT,
        "is_within_limit": best <= LIMIT,
        "asyncua_alone_cpu_share": peer,
        "ratio_to_asyncua_alone": round(best / peer, 3),
        "n_missing": sum(one["ours"]["n_missing"] for one in rounds),
        "rounds": rounds,
    }


if __name__ == "__main__":
    main()
