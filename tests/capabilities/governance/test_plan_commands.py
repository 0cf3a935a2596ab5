"""Change plans and the gate on the command line and through a node, on a real home."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest
import uvicorn
from tests.capabilities.governance import plan_home as plan
from tests.capabilities.governance import sealed_case as case

from goldenbatch.apps.cli import run
from goldenbatch.apps.node import create_app
from goldenbatch.apps.plans import RemotePlans, plans_of
from goldenbatch.core.errors import NotFoundError
from goldenbatch.runtime.remote import NodeClient, RemoteSite


@pytest.fixture
def cli(capsys, monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", case.PASSWORD)

    def call(*arguments):
        capsys.readouterr()
        code = run([str(one) for one in arguments])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def files(tmp_path):
    (tmp_path / "plan.toml").write_text(plan.plan_text(), "utf-8")
    (tmp_path / "reference.csv").write_text(plan.reference_csv(), "utf-8")
    return tmp_path


def closed(site):
    """The path of a home, given back so that commands can take its lock."""
    path = site.path
    site.close()
    return path


def test_a_plan_from_its_file_to_its_withdrawal(cli, original, files):
    at = ("--home", closed(original))
    code, out, err = cli("plan", "reference", files / "reference.csv", "--json")
    assert code == 0, err
    assert json.loads(out)["digest"] in plan.plan_text()
    code, out, _ = cli("plan", "check", files / "plan.toml", "--json")
    assert json.loads(out)["modifications"] == ["retrain", "interval"]
    ask = ("plan", "propose", files / "plan.toml", "--reason", "two a year", "--by", "dev", *at)
    code, _, err = cli(*ask)
    assert code == 4 and "--reference rows.csv" in err
    code, _, err = cli(*ask, "--reference", files / "reference.csv")
    assert code == 0, err
    assert "proposed, not approved" in cli("plan", "list", *at)[1]
    sign = ("plan", "approve", plan.PLAN_ID, "--reason", "bounded", *at, "--user")
    assert cli(*sign, "dev")[0] == 5
    code, out, err = cli(*sign, "qa", "--json")
    assert code == 0, err
    assert json.loads(out)["plan"] == "in force"
    assert "It permits: retrain, interval." in err
    code, out, _ = cli("plan", "show", plan.PLAN_ID, "--json", *at)
    shown = json.loads(out)
    assert (shown["state"], shown["approved_by"]) == ("in force", "Qa")
    assert cli("plan", "show", plan.PLAN_ID, "--text", *at)[1] == plan.plan_text()
    off = ("plan", "withdraw", plan.PLAN_ID, "--reason", "too wide", *at, "--by")
    assert cli(*off, "dev")[0] == 5
    assert cli(*off, "qa")[0] == 0
    assert "withdrawn: too wide" in cli("plan", "list", *at)[1]
    assert cli(*sign, "qa")[0] == 6
    assert cli("plan", "show", "none", *at)[0] == 4


def test_the_gate_says_why_and_exits_with_what_it_says(cli, planned, tmp_path):
    plan.update(planned, 2, 1)
    at = ("--home", closed(planned))
    code, _, err = cli("model", "gate", "assay@2", *at)
    assert code == 4 and "has not judged" in err
    code, out, err = cli("model", "gate", "assay@2", "--by", "qa", *at)
    assert code == 0, err
    assert "Outcome: in_plan_pass" in out and "A2: against the original" in out
    code, _, err = cli("model", "gate", "assay@2", "--again", *at)
    assert code == 0 and "the same, line by line" in err
    sensor = ("--sensor", "ph", "--sensor-type", "glass", "--sensor-serial", "7",
              "--sensor-record", "batch/B00@1")  # fmt: skip
    code, out, _ = cli("model", "gate", "assay@2", "--by", "qa", *sensor, *at)
    assert code == 1 and "Outcome: out_of_plan" in out and "OUTSIDE  sensor" in out
    code, out, _ = cli("model", "gate", "assay@2", "--json", *at)
    told = json.loads(out)
    assert code == 1 and told["outcome"] == "out_of_plan" and told["lines"]
    assert cli("model", "gate", "assay", *at)[0] == 3


@pytest.mark.parametrize(("name", "content"), [("plan.toml", b"x = "), ("plan.toml", b"\xff\xfe")])
def test_a_file_that_is_no_plan_is_named(cli, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    code, _, err = cli("plan", "check", tmp_path / name)
    assert code == 3 and name in err.replace("\n", "")


@contextmanager
def served(site):
    """A node of a home in this process, through a real socket; its address and its state."""
    app = create_app(site)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.node
        finally:
            server.should_exit = True
            thread.join()


def test_plans_through_a_node(planned):
    with served(planned) as (url, state), httpx.Client(trust_env=False, timeout=30) as client:
        assert client.get(f"{url}/api/v1/plans").status_code == 401
        with RemoteSite(NodeClient(url, state.token)) as site:
            plans = plans_of(SimpleNamespace(site=site))
            assert isinstance(plans, RemotePlans)
            (row,) = plans.plans()["plans"]
            assert (row["plan"], row["state"]) == (plan.PLAN_ID, "in force")
            one = plans.plan(plan.PLAN_ID, "1")
            assert one["text"] == plan.plan_text() and one["approved_by"] == "Qa"
            with pytest.raises(NotFoundError, match="no change plan"):
                plans.plan("none", "")
