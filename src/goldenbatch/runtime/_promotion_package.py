"""The file of a package: plain files, their digests, the home's signature and people's."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.core.people import Meaning
from goldenbatch.core.promotion import PackageMade
from goldenbatch.core.records import Event, HomeKind
from goldenbatch.core.requirements import ValidationRun
from goldenbatch.core.signatures import signature_state
from goldenbatch.runtime._state import write_durably

if TYPE_CHECKING:
    from goldenbatch.core.site import HomeInfo
    from goldenbatch.stores.ledger import Signer

SCHEMA: Final = "goldenbatch/package/1"
MANIFEST, NOTE, PROOF = "manifest.json", "manifest.note", "signatures.json"
MAX_FILES, MAX_BYTES = 2_000, 64 * 1024 * 1024
STREAM_PREFIX: Final = "package/"
_NAME = re.compile(
    r"^(plant\.toml|policy\.toml|"
    r"(tables|cards|context|analysts|recipes|requirements|models|procedures|artefacts)/"
    r"[A-Za-z0-9][A-Za-z0-9_. -]{0,120})$"
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """A package that was read and whose digests and signature hold.

    Attributes:
        digest: SHA-256 over path and digest of each file.
        home: Home that it was packed in.
        kind: What that home is for.
        key: Public key under which it was checked.
        files: Path to content.
        approvals: Leaf hashes of the signatures that approve it in that home.
        validation: Stream of the validation run that passed and was approved; empty: none.
        target: Uid of the one home that may apply it; empty: any.
    """

    digest: str
    home: str
    kind: HomeKind
    key: str
    files: Mapping[str, bytes]
    approvals: tuple[str, ...]
    validation: str
    target: str = ""


def digests_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 of each file, by path."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}


def digest_of(digests: Mapping[str, str]) -> str:
    """Digest of a package: what people sign."""
    text = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return hashlib.sha256(text.encode()).hexdigest()


def require_names(files: Mapping[str, bytes]) -> None:
    """Refuse names that a package cannot carry.

    Raises:
        BadInputError: A name has other characters than letters, digits, `_`, `.`, `-`, space.
    """
    for name in files:
        if _NAME.match(name) is None:
            raise BadInputError(
                f"{name!r} cannot be packed.", hint="Use letters, digits and `_.-` in file names."
            )


def write_package(
    path: Path, files: Mapping[str, bytes], info: HomeInfo, signer: Signer,
    proof: Mapping[str, Any], *, target: str = "",
) -> None:  # fmt: skip
    """Write a package; the same configuration and signatures give the same bytes."""
    from goldenbatch.stores.ledger.notes import sign_note

    digests = digests_of(files)
    manifest = {
        "schema": SCHEMA,
        "package": digest_of(digests),
        "home": info.uid,
        "home_name": info.name,
        "kind": info.kind.value,
        "public_key": str(signer.verifier),
        "files": digests,
        "target": target,
    }
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    content = {
        **files,
        MANIFEST: text.encode(),
        NOTE: sign_note(_signed_text(text.encode()), [signer]).encode(),
        PROOF: (json.dumps(proof, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode(),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content[name])
    write_durably(path, buffer.getvalue())


def _signed_text(manifest: bytes) -> str:
    return f"{SCHEMA}\n{hashlib.sha256(manifest).hexdigest()}\n"


def read_package(path: Path, key: str) -> Package:
    """Read a package and check its digests, the home's signature, and people's.

    Args:
        path: The file.
        key: Public key of the home that made it, as it was given by another way.

    Raises:
        BadInputError: It is no package.
        IntegrityError: A digest or a signature does not hold.
    """
    from goldenbatch.stores.ledger import ProofError, VerifierKey
    from goldenbatch.stores.ledger.notes import open_note

    content = _unpacked(path)
    try:
        raw, note, proof = (content.pop(name) for name in (MANIFEST, NOTE, PROOF))
        manifest = json.loads(raw)
        digests, kind = dict(manifest["files"]), HomeKind(manifest["kind"])
        home, name = str(manifest["home"]), str(manifest["package"])
        bundle = json.loads(proof)
        schema, target = manifest["schema"], str(manifest.get("target", ""))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"this is no package: {error!r}.", file=str(path)) from error
    if schema != SCHEMA:
        raise BadInputError(f"this is a {schema!r}, not a {SCHEMA!r}.", file=str(path))
    try:
        signed = open_note(note.decode("utf-8", "replace"), [VerifierKey.parse(key)])
    except (ProofError, ValueError) as error:
        raise _broken(path, f"the home's signature does not hold: {error}") from error
    if signed.text != _signed_text(raw):
        raise _broken(path, "the home signed another manifest")
    found = digests_of(content)
    if found != digests:
        odd = sorted(set(found.items()) ^ set(digests.items()))[0][0]
        raise _broken(path, f"{odd} is not what was packed")
    if digest_of(digests) != name:
        raise _broken(path, "the manifest names another digest than that of its files")
    require_names(content)
    approvals, validation = _signatures(path, bundle, key, (home, kind, name, digests))
    return Package(name, home, kind, key, content, approvals, validation, target)


def _unpacked(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [one.filename for one in entries]
            if len(entries) > MAX_FILES or sum(one.file_size for one in entries) > MAX_BYTES:
                raise BadInputError("the package is too large.", file=str(path))
            if len(set(names)) != len(names):
                raise BadInputError("the package holds a name twice.", file=str(path))
            return {name: archive.read(name) for name in names}
    except OSError as error:
        raise BadInputError(f"it cannot be read: {error.strerror}.", file=str(path)) from error
    except (zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, EOFError) as error:
        raise BadInputError(f"this is no package: {error}.", file=str(path)) from error


def _broken(path: Path, what: str) -> IntegrityError:
    return IntegrityError(f"{path}: {what}.", hint="Have the package made again; apply nothing.")


def _signatures(
    path: Path, bundle: Any, key: str, wanted: tuple[str, HomeKind, str, dict[str, str]]
) -> tuple[tuple[str, ...], str]:
    """Approvals of the package in its home, and the validation run that was approved there."""
    from goldenbatch.stores.ledger import ProofError
    from goldenbatch.stores.ledger.bundle import check_bundle

    home, kind, name, digests = wanted
    try:
        checked = check_bundle(bundle, key)
    except ProofError as error:
        raise _broken(path, f"its signatures cannot be proved: {error}") from error
    if checked.problems:
        raise _broken(path, checked.problems[0])
    streams: dict[str, list[Event]] = {}
    for event in checked.events:
        if (event.envelope.home, event.envelope.home_kind) != (home, kind):
            raise _broken(path, f"event {event.seq} is of another home")
        streams.setdefault(event.stream, []).append(event)
    own = streams.get(STREAM_PREFIX + name, [])
    makings = [event for event in own if event.kind == PackageMade.kind]
    made = makings[-1].decode() if makings else None
    if not isinstance(made, PackageMade) or (made.package, dict(made.files)) != (name, digests):
        raise _broken(path, "the record of its making is missing or about another package")
    approvals = _approvals(path, own, key)
    run = streams.get(made.validation, [])
    body = run[0].decode() if run else None
    has_passed = isinstance(body, ValidationRun) and body.conclusion == "passed"
    validation = made.validation if has_passed and _approvals(path, run, key) else ""
    return approvals, validation


def _approvals(path: Path, events: Sequence[Event], key: str) -> tuple[str, ...]:
    """Leaf hashes of the approvals that stand; the stream must be whole."""
    from goldenbatch.runtime.signing import attestation_fault
    from goldenbatch.stores.ledger import VerifierKey

    previous = ""
    for number, event in enumerate(events, 1):
        if (event.envelope.version, event.envelope.previous) != (number, previous):
            raise _broken(path, f"an event of {event.stream} is missing")
        previous = event.leaf
    leaves = {event.envelope.version: event.leaf for event in events}
    found = []
    for state in signature_state(events):
        fault = attestation_fault(state.signature, [VerifierKey.parse(key)])
        if state.is_signed and state.signature.meaning is Meaning.APPROVED and not fault:
            found.append(leaves[state.event_version])
    return tuple(found)
