"""Figures of the node for Prometheus: calls by route, and how far behind it is; nobody's data."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily

from goldenbatch.apps.node.state import State, bearer
from goldenbatch.core.errors import DeniedError

if TYPE_CHECKING:
    from goldenbatch.apps.node.state import NodeState

router = APIRouter(include_in_schema=False)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Figures of one node."""

    def __init__(self, state: NodeState) -> None:
        self._state = state
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        labels = ("method", "route")
        self._calls = Counter(
            "goldenbatch_calls", "Calls answered.", (*labels, "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "goldenbatch_call_seconds", "Seconds until a call was answered whole.", labels,
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.registry.register(self)

    def note(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count a call."""
        known = method if method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD") else "other"
        self._calls.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(took_s)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """How the stores and what works in the background stand now."""
        state = self._state
        figures = {
            "ledger_head": ("Number of the newest event.", state.desk.site.ledger.head()),
            "historian_head": ("Number of the newest frame.", state.desk.site.historian.head()),
            "live_streams": ("Streams of live data that are open.", len(state.live)),
            "problems": ("Failures of the background work that are told.", len(state.problems)),
            "is_ready": ("1: ready.", int(state.is_ready)),
        }
        for name, (words, value) in figures.items():
            yield GaugeMetricFamily(f"goldenbatch_{name}", words, value=value)
        yield self._sources()

    def _sources(self) -> GaugeMetricFamily:
        """What each source tells of itself in numbers: what waits, what was lost, how late."""
        found = GaugeMetricFamily(
            "goldenbatch_source", "A figure of a running source.", labels=("source", "figure")
        )
        acquisition = self._state.acquisition
        for one in acquisition.status() if acquisition is not None else ():
            found.add_metric([one["name"], "is_running"], float(one["state"] == "running"))
            for name, value in one["health"].items():
                if isinstance(value, int | float):
                    found.add_metric([one["name"], name], float(value))
        return found


@router.get("/metrics")
def metrics(request: Request, state: State) -> Response:
    """Figures for Prometheus; who may read them is a setting of the home."""
    _admit(request, state)
    found: Metrics = request.app.state.metrics
    return Response(generate_latest(found.registry), media_type=CONTENT_TYPE_LATEST)


def _admit(request: Request, state: NodeState) -> None:
    who = state.desk.site.settings.service.metrics
    if who == "open":
        return
    if who == "token" or "x-forwarded-for" in request.headers:
        state.principal(bearer(request), is_act=False)
        return
    try:
        is_here = request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        raise DeniedError(
            "figures are for programs on the node's machine.",
            hint="Set `metrics` in [service] of home.toml.",
        )
