"""Checks of the qualification: who people are, what they may do, and what they sign."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from goldenbatch.core.batches import BatchCreated, BatchEnded
from goldenbatch.core.credentials import SecurityAlertRaised
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    DeniedError,
    GoldenbatchError,
)
from goldenbatch.core.people import Meaning, SignatureApplied
from goldenbatch.core.records import NewEvent, to_iso
from goldenbatch.core.signatures import signature_state
from goldenbatch.runtime._oq_bench import Bench, NotRunError, batch, expect, record, refused
from goldenbatch.runtime.people import MAX_ATTEMPTS

if TYPE_CHECKING:
    from goldenbatch.core.records import Event
    from goldenbatch.runtime.local import LocalSite

WRONG = "this is not the password"
HOUR_US = 3_600_000_000


def wrong_password_locks(bench: Bench) -> str:
    """Wrong passwords lock the account, are recorded, and are told to those in charge at once."""
    with bench.site() as site:
        uid = bench.person(site, "performer").uid
        for _ in range(MAX_ATTEMPTS):
            refused(
                "a wrong password",
                lambda: site.people.authenticate("performer", WRONG),
                DeniedError,
            )
        words = refused(
            "the right password of a locked account",
            lambda: site.people.authenticate("performer", bench.entry),
            DeniedError,
        )
        kinds = [one.kind for one in site.ledger.stream(f"user/{uid}")]
        expect("AccountLocked" in kinds, "the lock is no event.")
        alerts = [one.kind for one in site.ledger.stream(f"security/{uid}")]
        expect(SecurityAlertRaised.kind in alerts, "nobody was told.")
        return f"locked after {MAX_ATTEMPTS}: {words}"


def closed_account_denied(bench: Bench) -> str:
    """A closed account is refused at once, and its login is never given to another person."""
    with bench.site() as site:
        site.people.disable("performer", "left", by="admin")
        words = refused(
            "a closed account",
            lambda: site.people.authenticate("performer", bench.entry),
            DeniedError,
        )
        refused(
            "a login that was used",
            lambda: site.people.add("performer", "Another", by="admin"),
            ConflictError,
        )
        return words


def administrator_signs_nothing(bench: Bench) -> str:
    """An administrator is refused each meaning of a signature."""
    with bench.site() as site:
        stream = batch(bench, site)
        words = [
            refused(
                f"{meaning.value} by an administrator",
                lambda meaning=meaning: bench.sign(site, stream, meaning.value, "admin"),  # type: ignore[misc]
                DeniedError,
            )
            for meaning in Meaning
        ]
        return f"{len(words)} meanings refused: {words[0]}"


def performer_never_verifies(bench: Bench) -> str:
    """Who performed cannot verify, review or approve it, whatever their role; others can."""
    words = []
    with bench.site() as site:
        stream = batch(bench, site)
        bench.sign(site, stream, "performed", "performer")
        performer = bench.person(site, "performer")
        for meaning in ("verified", "reviewed", "approved"):
            _also(bench, site, bench.role(f"sign:{meaning}"))
            said = refused(
                f"{meaning} by the performer",
                lambda meaning=meaning: bench.sign(site, stream, meaning, "performer"),  # type: ignore[misc]
                DeniedError,
            )
            is_told = performer.uid in said or "role" not in said
            expect(is_told, f"it was refused for another reason: {said}")
            words.append(said)
        event = bench.sign(site, stream, "verified", "verifier")
        return f"verified by another in event {event.seq}; the performer: {words[0]}"


def _also(bench: Bench, site: LocalSite, role: str) -> None:
    """Give the performer a role, by two people, unless they hold it."""
    if role in bench.person(site, "performer").roles:
        return
    site.rights.propose_role(bench.person(site, "admin"), "performer", role, "qualification")
    site.rights.confirm_role(bench.person(site, "approver"), "performer", role, "qualification")


def signature_shows_name_time_meaning(bench: Bench) -> str:
    """A signature holds printed name, time, meaning and role; lists and prints show them."""
    from goldenbatch.capabilities.execution import write_trail
    from goldenbatch.core.audit import TrailFilter
    from goldenbatch.runtime.audit import Trail

    with bench.site() as site:
        body = _signed(bench, site)
        shown = (body.printed_name, body.meaning.value, body.role)
        expect(shown[:2] == ("Performer", "performed") and shown[2], f"it shows {shown}.")
        expect(abs(body.at - bench.clock()) < HOUR_US, "its time is not the server's.")
        rows = site.ledger.select("signature", {"stream": body.stream})
        expect(rows and rows[0]["printed_name"] == "Performer", "lists do not show it.")
        page = Trail(site).page(TrailFilter(streams=(body.stream,)), limit=None).as_json()
        written = write_trail(site, page, bench.folder / f"signed-{bench.n_homes}")
        html = Path(written["html"]).read_text(encoding="utf-8")
        expect(all(one in html for one in shown), "the print of the trail does not show it.")
        return f"{body.printed_name}, {body.role}, {body.meaning.value}, {to_iso(body.at)}"


def _signed(bench: Bench, site: LocalSite) -> SignatureApplied:
    event = bench.sign(site, batch(bench, site), "performed", "performer")
    body = event.decode()
    if not isinstance(body, SignatureApplied):
        raise NotRunError("the signature could not be read.")
    return body


def signature_needs_its_signer(bench: Bench) -> str:
    """Signing asks for login and password at that moment; being at work is not enough."""
    with bench.site() as site:
        stream = batch(bench, site)
        for login, word in (("performer", WRONG), ("performer", ""), ("nobody", bench.entry)):
            words = refused(
                f"a signature of {login}",
                lambda login=login, word=word: site.sign(stream, "performed", login, word),  # type: ignore[misc]
                GoldenbatchError,
            )
        expect(site.ledger.version(stream) == 1, "something was recorded all the same.")
        return words


def signature_bound_to_record(bench: Bench) -> str:
    """A signature that is copied to another record is void there, and verification names it."""
    with bench.site() as site:
        body = _signed(bench, site)
        other = batch(bench, site, "OQ-2")
        moved = body.model_copy(update={"stream": other})
        site.ledger.append([NewEvent(other, moved, 1, actor=body.signer)])
        (state,) = signature_state(site.ledger.stream(other))
        expect(not state.is_signed, "a moved signature holds.")
        expect(not site.verify().is_ok, "verification does not name it.")
        record_hash = site.ledger.stream(body.stream)[0].leaf
        expect(body.record_hash == record_hash, "it does not cover the record's hash.")
        return f"over {record_hash[:16]}; moved: {state.label()}"


def unsigned_since_change(bench: Bench) -> str:
    """A record that changes after it was signed shows as unsigned since that event."""
    with bench.site() as site:
        body = _signed(bench, site)
        stream = body.stream
        (state,) = signature_state(site.ledger.stream(stream))
        expect(state.is_signed, "a fresh signature does not hold.")
        ended = BatchEnded(batch="OQ-1", ended_at=bench.clock(), outcome="completed")
        record(site, stream, ended, body.signer)
        (state,) = signature_state(site.ledger.stream(stream))
        expect(state.unsigned_since == 3, f"it shows as {state.label()}.")
        return state.label()


def untrained_cannot_sign(bench: Bench) -> str:
    """Signing asks for training on the version in force of the procedures that a record cites."""
    with bench.site() as site:
        approver, verifier = bench.person(site, "approver"), bench.person(site, "verifier")
        now = bench.clock()
        entries = {"procedure": "OQ-SOP", "version": "1", "title": "Weighing", "reason": "new",
                   "effective_from": now}  # fmt: skip
        site.rights.issue_procedure(verifier, b"weigh twice", "text/plain", **entries)
        bench.sign(site, "procedure/OQ-SOP", "approved", "approver")
        stream = batch(bench, site, pinned={"procedure/OQ-SOP": ""})
        words = refused(
            "a signature without training",
            lambda: bench.sign(site, stream, "performed", "performer"),
            DeniedError,
        )
        site.rights.complete_training(
            approver, "performer", procedure="OQ-SOP", method="observed", completed_at=now
        )
        event = bench.sign(site, stream, "performed", "performer")
        facts = (event.body or {}).get("facts", [])
        expect(any("training/" in one for one in facts), "the signature names no training.")
        return f"{words} After training: event {event.seq}"


def identity_before_signature(bench: Bench) -> str:
    """Nobody signs before their identity was verified and they accepted to be accountable."""
    with bench.site() as site:
        bench.newcomer(site, "newcomer", bench.role("sign:performed"))
        token = site.credentials.offer("newcomer", "password", "new", by="admin")
        begun = site.credentials.begin("newcomer", token)
        site.credentials.finish("newcomer", token, begun["enrolment"], {"password": bench.entry})
        uid = bench.person(site, "newcomer").uid
        record(site, "batch/OQ-9", BatchCreated(batch="OQ-9", product="OQ"), uid)

        def sign() -> Event:
            return bench.sign(site, "batch/OQ-9", "performed", "newcomer")

        first = refused("a signature before identification", sign, DeniedError)
        admin = bench.person(site, "admin")
        site.rights.verify_identity(admin, "newcomer", "passport")
        second = refused("a signature before accountability", sign, DeniedError)
        site.rights.accept_accountability(bench.person(site, "newcomer"))
        return f"{first} {second} Then signed in event {sign().seq}"


def role_by_two_people(bench: Bench) -> str:
    """A role is proposed by one person and confirmed by another one, never by the same."""
    with bench.site() as site:
        role, admin = bench.role("sign:performed"), bench.person(site, "admin")
        site.people.add("newcomer", "Newcomer", by="admin")
        site.rights.propose_role(admin, "newcomer", role, "qualification")
        words = refused(
            "confirmation by the proposer",
            lambda: site.rights.confirm_role(admin, "newcomer", role, "same"),
            DeniedError,
        )
        expect(not bench.person(site, "newcomer").roles, "the role counts after one person.")
        approver = bench.person(site, "approver")
        site.rights.confirm_role(approver, "newcomer", role, "qualification")
        expect(role in bench.person(site, "newcomer").roles, "the role does not count.")
        refused(
            "a role given by the operator of the machine",
            lambda: site.people.grant("newcomer", bench.role("sign:approved"), "alone"),
            DeniedError,
        )
        return words


def nobody_knows_anothers_password(bench: Bench) -> str:
    """Nobody chooses another person's password, and none is stored."""
    with bench.site() as site:
        words = refused(
            "a password chosen for another",
            lambda: site.people.add("newcomer", "Newcomer", WRONG, by="admin"),
            DeniedError,
        )
        site.ledger.checkpoint()
        folder = site.path
    found = [one.name for one in folder.rglob("*") if one.is_file()
             and bench.entry.encode() in one.read_bytes()]  # fmt: skip
    expect(not found, f"a password stands in {', '.join(found)}.")
    return words


def roles_are_kept_apart(bench: Bench) -> str:
    """One person cannot hold a role with GMP meaning together with an administrator's."""
    with bench.site() as site:
        held = {bench.role("user:grant", gmp=False), bench.role("sign:performed")}
        words = refused(
            "mixed roles", lambda: site.people.policy().check_roles(held), BadInputError
        )
        return words


def lost_credential_replaced_by_two(bench: Bench) -> str:
    """A revoked password no longer signs; another one takes two people besides the owner."""
    with bench.site() as site:
        stream = batch(bench, site)
        site.credentials.request_replacement("performer", "password", "lost", by="admin")
        words = refused(
            "a replacement by one person",
            lambda: site.credentials.approve_replacement("performer", "password", by="admin"),
            DeniedError,
        )
        bench.newcomer(site, "second", bench.role("user:grant", gmp=False))
        site.credentials.approve_replacement("performer", "password", by="second")
        refused(
            "a signature by the revoked password",
            lambda: bench.sign(site, stream, "performed", "performer"),
            DeniedError,
        )
        return words


def access_review_is_complete(bench: Bench) -> str:
    """A review of access lists every account."""
    with bench.site() as site:
        approver = bench.person(site, "approver")
        event = site.rights.review_access(approver, "OQ", "nobody has too much")
        n_users = len(site.ledger.select("user"))
        lines = (event.body or {}).get("lines", [])
        expect(len(lines) == n_users, f"{len(lines)} of {n_users} accounts are listed.")
        return f"event {event.seq}: {n_users} accounts"


def policy_keeps_independence(bench: Bench) -> str:
    """The policy in force here: no meaning for administrators, independence for all others."""
    policy = bench.policy
    apart = policy.roles_without_meaning
    for meaning in Meaning:
        for rule in policy.rules_for(f"sign:{meaning.value}"):
            expect(not set(rule.roles) & apart, f"{rule.action} is open to {apart}.")
            wanted = "performer" if meaning is Meaning.PERFORMED else "not_worker"
            expect(
                rule.independence.startswith(wanted),
                f"{rule.action} asks for independence {rule.independence} only.",
            )
    digest = hashlib.sha256(bench.policy_text.encode()).hexdigest()
    own = "tried" if bench.is_own_policy else f"read only; tried: the shipped one {digest[:16]}"
    return f"policy {policy.version}, digest {policy.digest()[:16]}, {own}"
