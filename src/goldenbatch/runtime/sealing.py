"""Sealed test sets of a home: rows encrypted with its key, given out by an opening only.

A set's key is derived from the home's key (RFC 5869), so that it is in a backup with the home's
key and only there; the rows are AES-256-GCM under a nonce of their own, and what they are of is
authenticated with them.

References:
    NIST SP 800-38D; RFC 5869; EU GMP Annex 22, draft of July 2025, 6.2 to 6.4.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core import authority
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.model_access import (
    criteria_fixed_at,
    kin_of,
    load_test_set,
    load_version,
    trainers_of,
)
from goldenbatch.core.records import NewEvent
from goldenbatch.core.sealing import SEALED_TYPE, OpenedRows, SealedRows
from goldenbatch.core.test_set_records import TestSetRead
from goldenbatch.core.test_sets import require_fixed_before, require_opening

if TYPE_CHECKING:
    from goldenbatch.core.site import Actor
    from goldenbatch.core.test_sets import TestSetState
    from goldenbatch.runtime.local import LocalSite

MAGIC: Final = b"GBSEAL\x00\x01"
TEST: Final = "model:test"
_FORM: Final = "goldenbatch/sealed-rows/1"
_ROWS = b"goldenbatch/sealed-rows/1\n"
_MARKS = b"goldenbatch/row-marks/1\n"
_KEY_ID = b"goldenbatch/sealing-key-id/1\n"
_MARK_BYTES = 16


class Sealing:
    """Seals rows and opens them; satisfies `goldenbatch.core.sealing.SealingPort`.

    Args:
        site: The open home.
    """

    def __init__(self, site: LocalSite) -> None:
        self._site = site

    def seal(self, test_set: str, content: bytes) -> SealedRows:
        """Encrypt rows with the home's key for this set and put them into the registry."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key, nonce = self._key_id(), os.urandom(12)
        header = {"form": _FORM, "key": key, "nonce": nonce.hex(), "test_set": test_set}
        head = _head(header)
        sealed = AESGCM(self._key(test_set)).encrypt(nonce, content, head)
        digest = self._site.registry.put(head + sealed, SEALED_TYPE)
        return SealedRows(digest, SEALED_TYPE, key)

    def marks(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Keyed digests of texts that identify rows."""
        key = self._derived(_MARKS)
        return tuple(
            hmac.new(key, one.encode(), hashlib.sha256).hexdigest()[: 2 * _MARK_BYTES]
            for one in tokens
        )

    def open(self, test_set: str, use: str, version: int, by: Actor) -> OpenedRows:
        """Give the rows for the test of a version; who got them is recorded before."""
        site, fault = self._site, self._site.signing_rules.fault
        person = site.people.require_open(by.uid)
        with site.signing.gate:
            state = load_version(site.ledger, use, version, fault)
            allowed = authority.require(site.people.decide_may(person, TEST, state.stream))
            chosen = load_test_set(site.ledger, test_set, fault)
            people = frozenset({by.uid, allowed.acting_for} - {""})
            trainers = trainers_of(site.ledger, state)
            opening = require_opening(chosen, state, people, trainers)
            fixed_at = criteria_fixed_at(site.ledger, state, fault)
            for one in kin_of(site.ledger, chosen, fault):
                require_fixed_before(one, fixed_at)
            content = self._opened(chosen)
            approval = f"{chosen.stream}@{opening.approved_at}"
            body = TestSetRead(
                test_set=test_set,
                use=use,
                version=version,
                opening=approval,
                digest=chosen.selected.digest,
                purpose=f"test of {state.stream}",
            )
            event = NewEvent(
                chosen.stream, body, chosen.head, actor=by.uid, acting_for=allowed.acting_for
            )
            read = site.ledger.append([event])[0]
        return OpenedRows(content, approval, f"{chosen.stream}@{read.envelope.version}")

    # ---- inside -----------------------------------------------------------------------------

    def _opened(self, chosen: TestSetState) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        digest = chosen.selected.digest
        blob = self._site.registry.get(digest)
        header, head = _read_head(blob, digest)
        if header.get("key") != self._key_id():
            raise IntegrityError(
                f"{chosen.stream} is sealed with key {header.get('key')}, which is not the home's.",
                hint="Restore the folder keys from the backup of the home.",
            )
        try:
            nonce = bytes.fromhex(header["nonce"])
            key = self._key(chosen.test_set)
            return AESGCM(key).decrypt(nonce, blob[len(head) :], head)
        except (InvalidTag, KeyError, ValueError) as error:
            raise IntegrityError(
                f"the sealed rows of {chosen.stream} are not what was sealed.",
                hint="Restore the registry from the backup of the home.",
            ) from error

    def _derived(self, purpose: bytes) -> bytes:
        return self._site.keys.signers[0].derived(purpose)

    def _key(self, test_set: str) -> bytes:
        return self._derived(_ROWS + test_set.encode())

    def _key_id(self) -> str:
        return self._derived(_KEY_ID).hex()[:16]


def _head(header: dict[str, str]) -> bytes:
    text = json.dumps(header, sort_keys=True).encode("ascii")
    return MAGIC + struct.pack("<I", len(text)) + text


def _read_head(blob: bytes, digest: str) -> tuple[dict[str, Any], bytes]:
    """Header of sealed rows, and its bytes.

    Raises:
        IntegrityError: These are no sealed rows.
    """
    start = len(MAGIC) + 4
    try:
        if not blob.startswith(MAGIC):
            raise ValueError("other first bytes")
        (length,) = struct.unpack_from("<I", blob, len(MAGIC))
        header = json.loads(blob[start : start + length])
        if not isinstance(header, dict):
            raise ValueError("no header")
    except (ValueError, struct.error) as error:
        raise IntegrityError(
            f"artefact {digest} holds no sealed rows ({error}).",
            hint="Restore the registry from the backup of the home.",
        ) from error
    return header, blob[: start + length]
