from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import DataClass, Envelope, HomeKind
from goldenbatch.stores.ledger._events import envelope_bytes
from goldenbatch.stores.ledger.canonical import canonical

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
MICROS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
ENVELOPES = st.builds(
    Envelope,
    home=TEXT,
    home_kind=st.sampled_from(HomeKind),
    site=TEXT,
    owner=TEXT | st.just(""),
    data_class=st.sampled_from(DataClass),
    stream=st.from_regex(r"[a-z][a-z0-9_-]*/[^\x00-\x1f\x7f\ud800-\udfff]{1,20}", fullmatch=True),
    version=st.integers(1, 2**53 - 1),
    kind=st.from_regex(r"[A-Z][A-Za-z0-9]+", fullmatch=True),
    body_version=st.integers(1, 9),
    actor=TEXT,
    acting_for=TEXT | st.just(""),
    recorded_at=MICROS,
    performed_at=st.none() | MICROS,
    body_digest=st.binary(min_size=32, max_size=32).map(bytes.hex),
    previous=st.binary(min_size=32, max_size=32).map(bytes.hex) | st.just(""),
)


@given(ENVELOPES)
def test_the_written_out_form_is_the_canonical_one(envelope):
    assert envelope_bytes(envelope) == canonical(envelope.as_json())
    if (envelope.performed_at or 0) > 0 and envelope.recorded_at > 0:
        assert Envelope.model_validate_json(envelope_bytes(envelope)) == envelope


def test_a_lone_surrogate_is_refused(kit, ledger):
    with pytest.raises(BadInputError):
        ledger.append([kit.NewEvent("thing/a", kit.moved("a", 0).body, 0, "u-\ud800")])
    assert ledger.head() == 0


FIELDS = st.fixed_dictionaries(
    {
        "stream": st.sampled_from(["thing/a", "thing/a\n", "bad", "x/" + "y" * 201, "thing/é", ""]),
        "actor": st.sampled_from(["u-1", "", 5]),
        "owner": st.sampled_from(["", "client", "\ufdd0hole\ufdd0", None]),
        "acting_for": st.sampled_from(["", "u-2", b"u"]),
        "performed_at": st.none() | st.sampled_from([5, "2020-01-01T00:00:00Z", "never"]),
        "expected_version": st.sampled_from([0, -1]),
    }
)


@given(FIELDS)
def test_the_quick_check_of_an_envelope_lets_through_what_the_full_one_does(kit, fields):
    """What the short cut takes is equal to what the envelope's own checks make of it."""
    from goldenbatch.stores.ledger import _events

    given_event = kit.NewEvent(body=kit.moved("a", 0).body, **fields)
    prepared = _events.prepare(given_event, b"s" * _events.SALT_SIZE)
    try:
        made = _events.Placer(kit.HOME).place(prepared, 1, kit.START, b"").event.envelope
    except BadInputError:
        made = None
    try:
        full = Envelope(**_events._fields(prepared, kit.HOME, kit.START, b""))
    except ValueError:
        full = None
    assert made == full
    if full is not None:
        assert made.model_dump() == full.model_dump() and type(made) is type(full)


@given(
    st.lists(FIELDS, min_size=2, max_size=6), st.lists(st.sampled_from(["a", "é\ufdd0hole\ufdd0"]))
)
def test_an_event_gets_the_same_place_whatever_came_before_it(kit, many, names):
    """What is taken over from the event before is what would have been written anew."""
    from goldenbatch.stores.ledger import _events

    placer, salt = _events.Placer(kit.HOME), b"s" * _events.SALT_SIZE
    for number, fields in enumerate([*many, *many[::-1]]):
        name = names[number % len(names)] if names else "a"
        event = kit.NewEvent(body=kit.moved(name, 0).body, **fields)
        prepared = _events.prepare(event, salt)
        given_now = (prepared, number + 1, kit.START + number, b"p" * 32)
        try:
            made = placer.place(*given_now)
        except BadInputError:
            with pytest.raises(BadInputError):
                _events.Placer(kit.HOME).place(*given_now)
            continue
        assert made == _events.Placer(kit.HOME).place(*given_now)
        assert made.event_row[-1] == canonical(made.event.envelope.as_json())
