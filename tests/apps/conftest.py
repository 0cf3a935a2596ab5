"""A home with a batch, readings, results, a finding and people; two capabilities from outside."""

import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent
SUPPORT = [str(HERE / "support"), str(HERE.parent / "runtime" / "support")]
PASSWORD = "long enough a password"
MINUTE = 60_000_000
ENTRY_POINTS = """[goldenbatch.capabilities]
test = gbx_threshold:CAPABILITY
extra = gbx_extra:CAPABILITY
[goldenbatch.connectors]
counter = gbx_source:COUNTER
"""


@pytest.fixture(scope="session")
def outside(tmp_path_factory):
    """A distribution from outside, installed as a folder: what `pip install --target` leaves."""
    folder = tmp_path_factory.mktemp("outside")
    info = folder / "gbx-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gbx\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture(autouse=True)
def _installed(outside, monkeypatch):
    """Both capabilities are found here and in every subprocess."""
    for path in (*SUPPORT, str(outside)):
        monkeypatch.syspath_prepend(path)
    importlib.invalidate_caches()
    paths = os.pathsep.join([*SUPPORT, str(outside)])
    monkeypatch.setenv("PYTHONPATH", paths)
    for name in ("GOLDENBATCH_HOME", "GOLDENBATCH_DEBUG", "GOLDENBATCH_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def _filled(tmp_path_factory):
    for path in SUPPORT:
        if path not in sys.path:
            sys.path.insert(0, path)
    from gbx_bench import PLANT, START, TEMP, Bench, Clock

    from goldenbatch.runtime.home import HomeSettings, create_home

    path = tmp_path_factory.mktemp("filled") / "home"
    create_home(path, HomeSettings("Test home", "site", PLANT), clock=Clock(START))
    bench = Bench(path, Clock(START + MINUTE))
    with bench.open() as site:
        site.people.add("anna", "Anna Novak", PASSWORD)
        site.people.grant("anna", "quality_reviewer", "she is trained")
        site.people.add("bor", "Bor Kos", PASSWORD)
        site.adopt("watch", "test.threshold", {"tag": TEMP, "limit": 50.0})
        bench.batch(site, "7", START, START + 30 * MINUTE)
        bench.batch(site, "8", START + 40 * MINUTE)
        bench.result(site, "S1", "7", "42.0", START + 31 * MINUTE)
        rows = [(START + minute * MINUTE, 40.0 + minute) for minute in range(20)]
        bench.write(site, rows)
        site.wake()
    return path


@pytest.fixture
def home(tmp_path, _filled):
    """A home of one's own, with everything in it."""
    path = tmp_path / "home"
    shutil.copytree(_filled, path)
    return path


@pytest.fixture
def cli(capsys):
    """Runs a command line in this process."""
    from goldenbatch.apps.cli import run

    @dataclass
    class Done:
        code: int
        out: str
        err: str

        @property
        def json(self):
            return json.loads(self.out)

    def call(*arguments):
        capsys.readouterr()
        code = run([str(one) for one in arguments])
        return Done(code, *capsys.readouterr())

    return call


@dataclass
class Node:
    """A node that serves a home in this process, through a real socket."""

    url: str
    token: str
    state: object
    client: httpx.Client

    def call(self, method, path, *, token=None, **settings):
        token = self.token if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= settings.pop("headers", {})
        return self.client.request(method, f"{self.url}/api/v1{path}", headers=headers, **settings)


def listen():
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)


@pytest.fixture
def node(home):
    """A node of the home."""
    import uvicorn

    from goldenbatch.apps.node import create_app
    from goldenbatch.runtime.local import LocalSite

    with LocalSite.open(home) as site, listen() as listener:
        listener.bind(("127.0.0.1", 0))
        app = create_app(site)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            port = listener.getsockname()[1]
            with httpx.Client(trust_env=False, timeout=30) as client:
                state = app.state.node
                yield Node(f"http://127.0.0.1:{port}", state.token, state, client)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def service(home):
    """`goldenbatch serve` as a process of its own; its address is in the home."""
    command = [sys.executable, "-m", "goldenbatch", "serve", "--no-web", "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, "--home", str(home), "--wake", "0", "--flush", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline()
        assert line, process.stderr.read()
        text += line
    try:
        yield process, json.loads(text)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
        process.stderr.close()
