"""Keys of a home, encrypted by a passphrase: scrypt (RFC 7914) and AES-256-GCM."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Final

from goldenbatch.core.errors import BadInputError
from goldenbatch.runtime._state import write_durably

MIN_PASSPHRASE: Final = 12
_FORM: Final = "goldenbatch/sealed-keys/1"
_N, _R, _P = 2**17, 8, 1


def _key(passphrase: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=_N, r=_R, p=_P).derive(passphrase.encode())


def seal(folder: Path, passphrase: str) -> bytes:
    """All files of a folder of keys and of those inside it (of connections), encrypted.

    Raises:
        BadInputError: The passphrase is too short.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(passphrase) < MIN_PASSPHRASE:
        raise BadInputError(
            f"a passphrase has at least {MIN_PASSPHRASE} characters.",
            hint="Choose a sentence, and keep it apart from the backup.",
        )
    files = {
        path.relative_to(folder).as_posix(): base64.b64encode(path.read_bytes()).decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    salt, nonce = os.urandom(16), os.urandom(12)
    plain = json.dumps(files, sort_keys=True).encode()
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, plain, _FORM.encode())
    parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
    values = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return json.dumps({"form": _FORM, **values}, sort_keys=True).encode()


def unseal(data: bytes, passphrase: str, folder: Path) -> list[str]:
    """Write the keys into a folder, readable by its owner only; gives their names.

    Raises:
        BadInputError: The passphrase is wrong, or this was never sealed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        values = json.loads(data)
        salt, nonce, sealed = (
            base64.b64decode(values[name]) for name in ("salt", "nonce", "sealed")
        )
        plain = AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, _FORM.encode())
    except (InvalidTag, ValueError, KeyError) as error:
        raise BadInputError(
            "the keys cannot be opened with this passphrase.", hint="Give the one of the backup."
        ) from error
    files = json.loads(plain)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise BadInputError(f"the sealed keys name {name!r}, outside their folder.")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(path, base64.b64decode(text), 0o600)
    return sorted(files)
