"""The kit passes what conforms, names what does not, and runs over all that is built in."""

import importlib.util
import sys
from pathlib import Path

import pytest

from goldenbatch.core.analyst import Assessment, OpenFindings, Tick
from goldenbatch.core.capability import Capability, Offer
from goldenbatch.core.findings import Evidence, Finding, Severity, Subject
from goldenbatch.runtime.discovery import discover
from goldenbatch.testing import AnalystCase, NonConformityError, checks, connector_checks

BUILT_IN = discover()
CONNECTORS = sorted(
    f"goldenbatch.connectors.{path.parent.name}"
    for spec in [importlib.util.find_spec("goldenbatch.connectors")]
    for path in Path(str(spec.origin)).parent.glob("*/__init__.py")
)


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{name}: {check}")
        for name, capability in sorted(BUILT_IN.capabilities.items())
        for check in checks(capability, f"goldenbatch.capabilities.{name}")
    ],
)
def test_built_in_capabilities_conform(check):
    check.run()


def test_no_built_in_capability_is_broken():
    assert BUILT_IN.broken == ()


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{package}: {check}")
        for package in CONNECTORS
        for check in connector_checks(package)
    ],
)
def test_connectors_conform(check):
    check.run()


# ---- analysts that conform and that do not --------------------------------------------------


class View:
    """A tick that brings one number."""

    def __init__(self, number, value):
        self.tick = Tick(number, number, number, number)
        self.value = value


class Counter:
    """Opens a finding when the sum is above 2, and closes it when it is back."""

    version = "1"

    def __init__(self, name, settings):
        self.name = name

    def start(self):
        return {"sum": 0, "entries": {}}

    def assess(self, state, view):
        total = state["sum"] + view.value
        book = OpenFindings(self.name, self.version, dict(state["entries"]))
        finding = self.finding(total)
        if total > 2:
            book.put(finding, view.tick)
        elif book.is_open(finding.subject):
            book.close(finding)
        return Assessment({"sum": total, "entries": book.entries}, book.transitions)

    def finding(self, total):
        return Finding(
            subject=Subject(key="sum"),
            title="High",
            statement=str(total),
            severity=Severity.INFO,
            start=0,
            evidence=(Evidence(kind="artefact", digest="0" * 64),),
            analyst=self.name,
            analyst_version=self.version,
        )


class Forgetful(Counter):
    """Keeps something outside its state."""

    seen = 0

    def assess(self, state, view):
        self.seen += 1
        outcome = super().assess(state, view)
        return Assessment({**outcome.state, "seen": self.seen}, outcome.transitions)


class Mutating(Counter):
    """Changes the state that it is given."""

    def assess(self, state, view):
        state["sum"] += 0.5
        return super().assess(state, view)


class Tuples(Counter):
    """Has a state that JSON does not give back."""

    def start(self):
        return {**super().start(), "pair": (1, 2)}

    def assess(self, state, view):
        outcome = super().assess(state, view)
        is_pair = isinstance(state.get("pair"), tuple)
        return Assessment({**outcome.state, "pair": (1, 2), "was": is_pair}, outcome.transitions)


class Unsigned(Counter):
    """Signs with another name."""

    def finding(self, total):
        return super().finding(total).model_copy(update={"analyst": "somebody"})


class Restless(Counter):
    """Numbers its transitions from 5."""

    def assess(self, state, view):
        from dataclasses import replace

        outcome = super().assess(state, view)
        wrong = [replace(one, version=one.version + 4) for one in outcome.transitions]
        return Assessment(outcome.state, wrong)


class PerTick(Counter):
    """Finds something else when the ticks are cut otherwise."""

    def finding(self, total):
        return super().finding(total).model_copy(update={"start": int(total)})


def outcomes(monkeypatch, kind, **more):
    """Names of the checks of an analyst that do not hold."""
    module = type(sys)("gbx_conformance")
    module.make = kind
    monkeypatch.setitem(sys.modules, "gbx_conformance", module)
    offer = Offer("a", "gbx_conformance:make", "An analyst.")
    capability = Capability("gbx", "T", "bronze", analysts=(offer,))
    case = AnalystCase(
        "a", {}, lambda: [View(n, v) for n, v in enumerate((1, 2, 1, -3), 1)], **more
    )
    failed = []
    for check in checks(capability, "gbx_conformance", [case]):
        if check.name.startswith("analyst "):
            try:
                check.run()
            except NonConformityError as error:
                failed.append(str(error))
    return failed


def test_a_good_analyst_passes(monkeypatch):
    same = {"split_views": lambda: [View(n, v) for n, v in enumerate((1, 1, 1, 1, -3), 1)]}
    assert outcomes(monkeypatch, Counter, is_closed_under_splitting=True, **same) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Forgetful, "keeps something outside its state"),
        (Mutating, "changes the state that it is given"),
        (Tuples, "when its state was in JSON"),
        (Unsigned, "is not signed"),
        (Restless, "1 transitions expected"),
    ],
)
def test_what_does_not_conform_is_named(monkeypatch, kind, words):
    assert any(words in text for text in outcomes(monkeypatch, kind))


def test_splitting(monkeypatch):
    cut = {"split_views": lambda: [View(n, v) for n, v in enumerate((3, 1, -3), 1)]}
    failed = outcomes(monkeypatch, PerTick, is_closed_under_splitting=True, **cut)
    assert failed == []
    cut = {"split_views": lambda: [View(n, v) for n, v in enumerate((3, 1, -3.5), 1)]}
    failed = outcomes(monkeypatch, PerTick, is_closed_under_splitting=True, **cut)
    assert any("cut otherwise" in text for text in failed)


BAD = {
    "__init__.py": "import numpy\n__all__ = ['gone']\n",
    "_capability.py": "import numpy\n",
}


def test_a_bad_package_is_named(tmp_path, monkeypatch):
    package = tmp_path / "gbx_untidy"
    package.mkdir()
    for name, text in BAD.items():
        (package / name).write_text(text)
    (package / "door.py").write_text("from goldenbatch.stores.ledger import Ledger\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    offers = tuple(Offer(one, "gbx_untidy:nothing", "") for one in ("b c", "b c"))
    capability = Capability("gbx_untidy", "T", "bronze", analysts=offers)
    failed = {}
    for check in [*checks(capability), *connector_checks("gbx_untidy")]:
        try:
            check.run()
        except Exception as error:
            failed[check.name] = str(error)
    assert "imports numpy" in failed["the manifest imports core alone"]
    assert "a name twice" in failed["names of offers are unique and short"]
    assert "no README.md" in failed["a README says what it claims"]
    assert "cannot be loaded" in failed["at most 25 public names, all of which load"]
    assert "brings numpy" in failed["importing the package is light"]
    assert "cannot be loaded" in failed["analysts: b c loads and is a callable"]
    assert "write through the Site" in failed["knows stores through core alone"]
    sys.modules.pop("gbx_untidy", None)
