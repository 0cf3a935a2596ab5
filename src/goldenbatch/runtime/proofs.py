"""Check a proof file that a home gave to an outsider, without access to the home."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.people import SignatureApplied, signature_state
from goldenbatch.core.records import Event, to_iso


@dataclass(frozen=True)
class ProofReport:
    """What a proof file shows.

    Attributes:
        is_key_given: Whether the key came from the verifier; else the file's own was used,
            which shows that the file is consistent, not where it comes from.
        signatures: One line a signature: who, meaning, and how it stands.
        problems: What does not hold, in words.
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

    @property
    def is_ok(self) -> bool:
        """Whether everything holds."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        lists = {name: list(fields[name]) for name in ("signatures", "problems")}
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
    problems = [*found.problems, *_subject(batch, found.events), *_order(found.events)]
    lines, faults = _signatures(found.events, str(bundle["public_key"]))
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


def _order(events: tuple[Event, ...]) -> list[str]:
    """Each stream must be there whole, from its first event, each bound to the one before."""
    problems = []
    for name, stream in _streams(events).items():
        previous = ""
        for number, event in enumerate(stream, 1):
            if event.envelope.version != number or event.envelope.previous != previous:
                problems.append(f"Stream {name}: an event before version "
                                f"{event.envelope.version} is missing or changed.")  # fmt: skip
                break
            previous = event.leaf
    return problems


def _signatures(events: tuple[Event, ...], key: str) -> tuple[list[str], list[str]]:
    from goldenbatch.runtime.signing import attestation_fault
    from goldenbatch.stores.ledger import VerifierKey

    lines, faults = [], []
    for stream in _streams(events).values():
        if not any(event.kind == SignatureApplied.kind for event in stream):
            continue
        for state in signature_state(stream):
            one = state.signature
            lines.append(
                f"{one.printed_name} ({one.role}), {one.meaning.value}, {to_iso(one.at)}: "
                f"{state.label()}, {state.signer_class.value} "
                f"({one.stream} version {state.signed_version})"
            )
            wrong = [*state.faults, attestation_fault(one, [VerifierKey.parse(key)])]
            faults += [f"Signature on {one.stream} version {one.version}: {text}"
                       for text in wrong if text]  # fmt: skip
    return lines, faults
