"""The stand-alone verifier: what it accepts, what it names, and that nothing makes it fall over."""

from __future__ import annotations

import ast
import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cryptography
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldenbatch.core.batches import BatchCreated
from goldenbatch.runtime.export import ExportSettings, export
from goldenbatch.stores.ledger.notes import Cosigner
from goldenbatch.verifier import goldenbatch_verify as verifier
from tests.verifier import exports

FILE = Path(verifier.__file__)
N_TAMPERINGS = int(os.environ.get("GOLDENBATCH_EXPORT_TAMPERINGS", "50"))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> exports.Made:
    return exports.make(tmp_path_factory.mktemp("export"))


def run(capsys, *arguments: object) -> tuple[int, str]:
    capsys.readouterr()
    code = verifier.main([str(one) for one in arguments])
    return code, capsys.readouterr().out


def test_it_is_short_and_imports_nothing_of_the_platform() -> None:
    text = FILE.read_text()
    assert text.count("\n") < 300
    names = {
        alias.name
        for one in ast.walk(ast.parse(text))
        if isinstance(one, ast.Import | ast.ImportFrom)
        for alias in ([one.names[0]] if isinstance(one, ast.Import) else [ast.alias(one.module)])
    } | {
        a.name
        for one in ast.walk(ast.parse(text))
        if isinstance(one, ast.Import)
        for a in one.names
    }
    assert {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) == {"cryptography"}


def test_a_copy_runs_with_cryptography_alone(made, tmp_path) -> None:
    shutil.copy(FILE, tmp_path / "check.py")
    packages = Path(cryptography.__file__).parents[1]
    for name in ("cryptography", "cffi", "pycparser"):
        if (packages / name).is_dir():
            (tmp_path / name).symlink_to(packages / name)
    for binary in packages.glob("_cffi_backend*"):
        (tmp_path / binary.name).symlink_to(binary)
    code = (
        f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r});"
        "sys.argv = ['check.py', *sys.argv[1:]]; runpy.run_path(sys.path[0] + '/check.py',"
        " run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(made.whole), "--key", made.key],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "under the key that you gave" in done.stdout


def test_a_whole_export_holds(made, capsys) -> None:
    code, said = run(capsys, made.whole, "--key", made.key)
    assert code == 0, said
    assert "1 signatures server-attested (password+home-key" in said
    assert "1 signatures signer-bound (webauthn, checked in its normalised form)" in said
    assert "1 signatures signer-bound (oidc, checked in its normalised form)" in said
    assert "2 chunks of readings." in said


def test_without_a_key_it_says_what_that_means(made, capsys) -> None:
    code, said = run(capsys, made.whole)
    assert code == 0
    assert "Compare its key" in said


def test_another_key_is_refused(made, capsys) -> None:
    name = made.key.split("+")[0]
    other = exports.HASH  # no key at all
    assert run(capsys, made.whole, "--key", other)[0] == 1
    code, said = run(capsys, made.whole, "--key", _another_key(name))
    assert code == 1
    assert "its signature is false" in said


def _another_key(name: str) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from goldenbatch.stores.ledger import Signer

    return str(Signer(name, Ed25519PrivateKey.generate()).verifier)


def test_an_older_checkpoint_is_held_against_it(made, tmp_path, capsys) -> None:
    path = tmp_path / "older"
    path.write_text(made.older)
    assert run(capsys, made.whole, "--key", made.key, "--checkpoint", path)[0] == 0
    other = exports.make(tmp_path / "other")
    path.write_text(other.older)
    assert run(capsys, made.whole, "--checkpoint", path)[0] == 1


def test_part_and_batch_hold(made, tmp_path, capsys) -> None:
    export(made.home, tmp_path / "since", ExportSettings(since=9))
    code, said = run(capsys, tmp_path / "since", "--key", made.key)
    assert code == 0, said
    seqs = tuple(
        one["seq"] for one in exports.lines_of(made.whole) if '"batch/S1"' in one["envelope"]
    )
    export(made.home, tmp_path / "batch", ExportSettings(batch="S1", seqs=seqs, has_chunks=False))
    code, said = run(capsys, tmp_path / "batch", "--key", made.key)
    assert code == 0, said
    assert "2 signatures whose credential is not here." in said


def test_the_same_home_gives_the_same_bytes(made, tmp_path) -> None:
    export(made.home, tmp_path / "again", ExportSettings())
    for one in made.whole.rglob("*"):
        if one.is_file():
            assert (
                tmp_path / "again" / one.relative_to(made.whole)
            ).read_bytes() == one.read_bytes()


def test_tiles_go_along(made, tmp_path, capsys) -> None:
    export(made.home, tmp_path / "out", ExportSettings(has_tiles=True))
    assert run(capsys, tmp_path / "out", "--key", made.key)[0] == 0
    assert list((tmp_path / "out" / "tiles" / "tile" / "0").iterdir())
    (tmp_path / "out" / "tiles" / "checkpoint").unlink()
    code, said = run(capsys, tmp_path / "out")
    assert code == 1 and "tiles/checkpoint was altered, added or removed" in said


def test_withheld_readings_and_contents_are_said(made, tmp_path, capsys) -> None:
    settings_ = ExportSettings(tags=(), withheld=("personal",))
    export(made.home, tmp_path / "part", settings_)
    code, said = run(capsys, tmp_path / "part", "--key", made.key)
    assert code == 0, said
    assert "whose content is withheld or erased" in said
    path = next((tmp_path / "part" / "chunks").iterdir())
    assert path.stat().st_size < next((made.whole / "chunks").iterdir()).stat().st_size


@pytest.fixture(scope="module")
def bundles(made) -> dict[str, dict]:
    """Proof files of a whole record, of a part of it, and one without a list of its events."""
    from gbx_bench import Bench

    with Bench(made.home).open() as opened:
        seqs = [one.seq for one in opened.ledger.stream("batch/S1")]
        whole = opened.ledger.proof_bundle(seqs)
        plain = {**whole, "checkpoint": opened.ledger.checkpoint().note}
        signatures = opened.ledger.proof_bundle(seqs[2:3])
    del plain["list"]
    return {"whole": whole, "plain": plain, "part": signatures}


def check_file(capsys, made, path: Path, bundle: dict) -> tuple[int, str]:
    path.write_text(json.dumps(bundle))
    return run(capsys, path, "--key", made.key)


def test_a_proof_file_of_a_dossier_holds(made, bundles, tmp_path, capsys) -> None:
    code, said = check_file(capsys, made, tmp_path / "proof.json", bundles["whole"])
    assert code == 0, said
    assert "Its records are here to their end, on the word of the home's server." in said


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_an_event_taken_out_of_a_proof_file_is_missed(made, bundles, tmp_path, capsys, place):
    bundle = {**bundles["whole"], "events": list(bundles["whole"]["events"])}
    del bundle["events"][place]
    code, said = check_file(capsys, made, tmp_path / "proof.json", bundle)
    assert code == 1
    assert "Events are missing or were added: it was made with 4." in said


@pytest.mark.parametrize("name", ["seqs", "heads", "both", "all"])
def test_the_list_of_a_proof_file_cannot_be_changed(made, bundles, tmp_path, capsys, name) -> None:
    bundle = json.loads(json.dumps(bundles["whole"]))
    del bundle["events"][-1]
    if name in ("seqs", "both"):
        del bundle["list"]["seqs"][-1]
    if name in ("heads", "both"):
        bundle["list"]["heads"]["batch/S1"] -= 1
    if name == "all":
        del bundle["list"]
    code, said = check_file(capsys, made, tmp_path / "proof.json", bundle)
    assert code == 1
    assert "The list of the events was altered, removed, or is of another file." in said


def test_a_part_that_was_asked_for_is_not_called_altered(made, bundles, tmp_path, capsys) -> None:
    code, said = check_file(capsys, made, tmp_path / "proof.json", bundles["part"])
    assert code == 0, said
    assert "Note: 1 of 4 events of batch/S1 were asked for: what the others say, and" in said
    assert "1 signatures signer-bound (webauthn" in said
    forged = json.loads(json.dumps(bundles["part"]))
    body = json.loads(forged["events"][0]["body"])
    forged["events"][0]["body"] = json.dumps({**body, "reason": "another"})
    assert check_file(capsys, made, tmp_path / "proof.json", forged)[0] == 1


def test_a_proof_file_without_a_list_is_read_as_it_was(made, bundles, tmp_path, capsys) -> None:
    path, bundle = tmp_path / "proof.json", bundles["plain"]
    code, said = check_file(capsys, made, path, bundle)
    assert code == 0, said
    assert "Note: nothing here shows whether a record, or the end of one, was left out." in said
    events = bundle["events"]
    code, said = check_file(capsys, made, path, {**bundle, "events": [events[0], *events[2:]]})
    assert code == 1
    assert "the event before it in batch/S1 was removed" in said
    for more in ({"list": []}, {"list": {}}, {"since": 3}):  # what lets gaps pass elsewhere
        bad = {**bundle, "events": [events[0], *events[2:]], **more}
        assert check_file(capsys, made, path, bad)[0] == 1


def test_the_platform_says_the_same_of_proof_files(made, bundles, tmp_path) -> None:
    from goldenbatch.runtime.proofs import check_proof_file

    path, found = tmp_path / "proof.json", {}
    for name, bundle in bundles.items():
        path.write_text(json.dumps(bundle))
        found[name] = check_proof_file(path, made.key)
    # The evidence of this home is what the verifier needs, less than what the platform keeps.
    wrong = [problem for one in found.values() for problem in one.problems]
    assert [one for one in wrong if not one.startswith("Signature on")] == []
    assert "to their end, at event" in found["whole"].notes[0]
    assert "1 of the 4 events of batch/S1 were asked for" in found["part"].notes[0]
    assert "what it signs is not in this file, signer-bound" in found["part"].signatures[0]
    assert "Nothing in this file shows" in found["plain"].notes[0]
    gap = {**bundles["plain"], "events": bundles["plain"]["events"][1:]}
    path.write_text(json.dumps(gap))
    assert "before version 2 is missing" in check_proof_file(path, made.key).problems[0]
    cut = {**bundles["whole"], "events": bundles["whole"]["events"][:-1]}
    path.write_text(json.dumps(cut))
    assert "Events are missing or were added" in check_proof_file(path, made.key).problems[0]


def test_what_changed_after_it_was_signed_shows(made, tmp_path, capsys) -> None:
    from gbx_bench import Bench

    shutil.copytree(made.home, tmp_path / "home")
    with Bench(tmp_path / "home").open() as opened:
        exports.add(opened, "batch/S1", BatchCreated(batch="S1", product="Q"))
    export(tmp_path / "home", tmp_path / "out", ExportSettings())
    code, said = run(capsys, tmp_path / "out", "--key", made.key)
    assert code == 0
    assert (
        "Note: batch/S1 was changed after Ana Šušteršič signed version 1: unsigned since." in said
    )


def test_a_key_that_is_not_the_signers_is_named(made, tmp_path, capsys) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from gbx_bench import Bench

    shutil.copytree(made.home, tmp_path / "home")
    with Bench(tmp_path / "home").open() as opened:
        event = opened.ledger.stream("batch/S1")[0]
        stranger = ec.generate_private_key(ec.SECP256R1())
        exports.add(opened, "batch/S1", exports.by_device(exports.statement_of(event), stranger))
    export(tmp_path / "home", tmp_path / "out", ExportSettings())
    code, said = run(capsys, tmp_path / "out", "--key", made.key)
    assert code == 1
    assert "not made with the signer's own credential" in said


def test_a_witness_is_asked_for(made, tmp_path, capsys) -> None:
    witness = Cosigner.create(tmp_path / "witness.pem", "qa.example")
    code, said = run(capsys, made.whole, "--witness-key", witness.verifier)
    assert code == 1
    assert "The witness qa.example has signed none of the checkpoints." in said
    shutil.copytree(made.whole, tmp_path / "out")
    path = tmp_path / "out" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["checkpoints"].append(witness.cosign(manifest["checkpoints"][-1], 1_800_000_000))
    path.write_text(json.dumps(manifest))
    exports.reseal(tmp_path / "out")
    code, said = run(capsys, tmp_path / "out", "--witness-key", witness.verifier)
    assert code == 0, said
    assert "Signed by the witness qa.example up to event" in said


@pytest.mark.parametrize("kind", exports.KINDS)
def test_every_tampering_is_named(made, tmp_path, capsys, kind) -> None:
    for number in range(max(1, N_TAMPERINGS // len(exports.KINDS) + 1)):
        what = exports.tampered(made.whole, tmp_path / "out", kind, f"{kind} {number}")
        code, said = run(capsys, tmp_path / "out", "--key", made.key)
        assert code == 1, (what, said)
        assert "WRONG: " in said


def test_a_changed_key_file_or_extra_file_is_named(made, tmp_path, capsys) -> None:
    shutil.copytree(made.whole, tmp_path / "out")
    (tmp_path / "out" / "more.txt").write_text("x")
    code, said = run(capsys, tmp_path / "out")
    assert code == 1
    assert "more.txt was altered, added or removed" in said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_nothing_makes_it_fall_over(made, tmp_path, capsys, data) -> None:
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(made.whole, out)
    what = data.draw(st.sampled_from(["bytes", "manifest", "event", "body"]))
    if what == "bytes":
        name = data.draw(st.sampled_from(["manifest.json", "events.jsonl"]))
        (out / name).write_bytes(data.draw(st.binary(max_size=200)))
    elif what == "manifest":
        manifest = json.loads((out / "manifest.json").read_text())
        manifest[data.draw(st.sampled_from(sorted(manifest)))] = data.draw(JSON)
        (out / "manifest.json").write_text(json.dumps(manifest))
    else:
        events = exports.lines_of(out)
        event = data.draw(st.sampled_from(events))
        part = event
        if what == "body":
            part = json.loads(event["body"])
        name = data.draw(st.sampled_from(sorted(part)))
        before = part[name]
        part[name] = data.draw(JSON.filter(lambda value: value != before))
        if what == "body":
            event["body"] = json.dumps(part)
        exports.store(out, events)
        exports.reseal(out)
    code, said = run(capsys, out, "--key", made.key)
    if what == "event" and event["body"] is None:  # as if withheld, which is said
        assert "1 events whose content is withheld or erased" in said
        return
    assert code == 1, said
    assert "This is NOT what was recorded" in said


@settings(max_examples=60, deadline=None)
@given(note=st.text(max_size=120), key=st.text(max_size=60), blob=st.binary(max_size=64))
def test_its_decoders_refuse_in_words(note, key, blob) -> None:
    for decode in (lambda: verifier.Key(key), lambda: verifier.Checkpoint(note, [])):
        with pytest.raises((ValueError, IndexError)):
            decode()
    text = base64.b64encode(blob).decode()
    assert verifier._b64(text) == blob


def test_a_cut_that_fits_is_not_shown_as_the_whole(made, tmp_path, capsys) -> None:
    """Who relabels an export as a later part, or takes chunks out, does not hide that."""
    later, n = tmp_path / "later", 6
    shutil.copytree(made.whole, later)
    events, edge = exports.lines_of(later), []
    for index, event in enumerate(events[:n]):
        verifier.add_leaf(edge, index, bytes.fromhex(event["leaf"]))
    exports.store(later, events[n:])
    manifest = json.loads((later / "manifest.json").read_text())
    manifest |= {"since": n, "left_edge": [one.hex() for one in edge]}
    (later / "manifest.json").write_text(json.dumps(manifest))
    exports.reseal(later)
    code, said = run(capsys, later, "--key", made.key)
    assert (code, f"{n} events before these, not here." in said) == (0, True)
    bare = tmp_path / "bare"
    shutil.copytree(made.whole, bare)
    next(iter((bare / "chunks").iterdir())).unlink()
    exports.reseal(bare)
    _, said = run(capsys, bare, "--key", made.key)
    assert "1 chunks of readings, not here." in said and "1 chunks of readings." in said
    _, said = run(capsys, made.whole, "--key", made.key)
    assert "not here" not in said
