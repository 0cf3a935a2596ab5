"""Write a model card as a page and as PDF, with the proof file that an outsider can check."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from goldenbatch.capabilities.governance._card_sheet import Proof, sheet_of
from goldenbatch.capabilities.governance.card import events_behind, load_card
from goldenbatch.ui.documents import write_whole
from goldenbatch.ui.sheets import sheet_html, sheet_pdf

if TYPE_CHECKING:
    from goldenbatch.core.site import Site


def write_card(site: Site, use: str, version: int, out_dir: Path) -> dict[str, str]:
    """Write the card of a version into a folder; 0: of the one that serves, else the newest.

    Returns:
        Paths of what was written: `html`, `pdf`, `proof`.

    Raises:
        NotFoundError: There is no such use, or no such version.
    """
    card = load_card(site, use, version)
    seqs = [event.seq for event in events_behind(site, card)]
    bundle = site.ledger.proof_bundle(seqs)
    bundle["model"] = f"{card.use}@{card.version}"
    content = (json.dumps(bundle, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    name = f"model-{card.use}-{card.version}"
    proof = Proof(
        name=f"{name}.proof.json",
        digest=hashlib.sha256(content).hexdigest(),
        checkpoint=str(bundle["checkpoint"]),
        public_key=str(bundle["public_key"]),
        n_events=len(seqs),
    )
    sheet = sheet_of(card, site.clock(), proof)
    out_dir.mkdir(parents=True, exist_ok=True)
    files = {
        "html": (out_dir / f"{name}.html", sheet_html(sheet).encode()),
        "pdf": (out_dir / f"{name}.pdf", sheet_pdf(sheet)),
        "proof": (out_dir / proof.name, content),
    }
    for path, data in files.values():
        write_whole(path, data)
    return {kind: str(path) for kind, (path, _) in files.items()}
