"""Errors of the ledger."""

from __future__ import annotations

from goldenbatch.core.errors import GoldenbatchError, IntegrityError


class ProofError(IntegrityError):
    """A proof, note or signature that does not show what it claims to show."""


class StorageError(GoldenbatchError):
    """The medium refused: nothing of the append is kept."""

    exit_code = 74


class StorageFullError(StorageError):
    """No space is left for the append: nothing of it is kept, later appends work again."""


class UnknownOutcomeError(StorageError):
    """The connection was lost while committing, and nobody can be asked whether it was kept.

    To append again at the same expected version is safe: what was kept is then a conflict.
    """


class ProjectionError(GoldenbatchError):
    """A fold that raised, or gave rows that do not fit its table."""
