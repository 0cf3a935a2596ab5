"""The service: whichever process dies is started again at the same address; all stop together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from goldenbatch.apps.supervise import (
    MAX_QUICK,
    GivenUpError,
    Supervisor,
    Worker,
    service_status,
    wait_of,
)
from goldenbatch.core.errors import LockedError
from goldenbatch.runtime.remote import NODE_FILE

DUMMY = """
import json, signal, socket, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from goldenbatch.apps.lifeline import Lifeline, inherited
from goldenbatch.core.errors import LockedError
from goldenbatch.runtime._wire import error_to_json
listener, lifeline, behaviour, log = sys.argv[1:]
line = Lifeline(int(lifeline))
line.follow()
note = lambda words: Path(log).open("a").write(words + "\\n")
note("start")
if behaviour == "refuse":
    line.tell(error_to_json(LockedError("it is held.", hint="Wait.")))
    sys.exit(8)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")
    def log_message(self, *_): pass
def end(*_):
    note("stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket = inherited(int(listener))
server.serve_forever()
"""


def worker(folder, name, behaviour="serve"):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    script, log = folder / f"{name}.py", folder / f"{name}.log"
    script.write_text("import sys; sys.exit(7)" if behaviour == "die" else DUMMY)
    command = [sys.executable, str(script), "{listener}", "{lifeline}", behaviour, str(log)]
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    return Worker(name, command, listener, url, "/")


def test_a_worker_that_dies_is_started_again_at_the_same_address(tmp_path):
    """A call that comes while nobody is there waits and is answered."""
    node, web = worker(tmp_path, "node"), worker(tmp_path, "web")
    with Supervisor(tmp_path, (node, web)) as supervisor:

        def told():
            os.kill(node.process.pid, signal.SIGKILL)
            node.process.wait()
            with httpx.Client(trust_env=False, timeout=20) as client:
                import threading

                threading.Timer(3, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
                threading.Thread(target=lambda: seen.append(client.get(node.url).text)).start()
                seen_at = time.monotonic()
                while not seen and time.monotonic() < seen_at + 2.5:
                    supervisor._look()
                    time.sleep(0.02)
                status.update(service_status(tmp_path))

        seen, status = [], {}
        supervisor.run(told)
    assert seen == ["here"]
    first, second = status["processes"]
    assert (first["n_restarts"], first["last_exit"]) == (1, "killed by SIGKILL")
    assert (second["n_restarts"], second["last_exit"]) == (0, "")
    assert (tmp_path / "web.log").read_text().split() == ["start", "stop"]
    assert (tmp_path / "node.log").read_text().split() == ["start", "start", "stop"]
    assert service_status(tmp_path) is None


def test_what_a_node_says_of_why_it_cannot_start_is_the_answer(tmp_path):
    with (
        Supervisor(tmp_path, (worker(tmp_path, "node", "refuse"),)) as supervisor,
        pytest.raises(LockedError, match="it is held") as caught,
    ):
        supervisor.run(lambda: None)
    assert caught.value.hint == "Wait."
    assert (tmp_path / "node.log").read_text() == "start\n"


def test_a_web_that_always_dies_is_given_up_and_the_node_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("goldenbatch.apps.supervise.FIRST_WAIT_S", 0.001)
    monkeypatch.setattr("goldenbatch.apps.supervise.MAX_QUICK", 2)
    node, web = worker(tmp_path, "node"), worker(tmp_path, "web", "die")
    with Supervisor(tmp_path, (node, web)) as supervisor:
        supervisor.run(lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert web.is_given_up
    assert web.n_restarts == 2
    assert (tmp_path / "node.log").read_text().split() == ["start", "stop"]


def test_a_node_that_always_dies_ends_the_service(tmp_path, monkeypatch):
    monkeypatch.setattr("goldenbatch.apps.supervise.FIRST_WAIT_S", 0.001)
    monkeypatch.setattr("goldenbatch.apps.supervise.MAX_QUICK", 2)
    with (
        Supervisor(tmp_path, (worker(tmp_path, "node", "die"),)) as supervisor,
        pytest.raises(GivenUpError, match="ended with code 7, 3 times"),
    ):
        supervisor.run(lambda: None)


def test_waits_grow_and_end():
    waits = [wait_of(n) for n in range(MAX_QUICK)]
    assert waits == sorted(waits) and waits[0] > 0 and waits[-1] <= 30
    assert wait_of(MAX_QUICK) is None


@contextmanager
def served(home):
    command = [sys.executable, "-m", "goldenbatch", "serve", "--port", "0", "--web-port", "0"]
    process = subprocess.Popen(
        [*command, "--home", str(home), "--wake", "0", "--flush", "0", "--json"],
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


def test_node_and_web_of_a_home_live_and_end_together(home):
    """The real ones: restart of the node by kill -9, then the supervisor itself by kill -9."""
    pytest.importorskip("nicegui")
    with served(home) as (process, said), httpx.Client(trust_env=False, timeout=30) as client:
        assert client.get(f"{said['web']}/login").status_code == 200
        os.kill(said["pid"], signal.SIGKILL)
        assert client.get(f"{said['url']}/api/v1/health").status_code == 200
        address = json.loads((home / NODE_FILE).read_text())
        assert address["url"] == said["url"]
        headers = {"Authorization": f"Bearer {address['token']}"}
        told = client.get(f"{said['url']}/api/v1/service", headers=headers).json()
        assert told["is_supervised"]
        assert [(one["name"], one["n_restarts"]) for one in told["processes"]] == [
            ("node", 1), ("web", 0),
        ]  # fmt: skip
        assert told["processes"][0]["last_exit"] == "killed by SIGKILL"
        pids = [one["pid"] for one in service_status(home)["processes"]]
        process.kill()
        process.wait(30)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and any(is_alive(pid) for pid in pids):
            time.sleep(0.05)
        assert not [pid for pid in pids if is_alive(pid)]
        assert not (home / NODE_FILE).exists()  # it stopped in good order


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
