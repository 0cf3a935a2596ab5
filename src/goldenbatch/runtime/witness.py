"""A witness: a second party that signs a home's checkpoints only when they add to what it saw.

All goes by files, so that it works without a network: the home makes a request (checkpoint and
consistency proof), the witness answers it from a folder of its own, and the home keeps the
answer as a checkpoint with one more line. A witness remembers, for each log, the last
checkpoint that it signed; a history that was rewritten or cut is refused, and said so.

References:
    C2SP tlog-witness (the rules) and tlog-cosignature (cosignature/v1).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError, ConflictError, IntegrityError, NotFoundError
from goldenbatch.runtime._clock import system_clock
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime.home import home_info, ledger_place, load_home, load_public_keys

if TYPE_CHECKING:
    from goldenbatch.core.site import Clock
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.stores.ledger import Checkpoint, Cosigner, Ledger, VerifierKey

REQUEST, RESPONSE = "goldenbatch/witness-request/1", "goldenbatch/witness-response/1"
KEY_FILE, PUBLIC_FILE, SEEN = "witness.pem", "witness.pub", "seen"
Json = dict[str, Any]


class WitnessRefusedError(IntegrityError):
    """A witness saw another history of a log than the one that it is to sign."""


@dataclass(frozen=True)
class Seen:
    """The last checkpoint of a log that a witness signed."""

    origin: str
    key: str
    size: int
    root: str
    note: str


def init_witness(folder: Path, name: str) -> VerifierKey:
    """Make a witness in a new folder; its private key stays there.

    Args:
        folder: Of the witness; on another machine than the home.
        name: On its signature lines, such as `qa.example.com`; no spaces, no plus.

    Raises:
        ConflictError: There is a witness already.
    """
    from goldenbatch.stores.ledger import Cosigner

    try:
        signer = Cosigner.create(folder / KEY_FILE, name)
    except FileExistsError as error:
        raise ConflictError(f"{folder} is a witness already.", hint="Name a new folder.") from error
    write_durably(folder / PUBLIC_FILE, f"{signer.verifier}\n".encode())
    return signer.verifier


def make_request(home: Path, since: int | None = None) -> Json:
    """What a witness is asked to sign: the newest checkpoint, and that it adds to an older one.

    Args:
        home: Folder of the home; only read.
        since: Size that the witness has seen; None: the newest that any witness has signed.

    Raises:
        NotFoundError: There is no checkpoint, or none of that size.
    """
    with _read(home) as ledger:
        notes = ledger.checkpoints()
        if not notes:
            raise NotFoundError("the home has no checkpoint.", hint="Run `goldenbatch checkpoint`.")
        newest, keys = notes[-1], load_public_keys(home)
        if since is None:
            since = max((_size_seen(notes, key) for key in keys[1:]), default=0)
        hashes = ledger.consistency(since, newest.size) if since else []
    return {
        "schema": REQUEST,
        "origin": newest.origin,
        "key": str(keys[0]),
        "old_size": since,
        "consistency": [one.hex() for one in hashes],
        "checkpoint": newest.note,
    }


def cosign(
    folder: Path, request: Mapping[str, Any], *, origin: str, key: str = "",
    clock: Clock = system_clock,
) -> Json:  # fmt: skip
    """Sign a checkpoint as a witness, if it adds to the last one that was signed here.

    Args:
        folder: Of the witness.
        request: What the home gave.
        origin: The log, as the witness knows it: never taken from the request.
        key: Public key of the log, got by another way; needed the first time.
        clock: Present time.

    Raises:
        WitnessRefusedError: The history was rewritten or cut.
        BadInputError: The request is malformed, of another log, or proves from another size.
        ProofError: The checkpoint is not signed by the log.
    """
    from goldenbatch.stores.ledger import VerifierKey
    from goldenbatch.stores.ledger.notes import parse_checkpoint

    _require(request, REQUEST, {"origin": str, "old_size": int, "consistency": list,
                                "checkpoint": str})  # fmt: skip
    signer = _load(folder)
    seen = _seen(folder, origin)
    pinned = _pinned(seen, key, origin)
    made = parse_checkpoint(request["checkpoint"], [VerifierKey.parse(pinned)])
    if made.origin != origin or request["origin"] != origin:
        raise BadInputError(f"the request is of {made.origin}, not of {origin}.", key="origin")
    if seen is not None:
        _require_extension(seen, made, request)
    # Remembered before it is given out: after a crash no other history can be signed.
    _remember(folder, Seen(origin, pinned, made.size, made.root.hex(), made.note))
    note = signer.cosign(made.note, clock() // 1_000_000)
    return {"schema": RESPONSE, "origin": origin, "key": str(signer.verifier), "checkpoint": note}


def keep_response(site: LocalSite, response: Mapping[str, Any], key: str = "") -> Checkpoint:
    """Keep what a witness signed, as a checkpoint of the home with one more line.

    Args:
        site: The home, open for work.
        response: What the witness gave.
        key: Its public key; needed the first time, so that no stranger becomes a witness.

    Raises:
        BadInputError: The response is malformed, or of a witness that is not known.
        ProofError: It is not of this history, or its signature is false.
    """
    from goldenbatch.stores.ledger import Keyring, VerifierKey
    from goldenbatch.stores.ledger.notes import cosigned_at

    _require(response, RESPONSE, {"origin": str, "key": str, "checkpoint": str})
    known = {str(one): one for one in site.ledger.keys.verifiers if one.is_witness}
    witness = VerifierKey.parse(key) if key else known.get(response["key"])
    if witness is None or not witness.is_witness or str(witness) != response["key"]:
        raise BadInputError(
            "the response is of a witness that is not known here.",
            hint="Give its public key, as it gave it by another way, with --key.",
        )
    if cosigned_at(response["checkpoint"], witness) is None:
        raise BadInputError("the response lacks the signature of its witness.")
    if str(witness) not in known:
        keys = site.ledger.keys
        lines = [*known, str(witness)]
        site.ledger.keys = Keyring(keys.signers, (*keys.verifiers, witness))
        kept = site.ledger.keep_checkpoint(response["checkpoint"])
        write_durably(site.layout.witnesses, "".join(f"{one}\n" for one in lines).encode())
        return kept
    return site.ledger.keep_checkpoint(response["checkpoint"])


def check_witnessed(
    home: Path, keys: Sequence[str] = (), anchors: Sequence[str] = ()
) -> tuple[list[Json], dict[str, int]]:
    """Hold a ledger against what witnesses signed and against checkpoints kept elsewhere.

    Args:
        home: Folder of the home; only read.
        keys: Public keys of witnesses, got from them: each must have signed this history.
        anchors: Notes of checkpoints that were kept outside the home.

    Returns:
        Problems as `verify` lists them, and to which event each witness has signed.
    """
    from goldenbatch.stores.ledger import ProofError, VerifierKey
    from goldenbatch.stores.ledger.notes import parse_checkpoint

    problems: list[Json] = []
    signed: dict[str, int] = {}
    with _read(home) as ledger:
        notes, own = ledger.checkpoints(), load_public_keys(home)[:1]
        for key in keys:
            witness = VerifierKey.parse(key)
            size = signed[witness.name] = _size_seen(notes, witness)
            if not size:
                _add(problems, witness.name, "this witness has signed no checkpoint that is here.")
            elif size < ledger.head():
                text = f"it has signed up to event {size}; what came later it has not seen yet."
                _add(problems, witness.name, text, is_note=True)
        outside = [(f"anchor {n}", note) for n, note in enumerate(anchors, 1)]
        cosigned = [(f"checkpoint size={one.size}", one.note) for one in notes]
        for where, note in [*outside, *cosigned]:
            try:
                made = parse_checkpoint(note, own)
            except ProofError as error:
                _add(problems, where, f"the note does not hold: {error}")
                continue
            if made.size > ledger.head():
                text = f"it signs {made.size} events, the ledger has {ledger.head()}: "
                _add(problems, where, text + "the tail was cut off.")
            elif ledger.root(made.size) != made.root:
                text = f"the first {made.size} events are not those whose root was signed: "
                _add(problems, where, text + "history was rewritten.")
    return problems, signed


# ---- inside -------------------------------------------------------------------------------------


def _read(home: Path) -> Ledger:
    from goldenbatch.stores.ledger import Keyring, Ledger

    settings, keys = load_home(home), Keyring((), load_public_keys(home))
    place, info = ledger_place(home, settings), home_info(settings)
    return Ledger.open(place, info, system_clock, read_only=True, keys=keys)


def _add(problems: list[Json], where: str, message: str, *, is_note: bool = False) -> None:
    problems.append({"part": "ledger", "where": where, "message": message, "is_note": is_note})


def _size_seen(notes: Sequence[Checkpoint], witness: VerifierKey) -> int:
    from goldenbatch.stores.ledger import ProofError
    from goldenbatch.stores.ledger.notes import cosigned_at

    newest = 0
    for one in notes:
        try:
            if cosigned_at(one.note, witness) is not None:
                newest = max(newest, one.size)
        except ProofError:
            continue  # a false line is no signature; `verify` names it
    return newest


def _load(folder: Path) -> Cosigner:
    from goldenbatch.stores.ledger import Cosigner

    path = folder / PUBLIC_FILE
    if not path.exists():
        raise NotFoundError(
            f"{folder} is no witness.", hint="Make one: `goldenbatch witness init`."
        )
    name = path.read_text("utf-8").partition("+")[0]
    return Cosigner.load(folder / KEY_FILE, name)


def _path(folder: Path, origin: str) -> Path:
    return folder / SEEN / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.json"


def _seen(folder: Path, origin: str) -> Seen | None:
    path = _path(folder, origin)
    if not path.exists():
        return None
    try:
        seen = Seen(**json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise IntegrityError(
            f"{path} cannot be read, so that nothing more of {origin} may be signed.",
            hint="Restore the folder of the witness from its backup.",
        ) from error
    return seen


def _remember(folder: Path, seen: Seen) -> None:
    path = _path(folder, seen.origin)
    path.parent.mkdir(exist_ok=True)
    write_durably(path, (json.dumps(seen.__dict__, indent=1) + "\n").encode())


def _pinned(seen: Seen | None, key: str, origin: str) -> str:
    if seen is None and not key:
        raise BadInputError(
            f"{origin} was never signed here; its key is not known.",
            hint="Give the public key of the log, as the site gave it by another way, with --key.",
            key="key",
        )
    if seen is not None and key and key.strip() != seen.key:
        raise WitnessRefusedError(
            f"{origin} was signed here with another key than the one given.",
            hint="Ask the site why its key has changed, before you trust it.",
        )
    return key.strip() if seen is None else seen.key


def _require_extension(seen: Seen, made: Checkpoint, request: Mapping[str, Any]) -> None:
    from goldenbatch.stores.ledger.tree import verify_consistency

    hint = "Keep both notes: together they prove it. Ask the site."
    if made.size < seen.size:
        raise WitnessRefusedError(
            f"{seen.origin} has shrunk: {seen.size} events were signed here, now it has "
            f"{made.size}.", hint=hint,
        )  # fmt: skip
    if made.size == seen.size:
        if made.root.hex() != seen.root:
            raise WitnessRefusedError(
                f"{seen.origin} was rewritten: another root for the same {seen.size} events.",
                hint=hint,
            )
        return
    if request["old_size"] != seen.size:
        raise BadInputError(
            f"the request proves from {request['old_size']} events on; {seen.size} were signed "
            "here.", hint=f"Make it again with --since {seen.size}.", key="old_size",
        )  # fmt: skip
    texts = request["consistency"]
    if not all(isinstance(one, str) and re.fullmatch("[0-9a-f]{64}", one) for one in texts):
        raise BadInputError("the request's proof is malformed.", key="consistency")
    hashes = [bytes.fromhex(one) for one in texts]
    if not verify_consistency(seen.size, made.size, hashes, bytes.fromhex(seen.root), made.root):
        raise WitnessRefusedError(
            f"{seen.origin} was rewritten: its {made.size} events do not add to the {seen.size} "
            "that were signed here.", hint=hint,
        )  # fmt: skip


def _require(data: Mapping[str, Any], schema: str, fields: Mapping[str, type]) -> None:
    if not isinstance(data, Mapping) or data.get("schema") != schema:
        raise BadInputError(f"this is no {schema}.", key="schema")
    for name, kind in fields.items():
        if not isinstance(data.get(name), kind) or isinstance(data[name], bool):
            raise BadInputError(f"its {name} is missing or malformed.", key=name)
