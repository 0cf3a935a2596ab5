"""An OpenID provider on loopback: http.server and joserfc, PKCE by authlib, with its misdeeds."""

from __future__ import annotations

import http.server
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

MAKERS = {
    "RS256": lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}),
    "PS256": lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}),
    "ES256": lambda: ECKey.generate_key("P-256", {"kid": "k1", "use": "sig"}),
}


@dataclass
class Provider:
    """A provider whose one person logs in at once.

    Attributes:
        claims: Claims of the ID token that are given instead of the right ones.
        strip: Whether it is as if the browser had stripped `max_age` and `prompt`.
    """

    algorithm: str = "ES256"
    subject: str = "anna-at-idp"
    claims: dict = field(default_factory=dict)
    logged_in_at: int = 0
    codes: dict = field(default_factory=dict)

    def __enter__(self):
        self.key = MAKERS[self.algorithm]()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.get(self)

            def do_POST(self):
                provider.post(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def get(self, call):
        url = urlsplit(call.path)
        if url.path == "/.well-known/openid-configuration":
            return answer(call, {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/jwks",
            })  # fmt: skip
        if url.path == "/jwks":
            return answer(call, KeySet([self.key]).as_dict(private=False))
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        assert (query["response_type"], query["max_age"], query["prompt"]) == ("code", "0", "login")
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self.codes[code] = query
        call.send_response(303)
        back = urlencode({"code": code, "state": query["state"]})
        call.send_header("Location", f"{query['redirect_uri']}?{back}")
        call.end_headers()
        return None

    def post(self, call):
        form = parse_qs(call.rfile.read(int(call.headers["Content-Length"])).decode())
        query = self.codes.pop(form["code"][0], None)
        proof = create_s256_code_challenge(form["code_verifier"][0])
        if query is None or proof != query["code_challenge"]:
            return answer(call, {"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": self.subject, "aud": query["client_id"], "iat": now,
            "exp": now + 60, "nonce": query["nonce"], "auth_time": self.logged_in_at or now,
        } | self.claims  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": self.algorithm, "kid": "k1"}
        token = jwt.encode(head, claims, self.key, algorithms=[self.algorithm])
        return answer(call, {"access_token": "x", "token_type": "Bearer", "id_token": token})


def answer(call, value, status=200):
    body = json.dumps(value).encode()
    call.send_response(status)
    call.send_header("Content-Type", "application/json")
    call.send_header("Content-Length", str(len(body)))
    call.end_headers()
    call.wfile.write(body)


def browse(url):
    """What a browser does with a log-in: it goes where it is sent, and comes back with a code."""
    import httpx

    with httpx.Client(trust_env=False) as client:
        place = client.get(url).headers["location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}
