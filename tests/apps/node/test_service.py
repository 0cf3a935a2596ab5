"""`goldenbatch serve` as a process: the command line is its client, and it stops well."""

import os
import signal
import stat
import subprocess
import sys

from goldenbatch.runtime.remote import NODE_FILE

PASSWORD = "long enough a password"


def test_the_command_line_is_a_client_of_the_node(service, home, cli, monkeypatch):
    process, said = service
    assert said["kind"] == "development"
    assert stat.S_IMODE((home / NODE_FILE).stat().st_mode) == 0o600
    lines = (
        ("status",), ("plant", "show"), ("plant", "preview"), ("user", "list"), ("findings",),
        ("batch", "show", "7"), ("run",), ("run", "--replay", "all"), ("extra", "count", "7"),
        ("checkpoint",), ("flush",), ("historian", "compact"), ("verify",),
    )  # fmt: skip
    for line in lines:
        done = cli(*line, "--home", home, "--json")
        assert done.code == 0, (line, done.err)
        assert done.json is not None
    # The home was made long before the clock of this machine: its own watch has seen that too.
    mine = ("findings", "--analyst", "watch", "--home", home, "--json")
    uid = cli(*mine).json["findings"][0]["uid"]
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)
    line = ("decide", uid, "--verdict", "dismissed", "--comment", "known", "--home", home)
    assert cli(*line, "--user", "bor").code == 5
    assert cli(*line, "--user", "anna").code == 0
    assert cli(*mine, "--open").json["n_findings"] == 0
    second = cli("serve", "--no-web", "--port", "0", "--home", home)
    assert second.code == 8  # the home is held
    command = [sys.executable, "-m", "goldenbatch", "findings", "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert "DEVELOPMENT home: not for GMP use" in done.stdout
    assert "Above the limit" in done.stdout
    assert process.poll() is None


def test_it_stops_in_good_order(service, home, cli):
    process, _ = service
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert not (home / NODE_FILE).exists()
    assert cli("verify", "--home", home).code == 0


def test_after_kill_9_the_home_opens_again(service, home, cli):
    process, _ = service
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert (home / NODE_FILE).exists()
    assert cli("findings", "--home", home, "--json").json["n_findings"] == 1
    assert cli("verify", "--home", home).code == 0


def test_a_taken_port_is_one_clear_line(home, cli):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = cli("serve", "--port", taken.getsockname()[1], "--home", home)
    assert done.code == 3
    assert "cannot listen" in done.err


def test_calls_do_not_wait_for_acknowledgements(home):
    """Nagle's algorithm is off on the sockets that the node accepts."""
    import socket

    from goldenbatch.apps.node.service import NodeOptions, listen

    with listen(NodeOptions(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP
