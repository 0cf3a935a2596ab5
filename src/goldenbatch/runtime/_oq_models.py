"""Checks of the qualification: a model takes every step, and one approved version serves."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import ConflictError, DeniedError, GoldenbatchError, IntegrityError
from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_card import (
    Criterion,
    DataRange,
    DataUsed,
    EvidenceRef,
    IntendedUse,
    Measured,
)
from goldenbatch.core.model_life import Stage, VersionState
from goldenbatch.core.model_line import line_state
from goldenbatch.core.model_records import ModelTested, ModelTrained, ModelValidated, line_stream
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import Body
from goldenbatch.core.test_set_records import (
    Cut,
    LabelCheck,
    TestSetSealed,
    TestSetSelected,
    sealed_set_stream,
)
from goldenbatch.runtime._ceremony_asked import Asked
from goldenbatch.runtime._oq_bench import (
    PLACE,
    Bench,
    NotApplicableError,
    NotRunError,
    expect,
    record,
    refused,
)

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

USE, SET, TEXT = "oq", "OQ", "text/plain"
CRITERION = Criterion(measure="rmse", relation="at_most", limit=1.0)
INTENDED: dict[str, Any] = {
    "purpose": "To try the life of a model in a qualification",
    "criticality": "critical",
    "risk_record": "risk/oq@1",
    "context": {"products": ["OQ"], "places": [PLACE], "site": "oq"},
    "inputs": [{"name": "x"}],
    "output": "assay",
    "replaces": "the laboratory",
    "contingency": "a sample to the laboratory",
}
WORKERS = {"developer": "model:train", "expert": "model:intend", "tester": "model:test"}
"""People of these checks beside the verifier and the approver, and what they must be able to do."""


def model_takes_every_step(bench: Bench) -> str:
    """No step of a model's life can be skipped, taken unsigned, or taken by who may not."""
    with bench.site() as site:
        life = _Life(bench, site)
        life.draft()
        told = [
            refused("a use stated by who drafted it", lambda: life.intend("developer"), DeniedError)
        ]
        life.intend("expert")
        told.append(refused("test data before criteria", life.bind, ConflictError))
        life.fix()
        life.bind()
        record(site, life.stream, life.trained(), life.uid("developer"))
        at = life.state().stage
        expect(at is Stage.SEALED, f"a training that nobody signed counts: it is {at.value}.")
        life.train()
        told.append(refused("other criteria after the training", life.fix, ConflictError))
        told.append(refused("a test by who trained", lambda: life.test("developer"), DeniedError))
        life.test("tester")
        told.append(refused("an approval without a judgement", life.approve, ConflictError))
        life.validate()
        told.append(
            refused("an approval by who judged it", lambda: life.approve("verifier"), DeniedError)
        )
        life.approve()
        state = life.state()
        expect(state.stage is Stage.APPROVED, f"it is {state.stage.value} after all steps.")
        n_faults = len(state.faults)
        expect(n_faults == 1, f"{n_faults} events count for nothing, and one was made so.")
        return f"{len(state.steps)} steps by {_n_people(state)} people; {len(told)} refused"


def one_approved_version_serves(bench: Bench) -> str:
    """Only an approved version serves, by a person's act, from the artefact that was approved."""
    with bench.site() as site:
        life = _Life(bench, site)
        for step in (life.draft, lambda: life.intend("expert"), life.fix, life.bind, life.train):
            step()
        words = refused("a version that is not approved", life.activate, ConflictError)
        life.test("tester")
        life.validate()
        life.approve()
        expect(life.active() == 0, "a version serves that nobody activated.")
        digest = life.state().trained.digest  # type: ignore[union-attr]
        with _Altered(site, digest):
            refused("an altered artefact", life.activate, IntegrityError)
        life.activate()
        expect(life.active() == 1, f"version {life.active()} serves after its activation.")
        refused("a second activation", life.activate, ConflictError)
        life.act("suspend", "expert", reason="qualification")
        expect(life.active() == 0, "a suspended version still serves.")
        life.activate()
        life.act("retire", "approver", version=1, reason="qualification")
        refused("a retired version", life.activate, ConflictError)
        line = line_state(USE, site.ledger.stream(line_stream(USE)))
        expect(line.active == 0 and line.head == 4, "the line says something else than was done.")
        return f"before its approval: {words} Then activated, suspended, activated and retired"


class _Life:
    """The life of one version in a scratch home, really signed."""

    def __init__(self, bench: Bench, site: LocalSite) -> None:
        if not bench.policy.rules_for("model:activate"):
            raise NotApplicableError("the policy of this home has no rules for models.")
        if "governance.draft" not in site.acts.names():
            raise NotRunError("the capability governance is not installed.")
        self._bench, self._site = bench, site
        self.stream = f"model/{USE}/1"
        for login, action in WORKERS.items():
            bench.admitted(site, login, bench.role(action, gmp=True))
        self._seal()

    def uid(self, login: str) -> str:
        """Uid of a person."""
        return self._bench.person(self._site, login).uid

    def state(self) -> VersionState:
        """The version as it is."""
        return load_version(self._site.ledger, USE, 1, self._site.signing_rules.fault)

    def active(self) -> int:
        """Version that serves."""
        return line_state(USE, self._site.ledger.stream(line_stream(USE))).active

    def act(self, name: str, login: str, **values: Any) -> None:
        """An act of governance."""
        given = {"use": USE, **values}
        self._site.acts.act(f"governance.{name}", given, login, self._bench.entry)

    def _sign(self, body: Body, login: str, action: str, stream: str) -> None:
        """An entry with its signature; the training itself is another matter than its record."""
        asked = Asked(
            stream, Meaning(body.signed_as), "qualification", body=body, actions=(action,),
            head=self._site.ledger.version(stream),
        )  # fmt: skip
        self._site.signing.sign_asked(asked, login, self._bench.entry)

    def _seal(self) -> None:
        digest = self._site.registry.put(b"sealed rows", TEXT)
        body = TestSetSelected(
            test_set=SET, use=USE, title="Qualification", cut=Cut(split="time", at=0),
            why="rows of the qualification itself", labels=LabelCheck(by="OQ", how="written here"),
            source="home", data=_data(b"test"), n_rows=5, n_independent=5, digest=digest,
            media_type=TEXT, key="none", inputs=("x",), output="assay",
        )  # fmt: skip
        record(self._site, sealed_set_stream(SET), body, self.uid("tester"))
        sealed = TestSetSealed(test_set=SET, digest=digest)
        self._sign(sealed, "tester", "model:seal", sealed_set_stream(SET))

    def draft(self) -> None:
        """Begin the version."""
        self.act("draft", "developer", title="Qualification", owner="OQ", method="none")

    def intend(self, login: str) -> None:
        """State its use."""
        IntendedUse.model_validate(INTENDED)
        self.act("intend", login, version=1, intended=INTENDED)

    def fix(self) -> None:
        """Fix its criteria."""
        criteria = [CRITERION.model_dump(mode="json")]
        self.act("criteria", "expert", version=1, criteria=criteria, n_least=5, reason="OQ")

    def bind(self) -> None:
        """Bind its test set."""
        self.act("bind", "expert", version=1, test_set=SET)

    def trained(self) -> ModelTrained:
        """What its training records."""
        digest = self._site.registry.put(b'{"model": "oq"}', "application/json")
        return ModelTrained(
            use=USE, version=1, digest=digest, media_type="application/json", settings={},
            data=_data(b"training"), code_version="1",
        )  # fmt: skip

    def train(self) -> None:
        """Train it."""
        self._sign(self.trained(), "developer", "model:train", self.stream)

    def test(self, login: str) -> None:
        """Test it."""
        report = self._site.registry.put(b"report", TEXT)
        outcome = Measured(
            criterion=CRITERION, estimate=0.5, lower=0.4, upper=0.6, n=5, is_met=True
        )
        body = ModelTested(
            use=USE, version=1, digest=self.trained().digest, test_set=SET, n_rows=5,
            opening=f"{sealed_set_stream(SET)}@2", outcomes=(outcome,), is_passed=True,
            report=report,
        )  # fmt: skip
        self._sign(body, login, "model:test", self.stream)

    def validate(self) -> None:
        """Judge its evidence."""
        digest = self._site.registry.put(b"recomputed", TEXT)
        both = ("verification", "validation")
        evidence = [EvidenceRef(side=side, what="OQ", digest=digest) for side in both]
        body = ModelValidated(
            use=USE, version=1, digest=self.trained().digest, evidence=tuple(evidence),
            statement="fit for the qualification",
        )  # fmt: skip
        given = [one.model_dump(mode="json") for one in body.evidence]
        self.act("validate", "verifier", version=1, evidence=given, statement=body.statement)

    def approve(self, login: str = "approver") -> None:
        """Approve it."""
        self.act("approve", login, version=1, reason="qualification")

    def activate(self) -> None:
        """Put it to work."""
        self.act("activate", "expert", version=1, reason="qualification")


def _data(content: bytes) -> DataUsed:
    digest = hashlib.sha256(content).hexdigest()
    return DataUsed(ranges=(DataRange(what=PLACE, digest=digest, n=5),))


def _n_people(state: VersionState) -> int:
    return len(frozenset().union(*state.people.values()))


class _Altered:
    """An artefact of a scratch home's registry, changed on the disk for a while."""

    def __init__(self, site: LocalSite, digest: str) -> None:
        content = site.registry.get(digest)
        found = [p for p in site.layout.registry.rglob("*") if p.is_file()]
        self._path = next((p for p in found if p.read_bytes() == content), None)
        if self._path is None:
            raise NotRunError("the registry of this installation keeps no files to be altered.")
        self._content = content

    def __enter__(self) -> None:
        self._write(self._content.replace(b"oq", b"no"))

    def __exit__(self, *_: object) -> None:
        self._write(self._content)

    def _write(self, content: bytes) -> None:
        if self._path is None:
            raise GoldenbatchError("there is no file.")
        self._path.chmod(0o600)
        self._path.write_bytes(content)
