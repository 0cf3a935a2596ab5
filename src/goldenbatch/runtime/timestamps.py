"""Time stamps of others on checkpoints (RFC 3161): when a root existed, on an authority's word.

A token says that a checkpoint existed at a time; that a later checkpoint adds to it says only
a consistency proof or a witness. Tokens stand in `ledger/timestamps/<size>.tsr`, as the
authority gave them. Needs the extra `timestamp`.

References:
    RFC 3161, sections 2.4 and 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError, IntegrityError, NotFoundError
from goldenbatch.runtime._state import write_durably

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

TIMEOUT_S = 30.0
FOLDER = "timestamps"


@dataclass(frozen=True)
class Stamped:
    """A checkpoint with the time that an authority gave it.

    Attributes:
        size: Events that the checkpoint signs.
        at: Microseconds UTC, by the authority.
        path: File of the token.
    """

    size: int
    at: int
    path: Path


def stamp(site: LocalSite, url: str, roots: bytes) -> Stamped:
    """Have an authority stamp the newest checkpoint, check its token and keep it.

    Args:
        site: The home, open for work.
        url: Of the authority.
        roots: Certificates (PEM) that the authority's certificate must lead to.

    Raises:
        NotFoundError: The extra is not installed, or the authority does not answer.
        IntegrityError: The answer is not a token of this checkpoint.
    """
    import httpx

    made = site.ledger.checkpoint()
    request = _library().TimestampRequestBuilder().data(made.note.encode()).build()
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        answer = httpx.post(url, content=request.as_bytes(), headers=headers, timeout=TIMEOUT_S)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotFoundError(
            f"the time-stamping authority {url} does not answer ({error}).",
            hint="Try again later; the checkpoint itself is kept.",
        ) from error
    at = check_token(made.note, answer.content, roots, nonce=request.nonce)
    path = site.layout.ledger.parent / FOLDER / f"{made.size}.tsr"
    path.parent.mkdir(exist_ok=True)
    write_durably(path, answer.content)
    return Stamped(made.size, at, path)


def check_token(note: str, token: bytes, roots: bytes, *, nonce: int | None = None) -> int:
    """When an authority stamped a checkpoint, in microseconds UTC.

    Args:
        note: The checkpoint, exactly as it was stamped.
        token: The authority's answer (DER).
        roots: Trusted certificates (PEM).
        nonce: Of the request, where it is at hand.

    Raises:
        BadInputError: The certificates cannot be read.
        IntegrityError: The token is of another text, or of no authority that is trusted.
    """
    from cryptography.x509 import load_pem_x509_certificates

    library = _library()
    try:
        trusted = load_pem_x509_certificates(roots)
    except ValueError as error:
        raise BadInputError(f"the certificates cannot be read: {error}.") from error
    builder = library.VerifierBuilder(roots=trusted, nonce=nonce)
    try:
        response = library.decode_timestamp_response(token)
        builder.build().verify_message(response, note.encode())
        at = response.tst_info.gen_time
    except (ValueError, library.VerificationError) as error:
        raise IntegrityError(
            f"the time stamp does not hold: {error}.",
            hint="Compare the checkpoint with the one that was stamped.",
        ) from error
    return round(_utc(at).timestamp()) * 1_000_000


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError as error:
        raise NotFoundError(
            "time stamps need a library that is not installed.",
            hint="Install goldenbatch[timestamp].",
        ) from error
    return rfc3161_client
