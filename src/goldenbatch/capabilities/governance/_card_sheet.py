"""The card of a model version as a sheet: sections for the page and the PDF alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from goldenbatch.capabilities.governance._card_evidence import (
    course,
    signatures,
    test_data,
    training_data,
    validation,
    verification,
)
from goldenbatch.capabilities.governance._card_kit import When, listed, plain
from goldenbatch.capabilities.governance._sentences import sentence
from goldenbatch.capabilities.governance.card import ModelCardView
from goldenbatch.core.gate_records import GateJudged
from goldenbatch.core.model_card import ContextOfUse, ModelInput
from goldenbatch.core.model_life import Stage, VersionState
from goldenbatch.core.records import HomeKind
from goldenbatch.ui.sheets import (
    Block,
    Bullets,
    Code,
    Facts,
    Grid,
    Heading,
    Section,
    Sheet,
    Text,
    Tone,
)

OUTCOMES: Final[Mapping[str, str]] = {
    "in_plan_pass": "in plan, passed",
    "in_plan_fail": "in plan, failed",
    "out_of_plan": "out of plan",
    "evidence_missing": "evidence missing",
}
_PASSED: Final = "in_plan_pass"


@dataclass(frozen=True)
class Proof:
    """The proof beside a card.

    Attributes:
        name: Of the file.
        digest: SHA-256 of its bytes.
        n_events: How many events it holds.
    """

    name: str
    digest: str
    checkpoint: str
    public_key: str
    n_events: int


def banner_of(kind: HomeKind) -> str:
    """Kind of the home, and that nothing outside production is for GMP use."""
    return f"{kind.value} home{'' if kind is HomeKind.PRODUCTION else ': not for GMP use'}"


def sheet_of(card: ModelCardView, written_at: int, proof: Proof) -> Sheet:
    """The card as a sheet."""
    when = When(card.home.zone)
    label = f"{card.use}@{card.version}"
    return Sheet(
        title=f"Model card: {card.state.draft.title}",
        banner=banner_of(card.home.kind),
        lead=(
            f"{label} · {card.stage} · owner {card.state.draft.owner}",
            f"{card.home.site} · home “{card.home.name}” · written {when(written_at)}",
        ),
        footer=f"Model card {label} · {card.home.name}",
        written_at=written_at,
        sections=[*sections_of(card), _proof(proof)],
    )


def sections_of(card: ModelCardView) -> list[Section]:
    """The sections of a card, without the proof of a copy."""
    when = When(card.home.zone)
    parts: tuple[Callable[[ModelCardView, When], Section], ...] = (
        _first, _intended, _model, training_data, test_data, verification, validation, _plan,
        signatures, _versions, _watched,
    )  # fmt: skip
    return [part(card, when) for part in parts]


# ---- what to look at first --------------------------------------------------------------------


def _first(card: ModelCardView, _when: When) -> Section:
    gaps = list(gaps_of(card))
    told: list[Block] = [Bullets(gaps)] if gaps else [Text("No gap was found.")]
    return Section("first", "To be looked at first", told, "First")


def gaps_of(card: ModelCardView) -> Sequence[str]:
    """What is missing, failed or does not hold, in words; what is gravest comes first."""
    state, found = card.state, []
    found += [f"An event counts for nothing: {one}." for one in card.faults]
    found += [
        f"{one.ref} ({plain(one.step)}): {one.standing}."
        for one in card.signatures
        if not one.holds and not one.standing.startswith("replaced")
    ]
    if state.stage is Stage.FAILED:
        found.append("It failed its test: it cannot be validated, approved or activated.")
    outcome = card.judgements[-1][1].outcome.value if card.judgements else _PASSED
    if outcome != _PASSED:
        found.append(f"The gate said: {OUTCOMES[outcome]}.")
    n_open = sum(1 for one in card.findings if one.state != "closed")
    if n_open:
        found.append(f"{n_open} finding{'s' * (n_open > 1)} on it: open.")
    if state.draft.missing:
        found.append(f"It was imported, and nobody said: {listed(state.draft.missing)}.")
    if state.tested is not None and all(one.practice is None for one in state.tested.outcomes):
        found.append("No present practice stands beside the test: only the naive baseline does.")
    if card.test_set is not None and card.test_set.n_openings > 1:
        found.append(
            f"The test set was opened {card.test_set.n_openings} times: what it shows wears out."
        )
    if state.intended is not None and state.intended.limitations:
        found.append(f"Limitation: {state.intended.limitations}")
    return found


# ---- what it is for, what it is ---------------------------------------------------------------


def _intended(card: ModelCardView, _when: When) -> Section:
    said = card.state.intended
    if said is None:
        return Section("use", "What it is for", [Text("Nobody has stated it yet.")], "Use")
    rows = [
        ("Purpose", said.purpose),
        ("Criticality", said.criticality.value),
        ("Risk record", said.risk_record),
        *_context(said.context),
        ("Gives", f"{said.output}, in {said.output_unit}"),
        ("Replaces", said.replaces),
        ("Where it is not sure", said.contingency),
        ("Who looks at it", said.human or "nobody"),
        ("Procedures of that person", listed(said.procedures) or "no procedure is named"),
        ("Subgroups tested apart", listed(said.subgroups) or "no subgroup is named"),
        ("Limitations", said.limitations or "none stated"),
    ]
    blocks: list[Block] = [Facts(rows)]
    if card.intended_from != card.version:
        blocks.append(Text(f"As stated for version {card.intended_from}, which holds on.", "quiet"))
    blocks += [Heading("Inputs"), _inputs(said.inputs)]
    return Section("use", "What it is for, and where", blocks, "Use")


def _context(context: ContextOfUse) -> list[tuple[str, str]]:
    return [
        ("Products", listed(context.products)),
        ("Places", listed(context.places)),
        ("Phases", listed(context.phases) or "all"),
        ("Site", context.site),
    ]


def _inputs(inputs: Sequence[ModelInput]) -> Grid:
    rows = [
        [one.name, one.unit, one.tag or "none", _end(one.lower), _end(one.upper)] for one in inputs
    ]
    return Grid(("Input", "Unit", "Read from", "At least", "At most"), rows, (3, 1, 4, 2, 2))


def _end(value: float | None) -> str:
    return "no bound stated" if value is None else f"{value:g}"


def _model(card: ModelCardView, when: When) -> Section:
    draft, trained = card.state.draft, card.state.trained
    rows = [
        ("Owner", draft.owner),
        ("Method", draft.method),
        ("Explained by", draft.explanation or "not stated"),
        ("Analyst", draft.analyst or "none"),
        ("Made", draft.origin),
        ("Begun", f"{when(card.drafted_at)}, {_drafter(card)}"),
    ]
    blocks: list[Block] = [Facts(rows)]
    if draft.known:
        blocks += [Heading("Known of what was imported"), Facts(sorted(draft.known.items()))]
    if trained is None:
        return Section("model", "The model", [*blocks, Text("It is not trained yet.")])
    seeds = listed([f"{name} {seed}" for name, seed in sorted(trained.seeds.items())])
    blocks += [
        Heading("As it was frozen"),
        Facts(
            [
                ("Artefact", trained.digest),
                ("Type", trained.media_type),
                ("Code", trained.code_version),
                ("Seeds", seeds or "none: nothing in it is random"),
                ("Environment", _pairs(trained.environment)),
                ("Settings", _pairs(trained.settings)),
            ]
        ),
        Heading("On its own training data: how well it remembers, and no evidence of use"),
        Facts([(plain(name), f"{one:.4g}") for name, one in sorted(trained.measures.items())]),
    ]
    return Section("model", "The model", blocks)


def _drafter(card: ModelCardView) -> str:
    return card.named(card.state.people.get("ModelDrafted", frozenset()))


def _pairs(values: Mapping[str, Any]) -> str:
    return "; ".join(f"{name} {_value(one)}" for name, one in sorted(values.items())) or "none"


def _value(one: object) -> str:
    if isinstance(one, list | tuple):
        return ", ".join(map(str, one)) or "none"
    return "not set" if one is None or one == "" else str(one)


# ---- updates and what serves ------------------------------------------------------------------


def _plan(card: ModelCardView, _when: When) -> Section:
    draft, blocks = card.state.draft, list[Block]()
    if not draft.follows:
        blocks.append(Text("It is a first version, and no update."))
    else:
        rows = [
            ("Update of", f"version {draft.follows}"),
            ("Change plan", draft.plan or "none"),
            ("Modification", draft.modification or "none"),
            ("Because of", draft.trigger or "not stated"),
        ]
        blocks.append(Facts(rows))
        if not card.judgements:
            blocks.append(Text("The gate has not judged it."))
    for ref, one in card.judgements:
        blocks += _judgement(ref, one)
    return Section("plan", "Change plan and gate", blocks, "Plan")


def _judgement(ref: str, one: GateJudged) -> list[Block]:
    held = [line for line in one.lines if line.verdict.value == "holds"]
    other = [line for line in one.lines if line.verdict.value != "holds"]
    told = (
        f"Outcome: {OUTCOMES[one.outcome.value]}. {len(held)} of {len(one.lines)} rules "
        f"hold ({ref}, plan {one.plan}@{one.plan_version})."
    )
    tone: Tone = "good" if one.outcome.value == _PASSED else "bad"
    blocks: list[Block] = [Heading("What the gate said"), Text(told, tone)]
    rows = [[x.rule, x.asked, x.found, x.clause, x.verdict.value] for x in (*other, *held)]
    tones: list[Tone] = ["good" if x.verdict.value == "holds" else "bad" for x in (*other, *held)]
    header = ("Rule", "Asked", "Found", "Clause", "Verdict")
    return [*blocks, Grid(header, rows, (3, 4, 4.4, 4.2, 1.5), tones)]


def _versions(card: ModelCardView, _when: When) -> Section:
    line = card.line
    if line.active:
        serving = f"Version {line.active} serves" + (
            " as the fallback of a suspended one." if line.is_fallback else "."
        )
    else:
        serving = "No version serves: the contingency of the intended use holds."
    rows = [_version(card, one) for one in card.versions]
    header = ("Version", "Follows", "Plan", "Test", "Gate", "Artefact", "Stage")
    grid = Grid(header, rows, (1.4, 1.4, 4, 1.6, 2.4, 3, 3))
    blocks: list[Block] = [Text(serving), grid, *course(card)]
    return Section("versions", "What serves, and its versions", blocks, "Versions")


def _version(card: ModelCardView, one: VersionState) -> list[str]:
    tested = "" if one.tested is None else "passed" if one.tested.is_passed else "failed"
    judged = "" if one.judged is None else OUTCOMES[one.judged.outcome.value]
    mark = " (this card)" if one.draft.version == card.version else ""
    return [
        f"{one.draft.version}{mark}",
        str(one.draft.follows or ""),
        f"{one.draft.plan} ({one.draft.modification})" if one.draft.plan else "",
        tested,
        judged,
        one.trained.digest[:12] if one.trained is not None else "",
        card.line.stage(one).value,
    ]


def _watched(card: ModelCardView, when: When) -> Section:
    blocks: list[Block] = []
    if card.others:
        blocks.append(Heading("Shadow runs and other records"))
        rows = [
            [when(one.envelope.recorded_at), sentence(one), f"{one.stream}@{one.envelope.version}"]
            for one in card.others
        ]
        blocks.append(Grid(("When", "What", "Record"), rows, (3, 7, 3)))
    else:
        blocks.append(Text("No shadow run is on record."))
    if not card.findings:
        blocks.append(Text("No finding on it is on record."))
    else:
        blocks.append(Heading("Findings"))
        rows = [
            [
                one.finding.severity.value,
                f"{one.finding.title}\n{one.finding.suggested_action}",
                when(one.finding.start),
                one.finding.analyst,
                one.state,
            ]
            for one in card.findings
        ]
        blocks.append(Grid(("Severity", "Finding", "Since", "Analyst", "State"), rows,
                           (1.6, 7, 3, 2, 1.6)))  # fmt: skip
    return Section("watch", "In shadow, under watch, found", blocks, "Watch")


def _proof(proof: Proof) -> Section:
    return Section(
        "proof",
        "The proof, and how to check it",
        [
            Text(
                f"This card rests on {proof.n_events} events of the ledger. The file {proof.name} "
                "holds each of them with its place in the Merkle tree under this signed "
                "checkpoint. Its SHA-256 is:"
            ),
            Code(proof.digest),
            Code(proof.checkpoint),
            Text("Check it on any machine that has goldenbatch, without access to this home:"),
            Code(f"goldenbatch verify --proof {proof.name}"),
            Text("Compare this public key with the one that the site gave you by another way:"),
            Code(proof.public_key),
        ],
        "Proof",
    )
