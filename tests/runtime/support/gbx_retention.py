"""What tests of retention share: an old batch, and deletions by two people."""

from __future__ import annotations

from gbx_bench import TANK
from gbx_ceremony import PASSWORD, by_password, person

from goldenbatch.core.batches import BatchCreated, BatchEnded, PhaseEnded, PhaseStarted
from goldenbatch.core.intake import FileImported
from goldenbatch.core.retention import first_schedule_text

DAY = 86_400_000_000
YEAR = 366 * DAY


def signed(site, asked, login):
    """Through the ceremony, by password."""
    prepared = site.signing.prepare(asked, login)
    return site.signing.complete(prepared.id, by_password(login))


def user(site, login):
    return site.people.find(login)


def in_force(site, text=""):
    site.retention.adopt(user(site, "ann"), text or first_schedule_text(), "first schedule")
    site.sign("master/retention", "approved", "bob", PASSWORD)


def live(bench, site):
    """Make, certify and describe a batch that expires; put the first schedule into force."""
    for login, role in (
        ("ann", "quality_reviewer"), ("bob", "quality_reviewer"), ("qp", "qualified_person"),
        ("eng", "process_engineer"), ("root", "administrator"),
    ):  # fmt: skip
        person(site, login, role)
    made(bench, site, "B7", expiry="2025-06")
    bench.write(site, [(site.windows("B7")[0][0] + 5, 20.0)])
    site.flush()
    site.sign("batch/B7", "certified", "qp", PASSWORD)
    in_force(site)


def made(bench, site, batch, start=None, **attributes):
    now = start or site.clock() - 100
    bench.record(site, f"batch/{batch}", BatchCreated(
        batch=batch, product="P", place=TANK, started_at=now, attributes=attributes
    ))  # fmt: skip
    run = {"batch": batch, "place": TANK, "phase": "make"}
    bench.record(site, f"batch/{batch}", PhaseStarted(**run, at=now))
    bench.record(site, f"batch/{batch}", PhaseEnded(**run, at=now + 90))
    end = BatchEnded(batch=batch, ended_at=now + 90, outcome="completed")
    bench.record(site, f"batch/{batch}", end)


def propose(site, refs, deletion="D-1", by="ann"):
    site.retention.propose(user(site, by), deletion, refs, "its time is over")
    site.sign(f"deletion/{deletion}", "performed", by, PASSWORD)


def approve(site, deletion="D-1", by="bob"):
    signed(site, site.retention.asked_approval(deletion, "checked"), by)
    return site.retention.finish(deletion)


def faults(site):
    return [str(one) for one in site.verify().problems if not one.is_note]


def notes(site):
    return " ".join(one.message for one in site.verify().problems if one.is_note)


def imported(bench, site, content=b"a;b\n1;2\n"):
    digest = site.registry.put(content, "text/csv")
    body = FileImported(
        card="press", card_digest="0" * 64, file="day.csv", digest=digest, n_rows=1, n_accepted=1,
        n_unchanged=0, n_rejected=0, n_conflicts=0, n_readings=1, n_records=0,
    )  # fmt: skip
    bench.record(site, "import/press", body)
    return digest
