"""A capability from outside, for tests: a command, a group of commands, and a route."""

from dataclasses import dataclass
from typing import Annotated

import typer
from fastapi import APIRouter

from goldenbatch.core.capability import Capability, Offer
from goldenbatch.core.errors import ConflictError

tools = typer.Typer()


@tools.command()
def double(number: int) -> dict[str, int]:
    """Double a number."""
    return {"doubled": 2 * number}


@tools.command()
def fail() -> None:
    """Fail as capabilities do."""
    raise ConflictError("it is so already.", hint="Leave it.")


def count(site, batch: Annotated[str, typer.Argument(help="Batch.")], by: str = "kind"):
    """Count the events of a batch."""
    events = site.ledger.stream(f"batch/{batch}")
    return Counted(batch, by, len(events))


@dataclass(frozen=True)
class Counted:
    batch: str
    by: str
    n_events: int


def routes(get_site):
    router = APIRouter()

    @router.get("/count")
    def count_events(batch: str) -> dict[str, int]:
        """Count the events of a batch."""
        return {"n_events": len(get_site().ledger.stream(f"batch/{batch}"))}

    return router


def broken_routes(get_site):
    raise RuntimeError("no routes today")


CAPABILITY = Capability(
    name="extra",
    title="Extras from outside",
    tier="bronze",
    commands=(
        Offer("count", "gbx_extra:count", "Count the events of a batch"),
        Offer("tools", "gbx_extra:tools", "Tools"),
    ),
    routes=(
        Offer("count", "gbx_extra:routes", "Counts"),
        Offer("broken", "gbx_extra:broken_routes", "Breaks when it is loaded"),
    ),
    pages=(Offer("bench", "gbx_pages:BENCH", "A page of a partner"),),
    tiles=(Offer("count", "gbx_pages:COUNT", "Batches seen by a partner"),),
    widgets=(Offer("part", "gbx_pages:PART", "A partner's part of a batch"),),
)
