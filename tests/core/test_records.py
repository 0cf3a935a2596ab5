"""Records: envelope, kinds, upcasters, and what an unknown or damaged event becomes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from goldenbatch.core import records
from goldenbatch.core.batches import BatchCreated, PhaseStarted
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.records import (
    Body,
    DataClass,
    Envelope,
    HomeKind,
    bad_record,
    from_iso,
    record_type,
    record_types,
    to_iso,
    upcaster,
)
from tests.core.log import Log

micros = st.integers(-2_208_988_800_000_000, 253_402_300_799_999_999)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)

envelopes = st.builds(
    Envelope,
    home=names,
    home_kind=st.sampled_from(HomeKind),
    site=texts,
    owner=texts,
    data_class=st.sampled_from(DataClass),
    stream=st.builds("{}/{}".format, st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True), names),
    version=st.integers(1, 2**40),
    kind=st.from_regex(r"[A-Z][A-Za-z0-9]{1,20}", fullmatch=True),
    body_version=st.integers(1, 9),
    actor=names,
    acting_for=texts,
    recorded_at=micros,
    performed_at=st.none() | micros,
    body_digest=digests,
    previous=st.just("") | digests,
)


@given(micros)
def test_time_survives_as_text(moment):
    assert from_iso(to_iso(moment)) == moment
    assert from_iso(moment) == moment


@given(micros, st.integers(-14 * 60, 14 * 60))
def test_any_offset_means_the_same_moment(moment, minutes):
    text = to_iso(moment + minutes * 60_000_000).removesuffix("Z")
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    assert from_iso(f"{text}{sign}{hours:02}:{rest:02}") == moment


@pytest.mark.parametrize("text", ["2018-10-31T15:33:20", "2018-10-31", "noon", ""])
def test_a_time_without_offset_is_refused(text):
    with pytest.raises(ValueError, match=r"no offset|Invalid isoformat"):
        from_iso(text)


@given(envelopes)
def test_envelope_survives_its_canonical_form(envelope):
    text = rfc8785.dumps(envelope.as_json())
    again = Envelope.model_validate(json.loads(text))
    assert again == envelope
    assert rfc8785.dumps(again.as_json()) == text


@pytest.mark.parametrize(
    "change",
    [
        {"stream": "Batch/7"},
        {"stream": "batch/"},
        {"stream": "batch/a\nb"},
        {"stream": "batch/" + "x" * 201},
        {"version": 0},
        {"kind": "batchCreated"},
        {"kind": "Batch Created"},
        {"actor": ""},
        {"home": ""},
        {"body_digest": "ab"},
        {"previous": "x" * 64},
        {"schema": "goldenbatch/envelope/2"},
        {"data_class": "secret"},
        {"recorded_at": "2018-10-31T15:33:20"},
        {"name": "Ana"},
    ],
)
def test_a_malformed_envelope_is_refused(change):
    good = Log().add("batch/7", BatchCreated(batch="7", product="P")).envelope.as_json()
    Envelope.model_validate(good)
    with pytest.raises(ValidationError):
        Envelope.model_validate({**good, **change})


def test_an_envelope_is_frozen_and_has_no_names():
    envelope = Log().add("batch/7", BatchCreated(batch="7", product="P")).envelope
    with pytest.raises(ValidationError):
        envelope.version = 2
    assert not {"name", "printed_name", "login"} & envelope.as_json().keys()


@pytest.fixture
def registry(monkeypatch):
    """The registered types, put back after a test that adds to them."""
    monkeypatch.setattr(records, "_TYPES", dict(records._TYPES))
    monkeypatch.setattr(records, "_UPCASTERS", dict(records._UPCASTERS))


@pytest.fixture
def weighed(registry):
    """A kind in its third version: grams became text with unit, then got a balance."""

    @record_type
    class Weighed(Body):
        """Something was weighed."""

        body_version = 3
        weight: str
        balance: str = Field(min_length=1)

    @upcaster("Weighed", 1)
    def _text(body):
        return {"weight": f"{body['grams']} g"}

    @upcaster("Weighed", 2)
    def _balance(body):
        return {**body, "balance": "unknown"}

    return Weighed


def test_an_old_body_is_upcast_step_by_step(weighed):
    event = Log().add("lot/a/1", weighed(weight="1 g", balance="b1"))
    assert event.envelope.body_version == 3
    assert event.decode() == weighed(weight="1 g", balance="b1")
    for version, body in ((1, {"grams": "7.10"}), (2, {"weight": "7.10 g"})):
        envelope = event.envelope.model_copy(update={"body_version": version})
        old = replace(event, envelope=envelope, body=dict(body))
        assert old.decode() == weighed(weight="7.10 g", balance="unknown")
        assert old.body == body


def test_an_unknown_kind_is_shown_raw(weighed):
    event = Log().add("lot/a/1", weighed(weight="1 g", balance="b"), kind="ComesLater")
    assert event.kind == "ComesLater"
    assert event.decode() is None
    assert event.body == {"weight": "1 g", "balance": "b"}


def test_an_erased_payload_is_not_decoded(weighed):
    event = Log().add("lot/a/1", weighed(weight="1 g", balance="b"))
    assert replace(event, body=None).decode() is None


def test_a_payload_that_does_not_fit_fails_closed(weighed):
    event = Log().add("lot/a/1", weighed(weight="1 g", balance="b"))
    for body in ({}, {"weight": "1 g"}, {**event.body, "surplus": 1}):
        with pytest.raises(IntegrityError, match=r"event 1 \(Weighed of lot/a/1\)"):
            replace(event, body=body).decode()


def test_one_kind_has_one_type(weighed):
    with pytest.raises(ValueError, match="registered already by"):

        @record_type
        class Weighed(Body):
            """Another one of that name."""

    assert record_types()["Weighed"] is weighed
    with pytest.raises(ValueError, match="capitalised"):
        record_type(type("weighed", (Body,), {"__doc__": "Small."}))


def test_the_registry_is_given_out_as_a_copy():
    given_out = record_types()
    given_out.clear()
    assert "BatchCreated" in record_types()


def test_every_registered_type_can_be_reached_from_its_first_version():
    for kind, body in record_types().items():
        assert body.kind == kind
        for version in range(1, body.body_version):
            assert (kind, version) in records._UPCASTERS


@given(names, names, st.integers(1, 99), micros)
def test_a_body_survives_its_json(batch, phase, run, at):
    body = PhaseStarted(batch=batch, place="", phase=phase, run=run, at=at)
    assert PhaseStarted.model_validate(json.loads(json.dumps(body.as_json()))) == body


def test_a_bad_record_names_file_line_and_key():
    with pytest.raises(ValidationError) as caught:
        PhaseStarted(batch="7", place="", phase="x", run=0, at=0)
    error = bad_record(caught.value, file="card.toml", line=7)
    assert (error.file, error.line, error.key) == ("card.toml", 7, "run")
    assert str(error).startswith("card.toml:7:run: ")
