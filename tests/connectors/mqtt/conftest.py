"""Mosquitto on a port of its own, an edge node by sparkplug-client, an outlet that keeps."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tests.conftest import missing

from goldenbatch.core.acquisition import ConnectionCard, SourceContext

PEERS = Path(__file__).parents[2] / "peers"


class Broker:
    """Mosquitto, that can be killed and started again on its port."""

    def __init__(self, program: str, folder: Path, more: str = "allow_anonymous true\n") -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self._program, self._config = program, folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\n{more}")
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self._program, "-c", str(self._config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("mosquitto did not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def broker(program, tmp_path):
    made = Broker(program("mosquitto", "/usr/sbin/mosquitto"), tmp_path)
    yield made
    made.kill()


class EdgeNode:
    """sparkplug-client in a process of its own."""

    def __init__(self, program: str, port: int, *more: str) -> None:
        self.process = subprocess.Popen(
            [program, str(PEERS / "sparkplug_node.mjs"), str(port), *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            cwd=PEERS,
        )  # fmt: skip
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._passed: list[str] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def wait_for(self, text: str, seconds: float = 15) -> None:
        """Wait for a line; those that came before it are there for whoever waits for them."""
        if text in self._passed:
            self._passed.remove(text)
            return
        deadline = time.monotonic() + seconds
        while (line := self._lines.get(timeout=max(0.01, deadline - time.monotonic()))) != text:
            self._passed.append(line)

    def order(self, text: str) -> None:
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        self.wait_for(f"done {text.partition(' ')[0]}")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def edge(program, broker):
    node = program("node")
    if not (PEERS / "node_modules" / "sparkplug-client").is_dir():
        missing("sparkplug-client is not installed: run `npm ci` in tests/peers")
    made = []

    def start(*more):
        made.append(EdgeNode(node, broker.port, *more))
        return made[-1]

    yield start
    for one in made:
        one.close()


class Kept:
    """An outlet that keeps what it gets."""

    is_congested = False

    def __init__(self) -> None:
        self.frames, self.gaps, self.fills, self.files = [], [], [], []
        self.told: dict[str, object] = {}
        self.delay_s = 0.0
        self.failures: list[Exception] = []
        self.events: list[object] = []
        self.positions: dict[str, str] = {}

    async def deliver(self, frames, positions=None):
        await asyncio.sleep(self.delay_s)
        if frames and self.failures:
            raise self.failures.pop(0)
        self.frames += frames
        self.positions |= positions or {}

    def position(self, key):
        return self.positions.get(key, "")

    def select(self, projection, where):
        return []

    def version(self, stream):
        return sum(one.stream == stream for one in self.events)

    async def record(self, events):
        self.events += events

    async def unseen(self, frame):
        return frame

    async def gap(self, gap):
        self.gaps.append(gap)

    async def backfilled(self, window, tags, n_readings):
        self.fills.append((window, tags, n_readings))

    async def keep(self, content, media_type=""):
        self.files.append(content)
        return f"digest-{len(self.files)}"

    def health(self, signal, value):
        self.told[signal] = value

    def rows(self, tag=""):
        found = [row for one in self.frames for row in one.readings.to_pylist()]
        return [row for row in found if not tag or row["tag"].endswith(tag)]

    def values(self, tag):
        return [row["value"] for row in self.rows(tag)]


async def until(condition, seconds=15):
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


@pytest.fixture
def run_connector(tmp_path):
    """Run a connector beside `work(outlet, task)`; gives the outlet."""

    def run(make, settings, work, *, name="floor", place="site"):
        connector = {"make_mqtt": "mqtt"}.get(make.__name__, "sparkplug")
        card = ConnectionCard(name=name, connector=connector, place=place, settings=settings)
        secrets = {"env:GOOD": "right", "env:BAD": "wrong"}
        clock = lambda: time.time_ns() // 1000  # noqa: E731
        context = SourceContext(card, None, clock, secrets.__getitem__, tmp_path / "keys", tmp_path)
        outlet = Kept()

        async def main():
            task = asyncio.ensure_future(make(context).run(outlet))
            try:
                await asyncio.wait_for(work(outlet, task), 40)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        asyncio.run(main())
        return outlet

    return run
