"""The page of evidence of a batch for a market as a sheet: for the screen and for PDF alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.monitoring.release._page_words import When, banner_of, evidence_words
from goldenbatch.core.people import signature_state
from goldenbatch.core.release_life import ReleaseState
from goldenbatch.core.release_records import ReleaseOutcome
from goldenbatch.ui.sheets import (
    Block,
    Bullets,
    Code,
    Facts,
    Figure,
    Grid,
    Heading,
    Section,
    Sheet,
    Text,
    Tone,
)

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.release.standing import AttributeStanding
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.records import Event
    from goldenbatch.core.release_records import ReleaseTested
    from goldenbatch.core.site import HomeInfo

BOUNDS: Final[Mapping[str, str]] = {
    "interval": "the whole interval lies within it",
    "lower": "the lower end of the interval lies within it",
    "upper": "the upper end of the interval lies within it",
}


@dataclass(frozen=True)
class AttributeView:
    """One attribute with all that its part of the page shows.

    Attributes:
        standing: How it stands.
        version: The model version that was asked; None: none could be.
        asked: Events of the release test, of its registration and of the model version.
        figure: The prediction among those of earlier batches; None: there is no valid one.
    """

    standing: AttributeStanding
    version: VersionState | None = None
    asked: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    figure: Figure | None = None


@dataclass(frozen=True)
class PageView:
    """All that a page shows.

    Attributes:
        names: Uid to printed name.
        written_at: Time of the newest event that it shows.
        proof: Name and SHA-256 of the proof file, number of events, checkpoint, public key.
    """

    home: HomeInfo
    batch: str
    product: str
    market: str
    attributes: Sequence[AttributeView]
    names: Mapping[str, str]
    written_at: int
    proof: tuple[str, str, int, str, str] = ("", "", 0, "", "")

    def named(self, uid: str) -> str:
        """Printed name of a person, with the uid that the record has."""
        return f"{self.names[uid]} ({uid})" if uid in self.names else uid


def sheet_of(view: PageView) -> Sheet:
    """The page as a sheet."""
    when = When(view.home.zone)
    parts = [_attribute(view, one, when) for one in view.attributes]
    label = f"batch {view.batch} for {view.market}"
    return Sheet(
        title=f"Real-time release testing: {label}",
        banner=banner_of(view.home.kind),
        lead=(
            f"Product {view.product} · {view.home.site} · home “{view.home.name}”",
            f"As of {when(view.written_at)}. This page shows release tests; it releases no batch.",
        ),
        footer=f"Release tests of {label} · {view.home.name}",
        written_at=view.written_at,
        sections=[_first(view), *parts, _proof(view)],
    )


def _first(view: PageView) -> Section:
    rows = [
        [one.standing.attribute, _limit(one.standing), _said(one.standing), one.standing.state]
        for one in view.attributes
    ]
    tones = [_tone(one.standing) for one in view.attributes]
    header = ("Attribute", "Registered limit", "Prediction, interval", "State")
    open_ = [
        f"{one.standing.attribute}: {told}"
        for one in view.attributes
        for told in (
            *(() if one.standing.is_settled else (one.standing.state,)), *one.standing.doubts,
        )
    ]  # fmt: skip
    blocks: list[Block] = [Grid(header, rows, (3, 3, 4, 4), tones)]
    blocks += [Heading("Open"), Bullets(open_)] if open_ else [Text("Nothing is open.", "good")]
    return Section("first", "At a glance", blocks, "First")


def _tone(one: AttributeStanding) -> Tone:
    good = (ReleaseState.PASSES.value, ReleaseState.LABORATORY.value)
    return "good" if one.state in good else "bad"


def _tested(one: AttributeStanding) -> ReleaseTested | None:
    return one.test.tested if one.test is not None else None


def _limit(one: AttributeStanding) -> str:
    tested = _tested(one)
    if tested is not None:
        return tested.limit.as_text()
    return one.registration.registration.limit.as_text() if one.registration is not None else ""


def _said(one: AttributeStanding) -> str:
    tested = _tested(one)
    said = tested.prediction if tested is not None else None
    if said is None or not said.value:
        return "none"
    told = f"{float(said.value):.6g} ({_end(said.lower)} to {_end(said.upper)})"
    return _with_unit(told, said.unit)


def _with_unit(text: str, unit: str) -> str:
    return text if unit == "1" else f"{text} {unit}"


def _end(text: str) -> str:
    return f"{float(text):.6g}" if text else "?"


# ---- one attribute ------------------------------------------------------------------------------


def _attribute(view: PageView, one: AttributeView, when: When) -> Section:
    standing, tested = one.standing, _tested(one.standing)
    key = f"a{[each.standing for each in view.attributes].index(standing)}"
    blocks: list[Block] = [Heading("What is registered"), *_registered(standing, when)]
    if tested is None:
        blocks.append(Text("Nobody asked for the release test.", "bad"))
        return Section(key, standing.attribute, blocks)
    blocks += [Heading("The model"), *_model(view, one, tested)]
    blocks += [Heading("What it was asked with"), _inputs(tested, when)]
    if tested.input_digest:
        blocks.append(Facts([("Digest of the inputs", tested.input_digest)]))
    blocks += [Heading("What it said, and what that means"), *_outcome(view, one, tested, when)]
    if one.figure is not None:
        blocks.append(one.figure)
    blocks += [*_afterwards(view, standing, when), Heading("Signatures"), _signatures(one, when)]
    return Section(key, standing.attribute, blocks)


def _registered(standing: AttributeStanding, when: When) -> list[Block]:
    if standing.registration is None:
        return [Text("The registration stands no more.", "bad")]
    told = standing.registration.registration
    rows = [
        ("Registration", standing.registration.approval),
        ("Dossier", told.dossier),
        ("Variation", told.variation),
        ("Manufacture", told.manufacture.value.replace("_", " ")),
        ("Effective from", when(told.effective_from)),
        ("Limit", told.limit.as_text()),
        ("Passes if", f"{BOUNDS[told.bound]}, at a confidence of {told.confidence:.0%} or more"),
        ("Contingency test", told.contingency.label),
        ("Share without prediction", f"{told.most_contingency:.0%} of batches"),
        ("Trend", _trend(told.trend.model_dump() if told.trend is not None else {})),
    ]
    return [Facts(rows)]


def _trend(rules: Mapping[str, Any]) -> str:
    told = [f"{name} {one}" for name, one in rules.items() if one and name != "rules"]
    return "; ".join([*told, *rules.get("rules", ())]) or "none registered"


def _model(view: PageView, one: AttributeView, tested: ReleaseTested) -> list[Block]:
    used, version = tested.model, one.version
    if used is None or version is None:
        return [Text("No model could be asked.", "bad")]
    intended, approved = version.intended, version.people.get("ModelApproved", frozenset())
    validated = version.people.get("ModelValidated", frozenset())
    rows = [
        ("Model", f"{used.use}@{used.version}: {version.draft.title}"),
        ("Method", version.draft.method),
        ("Artefact", used.digest),
        ("Intended use", intended.purpose if intended is not None else "not stated"),
        ("Influence", (intended.influence if intended is not None else "") or "not stated"),
        ("Validated by", ", ".join(view.named(uid) for uid in sorted(validated)) or "nobody"),
        ("Approved by", ", ".join(view.named(uid) for uid in sorted(approved)) or "nobody"),
        ("Approval", used.approval),
        ("Accepted for release by", used.acceptance or "no evaluation"),
    ]
    return [Facts(rows)]


def _inputs(tested: ReleaseTested, when: When) -> Grid:
    rows = [
        [
            one.name,
            _with_unit(one.value, one.unit) if one.value else f"none: {one.why}",
            one.source,
            "\n".join(evidence_words(each, when) for each in one.evidence) or "none",
        ]
        for one in tested.inputs
    ]
    return Grid(("Input", "Value", "Source", "Evidence"), rows, (3, 2.2, 3.4, 6))


def _outcome(view: PageView, one: AttributeView, tested: ReleaseTested, when: When) -> list[Block]:
    said, test = tested.prediction, one.standing.test
    rows = [("Outcome", tested.outcome.value.replace("_", " ")), ("Why", tested.why)]
    if said is not None:
        share = f"{said.confidence:.0%}" if said.confidence is not None else "not stated"
        inside = "inside" if said.is_in_domain else f"outside: {said.reason}"
        rows += [
            ("Prediction", _with_unit(said.value or "none", said.unit)),
            ("Interval", f"{said.lower or '?'} to {said.upper or '?'} ({share})"),
            ("Domain", inside),
        ]
    if tested.recent:
        rows.append(("Earlier tests looked at", ", ".join(tested.recent)))
    rows += [
        (f"Asked, version {number}", _asked(view, one, number, each, when))
        for number, each in (test.tests if test is not None else ())
    ]
    tone: Tone = "good" if tested.outcome is ReleaseOutcome.PASSES else "bad"
    return [Facts(rows), Text(f"State: {one.standing.state}.", _state_tone(one, tone))]


def _state_tone(one: AttributeView, tone: Tone) -> Tone:
    return tone if tone == "bad" else _tone(one.standing)


def _asked(view: PageView, one: AttributeView, number: int, each: ReleaseTested, when: When) -> str:
    stream = one.standing.test.stream if one.standing.test is not None else ""
    events = one.asked.get(stream, ())
    event = next((x for x in events if x.envelope.version == number), None)
    by = view.named(event.envelope.actor) if event is not None else ""
    at = when(event.envelope.recorded_at) if event is not None else ""
    why = f", corrected because: {each.reason}" if each.corrects else ""
    return f"{at}, {by}: {each.outcome.value.replace('_', ' ')}{why}"


def _afterwards(view: PageView, standing: AttributeStanding, when: When) -> list[Block]:
    """Contingency test, laboratory and investigations, where there are any."""
    test, rows = standing.test, list[tuple[str, str]]()
    if test is None:
        return []
    if test.called is not None:
        reason = test.called.no_prediction.value.replace("_", " ")
        rows.append(("Contingency test called", f"{test.called.contingency.label} ({reason})"))
    rows += [
        (f"Laboratory, version {number}", f"{one.value} ({one.record}): {one.statement}")
        for number, one in test.links
    ]
    rows += [
        (f"Investigation, version {number}", f"{one.category.upper()}: {one.statement}")
        for number, one in test.investigations
    ]
    if test.concluded is not None:
        ended = test.concluded
        told = f"{ended.finding.replace('_', ' ')}: {ended.root_cause}"
        rows.append(("Concluded", f"{told} {ended.actions}".strip()))
        rows.append(("Shown by", ", ".join(ended.evidence) or "no record named"))
    return [Heading("What followed"), Facts(rows)] if rows else []


def _signatures(one: AttributeView, when: When) -> Grid:
    rows, tones = [], list[Tone]()
    for stream, events in one.asked.items():
        for state in signature_state(events):
            signed = state.signature
            covers = f"{stream}@{state.signed_version}"
            label = "void" if state.faults else "signed"
            rows.append(
                [signed.by, signed.role, signed.meaning.value, when(signed.at), covers, label]
            )
            tones.append("bad" if state.faults else "")
    header = ("Printed name", "Role", "Meaning", "When", "Record", "Standing")
    return Grid(header, rows, (2.6, 2.4, 1.8, 3, 4.4, 1.5), tones)


def _proof(view: PageView) -> Section:
    name, digest, n_events, checkpoint, key = view.proof
    return Section(
        "proof",
        "The proof, and how to check it",
        [
            Text(
                f"This page rests on {n_events} events of the ledger. The file {name} holds each "
                "of them with its place in the Merkle tree under this signed checkpoint. Its "
                "SHA-256 is:"
            ),
            Code(digest),
            Code(checkpoint),
            Text("Check it on any machine that has goldenbatch, without access to this home:"),
            Code(f"goldenbatch verify --proof {name}"),
            Text("Compare this public key with the one that the site gave you by another way:"),
            Code(key),
            Text(
                "Readings are named by tag, window and SHA-256 of their canonical bytes. Who "
                "reviewed and approved this page stands in the file of its signatures."
            ),
        ],
        "Proof",
    )
