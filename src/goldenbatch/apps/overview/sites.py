"""The enterprise: its sites as the plant model has them, with what stands in each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.overview.findings import is_in, places
from goldenbatch.apps.overview.health import health
from goldenbatch.apps.overview.running import begun
from goldenbatch.core._plant_parts import Level

if TYPE_CHECKING:
    from goldenbatch.apps.node.state import NodeState
    from goldenbatch.apps.overview.asking import Looker


def sites(looker: Looker, state: NodeState) -> dict[str, Any]:
    """Each site with running batches, open findings and its areas; health is of this node."""
    plant = looker.site.plant
    running, _ = begun(looker)
    open_ = looker.rows("finding", {"verdict": ""})
    where = places(looker, open_)
    found: list[dict[str, Any]] = []
    for place in (one for one in plant.places if one.level is Level.SITE):
        own = [row for row, at in zip(open_, where, strict=True) if is_in(at, place.path)]
        areas = [one for one in plant.places if one.level is Level.AREA
                 and is_in(one.path, place.path)]  # fmt: skip
        found.append({
            "path": place.path,
            "title": place.title or place.path,
            "n_running": sum(is_in(str(row["place"]), place.path) for row in running),
            "n_open": len(own),
            "by_severity": dict(Counter(row["severity"] for row in own)),
            "areas": [{"path": one.path, "title": one.title or one.path} for one in areas],
        })  # fmt: skip
    enterprise = next((one for one in plant.places if one.level is Level.ENTERPRISE), None)
    return {
        "enterprise": (enterprise.title or enterprise.path) if enterprise else plant.name,
        "sites": found,
        "health": health(looker, state),
        "n_elsewhere": len(open_) - sum(int(one["n_open"]) for one in found),
    }
