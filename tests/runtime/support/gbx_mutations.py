"""One broken control for each check of the qualification, and the words in which it must say so.

A mutation breaks the platform under a check, never the check itself: it patches a function that
other code of the platform calls, or alters what lies on the disk as a fault would.
"""

import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from threading import Lock
from types import SimpleNamespace

CASES = {}


@dataclass(frozen=True)
class Case:
    """A mutation: how it is put in place, and what the check must then say."""

    break_it: object
    words: str


def breaks(check, words):
    """Register the broken control of a check; several checks may share one."""

    def register(function):
        for name in (check,) if isinstance(check, str) else check:
            assert name not in CASES, name
            CASES[name] = Case(function, words if isinstance(words, str) else words[name])
        return function

    return register


def also(check, words):
    """The same break, for another check."""
    return breaks(check, words)


# ---- the trail ----------------------------------------------------------------------------------


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


# ---- proof for outsiders ------------------------------------------------------------------------


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


# ---- people -------------------------------------------------------------------------------------


@breaks("wrong-password-locks", "the right password of a locked account was not refused")
def nothing_locks(patch, **_):
    from goldenbatch.runtime import people

    patch.setattr(people, "is_locked", lambda events: False)


@breaks("closed-account-denied", "a closed account was not refused")
def accounts_stay_open(patch, **_):
    from goldenbatch.runtime import people

    patch.setattr(people, "_require_active", lambda user: None)


@breaks("administrator-signs-nothing", "performed by an administrator was not refused")
def administrators_pass_for_performers(patch, **_):
    from goldenbatch.runtime.authority import Authority

    real = Authority.decide

    def decide(self, user, action, stream):
        if action.startswith("sign:"):
            (row,) = self._ledger.select("user", {"login": "performer"})
            return real(self, self.user(str(row["uid"])), "sign:performed", stream)
        return real(self, user, action, stream)

    patch.setattr(Authority, "decide", decide)


@breaks("performer-never-verifies", "verified by the performer was not refused")
def independence_is_not_asked(patch, **_):
    from goldenbatch.core import authority
    from goldenbatch.core.facts import Fact

    patch.setattr(authority, "_membership", lambda condition, *_: Fact(True, "it is not asked"))


@breaks("signature-shows-name-time-meaning", "the print of the trail does not show it")
def prints_leave_names_out(patch, **_):
    from goldenbatch.capabilities.execution import trail

    real = trail._html
    patch.setattr(trail, "_html", lambda *args: real(*args).replace(b"Performer", b""))


@breaks("signature-needs-its-signer", "a signature of performer was not refused")
def any_password_will_do(patch, **_):
    from goldenbatch.runtime.people import People

    patch.setattr(People, "authenticate", lambda self, login, password: self.find(login))


@breaks("signature-bound-to-record", "a moved signature holds")
def signatures_fit_any_record(patch, **_):
    from goldenbatch.core import signatures

    patch.setattr(signatures, "_faults", lambda *_: ())


@breaks("unsigned-since-change", "it shows as")
def changes_do_not_unsign(patch, **_):
    from goldenbatch.core import signatures

    patch.setattr(signatures, "bisect_right", lambda changes, version: len(changes))


def _holds(patch, kind):
    from goldenbatch.core.facts import Fact

    patch.setattr(kind, "fact", lambda self, *_: Fact(True, "it is not asked"))


@breaks("untrained-cannot-sign", "a signature without training was not refused")
def training_is_not_asked(patch, **_):
    from goldenbatch.core.training import Trained

    _holds(patch, Trained)


@breaks("identity-before-signature", "a signature before identification was not refused")
def identity_is_not_asked(patch, **_):
    from goldenbatch.core.access import Accountable, IdentityKnown

    _holds(patch, IdentityKnown)
    _holds(patch, Accountable)


@breaks("role-by-two-people", "confirmation by the proposer was not refused")
def one_person_gives_roles(patch, **_):
    from goldenbatch.core.people import RoleGranted
    from goldenbatch.runtime.rights import Rights

    def confirm(self, by, login, role, reason):
        uid = self._people.find(login).uid
        return self._append(f"user/{uid}", RoleGranted(uid=uid, role=role, reason=reason), by)

    patch.setattr(Rights, "confirm_role", confirm)


@breaks("nobody-knows-anothers-password", "a password chosen for another was not refused")
def others_choose_passwords(patch, **_):
    from goldenbatch.runtime.people import People

    real = People.add

    def add(self, *args, **more):
        self._is_strict = False
        return real(self, *args, **more)

    patch.setattr(People, "add", add)


@breaks("roles-are-kept-apart", "mixed roles was not refused")
def roles_mix(patch, **_):
    from goldenbatch.core.policy import Policy

    patch.setattr(Policy, "check_roles", lambda self, roles: None)


@breaks(
    ("lost-credential-replaced-by-two", "security-key-replaced-by-two"),
    {
        "lost-credential-replaced-by-two": "a replacement by one person was not refused",
        "security-key-replaced-by-two": "a replacement by one person was not refused",
    },
)
def one_person_replaces(patch, **_):
    from goldenbatch.runtime._ceremony_proofs import Proofs

    real = Proofs.wallet

    def wallet(self, uid):
        found = real(self, uid)
        found.requests = {name: (one[0], "") for name, one in found.requests.items()}
        return found

    patch.setattr(Proofs, "wallet", wallet)


@breaks("access-review-is-complete", r"\d+ of \d+ accounts are listed")
def reviews_leave_accounts_out(patch, **_):
    from goldenbatch.runtime._rights_reports import RightsReports

    real = RightsReports.access_lines
    patch.setattr(RightsReports, "access_lines", lambda self: list(real(self))[1:])


@breaks("policy-keeps-independence", "asks for independence none only")
def the_policy_asks_for_nothing(patch, **_):
    from goldenbatch.core.policy import Policy

    real = Policy.rules_for

    def rules(self, action):
        return tuple(one.model_copy(update={"independence": "none"}) for one in real(self, action))

    patch.setattr(Policy, "rules_for", rules)


# ---- rights -------------------------------------------------------------------------------------


@breaks("inspector-reads-in-a-window", "without a window copies can be taken")
def windows_stay_open(patch, **_):
    from goldenbatch.core.access import InWindow

    _holds(patch, InWindow)


@breaks("delegation-ends-and-never-widens", "it counts once proposed")
def one_person_delegates(patch, **_):
    from goldenbatch.runtime import authority

    real = authority.stand_ins

    def lent(rows, *args):
        return real([{**row, "approved_by": row["proposed_by"]} for row in rows], *args)

    patch.setattr(authority, "stand_ins", lent)


@breaks("certification-has-its-own-role", "certification by the verifier was not refused")
def everybody_certifies(patch, **_):
    from goldenbatch.runtime.authority import Authority

    real = Authority.decide

    def decide(self, user, action, stream):
        return real(self, user, action.replace("sign:certified", "sign:verified"), stream)

    patch.setattr(Authority, "decide", decide)


# ---- the ceremony -------------------------------------------------------------------------------


@breaks("password-signature-is-the-servers-word", "it holds without any key")
def attestations_are_not_checked(patch, **_):
    from goldenbatch.runtime import _evidence

    patch.setattr(_evidence, "_home_fault", lambda body, keys: "")


@breaks("app-code-serves-once", "a code that was used was not refused")
def codes_serve_again(patch, **_):
    from goldenbatch.runtime import _ceremony_totp

    real = _ceremony_totp.matching_step
    patch.setattr(
        _ceremony_totp, "matching_step", lambda secret, code, at, after: real(secret, code, at, -1)
    )


@breaks("security-key-signs-the-statement", "passes for another statement too")
def a_key_may_sign_anything(patch, **_):
    from goldenbatch.runtime import _evidence

    patch.setitem(_evidence._CHECKS, "webauthn", lambda body: "")


@breaks(
    "security-key-without-its-person-refused",
    "a key that did not verify its person was not refused",
)
def presence_is_enough(patch, **_):
    import webauthn

    real = webauthn.verify_authentication_response
    patch.setattr(
        webauthn,
        "verify_authentication_response",
        lambda **more: real(**{**more, "require_user_verification": False}),
    )


@breaks("copied-security-key-suspended", "a copy of a key was not refused")
def counters_are_not_kept(patch, **_):
    from goldenbatch.runtime import _ceremony_webauthn

    real = _ceremony_webauthn.asserted
    patch.setattr(
        _ceremony_webauthn,
        "asserted",
        lambda answer, challenge, settings, one: real(
            answer, challenge, settings, replace(one, counter=-1)
        ),
    )


@breaks("security-key-has-one-owner", "another person's key was not refused")
def keys_are_shared(patch, **_):
    from goldenbatch.runtime.credentials import Credentials

    patch.setattr(Credentials, "_require_new", lambda self, name, details: None)


@breaks("openid-login-signs-the-statement", "a token for another statement was not refused")
def claims_are_not_read(patch, **_):
    from goldenbatch.runtime import _ceremony_oidc

    patch.setattr(_ceremony_oidc, "_claims_fault", lambda *_: "")


@breaks("openid-provider-answers", "provider qualification shows no keys")
def the_provider_shows_no_keys(patch, bench, stack, **_):
    from goldenbatch.core.config import SigningSettings
    from goldenbatch.runtime._oq_provider import LoopbackProvider

    real = LoopbackProvider.page
    patch.setattr(
        LoopbackProvider,
        "page",
        lambda self, path: {"keys": []} if path == "/jwks" else real(self, path),
    )
    provider = stack.enter_context(LoopbackProvider())
    signing = SigningSettings.model_validate({"providers": [provider.settings()]})
    home = SimpleNamespace(settings=SimpleNamespace(signing=signing), clock=bench.clock)
    patch.setattr(bench, "home_site", home)


@breaks("series-asks-again-after-idling", "a series after idling was not refused")
def series_never_idle(patch, **_):
    from goldenbatch.runtime._ceremony_series import Series

    patch.setattr(
        Series, "is_open", lambda self, session, signer: self._open.get(session.key) is not None
    )


@breaks("statement-serves-once-and-in-time", "a late statement was not refused")
def statements_last(patch, **_):
    from goldenbatch.runtime._ceremony_series import Waiting

    patch.setattr(Waiting, "take", lambda self, name: self._kept[name][1])


@breaks("weak-password-refused", "a short password was not refused")
def short_passwords_will_do(patch, **_):
    from goldenbatch.runtime import people

    patch.setattr(people, "MIN_PASSWORD", 1)


@breaks("policy-sets-the-class", "a password where the policy asks for a key was not refused")
def the_class_is_not_compared(patch, **_):
    from goldenbatch.runtime.signing import Signing

    patch.setattr(Signing, "_require_class", lambda self, prepared, found: None)


# ---- what comes in, and what is kept ------------------------------------------------------------


@breaks("quarantine-accounts-for-all-rows", "the text of the refused row is not kept")
def refused_rows_lose_their_text(patch, **_):
    from goldenbatch.connectors.tabular import importing

    patch.setattr(importing, "as_json_lines", lambda plan: b"{}\n")


@breaks("original-file-kept", "the kept file is not the one that was imported")
def files_are_kept_changed(patch, **_):
    from goldenbatch.stores.registry import Registry

    real = Registry.get
    patch.setattr(Registry, "get", lambda self, digest: real(self, digest).upper())


@breaks("import-again-adds-nothing", "readings were counted again")
def files_are_read_twice(patch, **_):
    from goldenbatch.connectors.tabular import _settle, importing

    patch.setattr(importing._Import, "_repeated", lambda self, table, original: None)
    patch.setattr(importing._Import, "_seen", lambda self: set())
    patch.setattr(_settle, "_stored", lambda readings, historian: {})


@breaks("changed-reading-is-a-conflict", "the contradiction was not told")
def contradictions_are_dropped(patch, **_):
    from goldenbatch.connectors.tabular import _settle

    real = _settle._compare

    def compare(one, stored):
        is_there, _, where = real(one, stored)
        return is_there, is_there, where

    patch.setattr(_settle, "_compare", compare)


@breaks("impossible-value-refused", "a result of no number was not refused")
def any_text_is_a_number(patch, **_):
    from goldenbatch.core.results import Result
    from goldenbatch.runtime import _oq_data

    patch.setattr(_oq_data, "Result", Result.model_construct)


@breaks("unknown-tag-refused", "an unknown tag was not refused")
def any_tag_will_do(patch, **_):
    from goldenbatch.core.plant import Plant

    real = Plant.tag
    patch.setattr(Plant, "tag", lambda self, name: real(self, name.removesuffix("_2")))


@breaks("replay-as-seen-equals", "replay differs")
def analysts_answer_otherwise(patch, **_):
    from goldenbatch.runtime import replay

    real = replay.assess

    def assess(*args):
        found = real(*args)
        return replace(found, transitions=())

    patch.setattr(replay, "assess", assess)


@breaks("analyst-version-locked", "an analyst of another version ran")
def any_version_runs(patch, **_):
    from goldenbatch.runtime.adoption import Workshop

    def build(self, adoption):
        body = adoption.body
        return self.make(body.name, body.analyst, body.settings)

    patch.setattr(Workshop, "build", build)


@breaks("dossier-is-readable-and-proved", "the dossier does not name its batch")
def dossiers_are_empty(patch, **_):
    from goldenbatch.capabilities.execution import _documents

    patch.setattr(_documents, "render_html", lambda report: "<html></html>")


@breaks("restore-drill", "the restored home does not verify")
def restores_are_cut(patch, **_):
    from goldenbatch.runtime import backup

    real = backup._write

    def write(vault, entry, folder):
        real(vault, entry, folder)
        if entry.path.endswith("ledger.sqlite"):
            with closing(sqlite3.connect(folder / entry.path)) as connection:
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                ).fetchall():
                    connection.execute(f'DROP TRIGGER "{name}"')
                connection.execute("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)")
                connection.commit()

    patch.setattr(backup, "_write", write)


@breaks("damaged-backup-named", "a backup that was damaged passes the drill")
def backups_are_believed(patch, **_):
    from goldenbatch.runtime import backup
    from goldenbatch.runtime._snapshots import Vault

    def read(self, entry):
        for digest in entry.pieces:
            yield self._piece(digest).read_bytes()

    patch.setattr(Vault, "read", read)
    patch.setattr(Vault, "check", lambda self, snapshot: [])
    patch.setattr(backup, "verify_restored", lambda folder, snapshot: (0, []))


@breaks("archive-reads-without-the-platform", "a file that was altered is not named")
def archives_are_not_compared(patch, **_):
    from goldenbatch.runtime import archive

    patch.setattr(archive, "_digest", lambda path: "0" * 64)


@breaks("erasure-takes-two-and-keeps-the-proof", "the content can still be read")
def nothing_is_erased(patch, **_):
    from goldenbatch.stores.ledger import _erasure

    patch.setattr(_erasure, "carry_out", lambda *_: None)


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


def broken(name, patch, bench, postgres):
    """Break the control of a check; gives what ends with the check.

    Args:
        postgres: Gives the URL of a server, which is started when it is first asked for.
    """
    stack = ExitStack()
    CASES[name].break_it(patch, bench=bench, stack=stack, postgres=postgres)
    return stack
