"""Check a proof file that a home gave to an outsider, without access to the home."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.people import SignatureApplied, SignatureState, signature_state
from goldenbatch.core.records import Event, to_iso

if TYPE_CHECKING:
    from goldenbatch.stores.ledger.bundle import BundleCheck


@dataclass(frozen=True)
class ProofReport:
    """What a proof file shows.

    Attributes:
        is_key_given: Whether the key came from the verifier; else the file's own was used,
            which shows that the file is consistent, not where it comes from.
        signatures: One line a signature: who, meaning, and how it stands.
        problems: What does not hold, in words.
        notes: What such a file can and cannot show, in words.
    """

    batch: str
    home: str
    n_events: int
    n_withheld: int
    tree_size: int
    public_key: str
    is_key_given: bool
    signatures: tuple[str, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether everything holds."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        lists = {name: list(fields[name]) for name in ("signatures", "problems", "notes")}
        return {"is_ok": self.is_ok, **fields, **lists}


def check_proof_file(path: Path, key: str = "") -> ProofReport:
    """Check the events, their places in the tree, the checkpoint, contents and signatures.

    Args:
        path: Proof file of a dossier.
        key: Public key that the site gave by another way.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It is no JSON.
        ProofError: It is no bundle, or its checkpoint is not signed by the key.
    """
    from goldenbatch.stores.ledger.bundle import check_bundle

    bundle = _read(path)
    found = check_bundle(bundle, key)
    batch = str(bundle.get("batch", ""))
    problems = [*found.problems, *_subject(batch, found.events), *_order(found)]
    lines, faults = _signatures(found, str(bundle["public_key"]))
    return ProofReport(
        batch=batch,
        home=found.events[0].envelope.home if found.events else "",
        n_events=len(found.events),
        n_withheld=sum(1 for event in found.events if event.body is None),
        tree_size=found.checkpoint.size,
        public_key=str(bundle["public_key"]),
        is_key_given=bool(key),
        signatures=tuple(lines),
        problems=(*problems, *faults),
        notes=tuple(_notes(found)),
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFoundError(f"{path} cannot be opened: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"this is no proof: {error}.", file=str(path)) from error


def _subject(batch: str, events: tuple[Event, ...]) -> list[str]:
    """The name of the batch stands outside all that is signed: an event must carry it."""
    if not events:
        return ["The file holds no event: it proves nothing."]
    if batch and not any(event.stream == f"batch/{batch}" for event in events):
        return [f"The file says that it is of batch {batch!r}, and holds no event of it."]
    return []


def _streams(events: tuple[Event, ...]) -> dict[str, list[Event]]:
    streams: dict[str, list[Event]] = {}
    for event in events:
        streams.setdefault(event.stream, []).append(event)
    return streams


def _order(found: BundleCheck) -> list[str]:
    """Each event must be bound to the one before it in its stream, which must be there as well.

    In a file whose list of events is signed, those that were not asked for may be missing:
    that none was taken out says the list.
    """
    problems = []
    for name, stream in _streams(found.events).items():
        leaves = {event.envelope.version: event.leaf for event in stream}
        for event in stream:
            number = event.envelope.version
            before = leaves.get(number - 1, "" if number == 1 or found.heads is None else None)
            if before is not None and event.envelope.previous != before:
                problems.append(f"Stream {name}: an event before version {number} is missing or "
                                "changed.")  # fmt: skip
                break
    return problems


def _notes(found: BundleCheck) -> list[str]:
    """What the file cannot show, and on whose word it is whole."""
    if found.heads is None:
        return ["Nothing in this file shows whether a record, or the end of one, was left out."]
    n_here = {name: len(events) for name, events in _streams(found.events).items()}
    parts = [(one, n_here.get(one, 0), n) for one, n in sorted(found.heads.items())]
    size = found.checkpoint.size
    return [
        f"{n} of the {n_all} events of {one} were asked for. What the others say, and whether its "
        "signatures still hold, cannot be seen in this file."
        for one, n, n_all in parts
        if n < n_all
    ] or [f"Its records are here to their end, at event {size}, on the word of the home's server."]


def _label(found: BundleCheck, name: str, state: SignatureState) -> tuple[str, tuple[str, ...]]:
    """How a signature stands, and its faults; less can be said where a part was asked for."""
    if not found.n_missing(name):
        return state.label(), state.faults
    body, number = state.signature, state.event_version
    here = {event.envelope.version for event in found.events if event.stream == name}
    if not here.issuperset({body.version, *({number - 1} if body.proposal else ())}):
        return "what it signs is not in this file", ()
    if state.faults or state.unsigned_since is not None:
        return state.label(), state.faults
    return "signed, as far as this part of the record shows", ()


def _signatures(found: BundleCheck, key: str) -> tuple[list[str], list[str]]:
    from goldenbatch.runtime.signing import attestation_fault
    from goldenbatch.stores.ledger import VerifierKey

    lines, faults = [], []
    for name, stream in _streams(found.events).items():
        if not any(event.kind == SignatureApplied.kind for event in stream):
            continue
        for state in signature_state(stream):
            one = state.signature
            label, its_faults = _label(found, name, state)
            lines.append(
                f"{one.printed_name} ({one.role}), {one.meaning.value}, {to_iso(one.at)}: "
                f"{label}, {state.signer_class.value} "
                f"({one.stream} version {state.signed_version})"
            )
            wrong = [*its_faults, attestation_fault(one, [VerifierKey.parse(key)])]
            faults += [f"Signature on {one.stream} version {one.version}: {text}"
                       for text in wrong if text]  # fmt: skip
    return lines, faults
