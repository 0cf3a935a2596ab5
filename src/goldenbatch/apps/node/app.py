"""The application of the node: all endpoints under /api/v1, those of capabilities too."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI

from goldenbatch import __version__
from goldenbatch.apps.local_desk import LocalDesk
from goldenbatch.apps.node import (
    routes_acts,
    routes_admin,
    routes_backup,
    routes_governance,
    routes_historian,
    routes_home,
    routes_inspection,
    routes_ledger,
    routes_live,
    routes_models,
    routes_overview,
    routes_plans,
    routes_policy,
    routes_retention,
    routes_rights,
    routes_service,
    routes_serving,
    routes_signing,
    routes_sources,
    routes_trail,
    routes_twin,
    routes_verification,
    routes_work,
)
from goldenbatch.apps.node.background import Background, acquisition_of
from goldenbatch.apps.node.failures import RESPONSES, add_handlers
from goldenbatch.apps.node.guard import Guard
from goldenbatch.apps.node.inspected import record_reading
from goldenbatch.apps.node.limits import BodyLimit
from goldenbatch.apps.node.metrics import Metrics
from goldenbatch.apps.node.metrics import router as metrics_router
from goldenbatch.apps.node.state import Caller, NodeState
from goldenbatch.core.errors import DeniedError

if TYPE_CHECKING:
    from goldenbatch.core.site import Site
    from goldenbatch.runtime.local import LocalSite

API = "/api/v1"
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    site: LocalSite,
    *,
    token: str = "",
    wake_s: float = 0,
    flush_s: float = 0,
    acquires: bool = False,
) -> FastAPI:
    """The REST API of an open site.

    Args:
        site: The open site; calls and background work take turns at it.
        token: Bearer token of the home's own command line; empty: a new one
            (`app.state.node.token`).
        wake_s: Seconds between ticks of the analysts; 0: never by itself.
        flush_s: Seconds between hand-overs of the frame log; 0: never by itself.
        acquires: Whether it reads the running sources of the home.
    """
    state = NodeState(LocalDesk(site), token or secrets.token_urlsafe(32))
    if acquires:
        state.acquisition = acquisition_of(state)
    background = Background(state, wake_s=wake_s, flush_s=flush_s)
    app = FastAPI(
        title="goldenbatch node",
        version=__version__,
        description=f"The REST API of the home {site.home.name!r} ({site.home.kind.value}).",
        docs_url=f"{API}/docs",
        openapi_url=f"{API}/openapi.json",
        redoc_url=None,
        lifespan=_lifespan(background, state),
        separate_input_output_schemas=False,
    )
    app.state.node = state
    app.add_middleware(BodyLimit)
    app.state.metrics = Metrics(state)
    app.add_middleware(Guard, state=state, metrics=app.state.metrics)
    app.include_router(metrics_router)
    add_handlers(app)
    app.include_router(routes_home.open_router, prefix=API)
    app.include_router(routes_signing.open_router, prefix=API)
    for module in (
        routes_home,
        routes_service,
        routes_ledger,
        routes_signing,
        routes_historian,
        routes_live,
        routes_sources,
        routes_work,
        routes_trail,
        routes_backup,
        routes_inspection,
        routes_rights,
        routes_retention,
        routes_policy,
        routes_acts,
        routes_models,
        routes_serving,
        routes_plans,
        routes_admin,
        routes_verification,
        routes_overview,
        routes_twin,
        routes_governance,
    ):
        app.include_router(module.router, prefix=API, dependencies=[Depends(record_reading)])
    for router in _capability_routers(state):
        app.include_router(router, prefix=API, dependencies=[Depends(record_reading)])
    return app


def _capability_routers(state: NodeState) -> list[APIRouter]:
    """Routers that capabilities offer, each below its capability's name and the login.

    One that cannot be loaded is told at `/readiness` and does not stop the others.
    """
    found = []

    def get_site() -> Site:
        site = _CALLERS.get()
        if site is None:
            raise DeniedError("nobody is logged in here.", hint="Ask for the site in a call.")
        return site

    for full_name, offer in state.desk.site.discovery.offers("routes"):
        name = full_name.partition(".")[0]
        try:
            inner = offer.load()(get_site)
        except Exception as error:  # whatever an outside package throws, the node must run
            state.problems.append(f"routes {full_name}: {error}")
            continue
        outer = APIRouter(
            prefix=f"/{name}",
            tags=[name],
            dependencies=[Depends(_bind_caller)],
            responses=RESPONSES,
        )
        outer.include_router(inner)
        found.append(outer)
    return found


_CALLERS: ContextVar[Site | None] = ContextVar("caller's site", default=None)


async def _bind_caller(caller: Caller) -> None:
    """The site that a capability's endpoint gets is that of its caller, not the whole."""
    _CALLERS.set(caller.site)


def _lifespan(background: Background, state: NodeState) -> Lifespan:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        background.start()
        state.studio.begin()
        try:
            yield
        finally:
            state.live.stop()
            state.studio.stop()
            await _stop(background)

    return lifespan


async def _stop(background: Background) -> Any:
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(background.stop)
