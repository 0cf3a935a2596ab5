"""What every call passes: headers of safety, its id, how often one may call, figures, a log."""

import json
import logging

import httpx
import pytest

from goldenbatch.apps.node.app import create_app
from goldenbatch.apps.node.guard import SAFE
from goldenbatch.apps.node.logs import configure

PASSWORD = "long enough a password"


def login(node):
    form = {"login": "anna", "password": PASSWORD}
    return node.call("POST", "/login", token="", json=form).json()["token"]


def test_every_answer_is_dressed(node):
    ids = set()
    for method, path, status in (
        ("GET", "/health", 200), ("GET", "/home", 401), ("GET", "/nothing", 404),
        ("POST", "/login", 422),
    ):  # fmt: skip
        answer = node.call(method, path, token="")
        assert answer.status_code == status
        assert {name: answer.headers[name] for name in SAFE} == SAFE
        assert answer.headers["Cache-Control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers or "uvicorn" in answer.headers["server"]
        ids.add(answer.headers["Request-Id"])
    assert len(ids) == 4
    page = node.call("GET", "/docs", token="")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


@pytest.fixture
def strict(node):
    """The same site, with few calls a minute."""
    site = node.state.desk.site
    service = site.settings.service.model_copy(update={"calls_per_minute": 10})
    site.settings = site.settings.model_copy(update={"service": service})
    app = create_app(site)
    app.state.node = node.state  # sessions are those of the node
    app.user_middleware[0].kwargs["state"] = node.state
    return app


def test_calls_are_counted_by_session_and_by_address(strict, node, anyio_backend_name="asyncio"):
    import asyncio

    token = login(node)

    async def ask(count, headers, path="/api/v1/home"):
        transport = httpx.ASGITransport(strict, client=("192.0.2.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            return [await client.get(path, headers=headers) for _ in range(count)]

    async def scenario():
        mine = await ask(12, {"Authorization": f"Bearer {token}"})
        guesses = [(await ask(1, {"Authorization": f"Bearer guess{n}"}))[0] for n in range(12)]
        own = await ask(30, {"Authorization": f"Bearer {node.token}"})
        alive = await ask(30, {}, "/api/v1/health")
        return mine, guesses, own, alive

    mine, guesses, own, alive = asyncio.run(scenario())
    assert [one.status_code for one in mine] == [200] * 10 + [429] * 2
    # A new token is no new caller.
    assert [one.status_code for one in guesses] == [401] * 10 + [429] * 2
    assert {one.status_code for one in own + alive} == {200}
    refused = mine[-1]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert set(refused.json()) == {"error", "message", "hint"}


def test_figures_hold_routes_and_nobodys_data(node):
    token = login(node)
    node.call("GET", "/batch", token=token, params={"name": "SECRETBATCH"})
    node.call("GET", "/findings/" + "0" * 32, token=token)
    node.call("GET", "/SECRETPATH", token=token)
    text = node.client.get(f"{node.url}/metrics").text
    assert 'goldenbatch_calls_total{method="GET",route="/api/v1/batch",status="404"} 1.0' in text
    assert 'route="/api/v1/findings/{uid}"' in text
    for name in ("ledger_head", "historian_head", "live_streams", "call_seconds_bucket"):
        assert f"goldenbatch_{name}" in text
    for secret in ("SECRET", "anna", "Novak", token, node.token, "0" * 32):
        assert secret not in text


@pytest.mark.parametrize(
    ("who", "headers", "status"),
    [
        ("local", {}, 200), ("local", {"X-Forwarded-For": "192.0.2.1"}, 401),
        ("token", {}, 401), ("open", {"X-Forwarded-For": "192.0.2.1"}, 200),
    ],
)  # fmt: skip
def test_who_may_read_the_figures_is_a_setting(node, who, headers, status):
    site = node.state.desk.site
    service = site.settings.service.model_copy(update={"metrics": who})
    site.settings = site.settings.model_copy(update={"service": service})
    assert node.client.get(f"{node.url}/metrics", headers=headers).status_code == status
    own = {"Authorization": f"Bearer {node.token}"}
    assert node.client.get(f"{node.url}/metrics", headers=own).status_code == 200


def test_logs_are_one_object_a_line_without_names(node, capsys, monkeypatch):
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    calls = logging.getLogger("goldenbatch.calls")
    was = calls.level
    try:
        configure(is_chatty=True)
        token = login(node)
        node.call("GET", "/batch", token=token, params={"name": "SECRET"})
    finally:
        root.handlers[:], root.level = kept, level
        calls.setLevel(was)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    told = [one for one in lines if one.get("route") == "/api/v1/batch"][-1]
    assert {"id", "method", "route", "status", "ms", "timestamp", "level"} <= set(told)
    assert (told["status"], told["level"]) == (404, "info")
    text = json.dumps(lines)
    assert not [one for one in ("SECRET", "anna", PASSWORD, token) if one in text]
