"""Promotion: packed once, signed, compared, applied in order, and refused when anything is off."""

import json

import pytest
from gbx_chain import PASSWORD, changed

from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    DeniedError,
    GoldenbatchError,
    IntegrityError,
)
from goldenbatch.runtime import promotion


def test_the_whole_way(chain):
    path, found = chain.pack("development")
    assert found["n_signatures"] == 1
    event, changes = chain.apply("validation", path, found["public_key"])
    assert event.kind == "ConfigurationPromoted"
    signs = {one.path: one.sign for one in changes}
    assert signs == {"plant.toml": "~", "analysts/hot.json": "+", "cards/lab.toml": "+"}
    plant = next(one for one in changes if one.path == "plant.toml")
    assert '+name = "New plant"' in plant.lines
    with chain.open("validation") as site:
        assert site.plant.name == "New plant"
        assert set(site.adopted()) == {"hot"}
        assert (site.path / "cards" / "lab.toml").exists()
        assert site.verify().is_ok
    chain.validated()
    path, found = chain.pack("validation")
    event, _ = chain.apply("production", path, found["public_key"])
    with chain.open("production") as site:
        assert site.plant.version == "2"
        approval = event.body["approval"]
        (signature,) = site.ledger.events(approval - 1, approval)
        assert signature.kind == "SignatureApplied"
        assert signature.envelope.actor == site.people.find("qa").uid
        assert not promotion.compare(site, promotion.load(path, found["public_key"]))


def test_packing_again_and_applying_again_do_nothing(chain):
    path, found = chain.pack("development")
    first = path.read_bytes()
    with chain.open("development") as site:
        again = promotion.pack(site, path)
        assert again["package"] == found["package"]
        assert len(site.ledger.stream(found["stream"])) == 2
    assert path.read_bytes() == first
    one, _ = chain.apply("validation", path, found["public_key"])
    two, changes = chain.apply("validation", path, found["public_key"], login="")
    assert (two.seq, changes) == (one.seq, ())


def test_no_step_is_left_out(chain):
    path, found = chain.pack("development")
    with pytest.raises(DeniedError, match="not promoted from development to production"):
        chain.apply("production", path, found["public_key"])
    with pytest.raises(DeniedError, match="from development to development"):
        chain.apply("development", path, found["public_key"])
    chain.apply("validation", path, found["public_key"])
    path, found = chain.pack("validation")
    with pytest.raises(DeniedError, match="no validation run"):
        chain.apply("production", path, found["public_key"])
    with chain.open("production") as site:
        assert site.plant.name == "Test plant"


def test_it_takes_a_signature_there_and_one_here(chain):
    path, found = chain.pack("development", is_signed=False)
    with pytest.raises(DeniedError, match="nobody has approved this package"):
        chain.apply("validation", path, found["public_key"])
    path, found = chain.pack("development")
    with pytest.raises(DeniedError, match=r"nobody has approved promotion/"):
        chain.apply("validation", path, found["public_key"], login="")
    with chain.open("validation") as site:
        package = promotion.load(path, found["public_key"])
        with pytest.raises(DeniedError, match="password is wrong"):
            promotion.apply(site, package, "qa", "wrong")
        assert site.plant.name == "Test plant"
        site.sign(f"promotion/{package.digest}", "approved", "qa", PASSWORD)
        promotion.apply(site, package)
        assert site.plant.name == "New plant"


def test_another_key_is_refused(chain):
    path, _ = chain.pack("development")
    with chain.open("production") as site:
        other = str(site.keys.signers[0].verifier)
    with pytest.raises(IntegrityError, match="the home's signature does not hold"):
        promotion.load(path, other)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("plant.toml", lambda data: data + b"# more\n", "plant.toml is not what was packed"),
        ("policy.toml", lambda data: None, "policy.toml is not what was packed"),
        ("manifest.json", lambda data: data.replace(b"development", b"validation"), "another man"),
        ("manifest.note", lambda data: data[:-8] + b"AAAAAA==", "signature does not hold"),
        ("signatures.json", lambda data: data.replace(b"Q. A.", b"X. Y."), "Event"),
        ("signatures.json", lambda data: json.dumps(
            {**json.loads(data), "events": json.loads(data)["events"][1:]}).encode(), "missing"),
        ("manifest.json", lambda data: b"{", "no package"),
    ],
)  # fmt: skip
def test_a_changed_package_is_refused(chain, name, change, words):
    path, found = chain.pack("development")
    changed(path, name, change)
    with pytest.raises(GoldenbatchError, match=words):
        promotion.load(path, found["public_key"])


def test_what_is_no_package(tmp_path, chain):
    with chain.open("development") as site:
        key = str(site.keys.signers[0].verifier)
    for content in (b"", b"PK\x03\x04", b"x" * 100):
        (tmp_path / "odd").write_bytes(content)
        with pytest.raises(BadInputError):
            promotion.load(tmp_path / "odd", key)
    with pytest.raises(BadInputError, match="cannot be read"):
        promotion.load(tmp_path / "none", key)


def test_a_plant_that_is_not_adopted_is_not_packed(chain):
    file = chain.folder / "development" / "plant.toml"
    file.write_text(file.read_text().replace("New", "Other"), encoding="utf-8")
    with pytest.raises(ConflictError, match="not the plant in force: 1 changes"):
        chain.pack("development")


def test_a_change_after_the_approval_needs_another(chain):
    path, found = chain.pack("development")
    with chain.open("development") as site:
        site.retire("hot", "not needed")
        again = promotion.pack(site, path)
    assert again["package"] != found["package"]
    with pytest.raises(DeniedError, match="nobody has approved this package"):
        chain.apply("validation", path, found["public_key"])


def test_the_commands(chain, monkeypatch, capsys):
    from goldenbatch.apps.cli import main

    def call(*words):
        monkeypatch.setattr("sys.argv", ["goldenbatch", *words, "--json"])
        try:
            code = main() or 0
        except SystemExit as end:
            code = int(end.code or 0)
        return code, json.loads(capsys.readouterr().out)

    with chain.open("development") as site:
        site.retire("hot", "of a capability that the command line does not find here")
    path, home = str(chain.folder / "c.gbpack"), str(chain.folder / "development")
    code, packed = call("promote", "pack", path, "--home", home)
    assert (code, packed["n_signatures"]) == (0, 0)
    with chain.open("development") as site:
        site.sign(packed["stream"], "approved", "qa", PASSWORD)
    call("promote", "pack", path, "--home", home)
    target = ("--home", str(chain.folder / "validation"), "--key", packed["public_key"])
    code, shown = call("promote", "diff", path, *target)
    assert [one["path"] for one in shown["changes"]] == ["cards/lab.toml", "plant.toml"]
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)
    code, done = call("promote", "apply", path, *target, "--user", "qa")
    assert (code, done["source_kind"]) == (0, "development")
    assert call("promote", "diff", path, *target)[1]["changes"] == []
    code, refused = call("promote", "apply", path, *target, "--replaces-key", "old+key")
    assert code != 0
    assert "old+key is not that of the package in force" in refused["message"]
    code, refused = call("promote", "apply", path, *target[:-1], "bad key")
    assert code == 7
    assert "signature does not hold" in refused["message"]
