"""A site bound to a home on this machine: the stores under one lock, people and analysts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.site import Actor
from goldenbatch.runtime import _ceremony, adoption, plants, settings
from goldenbatch.runtime import discovery as capabilities
from goldenbatch.runtime._clock import not_before, system_clock
from goldenbatch.runtime._identity import require_kind
from goldenbatch.runtime._promotion_force import finish as finish_promotion
from goldenbatch.runtime.acts import Acts
from goldenbatch.runtime.checkpoints import Checkpointer
from goldenbatch.runtime.context_rules import ContextRules
from goldenbatch.runtime.home import (
    HomeLock,
    Layout,
    home_info,
    ledger_place,
    load_home,
    load_keys,
)
from goldenbatch.runtime.moving import require_settled
from goldenbatch.runtime.oversight import Oversight
from goldenbatch.runtime.people import People
from goldenbatch.runtime.policies import Policies
from goldenbatch.runtime.projections import core_projections
from goldenbatch.runtime.recorder import LedgerRecorder
from goldenbatch.runtime.reference_blocks import ReferenceBlocks
from goldenbatch.runtime.retention import Retention
from goldenbatch.runtime.rights import Rights
from goldenbatch.runtime.sealing import Sealing
from goldenbatch.runtime.serving import Models
from goldenbatch.runtime.suspending import Suspending
from goldenbatch.runtime.views import PlantHistory
from goldenbatch.runtime.wake import Runner

if TYPE_CHECKING:
    from goldenbatch.core.analyst import Transition
    from goldenbatch.core.capability import Offer
    from goldenbatch.core.chunks import ChunkClosed
    from goldenbatch.core.config import Settings
    from goldenbatch.core.facts import FactProvider
    from goldenbatch.core.findings import Verdict
    from goldenbatch.core.models import ModelFitted
    from goldenbatch.core.people import Meaning
    from goldenbatch.core.plant import Plant
    from goldenbatch.core.records import Event, Projection
    from goldenbatch.core.site import Clock, HomeInfo, Window
    from goldenbatch.runtime.discovery import Broken, Discovery
    from goldenbatch.runtime.plants import PlantPreview
    from goldenbatch.runtime.replay import Mode, ReplayReport
    from goldenbatch.runtime.verify import VerifyReport
    from goldenbatch.stores.historian import Historian
    from goldenbatch.stores.ledger import Ledger
    from goldenbatch.stores.registry import Registry

ANALYST_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"
OPERATOR = Actor("operator")
"""Who holds the machine and with it the home's lock; it signs nothing."""


@dataclass(frozen=True)
class Flushed:
    """What a hand-over gave.

    Attributes:
        chunks: The chunks that were closed, one a source.
        checkpoint_size: Events that the newest checkpoint signs.
    """

    chunks: tuple[ChunkClosed, ...]
    checkpoint_size: int

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "n_chunks": len(self.chunks),
            "n_readings": sum(one.n_readings for one in self.chunks),
            "checkpoint_size": self.checkpoint_size,
            "chunks": [one.as_json() for one in self.chunks],
        }


class LocalSite:
    """A home opened for work: it holds the lock until it is closed. Open it with `open`.

    Attributes:
        path: Folder of the home.
        settings: Its `home.toml`.
        ledger: What was done.
        historian: What was measured.
        registry: What was learnt.
        checkpointer: Signs the head of the ledger in time; not when open for reading only.
        people: Accounts, roles and passwords.
        policies: Who may do what: shown, compared, proposed and adopted.
        rights: Procedures, training, delegation, identity and reviews.
        retention: How long what is kept, holds, deletions and erasures.
        credentials: What people prove with who they are, and how it came.
        signing: Signatures and decisions.
        acts: What capabilities let people do, signed or as entries.
        sealing: Rows of sealed test sets, given out by an opening only.
        models: Models that may serve, by their use.
        references: Rows that approved versions must predict as they did.
        signing_rules: Settings of signing, as the ledger holds them.
        runner: Wakes the analysts.
        context_rules: Read batches and phases off tags.
        oversight: Opens findings about the home itself.
        suspending: Suspends models that alarm, under a clause that people signed.
        broken: Capabilities that could not be used, and why.
    """

    ledger: Ledger
    historian: Historian
    registry: Registry

    def __init__(self, path: Path, *, clock: Clock, actor: Actor, discovery: Discovery) -> None:
        self.path = path
        self.layout = Layout(path)
        self.settings: Settings = load_home(path)
        self._home = home_info(self.settings)
        self._clock, self._actor = clock, actor
        self.discovery = discovery
        self.broken: list[Broken] = list(discovery.broken)
        self._stack = ExitStack()

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        clock: Clock | None = None,
        actor: Actor | str | None = None,
        discovery: Discovery | None = None,
        on_step: Callable[[str], None] | None = None,
        read_only: bool = False,
    ) -> Self:
        """Open a home for work.

        Args:
            path: Its folder.
            clock: Present time; the machine's by default.
            actor: Who acts; a text is the login of a person, the operator by default.
            discovery: Which capabilities there are; the installed ones by default.
            on_step: Called with each step of waking, for progress.
            read_only: Change nothing at all, not even what a crash has left to be put right.

        Raises:
            NotFoundError: The folder is no home.
            LockedError: Another process holds it.
            IntegrityError: It is damaged, or was never finished.
        """
        chosen = actor if isinstance(actor, Actor) else OPERATOR
        found = capabilities.discover() if discovery is None else discovery
        site = cls(Path(path), clock=clock or system_clock, actor=chosen, discovery=found)
        try:
            login = actor if isinstance(actor, str) else ""
            site._bind(on_step, read_only=read_only, login=login)
            if isinstance(actor, str) and actor:
                user = site.people.find(actor)
                site._actor = Actor(user.uid, user.roles)
        except BaseException:
            site.close()
            raise
        return site

    def _bind(self, on_step: Callable[[str], None] | None, *, read_only: bool, login: str) -> None:
        from goldenbatch.stores.historian import Historian, HistorianSettings
        from goldenbatch.stores.ledger import Keyring, Ledger
        from goldenbatch.stores.registry import Registry

        self._stack.enter_context(HomeLock(self.path))
        self.broken += capabilities.register_record_types(self.discovery)
        self.keys = load_keys(self.path, self._home)
        keyring = Keyring((), self.keys.known()) if read_only else self.keys
        ledger = Ledger.open(
            ledger_place(self.path, self.settings),
            self._home,
            self._clock,
            self._projections(),
            read_only=read_only,
            keys=keyring,
        )
        self.ledger = self._stack.enter_context(ledger)
        require_kind(self.ledger, self.settings)
        if not read_only:
            require_settled(self.ledger)
            self.checkpointer = Checkpointer(ledger, self.settings.checkpoints)
            self._stack.callback(self.checkpointer.close)
        self.signing_rules, signing = settings.bind(self, login, is_read_only=read_only)
        self.settings = self.settings.model_copy(update={"signing": signing})
        historian = Historian.open(
            self.layout.historian,
            recorder=None if read_only else LedgerRecorder(ledger),
            clock=self._clock,
            settings=HistorianSettings(
                flush_readings=self.settings.historian.n_readings,
                keep_superseded_s=self.settings.historian.keep_superseded_s,
                tables_url=self.settings.historian.tables_url,
            ),
            read_only=read_only,
        )
        self.historian = self._stack.enter_context(historian)
        url = self.settings.registry.url
        self.registry = Registry(self.layout.registry, url, is_read_only=read_only)
        # What is decided on people and their rights never goes by a clock that was set back.
        now = not_before(self.ledger.recorded_at, self._clock)
        self.people = People(
            self.ledger, now, self._actor.uid, self._facts,
            kind=self._home.kind, plant=lambda: self.plant,
            is_strict=self._home.kind in _ceremony.STRICT,
            alert_role=self.settings.signing.alert_role,
        )  # fmt: skip
        self.people.authority.check_with(self.signing_rules.fault)
        self.policies = Policies(self.ledger, self.people, now)
        self.rights = Rights(self.ledger, self.people, self.registry, now)
        self.retention = Retention(self.ledger, self.historian, self.registry, self.people, now)
        self.retention.check_with(self.signing_rules.fault)
        self.oversight = Oversight(self.ledger, self.rights, self.settings.signing, self._clock)
        bound = _ceremony.bind(self.ledger, self.people, self.keys.signers[0], self.settings, now)
        self.signing, self.credentials = bound.signing, bound.credentials
        self.proofs, self.acts, self.sealing = bound.proofs, Acts(self), Sealing(self)
        fault = self.signing_rules.fault
        self.models = Models(self.ledger, self.registry, fault, self.historian, self._clock)
        self.references = ReferenceBlocks(self)
        self._workshop = adoption.Workshop(self.discovery)
        self.runner = Runner(self, self.layout.state, self._workshop, on_step, self._clock)
        self.suspending = Suspending(self, self.signing_rules.fault, now, on_step)
        self._plants = PlantHistory(self.ledger)
        self.context_rules = ContextRules(self, self.path)
        if not read_only:
            finish_promotion(self)

    def _projections(self) -> list[Projection]:
        found, broken = capabilities.projections(self.discovery)
        self.broken += broken
        return [*core_projections(), *found]

    def _facts(self) -> Mapping[str, FactProvider]:
        """Facts of capabilities; one that is broken is missing, and what needs it is denied."""
        targets, broken = capabilities.facts(self.discovery)
        self.broken += [one for one in broken if one not in self.broken]
        made = [one(self) if callable(one) else one for one in targets.values()]
        return {provider.name: provider for provider in made}

    def close(self) -> None:
        """Close the stores and give the lock back."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- the site ---------------------------------------------------------------------------

    @property
    def home(self) -> HomeInfo:
        """Identity and kind of the home."""
        return self._home

    @property
    def plant(self) -> Plant:
        """The plant in its effective version."""
        return self._plants.at(self.ledger.head(), self._clock())

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self._actor

    @property
    def clock(self) -> Clock:
        """Present time."""
        return self._clock

    def offers(self, kind: str) -> Sequence[tuple[str, Offer]]:
        """What all capabilities offer of a kind, as (full name, offer)."""
        return tuple(self.discovery.offers(kind))

    def windows(self, batch: str, phase: str = "") -> Sequence[Window]:
        """Windows of a batch, or of each run of a phase in it; what still runs ends now.

        Without a start of its own a batch begins with its first phase.

        Raises:
            NotFoundError: There is no such batch.
        """
        rows = self.ledger.select("batch", {"batch": batch}, limit=1)
        if not rows:
            raise NotFoundError(f"there is no batch {batch!r}.", hint="See `batch list`.")
        where = {"batch": batch, "phase": phase} if phase else {"batch": batch}
        now = self._clock()
        runs = [
            (int(row["started_at"]), int(row["ended_at"] or now))
            for row in self.ledger.select("phase", where)
            if row["started_at"] is not None
        ]
        if phase:
            return sorted(runs)
        start, end = rows[0]["started_at"], rows[0]["ended_at"]
        if start is None and not runs:
            return ()
        first = min((run[0] for run in runs), default=now) if start is None else int(start)
        last = max((run[1] for run in runs), default=now) if end is None else int(end)
        return ((first, max(first, last)),)

    # ---- master data ------------------------------------------------------------------------

    def preview_plant(self, text: str, tables: Mapping[str, str] | None = None) -> PlantPreview:
        """What a `plant.toml` and bulk tables would change.

        Raises:
            BadInputError: They are not well formed; file, line and key are named.
        """
        return plants.preview(self, text, tables or {})

    def adopt_plant(
        self, text: str, tables: Mapping[str, str] | None = None, *, effective_from: int = 0
    ) -> PlantPreview:
        """Put a version of the plant into force; one without a change is not recorded.

        Args:
            text: Its `plant.toml`.
            tables: Bulk tables (`tags.csv`, ...) to their text; they replace those there are.
            effective_from: From when on; 0: now.

        Raises:
            BadInputError: It is not well formed, or changed without a new version.
        """
        return plants.adopt(self, text, tables or {}, effective_from)

    # ---- analysts ---------------------------------------------------------------------------

    def adopt(
        self, name: str, analyst: str, settings: Mapping[str, Any], *, by: str = ""
    ) -> Event | None:
        """Put an analyst to work from the next tick on; the same again does nothing.

        Args:
            name: Name of its own in this home.
            analyst: Full name of what it is, such as `monitoring.charts`.
            settings: Its settings.
            by: Uid of who does it; empty: the operator of the machine.

        Raises:
            BadInputError: A setting is missing, unknown or impossible.
            NotFoundError: No capability offers it.
        """
        import re

        if not re.match(ANALYST_NAME, name):
            raise BadInputError(
                f"{name!r} is no name of an analyst.",
                hint="Use letters, digits, dots, dashes and underscores.",
                key="name",
            )
        body = adoption.adoption_body(self._workshop, name, analyst, settings)
        made = self._workshop.make(name, analyst, body.settings)
        for content, media_type in adoption.artefacts(made):
            self.registry.put(content, media_type)
        return adoption.adopt(self.ledger, body, by or self._actor.uid)

    def retire(self, name: str, reason: str, *, by: str = "") -> Event:
        """Take an analyst from its work from the next tick on; `by` is the uid of who does it."""
        return adoption.retire(self.ledger, name, reason, by or self._actor.uid)

    def adopted(self) -> dict[str, adoption.Adoption]:
        """Analysts at work now, by name."""
        return adoption.adopted(self.ledger)

    def fit(self, name: str) -> Sequence[ModelFitted]:
        """Fit, freeze and record the models of an analyst: see `fit_models`."""
        from goldenbatch.runtime.fitting import fit_models

        return fit_models(self, name, self.discovery)

    def wake(self) -> list[Transition]:
        """Take in what rules read off tags, let each analyst catch up, suspend what people signed.

        Then see what is overdue.
        """
        self.context_rules.run()
        self.references.keep()
        found = self.runner.wake()
        self.suspending.look()
        return [*found, *self.oversight.look()]

    def replay(self, mode: Mode | str, batch: str = "") -> ReplayReport:
        """Run all logged ticks again and compare with what live found; never appends."""
        from goldenbatch.runtime.replay import replay

        return replay(self, mode, batch)

    # ---- people -----------------------------------------------------------------------------

    def sign(
        self,
        stream: str,
        meaning: Meaning | str,
        login: str,
        password: str,
        *,
        reason: str = "",
        version: int = 0,
    ) -> Event:
        """Sign the newest version of a record: see `Signing.sign`."""
        return self.signing.sign(stream, meaning, login, password, reason=reason, version=version)

    def decide(
        self,
        uid: str,
        verdict: Verdict | str,
        comment: str,
        login: str,
        password: str,
        *,
        meaning: Meaning | str = "reviewed",
        action: str = "",
    ) -> Sequence[Event]:
        """Decide on a finding and sign the decision: see `Signing.decide`."""
        return self.signing.decide(
            uid, verdict, comment, login, password, meaning=meaning, action=action
        )

    # ---- proof ------------------------------------------------------------------------------

    def flush(self) -> Flushed:
        """Hand the frame log over to the Delta tables, and sign the head of the ledger."""
        closed = self.historian.flush()
        return Flushed(closed, self.ledger.checkpoint().size)

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
        """Check everything that is stored: see `goldenbatch.runtime.verify`."""
        from goldenbatch.runtime.verify import verify

        return verify(self, progress=progress)
