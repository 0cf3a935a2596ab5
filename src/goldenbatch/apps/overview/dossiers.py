"""Dossiers of batches, made when they are asked for and kept for a while to be fetched."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.errors import NotFoundError

if TYPE_CHECKING:
    from goldenbatch.apps.overview.asking import Looker

KEPT_S: Final = 600
MAX_KEPT: Final = 20
TYPES: Final = {"html": "text/html", "pdf": "application/pdf", "proof": "application/json"}


@dataclass(frozen=True)
class Made:
    """A dossier that waits to be fetched by who had it made.

    Attributes:
        files: Kind (`html`, `pdf`, `proof`) to name and content.
    """

    uid: str
    at: float
    files: dict[str, tuple[str, bytes]]


@dataclass
class Dossiers:
    """Dossiers that were made lately; one is made at a time, as it takes a processor."""

    kept: dict[str, Made] = field(default_factory=dict)
    gate: threading.Lock = field(default_factory=threading.Lock)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def make(self, looker: Looker, batch: str) -> dict[str, Any]:
        """Make the dossier of a batch of what the person may see.

        Raises:
            NotFoundError: There is no such batch.
            DeniedError: They may take no copy of it.
        """
        from goldenbatch.capabilities.execution import write_report

        with self.turn, tempfile.TemporaryDirectory(prefix="goldenbatch-") as folder:
            paths = write_report(looker.site, batch, Path(folder))
            files = {kind: (Path(one).name, Path(one).read_bytes()) for kind, one in paths.items()}
        name = secrets.token_urlsafe(16)
        with self.gate:
            now = time.monotonic()
            fresh = [(key, one) for key, one in self.kept.items() if now - one.at < KEPT_S]
            self.kept = dict(fresh[-(MAX_KEPT - 1) :])
            self.kept[name] = Made(looker.site.actor.uid, now, files)
        return {
            "id": name,
            "batch": batch,
            "files": {
                kind: {"name": file, "n_bytes": len(content),
                       "digest": hashlib.sha256(content).hexdigest()}
                for kind, (file, content) in files.items()
            },
        }  # fmt: skip

    def file(self, looker: Looker, name: str, kind: str) -> tuple[str, bytes]:
        """Name and content of a file of a dossier, for who had it made.

        Raises:
            NotFoundError: It was not made, not by them, or is gone by now.
        """
        with self.gate:
            made = self.kept.get(name)
        is_there = made is not None and time.monotonic() - made.at < KEPT_S
        if made is None or not is_there or made.uid != looker.site.actor.uid:
            raise NotFoundError("this dossier is gone.", hint="Have it made again.")
        return made.files[kind]
