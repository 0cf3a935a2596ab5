"""Broken controls of the trail, and of what outsiders hold in their hands."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from threading import Lock
from types import SimpleNamespace

from gbx_cases import also, breaks


@breaks("altered-record-named", r"event \d+ was not named")
@also("deleted-tail-named", r"the loss of event \d+ was not found")
def verification_sees_nothing(patch, **_):
    from goldenbatch.stores.ledger import Ledger

    patch.setattr(Ledger, "verify", lambda self, *args, **more: [])


@breaks("ledger-only-adds", "was not refused")
def triggers_are_gone(patch, **_):
    from goldenbatch.runtime._oq_bench import Bench

    real = Bench.home

    def unguarded(self):
        path = real(self)
        with closing(sqlite3.connect(path / "ledger" / "ledger.sqlite")) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in rows.fetchall():
                connection.execute(f'DROP TRIGGER "{name}"')
            connection.commit()
        return path

    patch.setattr(Bench, "home", unguarded)


@breaks("concurrent-append-one-wins", r"\d of 8 writers wrote the same version")
@also("record-has-no-gap", "a gap in a record was not refused")
def versions_are_not_compared(patch, **_):
    from goldenbatch.stores.ledger import Ledger

    real, gate = Ledger.append, Lock()

    def append(self, events):
        with gate:
            heads = {one.stream: self.version(one.stream) for one in events}
            placed = []
            for one in events:
                placed.append(replace(one, expected_version=heads[one.stream]))
                heads[one.stream] += 1
            return real(self, placed)

    patch.setattr(Ledger, "append", append)


@breaks("old-value-and-reason-kept", "the trail does not show 'OLD'")
def old_values_are_hidden(patch, **_):
    from goldenbatch.core import audit

    patch.setattr(audit, "_corrected", lambda body: [audit.Change("product", "", body["new"])])


@breaks("late-entry-marked", "the trail does not mark the late entry")
def nothing_is_late(patch, **_):
    from goldenbatch.core import audit

    patch.setattr(audit, "LATE_AFTER_US", 2**62)


@breaks("clock-never-goes-back", "the time of a record went back")
def the_clock_is_believed(patch, **_):
    from goldenbatch.stores.ledger import _writer

    patch.setattr(_writer, "max", lambda first, *_: first, raising=False)


@breaks("projections-equal-events", r"\d+ differences, first")
def a_list_is_altered(patch, **_):
    from goldenbatch.runtime._oq_bench import Bench

    real = Bench.sign

    def sign(self, site, *args, **more):
        event = real(self, site, *args, **more)
        with closing(sqlite3.connect(site.path / "ledger" / "ledger.sqlite")) as connection:
            connection.execute("UPDATE p_signature SET printed_name = 'Somebody Else'")
            connection.commit()
        return event

    patch.setattr(Bench, "sign", sign)


@breaks("copy-verifies-outside", "an altered copy was taken for sound")
def copies_are_believed(patch, **_):
    import json

    from goldenbatch.core.records import Envelope, Event
    from goldenbatch.stores.ledger import bundle

    def checked(entry, checkpoint):
        envelope = Envelope.model_validate_json(entry["envelope"])
        return Event(entry["seq"], envelope, json.loads(entry["body"]), entry["leaf"])

    patch.setattr(bundle, "_checked", checked)


@breaks("forged-checkpoint-refused", "a forged checkpoint was not refused")
def every_key_is_known(patch, **_):
    from goldenbatch.stores.ledger import notes

    patch.setattr(notes, "open_note", lambda note, verifiers: notes.parse_note(note))


@breaks("trail-can-be-searched-and-copied", "search is wrong")
def filters_do_nothing(patch, **_):
    from goldenbatch.core.audit import TrailFilter

    patch.setattr(TrailFilter, "where", lambda self: {})


@breaks("trail-review-needs-showing", "a review by another person was not refused")
def any_showing_will_do(patch, **_):
    from goldenbatch.runtime.audit import Trail

    class Anybody(str):
        __hash__ = str.__hash__

        def __eq__(self, other):
            return True

        def __ne__(self, other):
            return False

    real = Trail._shown

    def shown(self, stream, opened):
        found = real(self, stream, opened)
        return found.model_copy(update={"reader": Anybody(found.reader)})

    patch.setattr(Trail, "_shown", shown)


@breaks("configuration-is-recorded", "a changed plant under the old version was not refused")
def plants_change_silently(patch, **_):
    from goldenbatch.runtime import plants

    patch.setattr(plants, "adopt", lambda site, text, *_, **__: plants.preview(site, text, {}))


@breaks("home-kind-is-shown", "another kind of home was not refused")
def the_kind_can_be_edited(patch, **_):
    from goldenbatch.runtime import local

    patch.setattr(local, "require_kind", lambda ledger, settings: None)


def _changed_verifier(patch, more):
    """The verifier as it is handed out, with some lines more before it starts."""
    from goldenbatch.runtime import _oq_proof

    real, start = _oq_proof.verifier_text(), 'if __name__ == "__main__":'
    assert real.count(start) == 1
    patch.setattr(_oq_proof, "verifier_text", lambda: real.replace(start, more + start))


@breaks("export-verifies-by-the-verifier-alone", "takes an export that was altered")
def the_verifier_keeps_silent(patch, **_):
    blind = """def _blind(options, wrong, lines, _real=verify):
    _real(options, [], lines)
verify = _blind
"""
    _changed_verifier(patch, blind)


@breaks("this-home-verifies-by-the-verifier-alone", r"does not name event \d+")
def the_verifier_does_not_read_contents(patch, **_):
    blind = """def _blind(line, keys, _real=read_event):
    row = _real(line, keys)
    row["wrong"] = []
    return row
read_event = _blind
"""
    _changed_verifier(patch, blind)


@breaks("inspectors-copy-verifies-alone", "the verifier takes an export that was altered")
def the_copied_verifier_keeps_silent(patch, **_):
    the_verifier_keeps_silent(patch)


@breaks("rewritten-history-refused-by-witness", "a rewritten history was not refused")
def the_witness_signs_anything(patch, **_):
    from goldenbatch.runtime import witness

    patch.setattr(witness, "_require_extension", lambda seen, made, request: None)


@breaks("checkpoints-come-by-themselves", "it was not signed after the third event")
def nobody_signs_the_head(patch, **_):
    from goldenbatch.runtime.checkpoints import Checkpointer

    patch.setattr(Checkpointer, "sign_if_due", lambda self: False)


@breaks(
    "promotion-needs-order-and-approval", "a package for a home of the same kind was not refused"
)
def no_step_is_needed(patch, **_):
    from goldenbatch.runtime import promotion

    patch.setattr(promotion, "require_order", lambda source, target: None)


@breaks("database-only-adds", "the role of this home was allowed: UPDATE event")
def the_role_may_change_records(patch, bench, postgres, **_):
    import psycopg
    from tests.stores.ledger import postgres_kit

    _, url, schema = postgres_kit.new_schema(postgres())
    with psycopg.connect(postgres(), autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {schema}.event DISABLE TRIGGER ALL")
        connection.execute(f"GRANT UPDATE ON {schema}.event TO {postgres_kit.ROLE}")
    patch.setattr(bench, "home_site", home_on(url))


def home_on(url):
    """A home whose ledger lies in a database, as far as the check of it looks."""
    return SimpleNamespace(settings=SimpleNamespace(ledger=SimpleNamespace(url=url)))
