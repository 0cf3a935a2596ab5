"""A witness signs only what adds to what it saw; a rewritten history is caught."""

from __future__ import annotations

import json
import shutil

import pytest

from goldenbatch.core.errors import BadInputError, ConflictError, IntegrityError
from goldenbatch.runtime import witness
from goldenbatch.stores.ledger import ProofError


def ask(bench, **options):
    with bench.open() as site:
        site.ledger.checkpoint()
    return witness.make_request(bench.path, **options)


def public_key(bench):
    return (bench.path / "keys" / "home.pub").read_text().strip()


def origin_of(bench):
    return public_key(bench).split("+")[0]


@pytest.fixture
def folder(tmp_path):
    witness.init_witness(tmp_path / "qa", "qa.example.com")
    return tmp_path / "qa"


def sign(bench, folder, request, **options):
    return witness.cosign(folder, request, origin=origin_of(bench), **options)


def work(bench, name):
    with bench.open() as site:
        bench.batch(site, name, 1, 2)


def test_a_history_that_grows_is_signed_and_kept(bench, folder):
    key = (folder / "witness.pub").read_text().strip()
    work(bench, "B1")
    first = sign(bench, folder, ask(bench), key=public_key(bench))
    with bench.open() as site:
        assert witness.keep_response(site, first, key).size == site.ledger.head()
        assert site.verify().is_ok
    work(bench, "B2")
    request = ask(bench)
    assert request["old_size"] > 0 and request["consistency"]
    second = sign(bench, folder, json.loads(json.dumps(request)))
    with bench.open() as site:
        witness.keep_response(site, second)
        witness.keep_response(site, second)  # again adds nothing
        assert sum("qa.example.com" in one.note for one in site.ledger.checkpoints()) == 2
        assert site.verify().is_ok
        head = site.ledger.head()
    problems, signed = witness.check_witnessed(bench.path, [key])
    assert (problems, signed) == ([], {"qa.example.com": head})


def test_the_key_of_the_log_is_needed_the_first_time(bench, folder):
    with pytest.raises(BadInputError, match="never signed here"):
        sign(bench, folder, ask(bench))
    sign(bench, folder, ask(bench), key=public_key(bench))
    sign(bench, folder, ask(bench))


def test_a_rewritten_history_is_refused_and_found(bench, folder, tmp_path):
    shutil.copytree(bench.path, tmp_path / "before")
    work(bench, "B1")
    key = (folder / "witness.pub").read_text().strip()
    answer = sign(bench, folder, ask(bench), key=public_key(bench))
    with bench.open() as site:
        witness.keep_response(site, answer, key)
    # The forger has the home's key: another history from the beginning, all of it signed.
    shutil.rmtree(bench.path)
    shutil.copytree(tmp_path / "before", bench.path)
    for name in ("B9", "B10"):
        work(bench, name)
    with bench.open() as site:
        assert site.verify().is_ok  # consistent in itself
    with pytest.raises(witness.WitnessRefusedError, match="do not add to"):
        sign(bench, folder, ask(bench, since=seen_size(folder)))
    problems, _ = witness.check_witnessed(bench.path, [key])
    assert "has signed no checkpoint that is here" in problems[0]["message"]
    problems, _ = witness.check_witnessed(bench.path, (), [answer["checkpoint"]])
    assert "history was rewritten" in problems[0]["message"]
    with bench.open() as site, pytest.raises(ProofError, match="not of this history"):
        witness.keep_response(site, answer, key)


def seen_size(folder):
    (path,) = (folder / "seen").iterdir()
    return json.loads(path.read_text())["size"]


def test_a_cut_history_is_refused_and_found(bench, folder, tmp_path):
    shutil.copytree(bench.path, tmp_path / "before")
    work(bench, "B1")
    answer = sign(bench, folder, ask(bench), key=public_key(bench))
    shutil.rmtree(bench.path)
    shutil.copytree(tmp_path / "before", bench.path)
    with pytest.raises(witness.WitnessRefusedError, match="has shrunk"):
        sign(bench, folder, ask(bench))
    problems, _ = witness.check_witnessed(bench.path, (), [answer["checkpoint"]])
    assert "the tail was cut off" in problems[0]["message"]


def test_another_root_of_the_same_size_is_refused(bench, folder, tmp_path):
    shutil.copytree(bench.path, tmp_path / "before")
    work(bench, "B1")
    sign(bench, folder, ask(bench), key=public_key(bench))
    shutil.rmtree(bench.path)
    shutil.copytree(tmp_path / "before", bench.path)
    work(bench, "B2")
    with pytest.raises(witness.WitnessRefusedError, match="another root"):
        sign(bench, folder, ask(bench))


def test_requests_that_do_not_fit_are_refused_in_words(bench, folder):
    work(bench, "B1")
    request = ask(bench)
    sign(bench, folder, request, key=public_key(bench))
    work(bench, "B2")
    with pytest.raises(BadInputError, match="the request proves from 0 events"):
        sign(bench, folder, ask(bench, since=0))
    request = ask(bench, since=seen_size(folder))
    for name in ("checkpoint", "consistency", "old_size", "origin", "schema"):
        with pytest.raises(BadInputError):
            sign(bench, folder, {**request, name: None})
    with pytest.raises(ProofError):
        sign(bench, folder, {**request, "checkpoint": request["checkpoint"].replace("9", "8")})
    with pytest.raises(BadInputError, match="is of"):
        witness.cosign(folder, request, origin="somebody/else", key=public_key(bench))
    with pytest.raises(witness.WitnessRefusedError, match="do not add to"):
        sign(bench, folder, {**request, "consistency": request["consistency"][:-1]})


def test_a_stranger_is_no_witness(bench, folder):
    answer = sign(bench, folder, ask(bench), key=public_key(bench))
    with bench.open() as site:
        with pytest.raises(BadInputError, match="not known here"):
            witness.keep_response(site, answer)
        with pytest.raises(BadInputError, match="not known here"):
            witness.keep_response(site, answer, public_key(bench))


def test_a_changed_cosignature_is_named_by_verify(bench, folder):
    key = (folder / "witness.pub").read_text().strip()
    answer = sign(bench, folder, ask(bench), key=public_key(bench))
    with bench.open() as site:
        witness.keep_response(site, answer, key)
    path = bench.path / "keys" / "witnesses.pub"
    path.write_text("")  # as if the line were of nobody
    with bench.open() as site:
        assert any("qa.example.com" in str(one) for one in site.verify().problems)


def test_a_witness_is_made_once_and_fails_closed(bench, folder):
    with pytest.raises(ConflictError):
        witness.init_witness(folder, "qa.example.com")
    sign(bench, folder, ask(bench), key=public_key(bench))
    (path,) = (folder / "seen").iterdir()
    path.write_text("{")
    with pytest.raises(IntegrityError, match="nothing more"):
        sign(bench, folder, ask(bench))
