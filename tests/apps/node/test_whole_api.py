"""The whole API by its own document: valid OpenAPI 3.1, no fault of the node, role by role."""

import warnings

from hypothesis import HealthCheck, given, settings

PASSWORD = "long enough a password"
LEFT_OUT = ("/logout", "/verification")  # one ends the session, the other starts a process


def test_the_document_is_valid_and_every_answer_is_described(node):
    from openapi_spec_validator import validate

    document = node.call("GET", "/openapi.json", token="").json()
    assert document["openapi"].startswith("3.1")
    validate(document)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            assert operation.get("summary") or operation.get("description"), (method, path)
            assert all(one.get("description") for one in answers.values()), (method, path)
            assert {"4XX", "5XX"} <= set(answers), (method, path)


def test_no_made_up_call_is_the_nodes_fault_or_loses_anything(node):
    """Calls that Schemathesis makes of the document: answers conform, the ledger only grows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import schemathesis
    document = node.call("GET", "/openapi.json").json()
    ledger = node.state.desk.site.ledger
    schema = schemathesis.openapi.from_dict(document)
    operations = [
        one.ok() for one in schema.get_all_operations()
        if "text/event-stream" not in str(one.ok().definition.raw["responses"].get("200", ""))
    ]  # fmt: skip
    assert len(operations) > 60
    before = [one.leaf for one in ledger.events()]
    form = {"login": "anna", "password": PASSWORD}
    anna = node.call("POST", "/login", token="", json=form).json()["token"]
    asked = [one for one in operations if not one.path.endswith(LEFT_OUT)]

    @settings(
        max_examples=1, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case):
        # What changes something is asked as a person, whom the policy may refuse.
        token = node.token if case.method.upper() == "GET" else anna
        headers = {"Authorization": f"Bearer {token}"}
        answer = case.call(base_url=node.url, headers=headers, timeout=30)
        assert answer.status_code < 500, (case.method, case.path, answer.text)
        if answer.status_code >= 400:
            assert {"error", "message", "hint"} <= set(answer.json()), (case.path, answer.text)

    for operation in asked:
        given(case=operation.as_strategy())(ask)()
    assert [one.leaf for one in ledger.events()][: len(before)] == before
    node.state.desk.verify(has_projections=False)
