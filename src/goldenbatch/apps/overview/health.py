"""Health of a site: the node, its sources, what is missing of them, and what is proved."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from goldenbatch import __version__

if TYPE_CHECKING:
    from goldenbatch.apps.node.state import NodeState
    from goldenbatch.apps.overview.asking import Looker

DAY_US = 86_400_000_000
RECENT_DAYS = 7


def health(looker: Looker, state: NodeState) -> dict[str, Any]:
    """Node, sources, gaps of the last days, imports and the ledger's checkpoint."""
    running = [] if state.acquisition is None else state.acquisition.status()
    return {
        "node": {"version": __version__, "is_ready": state.is_ready,
                 "problems": state.problems[-5:]},
        "sources": {
            "n": len(running),
            "by_state": dict(Counter(one["state"] for one in running)),
            "broken": [
                {name: one[name] for name in ("name", "title", "state", "problem")}
                for one in running
                if one["state"] in ("waiting", "stopped") or one["needs_person"]
            ],
        },
        "gaps": _gaps(looker),
        "imports": _imports(looker),
        "proof": _proof(looker),
    }  # fmt: skip


def _gaps(looker: Looker) -> dict[str, Any]:
    from goldenbatch.core.records import Between

    since = looker.home.clock() - RECENT_DAYS * DAY_US
    rows = looker.rows("gap", {"end": Between(since, None)}, ("-end",), 1000)
    missing = [row for row in rows if not row["is_backfill"]]
    filled = [row for row in rows if row["is_backfill"]]
    open_ = [row for row in missing if not any(_fills(one, row) for one in filled)]
    return {"days": RECENT_DAYS, "n": len(missing), "n_open": len(open_), "newest": open_[:5]}


def _fills(backfill: dict[str, Any], gap: dict[str, Any]) -> bool:
    is_same = backfill["source"] == gap["source"]
    return bool(is_same and backfill["start"] <= gap["start"] and backfill["end"] >= gap["end"])


def _imports(looker: Looker) -> dict[str, Any]:
    return {"n_conflicts": looker.count("conflict"), "n_quarantined": looker.count("quarantine")}


def _proof(looker: Looker) -> dict[str, Any]:
    """How much of the ledger a signed checkpoint covers; `verify` checks all of it."""
    checkpoints = looker.home.ledger.checkpoints()
    head = looker.home.ledger.head()
    newest = checkpoints[-1] if checkpoints else None
    covered = min(newest.size, head) if newest is not None else 0
    return {"n_events": head, "n_covered": covered, "n_frames": looker.home.historian.head(),
            "root": newest.root.hex() if newest is not None else ""}  # fmt: skip
