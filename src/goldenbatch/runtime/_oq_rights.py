"""Checks of the qualification: rights that are lent, boxed in time, or of one role alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from goldenbatch.core.errors import DeniedError
from goldenbatch.core.people import Meaning, SignatureApplied
from goldenbatch.core.policy import POLICY_STREAM, adopted
from goldenbatch.runtime._oq_bench import (
    Bench,
    CheckFailedError,
    NotRunError,
    batch,
    expect,
    record,
    refused,
)

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.core.policy import Rule
    from goldenbatch.runtime.local import LocalSite

HOUR_US = 3_600_000_000


def inspector_reads_in_a_window(bench: Bench) -> str:
    """A time-boxed role may take copies within its window only, and signs nothing."""
    policy = bench.used
    boxed = [name for name, role in policy.roles.items() if role.time_boxed]
    rules = [one for one in policy.rules_for("export") if set(one.roles) & set(boxed)]
    if not rules:
        raise NotRunError("the policy has no time-boxed role that may take copies.")
    role = next(name for name in rules[0].roles if name in boxed)
    with bench.site() as site:
        admin = bench.person(site, "admin")
        bench.newcomer(site, "inspector", role)
        stream = batch(bench, site)

        def may(action: str) -> bool:
            user = bench.person(site, "inspector")
            return site.people.decide_may(user, action, stream).is_allowed

        expect(not may("export"), "without a window copies can be taken.")
        now = bench.clock()
        window = {"role": role, "start": now, "end": now + HOUR_US, "reason": "inspection"}
        site.rights.set_window(admin, "inspector", **window)
        expect(may("read"), "within the window nothing can be read.")
        expect(may("export"), "within the window no copies can be taken.")
        expect(not any(may(f"sign:{one.value}") for one in Meaning), "an inspector may sign.")
        changing = [one for one in ("record", "correct", "import", "adopt", "user:add") if may(one)]
        expect(not changing, f"an inspector may {', '.join(changing)}.")
        bench.clock.ahead_us = 2 * HOUR_US
        expect(not may("export"), "after the window copies can still be taken.")
        expect(not may("read"), "after the window records can still be read.")
        return f"role {role}: nothing before, reads and copies within, nothing after its window"


def policy_comes_into_force_signed(bench: Bench) -> str:
    """A policy counts only once another person than its proposer has adopted it, signed."""
    with bench.site() as site:
        before = site.people.policy().digest()
        unsigned = adopted(_next_policy(bench.policy_text, "unsigned"), bench.clock())
        record(site, POLICY_STREAM, unsigned, "node")
        expect(site.people.policy().digest() == before, "a policy that nobody signed counts.")
        text = _next_policy(bench.policy_text, "next")
        event = site.policies.propose(bench.person(site, "approver"), text, "qualification")
        digest = str((event.body or {})["digest"])
        expect(site.people.policy().digest() == before, "it counts once proposed.")

        def adopt(login: str) -> None:
            asked = site.policies.asked_adoption(digest)
            site.signing.sign_asked(asked, login, bench.entry)

        words = refused("adoption by the proposer", lambda: adopt("approver"), DeniedError)
        bench.admitted(site, "second", bench.role("sign:approved"))
        adopt("second")
        expect(site.people.policy().digest() == digest, "the adopted policy does not count.")
        return f"{site.policies.standing().label()}; the proposer: {words}"


def _next_policy(text: str, version: str) -> str:
    """The policy in force with another number of days, under another version."""
    changed = re.sub(r"(?m)^version = .*$", f'version = "oq-{version}"', text, count=1)
    days = "review_days = 37"
    if re.search(r"(?m)^review_days = ", changed):
        return re.sub(r"(?m)^review_days = .*$", days, changed, count=1)
    return re.sub(r"(?m)^title = .*$", lambda found: f"{found[0]}\n{days}", changed, count=1)


def delegation_ends_and_never_widens(bench: Bench) -> str:
    """A right is lent by two people, for a time, and to nobody who would sign their own work."""
    rule = _delegable(bench)
    with bench.site() as site:
        approver, stream = bench.person(site, "approver"), batch(bench, site)
        helper = bench.role("delegation:approve", gmp=True)
        for login in ("deputy", "second"):
            bench.newcomer(
                site, login, bench.role("sign:performed") if login == "deputy" else helper
            )
            bench.admit(site, login)
        now = bench.clock()
        lent = {"delegation": "OQ", "role": _held(approver, rule), "start": now,
                "end": now + HOUR_US, "reason": "leave"}  # fmt: skip
        site.rights.propose_delegation(approver, "approver", "deputy", **lent)
        expect(not _may(bench, site, "deputy", rule.action, stream), "it counts once proposed.")
        words = refused(
            "approval by the proposer",
            lambda: site.rights.approve_delegation(approver, "OQ"),
            DeniedError,
        )
        site.rights.approve_delegation(bench.person(site, "second"), "OQ")
        expect(_may(bench, site, "deputy", rule.action, stream), "what was lent does not count.")
        own = _own_batch(bench, site, "deputy")
        expect(
            not _may(bench, site, "deputy", rule.action, own), "the deputy signs their own work."
        )
        bench.clock.ahead_us = 2 * HOUR_US
        expect(not _may(bench, site, "deputy", rule.action, stream), "it outlasts its end.")
        return f"{rule.action} lent as {lent['role']}; the proposer: {words}"


def _delegable(bench: Bench) -> Rule:
    for action in ("sign:approved", "sign:reviewed", "sign:released"):
        for rule in bench.used.rules_for(action):
            if rule.is_delegable and bench.role("sign:approved") in rule.roles:
                return rule
    raise NotRunError("the policy lets nothing be delegated that the approver here may do.")


def _held(user: UserState, rule: Rule) -> str:
    return next(one for one in user.roles if one in rule.roles)


def _may(bench: Bench, site: LocalSite, login: str, action: str, stream: str) -> bool:
    return site.people.decide_may(bench.person(site, login), action, stream).is_allowed


def _own_batch(bench: Bench, site: LocalSite, login: str) -> str:
    from goldenbatch.core.batches import BatchCreated

    body = BatchCreated(batch="OQ-OWN", product="OQ")
    record(site, "batch/OQ-OWN", body, bench.person(site, login).uid)
    return "batch/OQ-OWN"


def certification_has_its_own_role(bench: Bench) -> str:
    """Only those whose role the policy names for it certify a batch, and the record says who."""
    action = f"sign:{Meaning.CERTIFIED.value}"
    roles = {role for rule in bench.used.rules_for(action) for role in rule.roles}
    if not roles:
        raise NotRunError("the policy lets nobody certify: no batch is certified here.")
    shared = roles & {bench.role("sign:performed"), bench.role("user:grant", gmp=False)}
    expect(not shared, f"the policy lets {', '.join(sorted(shared))} certify too.")
    role = sorted(roles)[0]
    with bench.site() as site:
        stream = batch(bench, site)
        others = [one for one in ("performer", "verifier", "approver")
                  if not roles & set(bench.person(site, one).roles)]  # fmt: skip
        expect(others, "everybody here holds a role that certifies.")
        for login in others:
            words = refused(
                f"certification by the {login}",
                lambda login=login: bench.sign(site, stream, "certified", login),  # type: ignore[misc]
                DeniedError,
            )
        bench.admitted(site, "certifier", role)
        body = bench.sign(site, stream, "certified", "certifier").decode()
        if not isinstance(body, SignatureApplied):
            raise CheckFailedError("what was appended is no signature.")
        shown = (body.printed_name, body.role)
        expect(shown == ("Certifier", role), f"the record names {shown}.")
        return f"certified by {shown[0]} as {role}; {len(others)} others refused: {words}"
