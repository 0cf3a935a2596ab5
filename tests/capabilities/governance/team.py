"""People, a sealed set and an artefact for tests of the life of models, all really signed."""

from __future__ import annotations

import json

from tests.core import lives

from goldenbatch.capabilities.governance._reading import version_of
from goldenbatch.core.model_card import DataRange, DataUsed
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import NewEvent
from goldenbatch.core.test_set_records import (
    Cut,
    LabelCheck,
    TestSetRead,
    TestSetSealed,
    TestSetSelected,
    UnsealingApproved,
    UnsealingAsked,
    sealed_set_stream,
)
from goldenbatch.runtime._ceremony_asked import Asked

PASSWORD = "a long password"
USE = lives.USE
JSON = "application/json"
PEOPLE = {
    "dana": "process_engineer",  # develops the model
    "sam": "process_engineer",  # knows the process
    "tess": "quality_reviewer",  # tests
    "vera": "quality_reviewer",  # validates
    "quinn": "qualified_person",  # approves
    "otto": "operator",
    "root": "administrator",
}
INTENDED = lives.INTENDED.model_dump(mode="json")
CRITERIA = [one.model_dump(mode="json") for one in lives.CRITERIA]
CARD = {"title": "Sucrose in the feed", "owner": "Process science", "method": "PLS"}


def people(site):
    """All of them, with their roles; returns login to uid."""
    found = {}
    for login, role in PEOPLE.items():
        found[login] = site.people.add(login, login.title(), PASSWORD)
        site.people.grant(login, role, "test")
    return found


def act(site, name, login, **values):
    """An act of governance by a person, on version 1 unless another is given."""
    values = {"use": USE, **values}
    if name != "draft" and name != "suspend":
        values.setdefault("version", 1)
    return site.acts.act(f"governance.{name}", values, login, PASSWORD)


def sign(site, body, login, stream="", actions=()):
    """Append a body with the signature that its type asks for, as its own act will."""
    stream = stream or f"model/{body.use}/{body.version}"
    asked = Asked(
        stream, Meaning(body.signed_as), "done", body=body, actions=actions,
        head=site.ledger.version(stream),
    )  # fmt: skip
    return site.signing.sign_asked(asked, login, PASSWORD)


def seal(site, login="vera", test_set="T1", use=USE):
    """A sealed set, chosen and sealed by one person."""
    digest = site.registry.put(f"sealed rows of {test_set}".encode(), "text/plain")
    body = TestSetSelected(
        test_set=test_set, use=use, title="Autumn", cut=Cut(split="time", at=0),
        why="the newest batches of both lines", source="home", n_rows=30, n_independent=30,
        labels=LabelCheck(by="QC", how="HPLC, second analyst"), digest=digest, key="k1",
        data=DataUsed(ranges=(DataRange(what="a/nir", digest=digest, n=3),)),
        media_type="text/plain", inputs=("x",), output="sucrose",
    )  # fmt: skip
    stream = sealed_set_stream(test_set)
    uid = site.people.find(login).uid
    site.ledger.append([NewEvent(stream, body, 0, actor=uid)])
    sign(site, TestSetSealed(test_set=test_set, digest=digest), login, stream)


def artefact(site, number=1):
    """An artefact in the registry."""
    return site.registry.put(json.dumps({"model": number}).encode(), JSON)


def train(site, login="dana", version=1, digest=""):
    body = lives.trained(version, digest or artefact(site, version))
    return sign(site, body, login, actions=("model:train",))


def test(site, login="tess", version=1, digest="", is_passed=True, **more):
    bound = version_of(site, USE, version).bound
    more = {"test_set": bound.test_set if bound else "T1", **more}
    report = site.registry.put(b"report", "text/plain")
    body = lives.tested(version, digest or artefact(site, version), is_passed=is_passed, **more)
    body = body.model_copy(update={"report": report, "opening": opened(site, body, login)})
    return sign(site, body, login, actions=("model:test",))


test.__test__ = False


def opened(site, body, login):
    """The opening of the set by the tester and another person, and that the tester read it."""
    stream = sealed_set_stream(body.test_set)
    if not site.ledger.version(stream):
        return body.opening
    whose = {"test_set": body.test_set, "use": body.use, "version": body.version}
    asked = UnsealingAsked(**whose, artefact=body.digest, reason="test")
    at, _ = sign(site, asked, login, stream, ("model:unseal_ask",))
    place = f"{stream}@{at.envelope.version}"
    approved = UnsealingApproved(**whose, artefact=body.digest, asked=place)
    other = "quinn" if login != "quinn" else "sam"
    approval, _ = sign(site, approved, other, stream, ("model:unseal",))
    opening = f"{stream}@{approval.envelope.version}"
    digest = site.ledger.stream(stream)[0].decode().digest
    read = TestSetRead(**whose, opening=opening, digest=digest, purpose="test")
    uid = site.people.find(login).uid
    site.ledger.append([NewEvent(stream, read, site.ledger.version(stream), actor=uid)])
    return opening


def verification(site):
    """A piece of evidence that the code does what it claims."""
    digest = site.registry.put(b"recomputed by hand", "text/plain")
    return {"side": "verification", "what": "recomputed by hand", "digest": digest}


def to(site, step, version=1, **draft):
    """Take a version to a step, each by the one whose work it is."""

    # Criteria that are newer than an opening take a set that was never opened.
    test_set = "T1" if draft.get("follows") else f"T{version}"

    def validate():
        act(site, "validate", "vera", version=version, evidence=[verification(site)],
            statement="fit for its use")  # fmt: skip

    steps = {
        "draft": lambda: act(site, "draft", "dana", **({} if draft else CARD), **draft),
        "intend": lambda: act(site, "intend", "sam", version=version, intended=INTENDED),
        "criteria": lambda: act(site, "criteria", "sam", version=version, criteria=CRITERIA,
                                n_least=5, reason="risk"),
        "bind": lambda: act(site, "bind", "sam", version=version, test_set=test_set),
        "train": lambda: train(site, version=version),
        "test": lambda: test(site, version=version),
        "validate": validate,
        "approve": lambda: act(site, "approve", "quinn", version=version, reason="fit"),
        "activate": lambda: act(site, "activate", "sam", version=version, reason="ready"),
    }  # fmt: skip
    for name, take in steps.items():
        if not (draft.get("follows") and name in ("intend", "criteria")):
            take()
        if name == step:
            return
