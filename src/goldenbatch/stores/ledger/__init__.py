"""The ledger: append-only events on one provable trail."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.stores.ledger._copy import n_stored, transfer_ledger
    from goldenbatch.stores.ledger._erasure import Erasure
    from goldenbatch.stores.ledger._open import shown_place
    from goldenbatch.stores.ledger._postgres import database, install_postgres
    from goldenbatch.stores.ledger._problem import Problem
    from goldenbatch.stores.ledger.errors import (
        ProjectionError,
        ProofError,
        StorageError,
        StorageFullError,
        UnknownOutcomeError,
    )
    from goldenbatch.stores.ledger.ledger import Ledger
    from goldenbatch.stores.ledger.notes import (
        Checkpoint,
        Cosigner,
        Keyring,
        Signer,
        VerifierKey,
    )
    from goldenbatch.stores.ledger.proofs import Proof, verify_proof

_PLACES = {
    "Checkpoint": "notes",
    "Cosigner": "notes",
    "Erasure": "_erasure",
    "Keyring": "notes",
    "Ledger": "ledger",
    "Problem": "_problem",
    "ProjectionError": "errors",
    "Proof": "proofs",
    "ProofError": "errors",
    "Signer": "notes",
    "StorageError": "errors",
    "StorageFullError": "errors",
    "UnknownOutcomeError": "errors",
    "VerifierKey": "notes",
    "database": "_postgres",
    "install_postgres": "_postgres",
    "n_stored": "_copy",
    "shown_place": "_open",
    "transfer_ledger": "_copy",
    "verify_proof": "proofs",
}

__all__ = [
    "Checkpoint",
    "Cosigner",
    "Erasure",
    "Keyring",
    "Ledger",
    "Problem",
    "ProjectionError",
    "Proof",
    "ProofError",
    "Signer",
    "StorageError",
    "StorageFullError",
    "UnknownOutcomeError",
    "VerifierKey",
    "database",
    "install_postgres",
    "n_stored",
    "shown_place",
    "transfer_ledger",
    "verify_proof",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
