"""Endpoints of running sources, of completeness and of what a person enters by hand."""

PASSWORD = "long enough a password"


def test_sources_completeness_and_boundaries(node):
    assert node.call("GET", "/sources").json() == {"n_sources": 0, "sources": []}
    assert node.call("GET", "/sources/opc/gaps").json()["n_gaps"] == 0
    found = node.call("GET", "/batches/7/completeness").json()
    assert not found["is_complete"]  # no tag has a cadence: nothing could be judged
    for tolerance in ("nan", "inf", "0", "-1", "1e400", "x"):
        asked = node.call("GET", f"/batches/7/completeness?tolerance={tolerance}")
        assert asked.status_code == 422, tolerance
    assert found["tags"][0]["n_readings"] == 20

    def token(login):
        form = {"login": login, "password": PASSWORD}
        return node.call("POST", "/login", json=form).json()["token"]

    form = {"what": "batch started", "at": 1_700_000_000_000_000, "product": "P"}
    anna, bor = token("anna"), token("bor")
    answer = node.call("POST", "/batches/78/boundaries", token=anna, json=form)
    assert answer.json()["stated"]["outcome"] == "taken", answer.text
    assert node.call("POST", "/batches/78/boundaries", token=anna, json=form).json() == {
        "is_new": False, "stated": None,
    }  # fmt: skip
    for bad in (
        {"what": "phase started", "place": "site"}, {"what": "phase ended", "phase": "heat"},
        {"what": "batch ended", "at": 2**62}, {"what": "batch ended", "at": 10**30},
        {"what": "batch ended", "outcome": "lost"}, {"what": "batch started", "place": "moon"},
    ):  # fmt: skip
        answer = node.call("POST", "/batches/78/boundaries", token=anna, json={**form, **bad})
        assert answer.status_code in (400, 422), (bad, answer.text)
        assert answer.json()["message"] and answer.json()["hint"]
    (row,) = node.call("GET", "/batches/78/context", token=anna).json()["statements"]
    assert (row["source"], row["outcome"]) == ("person", "taken")
    assert node.call("POST", "/batches/79/boundaries", token=bor, json=form).status_code == 403
    assert node.call("GET", "/sources", token=bor).status_code == 403
    assert node.call("POST", "/batches/79/boundaries", json=form).status_code in (403, 404)
