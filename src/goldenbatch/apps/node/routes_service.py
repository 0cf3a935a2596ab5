"""Endpoint of the service: its processes, since when they run, and which was started again."""

from __future__ import annotations

import os
import time
from typing import Any, Final

from fastapi import APIRouter

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.state import Caller, State
from goldenbatch.apps.supervise import service_status

router = APIRouter(tags=["node"], responses=RESPONSES)
STARTED_AT: Final = time.time_ns() // 1000
SHOWN: Final = ("name", "state", "started_at", "n_restarts", "last_exit", "last_exit_at")


@router.get("/service")
def service(state: State, _: Caller) -> dict[str, Any]:
    """Processes of the service, how often each was started again, and why the last time."""
    found = service_status(state.desk.site.path)
    if found is None or found.get("supervisor") != os.getppid():
        own = {"name": "node", "state": "running", "started_at": STARTED_AT,
               "n_restarts": 0, "last_exit": "", "last_exit_at": None}  # fmt: skip
        return {"is_supervised": False, "started_at": STARTED_AT, "processes": [own]}
    processes = [{name: one[name] for name in SHOWN} for one in found["processes"]]
    return {
        "is_supervised": True,
        "started_at": found["started_at"],
        "processes": processes,
    }
