"""What the room release brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offer, Offers

_ROOM = "goldenbatch.capabilities.monitoring.release"

OFFERS: Offers = {
    "pages": (Offer("release", f"{_ROOM}._pages:RELEASE", "Release tests and their evidence"),),
    "tiles": (Offer("release", f"{_ROOM}._pages:TILE", "Release tests that passed"),),
    "widgets": (Offer("release-batch", f"{_ROOM}._pages:BATCH", "Release tests of a batch"),),
    "routes": (Offer("release", f"{_ROOM}.routes:routes", "How batches stand, on what evidence"),),
    "trials": (
        Offer("release", f"{_ROOM}.trial:ReleaseTrial", "Release models forward in time, gated"),
    ),
    "trainers": (
        Offer(
            "release",
            f"{_ROOM}.training:train_release",
            "A forest, ridge or Tobit model, as its trial chose",
        ),
    ),
    "analysts": (
        Offer(
            "release_watch",
            f"{_ROOM}.watch:release_watch",
            "How often a release test has no valid prediction, against the registered share",
        ),
    ),
    "facts": (
        Offer(
            "release_independent",
            f"{_ROOM}.independence:ReleaseIndependent",
            "Who asked for a release test does not review its page",
        ),
    ),
    "acts": (
        Offer("release-register", f"{_ROOM}.registering:register", "Enter what is registered"),
        Offer(
            "release-register-approve",
            f"{_ROOM}.registering:approve_registration",
            "Approve a registration, signed",
        ),
        Offer(
            "release-register-withdraw",
            f"{_ROOM}.registering:withdraw_registration",
            "Withdraw a registration, at once",
        ),
        Offer("release-test", f"{_ROOM}.asking:ask", "Ask for a release test of a batch"),
        Offer("release-link", f"{_ROOM}.laboratory:link", "Link a result of the contingency test"),
        Offer(
            "release-conclude",
            f"{_ROOM}.laboratory:conclude",
            "End an investigation with its root cause, signed",
        ),
        Offer("release-evidence", f"{_ROOM}.page:keep", "Keep the page of evidence of a batch"),
        Offer("release-review", f"{_ROOM}.page:review", "Review the kept page, signed"),
        Offer("release-approve", f"{_ROOM}.page:approve", "Approve the kept page, signed"),
    ),
    "documents": (Offer("release", f"{_ROOM}.figures:batch_charts", "Release tests of a batch"),),
}
