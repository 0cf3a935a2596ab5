"""The folder of a demonstration site: what is kept between its runs."""

from __future__ import annotations

import json
import shutil
import socket
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from goldenbatch.apps.demo.plant import PlantSettings
from goldenbatch.core.errors import BadInputError

MARK = "demo.json"
PORTS = {"web": 8601, "node": 8600, "opcua": 48410, "modbus": 5020}
"""Asked for first; where one is taken, any free one."""


@dataclass(frozen=True)
class DemoState:
    """What is known of a demonstration site.

    Attributes:
        epoch: When its plant was first started, microseconds UTC.
        seed: Of everything that differs from batch to batch.
        ports: Of each server, by name.
        is_seeded: Whether its home is complete.
        pids: Of the processes that run: `demo` watches over the others.
    """

    epoch: int
    seed: int
    ports: dict[str, int]
    is_seeded: bool = False
    pids: dict[str, int] = field(default_factory=dict)


class DemoFolder:
    """A demonstration site on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home, self.logs = path / "home", path / "logs"
        self.laboratory = path / "plant" / "laboratory"

    def read(self) -> DemoState | None:
        """What is known of it; None where there is none."""
        try:
            return DemoState(**json.loads((self.path / MARK).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, state: DemoState) -> None:
        """Keep what is known."""
        self.path.mkdir(parents=True, exist_ok=True)
        part = self.path / f"{MARK}.part"
        part.write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
        part.replace(self.path / MARK)

    def begin(self, seed: int) -> DemoState:
        """What is kept of an earlier run, or a new site; ports that are taken are changed.

        Raises:
            BadInputError: Something else is in the folder.
        """
        state = self.read()
        if state is None or not state.is_seeded:
            self.clear()
            state = DemoState(time.time_ns() // 1000, seed, dict(PORTS))
        state = replace(state, ports=free_ports(state.ports), pids={})
        self.logs.mkdir(parents=True, exist_ok=True)
        self.write(state)
        return state

    def clear(self) -> None:
        """Remove the site; nothing else is ever removed.

        Raises:
            BadInputError: The folder holds something else.
        """
        if (self.path / MARK).exists():
            shutil.rmtree(self.path)
        elif self.path.exists() and any(self.path.iterdir()):
            raise BadInputError(
                f"{self.path} is there already and is no demonstration site.",
                hint="Give another folder: goldenbatch demo DIR.",
            )

    def plant(self, state: DemoState) -> PlantSettings:
        """How its plant is run."""
        ports = state.ports
        return PlantSettings(
            state.epoch, state.seed, ports["opcua"], ports["modbus"], self.laboratory.resolve()
        )


def free_ports(wanted: dict[str, int]) -> dict[str, int]:
    """The wanted ports, where nobody listens on them; others where somebody does."""
    found: dict[str, int] = {}
    for name, port in wanted.items():
        found[name] = port if _is_free(port) and port not in found.values() else _any_free()
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
