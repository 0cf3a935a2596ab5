"""Whether a home still holds what a result says it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import from_iso

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

MAX_WINDOWS = 10_000
"""Of one result: more were not written by a command."""


def check_rests_on(site: Site, document: Mapping[str, Any]) -> None:
    """Hold readings and records of a result against the home in which it is to be kept.

    Args:
        site: The home.
        document: Of the result; its `provenance.home` lists what it was read from.

    Raises:
        BadInputError: It was read from another home, or readings or records are not those that
            it names.
    """
    provenance = document.get("provenance")
    bases = provenance.get("home") if isinstance(provenance, Mapping) else None
    if not bases:
        return
    try:
        if sum(len(one["readings"]) + len(one["records"]) for one in bases) > MAX_WINDOWS:
            raise ValueError("too many windows and records")
        for one in bases:
            _check_home(site, one)
            _check_readings(site, one)
            _check_records(site, one)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(
            f"what the result rests on cannot be read: {error}.",
            hint="Keep the result as the command wrote it.",
        ) from error


def _check_home(site: Site, basis: Mapping[str, Any]) -> None:
    if basis["home"] != site.home.uid:
        raise BadInputError(
            f"batch {basis['batch']!r} was read from home {basis['name']!r}, not from this one.",
            hint="Keep the result in the home that it rests on.",
        )


def _check_readings(site: Site, basis: Mapping[str, Any]) -> None:
    for row in basis["readings"]:
        window = (from_iso(row["start"]), from_iso(row["end"]))
        try:
            found = site.historian.digest(row["tag"], window, int(basis["historian_seq"]))
        except NotFoundError:
            found = ("", 0)
        if found != (row["digest"], row["n_readings"]):
            raise BadInputError(
                f"readings of {row['tag']} from {row['start']} to {row['end']} are not those that "
                "the result rests on.",
                hint="Make the result again.",
            )


def _check_records(site: Site, basis: Mapping[str, Any]) -> None:
    leaves: dict[str, dict[int, str]] = {}
    for row in basis["records"]:
        stream = str(row["stream"])
        if stream not in leaves:
            events = site.ledger.stream(stream)
            leaves[stream] = {one.envelope.version: one.leaf for one in events}
        if leaves[stream].get(row["version"]) != row["leaf"]:
            raise BadInputError(
                f"version {row['version']} of {stream} is not the record that the result rests on.",
                hint="Make the result again.",
            )
