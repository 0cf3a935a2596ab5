"""Commands of execution: the dossier of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goldenbatch.core.site import Site


def report_command(
    site: Site,
    batch: Annotated[str, typer.Argument(help="Identifier of the batch.")],
    out_dir: Annotated[Path, typer.Argument(help="Folder to write into.")],
) -> dict[str, str]:
    """Write the dossier of a batch as HTML and PDF, with its proof."""
    from goldenbatch.capabilities.execution._documents import write_report

    return write_report(site, batch, out_dir)
