"""People: users, signing statements, and signatures that a later change makes unsigned."""

from __future__ import annotations

import hashlib
import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core.batches import BatchCreated, MaterialConsumed
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.people import (
    PROJECTIONS,
    SIGNATURES,
    USERS,
    Meaning,
    PasswordSet,
    RoleGranted,
    RoleRevoked,
    SignatureApplied,
    UserAdded,
    UserDisabled,
    UserEnabled,
    signature_state,
    statement_for,
    user_state,
)
from goldenbatch.core.records import DataClass
from tests.core.log import Log

S = "batch/7"
HASH = "0" * 64


def statement(event, **more):
    entries = {
        "meaning": Meaning.PERFORMED,
        "signer": "u1",
        "printed_name": "Ana Žižek",
        "role": "operator",
        "at": 1_541_000_000_000_001,
    }
    return statement_for(event, HASH, **{**entries, **more})


def sign(log, event, **more):
    made = statement(event, **more)
    return log.add(event.stream, made.signed("password"), actor=made.signer)


def with_batch():
    log = Log()
    log.add(S, BatchCreated(batch="7", product="P"))
    return log, log.add(S, MaterialConsumed(batch="7", material="api", lot="L1"))


def test_statement_has_one_text_and_hash():
    _, event = with_batch()
    one = statement(event)
    assert json.loads(one.text())["at"] == "2018-10-31T15:33:20.000001Z"
    assert one.text().isascii()
    assert one.digest() == hashlib.sha256(one.text().encode()).hexdigest()
    assert one.signed("password").statement() == one
    assert one.signed("passkey", {"algorithm": "ES256"}).statement() == one
    assert one.signed("password").statement_hash == one.digest()


@pytest.mark.parametrize(
    "change",
    [
        {"meaning": Meaning.VERIFIED},
        {"signer": "u2"},
        {"printed_name": "Ana Zizek"},
        {"role": "inspector"},
        {"reason": "x"},
        {"facts": ("user/u1@2",)},
        {"at": 5},
    ],
)
def test_every_entry_counts_in_the_hash(change):
    _, event = with_batch()
    assert statement(event, **change).digest() != statement(event).digest()


keys = st.text(st.characters(codec="ascii"), max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_canonical_text_is_rfc_8785_but_for_escapes(value):
    text = canonical_text(value)
    assert text.isascii()
    assert json.loads(text) == value
    try:
        assert rfc8785.dumps(json.loads(text)) == rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError):
        return
    if rfc8785.dumps(value).isascii() and "\x7f" not in text and "\\u007f" not in text:
        assert text.encode() == rfc8785.dumps(value)


def test_canonical_text_refuses_floats():
    with pytest.raises(BadInputError, match="no floats"):
        canonical_text({"a": [1, {"b": 0.1}]})


def test_a_signature_binds_until_the_record_changes():
    log, event = with_batch()
    sign(log, event)
    sign(log, event, signer="u2", meaning=Meaning.VERIFIED)
    assert [one.label() for one in signature_state(log.stream(S))] == ["signed", "signed"]
    changed = log.add(S, MaterialConsumed(batch="7", material="api", lot="L2"))
    states = signature_state(log.stream(S))
    assert [one.unsigned_since for one in states] == [5, 5]
    assert states[0].label() == "unsigned since version 5"
    sign(log, changed)
    assert [one.is_signed for one in signature_state(log.stream(S))] == [False, False, True]


def test_a_change_between_record_and_signature_counts():
    log, event = with_batch()
    log.add(S, MaterialConsumed(batch="7", material="api", lot="L2"))
    sign(log, event)
    (state,) = signature_state(log.stream(S))
    assert state.unsigned_since == 3
    assert not state.is_signed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"record_hash": HASH}, "another hash"),
        ({"version": 9}, "did not exist"),
        ({"stream": "batch/8"}, "names the stream"),
        ({"signer": "u2"}, "another person"),
        ({"reason": "x"}, "does not fit the statement"),
        ({"facts": ("user/u9@1",)}, "does not fit the statement"),
    ],
)
def test_a_forged_signature_is_void(change, words):
    log, event = with_batch()
    body = statement(event).signed("password").model_copy(update=change)
    log.add(S, body)
    (state,) = signature_state(log.stream(S))
    assert not state.is_signed
    assert words in state.label()


@given(st.lists(st.sampled_from(["work", "sign", "verify"]), max_size=15))
def test_a_signature_holds_exactly_while_nothing_follows_its_version(steps):
    log, newest = with_batch()
    for step in steps:
        if step == "work":
            newest = log.add(S, MaterialConsumed(batch="7", material="a", lot="L"))
        else:
            signer = "u1" if step == "sign" else "u2"
            meaning = Meaning.PERFORMED if step == "sign" else Meaning.VERIFIED
            sign(log, newest, signer=signer, meaning=meaning)
    for state in signature_state(log.stream(S)):
        assert state.is_signed == (state.signature.version == newest.envelope.version)


def user_log():
    log = Log()
    log.add("user/u1", UserAdded(uid="u1", login="ana", printed_name="Ana"), actor="admin")
    log.add("user/u1", RoleGranted(uid="u1", role="operator", reason="new"), actor="admin")
    log.add("user/u1", RoleGranted(uid="u1", role="inspector", reason="new"), actor="admin")
    log.add("user/u1", PasswordSet(uid="u1", hash="$argon2id$v=19$x"))
    log.add("user/u1", RoleRevoked(uid="u1", role="inspector", reason="left"), actor="admin")
    return log


def test_a_user_is_the_fold_of_their_stream():
    log = user_log()
    user = user_state(log.events)
    assert (user.login, user.roles, user.granted) == ("ana", {"operator"}, (("operator", 2),))
    assert user.password_hash == "$argon2id$v=19$x"
    assert user.version == 5
    row = log.table(USERS)[("u1",)]
    assert (json.loads(row["roles"]), row["is_active"], row["has_password"]) == (["operator"], 1, 1)
    assert "argon2" not in str(row)
    log.add("user/u1", UserDisabled(uid="u1"))
    assert not user_state(log.events).is_active
    assert log.table(USERS)[("u1",)]["is_active"] == 0
    log.add("user/u1", UserEnabled(uid="u1", reason="back"))
    assert user_state(log.events).is_active
    assert log.table(USERS)[("u1",)]["is_active"] == 1


def test_no_user_without_a_beginning():
    with pytest.raises(NotFoundError):
        user_state(user_log().events[1:])
    assert not Log().table(USERS)


def test_personal_events_stay_on_the_site():
    classes = {UserAdded, PasswordSet, RoleGranted, RoleRevoked, UserDisabled, SignatureApplied}
    assert {one.data_class for one in classes} == {DataClass.PERSONAL}


@pytest.mark.parametrize("text", ["secret", "$argon2i$x", "$2b$12$x"])
def test_only_an_argon2id_hash_is_kept(text):
    with pytest.raises(ValidationError):
        PasswordSet(uid="u1", hash=text)


def test_signatures_are_listed():
    log, event = with_batch()
    sign(log, event)
    row = log.table(SIGNATURES)[S, 3]
    assert (row["signed_version"], row["meaning"], row["signer"]) == (2, "performed", "u1")
    for projection in PROJECTIONS:
        assert tuple(projection.columns)[: len(projection.key)] == projection.key
