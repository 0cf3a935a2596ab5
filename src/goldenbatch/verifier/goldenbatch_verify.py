#!/usr/bin/env python3
# fmt: off
# ruff: noqa: E401, I001
"""goldenbatch-verify: check an export or a proof file of a goldenbatch home, trusting nobody.

It recomputes all hashes, checks all signatures, and says what was altered, is missing or was
re-ordered; exit code 0 if all holds. Give it what you got by another way: see --help.
"""
import argparse, base64, collections, functools, hashlib, itertools, json, re, sys
from pathlib import Path
from typing import Any
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
STATEMENT, LIST = "goldenbatch/signing-statement/1", "goldenbatch/event-list/1 "
KEPT = ("SignatureApplied", "ChunkClosed", "CredentialAdded")
HASHES: Any = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512(), "25519": ()}

# ---- the tree (RFC 6962 section 2.1), kept as the roots of its complete parts, left to right ----
def _sha(data: bytes) -> bytes: return hashlib.sha256(data).digest()
def _node(left: bytes, right: bytes) -> bytes: return _sha(b"\x01" + left + right)
def _root(of: list[bytes]) -> bytes: return functools.reduce(lambda a, b: _node(b, a), of[::-1])
def _unhex(path: list[str]) -> list[bytes]: return [bytes.fromhex(one) for one in path]
def _text(v: Any) -> bytes: return json.dumps(v, sort_keys=True, separators=(",", ":")).encode()
def add_leaf(parts: list[bytes], index: int, leaf: bytes) -> None:
    """Add leaf number `index`, from 0, to a tree."""
    while index & 1:
        leaf, index = _node(parts.pop(), leaf), index >> 1
    parts.append(leaf)
def included(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """Root of the tree in which an inclusion proof puts a leaf."""
    if size == 1 and not index and not path:
        return leaf
    split = 1 << (size - 1).bit_length() - 1
    if index < split:
        return _node(included(index, split, leaf, path[:-1]), path[-1])
    return _node(path[-1], included(index - split, size - split, leaf, path[:-1]))
def extended(old: int, new: int, path: list[bytes], known: list[bytes]) -> Any:
    """Roots of the trees of `old` and `new` leaves by a consistency proof; `known`: the old one."""
    if old == new:
        return (known + path) * 2  # one root, which is that of both
    split = 1 << (new - 1).bit_length() - 1
    if old <= split:
        before, left = extended(old, split, path[:-1], known)
        return before, _node(left, path[-1])
    before, right = extended(old - split, new - split, path[:-1], [])
    return _node(path[-1], before), _node(path[-1], right)

# ---- keys and checkpoints (c2sp.org: signed-note, tlog-checkpoint, tlog-cosignature) ------------
def _b64(text: str) -> bytes:
    if base64.b64encode(data := base64.b64decode(text, validate=True)).decode() != text:
        raise ValueError("base64 is not in its one form")
    return data
class Key:
    """A public key `name+id+base64(type, key)`; type 1 is a log's, type 4 a witness's."""
    def __init__(self, text: str) -> None:
        self.name, key_id, encoded = text.strip().split("+", 2)
        data = _b64(encoded)
        self.kind, self.raw, self.id = data[0], data[1:], _sha(f"{self.name}\n".encode() + data)[:4]
        if self.id.hex() != key_id:
            raise ValueError(f"the key {self.name} has another id than it says")
    def check(self, text: bytes, signature: bytes) -> None:
        """Raise InvalidSignature unless the holder of the key signed the text."""
        if self.kind == 4:
            seconds, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            text = b"cosignature/v1\ntime %d\n" % seconds + text
        ed25519.Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text)
class Checkpoint:
    """Size and root of a log, signed by the log and perhaps by witnesses; `more`: other lines."""
    def __init__(self, note: str, keys: list[Key]) -> None:
        text, _, lines = note.rpartition("\n\n")
        self.origin, size, root, *self.more = text.split("\n")
        what = f"the checkpoint of {size[:20]} events"
        form = "(\u2014 [^ +\n]+ [A-Za-z0-9+/=]{8,}\n)+"
        if not re.fullmatch("[1-9][0-9]{0,17}", size) or not re.fullmatch(form, lines):
            raise ValueError(f"{what} is malformed")
        self.size, self.root, self.signers = int(size), _b64(root), set[str]()
        for _, name, encoded in (line.split(" ") for line in lines[:-1].split("\n")):
            named, data = [key for key in keys if key.name == name], _b64(encoded)
            try:
                key = next(key for key in named if key.id == data[:4])
                key.check(f"{text}\n".encode(), data[4:])
                self.signers.add(f"{'log' if key.kind == 1 else 'witness'} {key.name}")
            except Exception as error:
                if named:  # else: by somebody, or in a way, that is not known here
                    raise ValueError(f"{what} was edited, or its signature is false") from error
        if f"log {self.origin}" not in self.signers:
            raise ValueError(f"{what} is not signed by the key of its log")

# ---- one event, and the signature of a person in it ---------------------------------------------
def read_event(line: Any, keys: list[Key]) -> Any:
    """What an event says and, under `wrong`, what is wrong with it by itself."""
    entry = json.loads(line.decode()) if isinstance(line, bytes) else line
    row, body = json.loads(entry["envelope"]), entry["body"]
    leaf = _sha(b"\0" + entry["envelope"].encode())
    row.update(leaf=leaf, path=entry.get("inclusion"), body=body, wrong=[], seq=entry["seq"])
    if row["seq"] < 1 or bool(row["previous"]) != (row["version"] > 1):
        raise ValueError("its place is impossible")
    if leaf.hex() != entry["leaf"]:
        row["wrong"].append("its envelope was altered")
    row["said"] = json.loads(body or "{}") if row["kind"] in KEPT else {}
    if body is not None:
        if _sha(bytes.fromhex(entry["salt"]) + body.encode()).hex() != row["body_digest"]:
            row["wrong"].append(f"its content ({row['kind']}) was altered or replaced")
        if row["kind"] == "SignatureApplied":
            row["class"] = check_signature(row["said"], row, keys)
    return row
def check_signature(said: dict[str, Any], row: dict[str, Any], keys: list[Key]) -> str:
    """Class of a signature; what is wrong with it goes to the event's own list."""
    apart = ("statement_hash", "method", "evidence", "" if said.get("proposal") else "proposal")
    statement = {name: value for name, value in said.items() if name not in apart}
    digest, evidence = _sha(_text({"schema": STATEMENT, **statement})), said["evidence"]
    who, method = f"the signature of {said['printed_name']}", said["method"]
    if digest.hex() != said["statement_hash"]:
        row["wrong"].append(f"{who} does not fit the statement that was signed")
    if (said["stream"], said["signer"]) != (row["stream"], row["actor"]):
        row["wrong"].append(f"{who} belongs to another record or another person")
    try:
        if method in ("webauthn", "oidc"):
            row["by"] = check_bound(method, evidence, digest)
            return f"signer-bound ({method}, checked in its normalised form)"
        home = next(key for key in keys if key.id.hex() == evidence["key_id"])
        home.check(f"{STATEMENT}\n".encode() + digest, _b64(evidence["signature"]))
        return f"server-attested ({method}, on the word of the home's server)"
    except Exception as error:
        row["wrong"].append(f"{who} is false or forged ({error!r})")
        return "void"
def check_bound(method: str, evidence: dict[str, str], digest: bytes) -> str:
    """Who signed over the statement's hash: a device's key, or an issuer and its user."""
    data, kind = _b64(evidence["signed_bytes"]), HASHES[evidence["algorithm"][2:]]
    how: Any = {"Ed": lambda: (), "ES": lambda: (ec.ECDSA(kind),),
                "RS": lambda: (padding.PKCS1v15(), kind), "PS": lambda: (
                    padding.PSS(padding.MGF1(kind), padding.PSS.DIGEST_LENGTH), kind)}
    key: Any = serialization.load_der_public_key(_b64(evidence["public_key"]))
    key.verify(_b64(evidence["signature"]), data, *how[evidence["algorithm"][:2]]())
    if method == "webauthn":
        client, mine = _b64(evidence["client_data"]), base64.urlsafe_b64encode(digest).rstrip(b"=")
        said = json.loads(client)
        seen: Any = (said["type"], said["challenge"].encode(), data[:32], data[32] & 5, data[-32:])
        wanted: Any = ("webauthn.get", mine, _sha(evidence["rp_id"].encode()), 5, _sha(client))
    else:
        said = json.loads(base64.urlsafe_b64decode(data.split(b".")[1] + b"=="))
        seen, wanted = said["nonce"], digest.hex()
    if seen != wanted:
        raise ValueError("it was made for another statement")
    return evidence["public_key"] if method == "webauthn" else f"{said['iss']} {said['sub']}"

# ---- the whole ----------------------------------------------------------------------------------
class Check:
    """One verification: what is wrong and what was counted; `is_part`: not all was asked for."""
    def __init__(self, wrong: list[str], since: int, parts: Any, is_part: bool) -> None:
        self.wrong, self.since, self.parts, self.is_part = wrong, since, parts, is_part
        self.before, self.credentials = dict[str, Any](seq=since, recorded_at=""), dict[Any, str]()
        self.streams, self.roots = dict[str, dict[int, bytes]](), dict[int, bytes]()  # of versions
        self.changed, self.chunks, self.signed = dict[str, int](), list[Any](), list[Any]()
        self.n, self.size = collections.Counter({"events before these, not here": since}), 0
    def event(self, row: dict[str, Any]) -> None:
        """An event by itself, after the one before it, in its stream and in the tree."""
        before, seq, leaf, version = self.before, row["seq"], row["leaf"], row["version"]
        here, stream, said = row["wrong"], row["stream"], row["said"]
        self.n["events"] += 1
        self.n["events whose content is withheld or erased"] += row["body"] is None
        if seq <= before["seq"] or row["recorded_at"] < before["recorded_at"]:
            here.append(f"it stands after event {before['seq']}: re-ordered")
        elif self.parts is not None and seq != before["seq"] + 1:
            here.append(f"events {before['seq'] + 1} to {seq - 1} are missing before it")
        leaves = self.streams.setdefault(stream, {})
        is_linked = row["previous"] == leaves.get(version - 1, b"").hex()
        if version in leaves or not (is_linked or (self.is_part and version - 1 not in leaves)):
            here.append(f"the event before it in {stream} was removed, altered or re-ordered")
        leaves[version] = leaf
        if self.parts is not None:
            add_leaf(self.parts, self.since + self.n["events"] - 1, leaf)
            if seq in self.roots and _root(self.parts) != self.roots[seq]:
                here.append("the events up to it are not those whose root its checkpoint signs")
        elif included(seq - 1, self.size, leaf, _unhex(row["path"])) != self.roots[self.size]:
            here.append("it is not in the tree that the checkpoint signs")
        here += self.signature(row, before, leaves) if "class" in row else []
        self.changed |= {} if "class" in row else {stream: version}
        self.chunks += [(seq, said["root"])] if "root" in said else []
        if "public_key" in said:
            who = f"{said['details'].get('issuer')} {said['details'].get('subject')}"
            self.credentials[stream, said["credential"]] = said["public_key"] or who
        self.wrong += [f"Event {seq}: {one}." for one in here]
        self.before = row
    def signature(self, row: Any, before: Any, leaves: dict[int, bytes]) -> list[str]:
        """What is wrong with a signature beside other events."""
        said, wrong, who = row["said"], [], row["said"].get("acting_for", {}).get("printed_name")
        version, proposal = said["version"], said.get("proposal")
        self.n.update([f"signatures {row['class']}", *([f"signatures for {who}"] if who else [])])
        if leaves.get(version, b"").hex() not in (said["record_hash"], "" if self.is_part else "-"):
            wrong.append("it signs another version than the one that stands there")
        if proposal and not (self.is_part and before["seq"] < row["seq"] - 1):
            text = _text({"body": json.loads(before["body"]), "kind": before["kind"]})
            beside = (_sha(text).hex(), before["actor"], before["stream"], before["seq"] + 1)
            if beside != (proposal, row["actor"], row["stream"], row["seq"]):
                wrong.append("the event before it is not the one that it signs")
        if row["class"].startswith("signer-bound"):
            owner = (f"user/{said['signer']}", said["evidence"].get("credential"))
            self.n["signatures whose credential is not here"] += owner not in self.credentials
            if self.credentials.get(owner, row["by"]) != row["by"]:
                wrong.append("it was not made with the signer's own credential")
        at = row["version"] - 1 if proposal else version
        self.signed.append((row["stream"], at, said["printed_name"]))
        return wrong
def check_chunk(path: Path, root: str) -> bool:
    """Whether the canonical bytes of a chunk's readings are those of its root."""
    parts, is_cut = list[bytes](), False
    with path.open("rb") as file:
        for index, head in enumerate(iter(functools.partial(file.read, 8), b"")):
            size = int.from_bytes(head, "little", signed=True)  # -1: withheld, but for its hash
            data = file.read(32 if size == -1 else min(max(size, 0), path.stat().st_size))
            is_cut |= len(data) != (32 if size == -1 else size)
            add_leaf(parts, index, data if size == -1 else _sha(b"\0" + data))
    return bool(parts) and not is_cut and _root(parts).hex() == root
def check_list(check: Check, data: Any, more: list[str]) -> list[str]:
    """What follows of the list of its events that a home signs when it makes a proof file."""
    listed, n_here = data.get("list"), {one: len(of) for one, of in check.streams.items()}
    mark = LIST + _sha(_text(listed)).hex() if listed else ""
    if mark != "".join(one for one in more if one.startswith(LIST)):
        check.wrong.append("The list of the events was altered, removed, or is of another file.")
    if not listed:
        return ["Note: nothing here shows whether a record, or the end of one, was left out."]
    if [one["seq"] for one in data["events"]] != (seqs := listed["seqs"]):
        check.wrong.append(f"Events are missing or were added: it was made with {len(seqs)}.")
    return [f"Note: {n_here.get(one, 0)} of {n} events of {one} were asked for: what the others say"
            ", and whether its signatures still hold, cannot be seen here."
            for one, n in listed["heads"].items() if n_here.get(one, 0) < n][:20] or [
            "Its records are here to their end, on the word of the home's server."]
def check_files(top: Path, manifest: Any) -> list[str]:
    """What is wrong with the files of an export, by its manifest."""
    found = dict[str, str]()
    for path in filter(Path.is_file, top.rglob("*")):
        with path.open("rb") as of:
            found[path.relative_to(top).as_posix()] = hashlib.file_digest(of, "sha256").hexdigest()
    found["manifest.json"] = _sha(_text({**manifest, "digest": ""})).hex()
    changed = found.items() ^ {**manifest["files"], "manifest.json": manifest["digest"]}.items()
    return [f"The file {one} was altered, added or removed." for one in sorted(dict(changed))]
def verify(options: argparse.Namespace, wrong: list[str], lines: list[str]) -> None:
    """Check all of it: `wrong` takes what does not hold, `lines` what was seen."""
    folder: Any = options.path if options.path.is_dir() else None
    data = json.loads((folder / "manifest.json" if folder else options.path).read_bytes())
    wrong += check_files(folder, data) if folder else []
    texts = options.key or data.get("keys") or [data["public_key"]]
    keys = [Key(text) for text in [*texts, *options.witness_key]]
    own = [Checkpoint(note, keys) for note in data.get("checkpoints") or [data["checkpoint"]]]
    older = [Checkpoint(Path(one).read_text("utf-8"), keys) for one in options.checkpoint]
    found, since = sorted([*own, *older], key=lambda one: one.size), data.get("since", 0)
    is_whole, proofs = data.get("scope") == "all", data.get("consistency", {})
    edge = _unhex(data["left_edge"]) if is_whole else None
    check = Check(wrong, since, edge, bool(since if is_whole else data.get("list")))
    check.roots, check.size = {one.size: one.root for one in found}, max(one.size for one in own)
    for one, two in itertools.pairwise(found):
        path = proofs.get(f"{one.size}-{two.size}")
        if path is None and is_whole and since <= one.size < two.size <= check.size:
            continue  # the events themselves give both roots
        roots = extended(one.size, two.size, _unhex(path or []), [one.root])
        if (one.origin, one.root, two.root) != (two.origin, *roots):
            wrong.append(f"History was rewritten or cut between events {one.size} and {two.size}.")
    with (folder / "events.jsonl" if folder else options.path).open("rb") as file:
        for line in file if folder else data["events"]:
            try:
                check.event(read_event(line, keys))
            except Exception as error:
                wrong.append(f"After event {check.before['seq']}: one cannot be read ({error!r}).")
    lines += [] if is_whole else check_list(check, data, own[0].more)
    if is_whole and check.before["seq"] != check.size:
        wrong.append(f"Events after {check.before['seq']} are missing, up to event {check.size}.")
    for seq, root in check.chunks if folder else ():
        here = (path := folder / f"chunks/{root}.bin").is_file()
        check.n[f"chunks of readings{'' if here else ', not here'}"] += 1
        wrong += [f"Readings of event {seq} were altered."] * (here and not check_chunk(path, root))
    root, signers = check.roots[check.size].hex(), {k: c.size for c in found for k in c.signers}
    wrong += [f"The witness {key.name} has signed none of the checkpoints."
              for key in map(Key, options.witness_key) if f"witness {key.name}" not in signers]
    lines.append(f"Home {check.before.get('home')}, root {root} of {check.size} events.")
    lines += [f"Signed by the {name} up to event {n}." for name, n in sorted(signers.items())]
    lines += [f"{count} {what}." for what, count in sorted(check.n.items()) if count]
    lines += [f"Note: {stream} was changed after {who} signed version {n}: unsigned since."
              for stream, n, who in check.signed if check.changed.get(stream, 0) > n][:20]
def main(argv: list[str] | None = None) -> int:
    """Check what is named on the command line; 0 when all of it holds, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="folder of an export, or a proof file")
    for name, what in ("key", "of the home"), ("witness-key", ""), ("checkpoint", "file of one"):
        parser.add_argument(f"--{name}", action="append", default=[], help=what)
    options, wrong, lines = parser.parse_args(argv), list[str](), list[str]()
    try:
        verify(options, wrong, lines)
    except Exception as error:
        wrong.append(f"It cannot be checked to its end ({type(error).__name__}: {error}).")
    lines += [f"WRONG: {one}" for one in wrong[:200]]
    lines.append(f"This is NOT what was recorded: {len(wrong)} problems." if wrong else
                 "All of it is what was recorded under the key that you gave." if options.key else
                 "It is consistent in itself. Compare its key with the one that the site gave you.")
    for line in ("".join(c if c.isprintable() else "?" for c in one) for one in lines):
        sys.stdout.buffer.write(line.encode() + b"\n")
    return int(bool(wrong))
if __name__ == "__main__":
    sys.exit(main())
