"""The bench of the operational qualification: scratch homes made by the installed code.

Checks never touch the records of the home under validation: each works in a copy of one
scratch home, of kind validation and under the home's own policy, that is deleted afterwards.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.people import SignerClass
from goldenbatch.core.policy import Policy, first_policy_text, load_policy
from goldenbatch.core.records import Body, Event, HomeKind, NewEvent
from goldenbatch.runtime._clock import system_clock

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.runtime._ceremony import Ceremony
    from goldenbatch.runtime._oq_database import Scratch
    from goldenbatch.runtime.local import LocalSite

BASE = "base"
PLACE = "oq/area/cell/unit"
TAG = f"{PLACE}/temperature"
PLANT = f"""name = "Operational qualification"
version = "1"
places = [
    {{ path = "oq", level = "site" }},
    {{ path = "oq/area", level = "area" }},
    {{ path = "oq/area/cell", level = "process_cell" }},
    {{ path = "{PLACE}", level = "unit" }},
]
tags = [{{ name = "{TAG}", unit = "Cel" }}]
products = [{{ code = "OQ", attributes = [
    {{ name = "assay", unit = "%", limits = [
        {{ kind = "release", lower = "95.0", upper = "105.0" }},
    ] }},
] }}]
"""
SIGNERS = {"performer": "sign:performed", "verifier": "sign:verified", "approver": "sign:approved"}
ALSO = {"verifier": "procedure:issue"}
NEEDED = ("user:add", "user:grant", "user:confirm", "user:identify")


class CheckFailedError(GoldenbatchError):
    """A check of the qualification found something that must not be."""


class NotRunError(GoldenbatchError):
    """A check cannot be run in this installation; the reason is reported."""


class NotApplicableError(GoldenbatchError):
    """A check is of something that this home does not use; there is nothing to try."""


def expect(condition: object, message: str) -> None:
    """Fail the check unless a condition holds.

    Raises:
        CheckFailedError: It does not.
    """
    if not condition:
        raise CheckFailedError(message)


def refused(what: str, act: Callable[[], object], *errors: type[GoldenbatchError]) -> str:
    """Do what must be refused, and give the words with which it was.

    Raises:
        CheckFailedError: It was not refused.
    """
    try:
        act()
    except errors as error:
        return error.message
    raise CheckFailedError(f"{what} was not refused.")


@dataclass
class BenchClock:
    """The machine's clock, which a check may move.

    Attributes:
        ahead_us: By how much it is ahead of the machine's.
    """

    ahead_us: int = 0
    last: int = 0

    def set_right(self) -> None:
        """Have it show the machine's time again."""
        self.ahead_us = self.last = 0

    def __call__(self) -> int:
        """Present time, later at each look unless it was moved back."""
        now = system_clock() + self.ahead_us
        self.last = now if now > self.last or self.ahead_us < 0 else self.last + 1
        return self.last


@dataclass
class Bench:
    """Scratch homes of one qualification, in a folder of their own.

    Attributes:
        folder: Where they are made.
        policy: Policy of the home under validation.
        is_own_policy: Whether the scratch homes work under it; one that asks for more than
            passwords cannot be signed under here, and the shipped one stands in.
        clock: Their clock.
        entry: Password of all their people.
        home_site: The home under validation, open; checks of itself only read it.
        scratch: Database of the scratch homes; None: files, as in a home with a file.
    """

    folder: Path
    policy: Policy
    policy_text: str
    is_own_policy: bool = True
    home_site: LocalSite | None = None
    scratch: Scratch | None = None
    clock: BenchClock = field(default_factory=BenchClock)
    entry: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    n_homes: int = 0

    @classmethod
    def make(
        cls,
        folder: Path,
        policy_text: str,
        site: LocalSite | None = None,
        scratch: Scratch | None = None,
    ) -> Bench:
        """Make the scratch home that all checks copy."""
        policy = load_policy(policy_text, "policy")
        is_own = _can_be_tried(policy)
        text = policy_text if is_own else first_policy_text()
        bench = cls(folder, policy, text, is_own, site, scratch)
        bench._base()
        return bench

    @property
    def used(self) -> Policy:
        """The policy under which the scratch homes work."""
        return load_policy(self.policy_text, "policy")

    def role(self, action: str, *, also: str = "", gmp: bool | None = None) -> str:
        """First role that a rule of an action names, if it can be one that may do `also`."""
        rules = [one for one in self.used.rules_for(action) if gmp is None or one.gmp is gmp]
        if not rules:
            raise NotRunError(f"the policy has no fitting rule for {action}.")
        names = [name for rule in rules for name in rule.roles]
        wanted = {name for rule in self.used.rules_for(also) for name in rule.roles}
        return next((name for name in names if name in wanted), names[0])

    def _base(self) -> None:
        self.made(BASE, self.policy_text, (*SIGNERS, "admin"))

    def made(
        self, name: str, policy: str, logins: Sequence[str], kind: HomeKind = HomeKind.VALIDATION
    ) -> Path:
        """A scratch home of its own, under another policy or with other people."""
        from goldenbatch.runtime.home import HomeSettings, create_home
        from goldenbatch.runtime.local import LocalSite

        path = self.folder / (f"{name}-{self.n_homes}" if name != BASE else name)
        self.n_homes += 1
        settings = HomeSettings(
            "Scratch home of a qualification", "oq", PLANT, kind=kind, policy=policy
        )  # fmt: skip
        create_home(path, settings, clock=self.clock)
        if name != BASE:
            self._carry(path)
        with LocalSite.open(path, clock=self.clock) as site:
            for login in logins:
                self.enrol(site, login)
            signers = [login for login in logins if login in SIGNERS]
            for login in signers:
                role = self.role(SIGNERS[login], also=ALSO.get(login, ""))
                site.people.grant(login, role, "qualification")
            site.people.grant("admin", self.role("user:grant", gmp=False), "qualification")
            for login in signers:
                self.admit(site, login)
        return path

    def enrol(self, site: LocalSite, login: str) -> None:
        """Give a person an account; the password is chosen with a one-time token."""
        site.people.add(login, login.title())
        token = site.credentials.offer(login, "password", "qualification")
        begun = site.credentials.begin(login, token)
        site.credentials.finish(login, token, begun["enrolment"], {"password": self.entry})

    def admit(self, site: LocalSite, login: str) -> None:
        """Check a person's identity, and have them accept to be accountable."""
        site.rights.verify_identity(site.people.find("admin"), login, "passport")
        site.rights.accept_accountability(site.people.find(login))

    def newcomer(self, site: LocalSite, login: str, role: str) -> None:
        """A person with a role that two people gave, who is not admitted yet."""
        site.people.add(login, login.title(), by="admin")
        site.rights.propose_role(self.person(site, "admin"), login, role, "qualification")
        site.rights.confirm_role(self.person(site, "approver"), login, role, "qualification")

    def admitted(self, site: LocalSite, login: str, role: str) -> None:
        """A person with a role and a password, who may sign."""
        self.newcomer(site, login, role)
        token = site.credentials.offer(login, "password", "qualification", by="admin")
        begun = site.credentials.begin(login, token)
        site.credentials.finish(login, token, begun["enrolment"], {"password": self.entry})
        self.admit(site, login)

    def ceremony(
        self, site: LocalSite, timer: Callable[[], float] = time.monotonic, **signing: object
    ) -> Ceremony:
        """The signing ceremony of a scratch home under other settings, or by another timer."""
        from goldenbatch.core.config import SigningSettings
        from goldenbatch.runtime import _ceremony

        values = {**site.settings.signing.model_dump(), **signing}
        changed = {"signing": SigningSettings.model_validate(values)}
        settings = site.settings.model_copy(update=changed)
        signer = site.keys.signers[0]
        return _ceremony.bind(site.ledger, site.people, signer, settings, self.clock, timer)

    def home(self) -> Path:
        """A fresh copy of the scratch home."""
        self.n_homes += 1
        return self.copy(self.folder / BASE, self.folder / f"home-{self.n_homes}")

    def copy(self, home: Path, path: Path) -> Path:
        """A copy of a scratch home, with a ledger of its own."""
        shutil.copytree(home, path)
        self._carry(path)
        return path

    def _carry(self, path: Path) -> None:
        if self.scratch is not None:
            self.scratch.carry(path)

    def unguarded(self, path: Path) -> AbstractContextManager[Any]:
        """The ledger of a scratch home past its own triggers, as its owner has it."""
        return unguarded(path) if self.scratch is None else self.scratch.unguarded(path)

    @contextmanager
    def site(self, path: Path | None = None) -> Iterator[LocalSite]:
        """A scratch home, open."""
        from goldenbatch.runtime.local import LocalSite

        self.clock.set_right()
        with LocalSite.open(path or self.home(), clock=self.clock) as site:
            yield site

    def person(self, site: LocalSite, login: str) -> UserState:
        """A person of the scratch home."""
        return site.people.find(login)

    def sign(self, site: LocalSite, stream: str, meaning: str, login: str, word: str = "") -> Event:
        """Sign the newest version of a record by password."""
        return site.sign(stream, meaning, login, word or self.entry, reason="qualification")


def record(site: LocalSite, stream: str, body: Body, actor: str, at: int | None = None) -> Event:
    """Append an event to a record of a scratch home."""
    new = NewEvent(stream, body, site.ledger.version(stream), actor=actor, performed_at=at)
    return site.ledger.append([new])[0]


def batch(bench: Bench, site: LocalSite, name: str = "OQ-1", **more: object) -> str:
    """Record that a batch was created by the performer; gives its stream."""
    body = BatchCreated.model_validate({"batch": name, "product": "OQ", **more})
    record(site, f"batch/{name}", body, bench.person(site, "performer").uid)
    return f"batch/{name}"


@contextmanager
def unguarded(path: Path) -> Iterator[sqlite3.Connection]:
    """The ledger's file past its own triggers, as whoever owns the machine has it."""
    connection = sqlite3.connect(path / "ledger" / "ledger.sqlite")
    try:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = connection.execute(query).fetchall()
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        yield connection
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()
    finally:
        connection.close()


def _can_be_tried(policy: Policy) -> bool:
    """Whether people with passwords alone can act under a policy."""
    rules = [rule for action in SIGNERS.values() for rule in policy.rules_for(action)]
    is_plain = all(
        rule.minimum_class is SignerClass.SERVER_ATTESTED
        and rule.components == 2
        and not rule.procedures
        for rule in rules
    )
    return is_plain and all(policy.rules_for(action) for action in NEEDED)
