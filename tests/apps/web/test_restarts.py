"""A part of the service that died and was started again is named on each page for a while."""

from types import SimpleNamespace

from goldenbatch.apps.web.restarts import LATELY_US, Restart, Restarts, lately
from goldenbatch.core.errors import BadInputError

NOW = 1_800_000_000_000_000


def process(name="node", n_restarts=1, started_at=NOW - 1, last_exit="was killed by signal 9"):
    return {"name": name, "n_restarts": n_restarts, "started_at": started_at,
            "last_exit": last_exit}  # fmt: skip


def test_only_what_came_back_lately_is_told():
    never = process("web", n_restarts=0)
    long_ago = process("web", started_at=NOW - LATELY_US)
    assert lately([process(), never, long_ago], NOW) == (
        Restart("node", NOW - 1, "was killed by signal 9"),
    )
    assert lately([process(started_at=None)], NOW) == ()


def test_the_node_is_asked_once_for_all_pages_and_its_silence_hurts_nobody():
    answers = [[process()], BadInputError("it does not answer.")]
    asked = []

    def get(path):
        asked.append(path)
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return {"processes": found}

    session = SimpleNamespace(site=SimpleNamespace(client=SimpleNamespace(get=get),
                                                   clock=lambda: NOW))  # fmt: skip
    known = Restarts()
    assert [one.name for one in known.of(session)] == ["node"]
    assert [one.name for one in known.of(session)] == ["node"] and asked == ["/service"]
    known._asked_at = float("-inf")
    assert [one.name for one in known.of(session)] == ["node"] and len(asked) == 2
