"""The client: a person's own session at a node, and what they may read and do there."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from goldenbatch.client.live import LiveGap, LiveReading, follow
from goldenbatch.client.rows import (
    Batch,
    FindingRow,
    Lot,
    Phase,
    ResultRow,
    Row,
    Sample,
    Signed,
    micros,
)
from goldenbatch.client.tables import Aligned, Readings, Rows
from goldenbatch.core.errors import BadInputError
from goldenbatch.runtime.remote import NodeClient, RemoteSite

if TYPE_CHECKING:
    import httpx

    from goldenbatch.core.prediction import ServedModel
    from goldenbatch.core.site import HomeInfo, Window

At = datetime | str | int
"""A time: aware, ISO 8601 with its offset, or microseconds UTC."""

MICROS_PER_S = 1_000_000
MOST = 10_000
"""Rows that the node answers at a time."""


def connect(
    url: str,
    login: str = "",
    password: str = "",
    *,
    token: str = "",
    transport: httpx.BaseTransport | None = None,
) -> PlantClient:
    """Log in at a node.

    Args:
        url: Base address, such as `http://127.0.0.1:8600`.
        login: Of the person; what they may read is what the node lets them.
        password: Empty: `GOLDENBATCH_PASSWORD`, else it is asked for, so that none needs to
            stand in a notebook.
        token: Of a session that was made before (a single sign-on), instead of a login.
        transport: Another transport than the network (the node in this process).

    Raises:
        BadInputError: Neither login nor token is given.
        DeniedError: Login or password is wrong.
        NodeError: The node does not answer.
    """
    if not token:
        if not login:
            raise BadInputError("who logs in is missing.", key="login", hint="Give the login.")
        secret = password or os.environ.get("GOLDENBATCH_PASSWORD", "")
        secret = secret or getpass.getpass(f"Password of {login}: ")
        stranger = NodeClient(url, "", transport=transport)
        try:
            token = stranger.post("/login", {"login": login, "password": secret})["token"]
        finally:
            stranger.close()
    return PlantClient(RemoteSite(NodeClient(url, token, transport=transport)))


class PlantClient:
    """A plant through its node, as one person may see it.

    Attributes:
        site: The ports underneath, the same that analysts and pages have.
    """

    def __init__(self, site: RemoteSite) -> None:
        self.site = site

    def __enter__(self) -> PlantClient:
        """The client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Log out and close the connections."""
        self.close()

    def __repr__(self) -> str:
        home = self.site.home
        return f"<plant {home.name!r} at {home.site!r} ({home.kind.value})>"

    def close(self) -> None:
        """Log out and close the connections."""
        from goldenbatch.core.errors import GoldenbatchError

        try:
            self.site.client.post("/logout")
        except GoldenbatchError:
            pass  # the session had ended, or the node is gone: there is nothing to end
        self.site.client.close()

    @property
    def home(self) -> HomeInfo:
        """Identity and kind of the home; outside production nothing is for GMP use."""
        return self.site.home

    # ---- what was done ----------------------------------------------------------------------

    def batches(self, product: str = "") -> Rows[Batch]:
        """Batches, newest first; `product` picks those of one."""
        return _whole(Batch, self._get("/batches", product=product, limit=MOST)["batches"])

    def batch(self, name: str) -> Batch:
        """One batch.

        Raises:
            NotFoundError: There is none of that name, or not for this person.
        """
        return Batch.model_validate(self._get("/batch", name=name)["batch"])

    def phases(self, batch: str) -> Rows[Phase]:
        """Runs of phases in a batch."""
        return _rows(Phase, self._get("/batch", name=batch)["phases"])

    def lots(self, batch: str) -> Rows[Lot]:
        """Lots of material that went into a batch."""
        return _rows(Lot, self._get("/batch", name=batch)["materials"])

    def samples(self, batch: str) -> Rows[Sample]:
        """Samples of a batch."""
        return _rows(Sample, self._get("/batch", name=batch)["samples"])

    def results(self, batch: str = "", attribute: str = "") -> Rows[ResultRow]:
        """Results of tests, by batch and attribute; empty: of all."""
        found = self._get("/results", batch=batch, attribute=attribute, limit=MOST)
        return _whole(ResultRow, found["results"])

    def findings(self, batch: str = "", *, is_open: bool | None = None) -> Rows[FindingRow]:
        """Findings, newest first; `is_open` picks those that wait for a decision."""
        found = self._get("/findings", batch=batch, is_open=is_open, limit=MOST)
        return _whole(FindingRow, found["findings"])

    def finding(self, uid: str) -> dict[str, Any]:
        """A finding with its life: `finding`, `events` (evidence, contributions), `signatures`."""
        found: dict[str, Any] = self._get(f"/findings/{quote(uid, safe='')}")
        return found

    def recheck(self, uid: str) -> dict[str, Any]:
        """Read the evidence of a finding again: `is_same`, and `pieces` with what is different."""
        found: dict[str, Any] = self._get(f"/overview/findings/{quote(uid, safe='')}/evidence")
        return found

    def signatures(self, stream: str) -> Rows[Signed]:
        """Signatures on a record, as they stand."""
        return _rows(Signed, self._get("/signatures", stream=stream)["signatures"])

    # ---- what was measured ------------------------------------------------------------------

    def tags(self) -> dict[str, str]:
        """Names of all tags that have readings, and of which kind each is."""
        return dict(self.site.historian.tags())

    def readings(
        self, tags: Sequence[str], start: At, end: At, *, n_points: int | None = None
    ) -> Readings:
        """Readings of tags of one kind in [start, end).

        Args:
            tags: Names.
            start: Beginning of the window.
            end: Its end, not included.
            n_points: About so many a tag, with all extremes, gaps and changes of quality kept;
                None: every reading.
        """
        window = (micros(start), micros(end))
        historian = self.site.historian
        if n_points is None:
            return Readings(historian.read(list(tags), window))
        return Readings(historian.downsample(list(tags), window, n_points))

    def readings_of(self, batch: str, tags: Sequence[str], phase: str = "") -> Readings:
        """Readings of tags within a batch, or from the first to the last run of a phase in it.

        Raises:
            NotFoundError: There is no such batch or phase.
        """
        start, end = self._window(batch, phase)
        return self.readings(tags, start, end)

    def latest(self, tags: Sequence[str]) -> Readings:
        """The newest reading of each tag."""
        return Readings(self.site.historian.latest(list(tags)))

    def live(self, tags: Sequence[str], every: int = 1) -> Iterator[LiveReading | LiveGap]:
        """Readings as they come: the newest of each tag, then each change, for ever.

        A line that breaks is taken up where it was. Watching keeps no idle session alive.

        Args:
            tags: Names.
            every: Seconds between two messages, 1 to 60.

        Raises:
            DeniedError: The session ended.
        """
        return follow(self.site.client, tags, every)

    def aligned(
        self, batches: Sequence[str], tags: Sequence[str], grid_s: float, phase: str = ""
    ) -> Aligned:
        """Means of tags on a grid of elapsed time, for several batches at once.

        Args:
            batches: Names.
            tags: Names of numeric tags.
            grid_s: Step of the grid in seconds.
            phase: Only this phase; empty: the whole batch.
        """
        windows = [self._window(one, phase) for one in batches]
        block = self.site.historian.aligned(list(tags), windows, round(grid_s * MICROS_PER_S))
        return Aligned(tuple(batches), block)

    # ---- what was learnt, what is done ------------------------------------------------------

    def model(self, use: str) -> ServedModel:
        """The model that serves a use; `predict` gives interval, domain and contributions."""
        return self.site.models.active(use)

    def decide(
        self, uid: str, verdict: str, comment: str, *, login: str, password: str, action: str = ""
    ) -> dict[str, Any]:
        """Decide on the newest version of a finding, signed at this moment.

        Args:
            uid: Of the finding.
            verdict: `confirmed`, `dismissed` or `needs_laboratory`.
            comment: Why.
            login: Of the signer; a signature asks for the proof anew, whoever is logged in.
            password: Of the signer.
            action: What is to be done.
        """
        form = {"login": login, "password": password, "verdict": verdict,
                "comment": comment, "action": action}  # fmt: skip
        found: dict[str, Any] = self.site.client.post(
            f"/findings/{quote(uid, safe='')}/decision", form
        )
        return found

    def act(
        self, name: str, values: Mapping[str, Any], *, login: str = "", password: str = ""
    ) -> dict[str, Any]:
        """An act of a capability by its full name; login and password where it is a signature."""
        form = {"values": dict(values), "login": login, "password": password}
        found: dict[str, Any] = self.site.client.post(f"/acts/{quote(name, safe='')}", form)
        return found

    def proof(self, seqs: Sequence[int]) -> dict[str, Any]:
        """Proof of events that an outsider can check with `goldenbatch-verify` alone."""
        return self.site.ledger.proof_bundle(seqs)

    def _window(self, batch: str, phase: str) -> Window:
        windows = self.site.windows(batch, phase)
        if not windows:
            what = f"phase {phase!r} of batch {batch!r}" if phase else f"batch {batch!r}"
            raise BadInputError(f"{what} has not begun.", hint="See phases().")
        return windows[0][0], windows[-1][1]

    def _get(self, path: str, **params: Any) -> Any:
        return self.site.client.get(
            path, **{name: one for name, one in params.items() if one != ""}
        )


def _rows(kind: type[Any], found: Sequence[Mapping[str, Any]]) -> Rows[Any]:
    rows: list[Row] = [kind.model_validate(one) for one in found]
    return Rows(kind, rows)


def _whole(kind: type[Any], found: Sequence[Mapping[str, Any]]) -> Rows[Any]:
    """Rows of an answer that was not cut off.

    Raises:
        BadInputError: It may have been.
    """
    if len(found) >= MOST:
        raise BadInputError(
            f"these are {MOST:,} rows or more; the rest would be missing.",
            hint="Ask for one product, batch or attribute at a time.",
        )
    return _rows(kind, found)
