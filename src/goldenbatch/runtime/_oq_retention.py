"""Checks of the qualification: what must be kept is kept, and what may go goes by two people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from goldenbatch.core.batches import BatchCreated, BatchEnded
from goldenbatch.core.errors import DeniedError
from goldenbatch.core.retention import RETENTION_STREAM, first_schedule_text
from goldenbatch.runtime._oq_bench import Bench, NotRunError, expect, record, refused

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

YEAR_US: Final = 366 * 86_400_000_000
LONG_US: Final = 12 * YEAR_US
KEEPER, SECOND, CERTIFIER = "keeper", "second", "certifier"
NEEDED: Final = {
    KEEPER: ("deletion:propose", "retention:adopt", "hold:place", "sign:performed"),
    SECOND: ("deletion:approve", "hold:lift", "sign:approved"),
    CERTIFIER: ("sign:certified",),
}


def retention_refuses_before_its_time(bench: Bench) -> str:
    """A record is deleted by two people, once its time is over, and not a day before."""
    with bench.site() as site:
        _prepare(bench, site)
        words = refused(
            "a deletion before its time", lambda: _propose(bench, site, "early"), DeniedError
        )
        bench.clock.ahead_us = LONG_US
        _propose(bench, site, "due")
        refused(
            "a deletion by one person", lambda: _approve(bench, site, "due", KEEPER), DeniedError
        )
        refused(
            "a deletion that nobody approved", lambda: site.retention.finish("due"), DeniedError
        )
        _approve(bench, site, "due", SECOND)
        site.retention.finish("due")
        left = [one.seq for one in site.ledger.stream("batch/OQ-1") if one.body is not None]
        expect(not left, f"the contents of events {left} are still there.")
        wrong = [str(one) for one in site.verify().problems if not one.is_note]
        expect(not wrong, f"the home does not verify after it: {wrong[:1]}.")
        return f"before its time: {words}"


def hold_stops_deletion(bench: Bench) -> str:
    """Under a hold nothing is deleted, whatever its time; its end is signed by another person."""
    with bench.site() as site:
        _prepare(bench, site)
        keeper = bench.person(site, KEEPER)
        site.retention.place_hold(keeper, "OQ", {"batches": ["OQ-1"]}, "complaint", "qualification")
        bench.clock.ahead_us = LONG_US
        words = refused(
            "a deletion under a hold", lambda: _propose(bench, site, "held"), DeniedError
        )
        refused("the end of a hold by who placed it", lambda: _lift(bench, site, KEEPER),
                DeniedError)  # fmt: skip
        refused("a deletion under a hold", lambda: _propose(bench, site, "still"), DeniedError)
        _lift(bench, site, SECOND)
        _propose(bench, site, "free")
        return f"{words} After its end it can be proposed"


def _prepare(bench: Bench, site: LocalSite) -> None:
    """A batch that was certified, people who may keep and delete, and a schedule in force."""
    for login, actions in NEEDED.items():
        bench.admitted(site, login, _role(bench, actions))
    uid, at = bench.person(site, "performer").uid, bench.clock()
    body = BatchCreated(batch="OQ-1", product="OQ", started_at=at, attributes={"expiry": "2027-01"})
    record(site, "batch/OQ-1", body, uid)
    ended = BatchEnded(batch="OQ-1", ended_at=bench.clock(), outcome="completed")
    record(site, "batch/OQ-1", ended, uid)
    bench.sign(site, "batch/OQ-1", "certified", CERTIFIER)
    keeper = bench.person(site, KEEPER)
    site.retention.adopt(keeper, first_schedule_text(), "qualification")
    bench.sign(site, RETENTION_STREAM, "approved", SECOND)


def _role(bench: Bench, actions: tuple[str, ...]) -> str:
    """A role that may do all of them."""
    policy = bench.used
    found = [{role for rule in policy.rules_for(one) for role in rule.roles} for one in actions]
    both = set.intersection(*found)
    if not both:
        raise NotRunError(f"no role of the policy may do all of {', '.join(actions)}.")
    return sorted(both)[0]


def _propose(bench: Bench, site: LocalSite, deletion: str) -> None:
    site.retention.propose(bench.person(site, KEEPER), deletion, ["batch/OQ-1"], "qualification")
    bench.sign(site, f"deletion/{deletion}", "performed", KEEPER)


def _approve(bench: Bench, site: LocalSite, deletion: str, login: str) -> None:
    asked = site.retention.asked_approval(deletion, "qualification")
    site.signing.sign_asked(asked, login, bench.entry)


def _lift(bench: Bench, site: LocalSite, login: str) -> None:
    asked = site.retention.asked_lift("OQ", "qualification")
    site.signing.sign_asked(asked, login, bench.entry)
