"""Verification beside the service: one at a time, with its progress, and its outcome on record."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import ConflictError, GoldenbatchError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.verification import MAX_TOLD, VERIFICATION_STREAM, HomeVerified

if TYPE_CHECKING:
    from goldenbatch.apps.node.state import NodeState
    from goldenbatch.runtime.verify import VerifyReport


@dataclass
class Verification:
    """The verification that runs, or how the last one of this process ended.

    Acts of people wait while it runs: what is checked must not change under it.
    """

    state: NodeState
    n_done: int = 0
    n_all: int = 0
    is_running: bool = False
    failure: str = ""
    thread: threading.Thread | None = None
    _gate: threading.Lock = field(default_factory=threading.Lock)

    def start(self, uid: str) -> None:
        """Begin one.

        Raises:
            ConflictError: One runs already.
        """
        with self._gate:
            if self.is_running:
                raise ConflictError("a verification runs already.", hint="Wait until it has ended.")
            self.is_running, self.failure, self.n_done = True, "", 0
            self.n_all = self.state.desk.site.ledger.head()
        self.thread = threading.Thread(target=self._run, args=(uid,), name="verification")
        self.thread.start()

    def as_json(self) -> dict[str, Any]:
        """How far it is."""
        return {
            "is_running": self.is_running, "n_done": self.n_done, "n_all": self.n_all,
            "failure": self.failure,
        }  # fmt: skip

    def _run(self, uid: str) -> None:
        try:
            with self.state.gate:
                site = self.state.desk.site
                began, n_events = site.clock(), site.ledger.head()
                report = site.verify(self._progress)
                site.ledger.append(
                    [
                        NewEvent(
                            VERIFICATION_STREAM, body_of(report, n_events, began),
                            site.ledger.version(VERIFICATION_STREAM), actor=uid,
                        )
                    ]
                )  # fmt: skip
        except GoldenbatchError as error:
            self.failure = str(error)
        except Exception as error:  # whatever ends it, it must be told that it did not end well
            self.failure = f"{type(error).__name__}: {error}"
        finally:
            self.is_running = False

    def _progress(self, n_done: int, n_all: int) -> None:
        self.n_done, self.n_all = n_done, n_all


def body_of(report: VerifyReport, n_events: int, started_at: int) -> HomeVerified:
    """The event of a report."""
    real = [one for one in report.problems if not one.is_note]
    told = tuple(f"{one.part}: {one.where}: {one.message}"[:500] for one in real[:MAX_TOLD])
    return HomeVerified(
        n_events=n_events, is_ok=report.is_ok, n_problems=len(real), problems=told,
        counts=dict(report.counts), started_at=started_at,
    )  # fmt: skip
