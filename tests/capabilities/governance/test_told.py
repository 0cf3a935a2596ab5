"""Models as pages are told of them: through a real node, as the person who asks may see it."""

import asyncio

import httpx
import pytest
from tests.capabilities.governance import sealed_case as case

from goldenbatch.apps.node.app import API, create_app
from goldenbatch.capabilities.governance._card_acts import offered
from goldenbatch.capabilities.governance._widgets import said_by
from goldenbatch.core.findings import newest_finding

USE = case.USE


class Node:
    """A node in this process, asked without a socket."""

    def __init__(self, site):
        self.site, self._app, self.token = site, create_app(site), ""

    def log_in(self, login):
        form = {"login": login, "password": case.PASSWORD}
        self.token = self.call("POST", "/login", json=form).json()["token"]

    def call(self, method, path, **settings):
        async def ask():
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://x{API}") as client:
                headers = {"Authorization": f"Bearer {self.token}"}
                return await client.request(method, path, headers=headers, **settings)

        return asyncio.run(ask())

    def get(self, path, **settings):
        return self.call("GET", path, **settings)


@pytest.fixture
def node(original):
    made = Node(original)
    made.log_in("qa")
    return made


def test_what_serves_is_told_with_its_life_and_all_sections_of_its_card(node):
    (one,) = node.get("/governance/models").json()["uses"]
    assert (one["use"], one["active"], one["is_fallback"]) == (USE, 1, False)
    assert one["since"] > 0
    card = node.get(f"/governance/models/{USE}/0").json()
    assert (card["version"], card["stage"]) == (1, "active")
    states = {step["words"]: step["state"] for step in card["steps"]}
    assert set(states.values()) == {"done"}
    assert "judged by the gate" not in states
    approved = next(step for step in card["steps"] if step["words"] == "approved")
    assert approved["signed"].startswith("signed as approved by")
    assert {"first", "validation", "signatures"} <= {part["key"] for part in card["sections"]}
    kinds = {block["kind"] for part in card["sections"] for block in part["blocks"]}
    assert kinds <= {"text", "heading", "bullets", "code", "facts", "grid", "figure"}
    assert [act.name for act in offered(card)] == ["governance.suspend"]


def test_a_day_before_it_was_approved_tells_how_it_stood_then(node):
    history = node.get(f"/models/{USE}/history", params={"version": 1}).json()["lines"]
    trained = next(line for line in history if line["kind"] == "ModelTrained")
    at = {"at": trained["at"]}
    then = node.get(f"/governance/models/{USE}/1/standing", params=at).json()
    assert (then["stage"], then["serves"]) == ("trained", 0)
    last = {"at": history[-1]["at"]}
    now = node.get(f"/governance/models/{USE}/1/standing", params=last).json()
    assert (now["stage"], now["serves"]) == ("active", 1)
    assert node.get(f"/governance/models/{USE}/1/standing", params={"at": 1}).json()["stage"] == ""


def test_nothing_predicted_is_an_empty_answer_and_no_such_version_is_refused(node):
    assert node.get(f"/governance/models/{USE}/1/predictions").json()["times"] == []
    assert node.get(f"/governance/models/{USE}/9").status_code == 404


def test_who_may_not_read_what_is_confidential_gets_no_card(node):
    site = node.site
    site.people.add("ada", "Ada Admin", case.PASSWORD)
    site.people.grant("ada", "administrator", "test")
    node.log_in("ada")
    assert node.get(f"/governance/models/{USE}/1").status_code == 403


def test_a_finding_leads_to_the_model_that_said_it_by_its_artefact():
    from goldenbatch.core.findings import Finding

    finding = Finding.model_construct(
        model_digest="d2", subject=type("Subject", (), {"attribute": "", "key": ""})()
    )
    versions = [{"version": 1, "digest": "d1"}, {"version": 2, "digest": "d2"}]
    uses = [{"use": "glucose", "versions": versions}]
    assert said_by(finding, uses) == ("glucose", 2)
    about = Finding.model_construct(
        model_digest="", subject=type("Subject", (), {"attribute": "glucose", "key": "glucose@1"})()
    )
    assert said_by(about, uses) == ("glucose", 1)
    assert said_by(about, []) == ("", 0)
    assert newest_finding([]) is None
