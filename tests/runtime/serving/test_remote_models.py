"""A model through its node says what it says in the node, bit by bit."""

import threading
import time
from socket import socket

import numpy as np
import pytest
from tests.capabilities.governance import sealed_case as case

from goldenbatch.core.errors import BadInputError, ConflictError, IntegrityError, NotFoundError
from goldenbatch.core.prediction import PredictionsMade
from goldenbatch.runtime import remote_models
from goldenbatch.runtime.prediction_log import log_records
from goldenbatch.runtime.remote import NodeClient, RemoteSite

USE = case.USE
ROWS = np.array([[37.1, 7.0], [50.0, 7.0], [np.nan, 7.0], [36.0, np.inf], [1 / 3, 6.9]])


@pytest.fixture
def node(site):
    """Address and token of a node that serves the home."""
    import uvicorn

    from goldenbatch.apps.node import create_app

    app = create_app(site)
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            port = listener.getsockname()[1]
            yield f"http://127.0.0.1:{port}", app.state.node.token
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def remote(node):
    with RemoteSite(NodeClient(*node)) as found:
        yield found


def test_the_same_bits_through_a_node(site, remote, monkeypatch):
    local, far = site.models.active(USE), remote.models.active(USE)
    assert (far.ref, far.inputs, far.unit) == (local.ref, local.inputs, local.unit)
    assert far.contingency == "sample and assay in the laboratory"
    wanted = local.predict(ROWS)
    for cells in (remote_models.CELLS, 2, 4):
        monkeypatch.setattr(remote_models, "CELLS", cells)
        found = far.predict(ROWS)
        for name in ("values", "lower", "upper", "outside"):
            left, right = getattr(found, name), getattr(wanted, name)
            assert np.array_equal(left, right, equal_nan=name != "outside"), name
        assert np.array_equal(found.contributions[:2], wanted.contributions[:2])
        assert found.input_digest == wanted.input_digest
    row = {case.TEMP: 37.1, case.PH: 7.0}
    assert far.predict_one(row) == local.predict_one(row)
    assert far.predict_one([50.0, 7.0]).reason.startswith("an input is outside the range")
    assert len(far.predict(ROWS[:0])) == 0
    assert far.predict(ROWS, explain=False).contributions is None


def test_what_serves_no_more_is_refused_through_a_node(site, remote):
    far = remote.models.active(USE)
    case.act(site, "suspend", "sme", use=USE, reason="drift")
    with pytest.raises(NotFoundError, match="suspended") as caught:
        far.predict(ROWS)
    assert "Contingency: sample and assay in the laboratory" in caught.value.hint
    with pytest.raises(NotFoundError, match="ever activated"):
        remote.models.active("other")
    assert remote.models.version(USE, 1).predict(ROWS[:1]).model.version == 1


def test_bad_rows_are_refused_here_and_there(remote):
    far = remote.models.active(USE)
    with pytest.raises(BadInputError, match="takes 2 inputs"):
        far.predict(np.zeros((2, 3)))
    with pytest.raises(BadInputError, match="each row has 2 values"):
        remote.client.post(f"/models/{USE}/predict", {"rows": [[1.0]]})
    with pytest.raises(BadInputError):
        remote.client.post(f"/models/{USE}/predict", {"rows": [["warm", 1]]})
    with pytest.raises(ConflictError, match="assay@9 serves no more"):
        remote.client.post(f"/models/{USE}/predict", {"rows": [], "version": 9})


def test_an_answer_of_other_rows_is_refused(remote, monkeypatch):
    far = remote.models.active(USE)
    post = remote.client.post

    def altered(path, form):
        form["rows"][0][0] += 1
        return post(path, form)

    monkeypatch.setattr(remote.client, "post", altered)
    with pytest.raises(IntegrityError, match="predicted other rows"):
        far.predict(ROWS)


def test_predictions_are_logged_through_a_node(site, remote):
    block = remote.models.active(USE).predict(ROWS)
    times = case.START + np.arange(5)
    remote.models.log(PredictionsMade(block, times, ROWS), "far")
    (record,) = log_records(site.historian, USE)
    assert record.inputs == block.input_digest
