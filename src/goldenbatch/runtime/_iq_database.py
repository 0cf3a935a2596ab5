"""Installation qualification of the database under the ledger: is what it acknowledges kept?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

MIN_VERSION: Final = 150_000
Row = tuple[str, str, str, bool]
"""Name, what is expected, what was found, whether it is as it must be."""
_ON: Final = {
    "fsync": "what is committed reaches the disk",
    "full_page_writes": "a page that was torn by a power cut is made whole",
}
_DURABLE: Final = ("on", "remote_write", "remote_apply")


def database_items(site: LocalSite, *, has_scratch: bool) -> Iterator[Row]:
    """What of the server is looked at; nothing where the ledger lies in a file.

    Args:
        site: The home under validation.
        has_scratch: Whether the checks of operation run on PostgreSQL too.
    """
    if not site.settings.ledger.url:
        return
    facts = site.ledger.database_facts()
    version = int(facts["server_version_num"])
    yield "PostgreSQL", ">=15", facts["server_version"], version >= MIN_VERSION
    for name, why in _ON.items():
        yield f"PostgreSQL, {name}", f"on: {why}", facts[name], facts[name] == "on"
    commit = facts["synchronous_commit"]
    yield "PostgreSQL, synchronous_commit", " or ".join(_DURABLE), commit, commit in _DURABLE
    encoding = facts["server_encoding"]
    yield "PostgreSQL, encoding", "UTF8", encoding, encoding == "UTF8"
    wrong = [f"{where}: {message}" for where, message in site.ledger.database_notes()]
    found = "; ".join(wrong) or "it adds and reads"
    yield "PostgreSQL, rights of the application's role", "it adds and reads", found, not wrong
    yield (
        "PostgreSQL, scratch homes of the checks",
        "in PostgreSQL too",
        "in PostgreSQL" if has_scratch else "in files: name a database for trials with --scratch",
        has_scratch,
    )
