"""What binds the parts of a home: artefacts named by events, signatures, findings, states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from goldenbatch.core.authority import POLICY_STREAM, PolicyAdopted
from goldenbatch.core.change_plans import ChangePlanProposed, load_change_plan
from goldenbatch.core.credentials import Wallet, wallet_of
from goldenbatch.core.errors import BadInputError, GoldenbatchError, IntegrityError
from goldenbatch.core.findings import FindingClosed, FindingOpened, FindingUpdated
from goldenbatch.core.gate_records import GateJudged
from goldenbatch.core.intake import FileImported, RowsQuarantined
from goldenbatch.core.model_records import ModelTested, ModelTrained
from goldenbatch.core.models import ModelFitted
from goldenbatch.core.people import SignatureApplied, SignatureState, signature_state
from goldenbatch.core.plant import PLANT_FILE, load_plant
from goldenbatch.core.records import HomeKind
from goldenbatch.core.reference_blocks import ReferenceBlockKept
from goldenbatch.core.test_set_records import TestSetSelected
from goldenbatch.runtime._identity import HOME_FILE, changed_fields
from goldenbatch.runtime._state import StateFolder
from goldenbatch.runtime._verify_models import check_models
from goldenbatch.runtime.signing import attestation_fault
from goldenbatch.runtime.views import logged_ticks

if TYPE_CHECKING:
    from goldenbatch.core.records import Body, Event
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.verify import Part


class Found(NamedTuple):
    """A problem: its part, where, message, and whether it is only a note."""

    part: Part
    where: str
    message: str
    is_note: bool = False


class Links(NamedTuple):
    """What following the links gave."""

    problems: list[Found]
    counts: dict[str, int]


def check_links(site: LocalSite, deleted: Mapping[str, str] | None = None) -> Links:
    """Follow everything that an event names to where it should be.

    Args:
        site: The home.
        deleted: Artefacts that the ledger says were deleted, and on whose word.

    Raises:
        IntegrityError: An event cannot be read.
    """
    counts: Counter[str] = Counter(signatures=0, findings=0, models=0, files=0)
    held = set(site.registry.digests())
    problems: list[Found] = []
    kinds = {"FindingOpened", "FindingUpdated", "FindingClosed"}
    for event in site.ledger.events(kinds=kinds | {"ModelFitted", *_FILES}):
        body = event.decode()
        problems += _artefacts(event, body, held, deleted or {})
        if isinstance(body, FindingOpened | FindingUpdated | FindingClosed):
            problems += _records(site, event, body)
        counts[_COUNTED.get(event.kind, "transitions")] += 1
    problems += _signatures(site, counts)
    problems += [Found("signatures", where, words) for where, words in check_models(site)]
    problems += _configuration(site)
    problems += _states(site, counts)
    problems += _plant(site)
    problems += _home(site)
    return Links(problems, dict(counts))


_FILES = (
    "FileImported", "RowsQuarantined", ModelTrained.kind, ModelTested.kind, TestSetSelected.kind,
    GateJudged.kind, ChangePlanProposed.kind, ReferenceBlockKept.kind,
)  # fmt: skip
_COUNTED = {
    "FindingOpened": "findings",
    "ModelFitted": "models",
    "FileImported": "files",
    "RowsQuarantined": "quarantines",
    "ModelTrained": "models",
    "ModelTested": "tests",
    "GateJudged": "judgements",
    "ReferenceBlockKept": "reference_blocks",
    "ChangePlanProposed": "change_plans",
    "TestSetSelected": "test_sets",
}


def _artefacts(
    event: Event, body: Body | None, held: set[str], deleted: Mapping[str, str]
) -> Iterator[Found]:
    """Artefacts that an event names and the registry does not hold."""
    for digest, what in _named(body):
        if digest in held:
            continue
        where = f"event {event.seq} ({event.kind} of {event.stream})"
        if digest in deleted:
            words = f"{what}, artefact {digest}, was deleted under {deleted[digest]}."
            yield Found("links", where, words, is_note=True)
        else:
            yield Found("links", where, f"{what}, artefact {digest}, is not in the registry.")


def _named(body: Body | None) -> Iterator[tuple[str, str]]:
    """Digest of each artefact that a body names, and what it is."""
    if isinstance(body, FindingOpened | FindingUpdated | FindingClosed):
        evidence = body.finding.evidence
        yield from ((one.digest, "its evidence") for one in evidence if one.kind == "artefact")
        if body.finding.model_digest:
            yield body.finding.model_digest, "its model"
    elif isinstance(body, FileImported):
        yield body.digest, f"the original of {body.file!r}"
        yield from ((digest, f"the axis of {tag!r}") for tag, digest in body.axes.items())
        if body.artefact:
            yield body.artefact, f"the rejected rows of {body.file!r}"
    elif isinstance(body, RowsQuarantined):
        yield body.artefact, f"the rejected rows of {body.file!r}"
    elif isinstance(body, ModelFitted):
        yield body.digest, f"model {body.name!r}"
    else:
        yield from _named_by_models(body)


def _named_by_models(body: Body | None) -> Iterator[tuple[str, str]]:
    """The same of models under change control."""
    if isinstance(body, ModelTrained):
        yield body.digest, f"model {body.use}@{body.version}"
    elif isinstance(body, ModelTested):
        yield body.report, f"the report of the test of {body.use}@{body.version}"
    elif isinstance(body, ReferenceBlockKept):
        yield body.block, f"the reference block of {body.use}@{body.version}"
    elif isinstance(body, TestSetSelected):
        yield body.digest, f"the sealed rows of {body.test_set!r}"
    elif isinstance(body, GateJudged):
        yield body.evidence, f"the evidence on {body.use}@{body.version}"
        yield body.explanation, f"the explanation of the gate on {body.use}@{body.version}"
    elif isinstance(body, ChangePlanProposed):
        with suppress(BadInputError):  # a plan that is none permits nothing
            reference = load_change_plan(body.text).bound.reference
            yield reference, f"the reference set of {body.plan}@{body.version}"


def _records(
    site: LocalSite, event: Event, body: FindingOpened | FindingUpdated | FindingClosed
) -> Iterator[Found]:
    """Records that a finding names as evidence and that are not there, or are others."""
    for one in body.finding.evidence:
        if one.kind != "record" or one.version is None:
            continue
        events = site.ledger.stream(one.stream, one.version - 1)
        if not events or events[0].leaf != one.digest:
            where = f"event {event.seq} ({event.kind} of {event.stream})"
            yield Found(
                "links", where, f"its evidence {one.stream}@{one.version} is not what it names."
            )


def _signatures(site: LocalSite, counts: Counter[str]) -> Iterator[Found]:
    """Signatures that do not hold, by hash, by statement, by policy or by key."""
    policies = {one.policy.digest() for one in site.people.authority.policies()}
    wallets: dict[str, Wallet] = {}
    keys = site.keys.known()
    for event in site.ledger.events(kinds={SignatureApplied.kind}):
        state = _signature(site, event)
        if state is None:
            continue
        counts["signatures"] += 1
        faults, signer = list(state.faults), state.signature.signer
        if signer not in wallets:
            wallets[signer] = wallet_of(site.ledger.stream(f"user/{signer}"))
        if fault := attestation_fault(state.signature, keys, wallets[signer].credentials):
            faults.append(fault)
        if state.signature.policy_hash not in policies:
            faults.append("its policy was never adopted")
        where = f"{event.stream}@{state.event_version}"
        yield from (Found("signatures", where, f"{fault}.") for fault in faults)


def _signature(site: LocalSite, event: Event) -> SignatureState | None:
    """How a signature stands beside the version that it signs and the event before it."""
    body, number = event.decode(), event.envelope.version
    if not isinstance(body, SignatureApplied):  # its payload is erased
        return None
    wanted = {body.version, number - 1} if body.proposal else {body.version}
    beside = site.ledger.at(event.stream, wanted - {number})
    states = signature_state([*beside, event])
    return next(one for one in states if one.event_version == number)


def _configuration(site: LocalSite) -> Iterator[Found]:
    """Policies and settings that stand somewhere and that nobody has signed."""
    covered = {one.event.seq for one in site.people.authority.policies()}
    for event in site.ledger.stream(POLICY_STREAM):
        if event.kind == PolicyAdopted.kind and event.seq not in covered:
            where = f"{POLICY_STREAM}@{event.envelope.version}"
            yield Found("signatures", where, "nobody has signed this policy: it has no effect.")
    standing = site.policies.standing()
    if site.home.kind is HomeKind.PRODUCTION and not standing.is_signed:
        yield Found("signatures", POLICY_STREAM, f"it is {standing.label()}.", is_note=True)
    for line in site.signing_rules.as_json()["pending"]:
        message = f"[signing] is not what was adopted, and not in force: {line}."
        yield Found("home", HOME_FILE, message, is_note=True)


def _states(site: LocalSite, counts: Counter[str]) -> Iterator[Found]:
    """States of analysts that are damaged, or ahead of the ticks of the ledger."""
    try:
        n_ticks = len(logged_ticks(site.ledger))
    except IntegrityError as error:
        yield Found("analysts", "ticks", str(error))
        return
    counts["ticks"] = n_ticks
    folder = StateFolder(site.layout.state)
    at_work = site.adopted()
    for name in folder.names():
        try:
            saved = folder.load(name)
        except IntegrityError as error:
            yield Found("analysts", name, str(error))
            continue
        cursor = saved.cursor if saved is not None else 0
        if cursor > n_ticks:
            message = f"its state stands at tick {cursor}, the ledger has {n_ticks}."
            yield Found("analysts", name, message)
        elif name in at_work and cursor < n_ticks:
            message = f"it has assessed {cursor} of {n_ticks} ticks; wake it."
            yield Found("analysts", name, message, is_note=True)


def _plant(site: LocalSite) -> Iterator[Found]:
    """A `plant.toml` that is not the plant in force is a draft, worth knowing."""
    try:
        is_same = load_plant(site.path / PLANT_FILE).digest == site.plant.digest
    except GoldenbatchError as error:
        yield Found("home", PLANT_FILE, str(error), is_note=True)
        return
    if not is_same:
        yield Found("home", PLANT_FILE, "it is not the plant that is in force.", is_note=True)


def _home(site: LocalSite) -> Iterator[Found]:
    """Name and owner are for people; kind, site and zone decide what the records mean."""
    for name, (was, now) in changed_fields(site.ledger, site.settings).items():
        message = f"{name.removeprefix('home_')} is {now!r}; the home was made with {was!r}."
        yield Found("home", HOME_FILE, message, is_note=name in ("name", "owner"))
