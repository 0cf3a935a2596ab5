"""Alarms as people act on them: by the command line, through the node, under the policy."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time

import httpx
import pytest
import uvicorn

from goldenbatch.apps.cli import run
from goldenbatch.apps.node import create_app
from goldenbatch.core.alarms import alarm_stream
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.remote import NodeAddress
from tests.connectors.opcua.kit import PASSWORD
from tests.connectors.opcua.test_runtime import write_card

pytestmark = pytest.mark.service("node")
PASSPHRASE = "long enough a password"


def until(what, seconds=30.0):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def served(site):
    """A node of the site, as the command line finds it; it reads the site's sources."""
    app = create_app(site, acquires=True)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until(lambda: server.started)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            path = NodeAddress(url, app.state.node.token, os.getpid()).save(site.path)
            yield url, app.state.node.token
            path.unlink()
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def people(home, monkeypatch):
    monkeypatch.setenv("TEST_PLANT_PASSWORD", PASSWORD)
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSPHRASE)
    with LocalSite.open(home.path) as site:
        site.people.add("anna", "Anna Novak", PASSPHRASE)
        site.people.grant("anna", "operator", "she is trained")
        site.people.add("bor", "Bor Kos", PASSPHRASE)
    return home


def test_a_person_with_the_right_acknowledges_and_confirms(plant, people, capsys):
    def cli(*arguments):
        capsys.readouterr()
        code = run([*arguments, "--home", str(people.path), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else err

    write_card(people, plant)
    with LocalSite.open(people.path) as site:
        try:
            with served(site) as (url, token):
                plant.set("Force", 35)
                rows = until(lambda: site.ledger.select("alarm", {"is_active": 1}))
                condition = rows[0]["condition"]
                code, told = cli("source", "alarms", "press", "--open")
                assert code == 0 and told["alarms"][0]["name"] == "ForceAlarm"
                said = ("--comment", "valve checked", "--by")
                code, err = cli("source", "acknowledge", "ForceAlarm", *said, "bor")
                assert code != 0 and "denied" in str(err)
                assert plant.do("alarm")["acked"] is False
                code, _ = cli(
                    "source", "acknowledge", "ForceAlarm", "--comment", " ", "--by", "anna"
                )
                assert code != 0
                code, told = cli("source", "acknowledge", "ForceAlarm", *said, "anna")
                assert code == 0 and told["answer"].startswith("Good"), told
                assert plant.do("alarm")["comment"] == "valve checked"
                code, err = cli("source", "acknowledge", "press/ForceAlarm", *said, "anna")
                assert code != 0 and "acknowledged already" in str(err)
                code, err = cli("source", "acknowledge", condition, "--confirm", *said, "bor")
                assert code != 0 and "denied" in str(err)
                confirm = ("source", "acknowledge", condition, "--confirm", *said, "anna")
                assert cli(*confirm)[0] == 0
                form = {
                    "condition": "no such",
                    "comment": "x",
                    "login": "anna",
                    "password": PASSPHRASE,
                }
                headers = {"Authorization": f"Bearer {token}"}
                path = f"{url}/api/v1/sources/press/alarms/acts"
                answer = httpx.post(path, json=form, headers=headers, trust_env=False)
                assert answer.status_code == 404, answer.text
                form["password"] = "wrong but long enough"
                answer = httpx.post(path, json=form, headers=headers, trust_env=False)
                assert answer.status_code in (401, 403), answer.text
                found = httpx.get(
                    f"{url}/api/v1/sources/press/alarms", headers=headers, trust_env=False
                ).json()
                assert found["n_alarms"] >= 1
            anna = site.people.find("anna").uid
            events = site.ledger.stream(alarm_stream("press", condition))
            mine = [one for one in events if one.envelope.actor == anna]
            assert [one.kind for one in mine] == ["AlarmAcknowledged", "AlarmConfirmed"]
            assert mine[0].decode().comment == "valve checked"
            assert mine[0].decode().answer == "Good (0x00000000)"
        finally:
            plant.set("Force", 10)
    # Without a node nobody has the line to the server.
    code, err = cli("source", "acknowledge", "ForceAlarm", "--comment", "x", "--by", "anna")
    assert code != 0


def test_without_a_node_it_is_said_where_the_line_is(people, capsys):
    from goldenbatch.core.acquisition import SourceError
    from goldenbatch.runtime.alarms import AlarmAct, act_on_alarm

    with LocalSite.open(people.path) as site:
        anna = site.people.find("anna")
        with pytest.raises(SourceError, match="does not run here"):
            act_on_alarm(site, None, anna, AlarmAct("press", "c", "why"))
