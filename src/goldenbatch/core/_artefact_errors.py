"""The error of content that is refused."""

from __future__ import annotations

from goldenbatch.core.errors import BadInputError


class ArtefactContentError(BadInputError):
    """Content that would run code when it is loaded, or is not what its media type says."""
