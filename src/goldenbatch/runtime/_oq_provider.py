"""An OpenID provider on this machine, with which the qualification tries log-ins and signatures.

Its one person logs in at once. It serves the length of a check, on a port of its own, and can
be told to say what an honest provider never says.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import secrets
import threading
import time
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

NAME: Final = "qualification"
CLIENT: Final = "goldenbatch"
BACK: Final = "http://127.0.0.1:1/callback"
ALGORITHM: Final = "ES256"
LIFE_S: Final = 60


class LoopbackProvider:
    """A provider that signs ID tokens with a key of its own.

    Attributes:
        claims: Claims that are given in place of the right ones.
        subject: Who logs in.
    """

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.subject = "somebody"
        self._codes: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        from joserfc.jwk import ECKey

        self._key = ECKey.generate_key("P-256", {"kid": "oq", "use": "sig"})
        self._server = http.server.HTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def settings(self) -> dict[str, str]:
        """The table of `home.toml` under which the home takes its log-ins."""
        return {"name": NAME, "issuer": self.issuer, "client_id": CLIENT}

    def page(self, path: str) -> dict[str, Any]:
        """What it publishes under a path."""
        if path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "auth", "token_endpoint": "token",
                     "jwks_uri": "jwks"}  # fmt: skip
            pages = {name: f"{self.issuer}/{page}" for name, page in names.items()}
            return {"issuer": self.issuer, **pages}
        return {"keys": [self._key.as_dict(private=False)]}

    def log_in(self, url: str) -> dict[str, str]:
        """What a browser brings back that was sent to it: a code and the state."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = secrets.token_hex(8)
        self._codes[code] = query
        return {"code": code, "state": query["state"]}

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """The ID token for a code; None when the code or its verifier is wrong."""
        from joserfc import jwt

        query = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if query is None or proof != query.get("code_challenge"):
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": self.subject, "aud": query["client_id"], "iat": now,
            "exp": now + LIFE_S, "nonce": query["nonce"], "auth_time": now, **self.claims,
        }  # fmt: skip
        token = jwt.encode({"alg": ALGORITHM, "kid": "oq"}, claims, self._key,
                           algorithms=[ALGORITHM])  # fmt: skip
        return {"access_token": "none", "token_type": "Bearer", "id_token": token}


def _handler(provider: LoopbackProvider) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._give(provider.page(urlsplit(self.path).path))

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(text).items()}
            found = provider.token(form)
            self._give(found or {"error": "invalid_grant"}, 400 if found is None else 200)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a check gives its own evidence."""

        def _give(self, value: dict[str, Any], status: int = 200) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler
