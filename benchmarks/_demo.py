"""The demonstration site, started for a benchmark and ended with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOGIN, PASSWORD = "rita", "demonstration-only"


@contextmanager
def demo_plant() -> Iterator[tuple[str, str, str]]:
    """Address of its pages, and who logs in there: login and password."""
    from goldenbatch.apps.demo.folder import DemoFolder
    from goldenbatch.apps.demo.run import site_up

    with tempfile.TemporaryDirectory() as folder:
        site = DemoFolder(Path(folder) / "site")
        with site_up(site, site.begin(1), lambda *_: None) as up:
            yield up.url, LOGIN, PASSWORD
