"""The desk of a home that this process holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.records import from_iso, to_iso
from goldenbatch.core.site import Actor, HomeInfo

if TYPE_CHECKING:
    from goldenbatch.apps.desk import NewUser, PlantFiles
    from goldenbatch.core.analyst import Transition
    from goldenbatch.core.findings import Finding
    from goldenbatch.core.records import Event
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.plants import PlantPreview

Answer = dict[str, Any]
COUNTED = ("batch", "sample", "result", "lot", "finding", "user", "import_file", "conflict")


class LocalDesk:
    """What people do with a home that this process holds; each act gives plain values."""

    def __init__(self, site: LocalSite) -> None:
        from goldenbatch.apps.ceremony import LocalCeremony

        self.site = site
        self.ceremony = LocalCeremony(site)

    @property
    def home(self) -> HomeInfo:
        """Identity and kind of the home."""
        return self.site.home

    def authenticate(self, login: str, password: str) -> Actor:
        """The person behind a login, who proves it by the password.

        Raises:
            DeniedError: Login or password is wrong, or the account is closed or locked.
        """
        user = self.site.people.authenticate(login, password)
        return Actor(user.uid, frozenset(user.roles))

    def wake(self) -> Answer:
        """Wake the analysts once."""
        return {"transitions": [transition_row(one) for one in self.site.wake()]}

    def replay(self, mode: str, batch: str) -> Answer:
        """Replay `as-seen` or `as-known`; an empty batch means all."""
        report = self.site.replay("as-known" if mode == "as-known" else "as-seen", batch)
        rows = [
            {"uid": one.uid, "step": one.step, "tick": one.tick, **_finding_row(one.finding)}
            for one in report.transitions
        ]
        return {
            "mode": report.mode,
            "is_equal": report.is_equal,
            "n_ticks": report.n_ticks,
            "n_live": report.n_live,
            "n_replayed": report.n_replayed,
            "n_derived": report.n_derived,
            "differences": [dataclasses.asdict(one) for one in report.differences],
            "failures": dict(report.failures),
            "transitions": rows,
        }

    def adopt(self, name: str, analyst: str, settings: Mapping[str, Any]) -> Answer:
        """Put an analyst to work."""
        event = self.site.adopt(name, analyst, settings)
        return {"name": name, "analyst": analyst, "is_new": event is not None}

    def decide(self, login: str, password: str, uid: str, decision: Mapping[str, str]) -> Answer:
        """Decide on a finding (verdict, comment, action), signed."""
        events = self.site.signing.decide(
            uid, decision["verdict"], decision["comment"], login, password,
            action=decision.get("action", ""),
        )  # fmt: skip
        return {"uid": uid, "verdict": decision["verdict"], **_signed(events[-1])}

    def sign(self, login: str, password: str, signature: Mapping[str, Any]) -> Answer:
        """Sign a version of a record (stream, meaning, reason, version)."""
        event = self.site.sign(
            signature["stream"], signature["meaning"], login, password,
            reason=signature.get("reason", ""), version=signature.get("version", 0),
        )  # fmt: skip
        return {"meaning": signature["meaning"], **_signed(event)}

    def add_user(self, user: NewUser, password: str) -> Answer:
        """Give a person an account, and roles with it; roles are checked first."""
        people = self.site.people
        people.policy().check_roles(set(user.roles))
        uid = people.add(user.login, user.printed_name, password)
        for role in user.roles:
            people.grant(user.login, role, user.reason)
        answer: Answer = {"uid": uid, "login": user.login, "printed_name": user.printed_name}
        if not password:
            answer["token"] = self.site.credentials.offer(user.login, "password", user.reason)
        return {**answer, "roles": sorted(user.roles)}

    def grant(self, login: str, role: str, reason: str) -> Answer:
        """Give a person a role."""
        self.site.people.grant(login, role, reason)
        return {"login": login, "roles": sorted(self.site.people.find(login).roles)}

    def change_user(self, login: str, change: str, reason: str, role: str = "") -> Answer:
        """Revoke a role, or disable, enable or unlock an account.

        Raises:
            BadInputError: The change is none of these.
        """
        people = self.site.people
        if change == "revoke":
            people.revoke(login, role, reason)
        elif change == "disable":
            people.disable(login, reason)
        elif change == "enable":
            people.enable(login, reason)
        elif change == "unlock":
            people.unlock(login, reason)
        else:
            raise BadInputError(f"{change!r} is no change of an account.", key="change")
        user = people.find(login)
        return {"login": login, "is_active": user.is_active, "roles": sorted(user.roles)}

    def set_password(self, login: str, old: str, new: str) -> Answer:
        """Let a person choose another password."""
        self.site.people.set_password(login, old, new)
        return {"login": login, "is_changed": True}

    def retire(self, name: str, reason: str) -> Answer:
        """Take an analyst from its work."""
        self.site.retire(name, reason)
        return {"name": name, "at_work": sorted(self.site.adopted())}

    def preview_plant(self, files: PlantFiles) -> Answer:
        """What adopting a plant would change: `changes`."""
        return _plant_answer(self.site.preview_plant(files.text, files.tables))

    def adopt_plant(self, files: PlantFiles, effective_from: str) -> Answer:
        """Put a plant into force; the one that is in force already does nothing.

        Raises:
            BadInputError: The time is no time.
            ConflictError: It lies in the past.
        """
        at = _moment(effective_from, self.site.clock())
        preview = self.site.adopt_plant(files.text, files.tables, effective_from=at)
        return {**_plant_answer(preview), "effective_from_at": at}

    def verify(self, *, has_projections: bool = True) -> Answer:
        """Check everything: `is_ok`, `problems`."""
        from goldenbatch.runtime.verify import verify

        return verify(self.site, has_projections=has_projections).as_json()

    def checkpoint(self) -> Answer:
        """Sign the head of the ledger's tree."""
        made = self.site.ledger.checkpoint()
        return {"size": made.size, "root": made.root.hex(), "note": made.note}

    def flush(self) -> Answer:
        """Hand the frame log over."""
        return self.site.flush().as_json()

    def compact(self) -> Answer:
        """Compact closed days, and remove the files that they superseded."""
        from goldenbatch.runtime.upkeep import compact

        return compact(self.site).as_json()

    def trail(
        self,
        wanted: Mapping[str, Any],
        page: Mapping[str, Any],
        *,
        sees_names: bool = True,
        site: Any = None,
    ) -> Answer:
        """Entries of the audit trail that fit; `page` has sort, offset and limit (none: all).

        With `site`, a site as somebody may see it, only what they may see.
        """
        from goldenbatch.runtime.audit import Trail

        trail = Trail(site or self.site)
        given = {"sort": "seq", "offset": 0, "limit": None, **page}
        return trail.page(trail.filter(wanted), **given, sees_names=sees_names).as_json()

    def open_trail(self, login: str, password: str, wanted: Mapping[str, Any]) -> Answer:
        """Show a person all entries that fit, and record that."""
        return self.show_trail(self.authenticate(login, password), wanted)

    def show_trail(self, reader: Actor, wanted: Mapping[str, Any]) -> Answer:
        """Show all entries that fit to somebody who has logged in, and record that."""
        from goldenbatch.runtime.audit import Trail, may_see_names

        trail = Trail(self.site)
        sees_names = may_see_names(self.site, reader)
        return trail.open(trail.filter(wanted), reader.uid, sees_names=sees_names).as_json()

    def review_trail(self, login: str, password: str, review: Mapping[str, Any]) -> Answer:
        """Review entries that were shown before (stream, opened, comment), signed."""
        from goldenbatch.runtime.audit import Trail

        event, signature = Trail(self.site).review(
            review["stream"], review["opened"], login, password, review["comment"],
            is_satisfactory=review.get("is_satisfactory", True),
        )  # fmt: skip
        return {"meaning": "reviewed", "review": event.envelope.version, **_signed(signature)}

    def backup(self, folder: str, passphrase: str) -> Answer:
        """Write a backup; a passphrase takes the keys along."""
        from goldenbatch.runtime.backup import backup

        return backup(self.site, Path(folder), passphrase=passphrase)

    def archive(self, batch: str, folder: str) -> Answer:
        """Write the whole record of a batch into a new folder."""
        from goldenbatch.runtime.archive import archive

        return archive(self.site, batch, Path(folder)).as_json()

    def drill(self, folder: str, snapshot: str) -> Answer:
        """Restore a backup for trial, verify it and record the result."""
        from goldenbatch.runtime.backup import drill

        return drill(self.site, Path(folder), name=snapshot).as_json()

    def _signing_words(self) -> str:
        told = self.site.signing_rules.as_json()
        pending = "; ".join(told["pending"])
        return f"settings {told['standing']}" + (f"; NOT IN FORCE: {pending}" if pending else "")

    def status(self) -> Answer:
        """The home and how much is in it."""
        ledger, historian = self.site.ledger, self.site.historian
        counts = {f"n_{name}": len(ledger.select(name)) for name in COUNTED}
        home = dataclasses.asdict(self.site.home)
        policy = self.site.policies.standing()
        return {
            **{**home, "kind": self.site.home.kind.value},
            "plant": f"{self.site.plant.name} {self.site.plant.version}",
            "signing": self._signing_words(),
            "policy": f"{policy.policy.title} {policy.policy.version}: {policy.label()}",
            "n_events": ledger.head(),
            "n_frames": historian.head(),
            "n_tags": len(historian.tags()),
            "n_undecided": len(ledger.select("finding", {"verdict": ""})),
            **counts,
        }


def _moment(text: str, now: int) -> int:
    if not text:
        return now
    try:
        at = from_iso(text)
    except ValueError as error:
        raise BadInputError(
            f"{text!r} is no time with an offset.", hint="Such as 2026-01-31T06:00:00+01:00."
        ) from error
    if at < now:
        raise ConflictError(
            f"{to_iso(at)} is past; batches may have been made since then.",
            hint="Master data comes into force now or later.",
        )
    return at


def _signed(event: Event) -> Answer:
    body = event.body or {}
    return {
        "stream": event.stream,
        "version": event.envelope.version,
        "printed_name": body.get("printed_name", ""),
        "role": body.get("role", ""),
        "acting_for": body.get("acting_for"),
        "recorded_at": event.envelope.recorded_at,
        "leaf": event.leaf,
    }


def transition_row(one: Transition) -> Answer:
    """A transition of a finding as one row."""
    return {"uid": one.uid, "step": one.step, **_finding_row(one.finding)}


def _finding_row(finding: Finding) -> Answer:
    return {
        "severity": finding.severity.value,
        "batch": finding.subject.batch,
        "title": finding.title,
        "statement": finding.statement,
    }


def _plant_answer(preview: PlantPreview) -> Answer:
    return {
        "name": preview.plant.name,
        "version": preview.plant.version,
        "digest": preview.plant.digest,
        "n_changes": len(preview.changes),
        "changes": [dataclasses.asdict(one) for one in preview.changes],
    }
