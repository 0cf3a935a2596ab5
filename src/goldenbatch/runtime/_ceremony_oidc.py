"""OpenID Connect: the provider signs a token whose nonce is the statement's hash.

The authorisation code flow with PKCE as a public client. `max_age=0` and `prompt=login` ask
for a fresh log-in; since a browser can strip both, only `auth_time` in the signed token counts.

References:
    OpenID Connect Core 1.0, 3.1.2.1, 3.1.3.7; RFC 7636 (PKCE); RFC 8252 (loopback redirects).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from goldenbatch.core.errors import BadInputError, DeniedError, NotFoundError
from goldenbatch.runtime._evidence import b64, spki, unb64url

if TYPE_CHECKING:
    from goldenbatch.core.config import ProviderSettings, SigningSettings
    from goldenbatch.core.site import Clock

TIMEOUT_S = 10
MAX_TOKEN = 20_000
_KEY_TYPES = {"R": "RSA", "P": "RSA", "E": "EC"}


@dataclass(frozen=True)
class Flow:
    """A log-in at a provider that somebody was sent to.

    Attributes:
        nonce: What the provider must sign.
        started_at: Microseconds UTC; the person must log in after it.
    """

    provider: ProviderSettings
    nonce: str
    redirect_uri: str
    state: str
    verifier: str
    started_at: int
    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True)
class Identity:
    """Whom a provider vouched for, and the proof in its normalised form."""

    issuer: str
    subject: str
    evidence: dict[str, str]


def provider_of(settings: SigningSettings, name: str) -> ProviderSettings:
    """The provider of a name; the only one where no name is given.

    Raises:
        NotFoundError: There is none.
    """
    for one in settings.providers:
        if one.name == name or (not name and len(settings.providers) == 1):
            return one
    known = ", ".join(one.name for one in settings.providers) or "none"
    raise NotFoundError(
        f"the home has no OpenID provider {name!r}.",
        hint=f"Known: {known}; see [[signing.providers]] in home.toml.",
    )


def begin(
    settings: SigningSettings, name: str, nonce: str, redirect_uri: str, now: int
) -> tuple[Flow, str]:
    """Begin a log-in: what to keep, and the address to send the browser to.

    Raises:
        BadInputError: The redirect leads neither to this machine nor to an origin of the home.
        DeniedError: The provider does not answer as one does.
    """
    provider = provider_of(settings, name)
    _check_redirect(settings, redirect_uri)
    found = _json(provider, provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if found.get("issuer") != provider.issuer:
        raise _refused(f"the provider calls itself {found.get('issuer')!r}")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    page, token, keys = (_endpoint(found.get(one)) for one in names)
    verifier = secrets.token_urlsafe(48)
    challenge = hashlib.sha256(verifier.encode()).digest()
    state = secrets.token_urlsafe(24)
    flow = Flow(provider, nonce, redirect_uri, state, verifier, now, token, keys)
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": "openid",
        "state": state,
        "nonce": nonce,
        "max_age": "0",
        "prompt": "login",
        "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return flow, f"{page}{'&' if '?' in page else '?'}{urlencode(query)}"


def finish(
    flow: Flow, answer: Mapping[str, Any], settings: SigningSettings, clock: Clock
) -> Identity:
    """Redeem the code that the browser brought back, and check the ID token.

    Raises:
        DeniedError: It does not prove a fresh log-in of somebody for this statement.
    """
    code, state = str(answer.get("code", "")), str(answer.get("state", ""))
    if not hmac.compare_digest(state.encode(), flow.state.encode()):
        raise _refused("the answer belongs to another log-in")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": flow.redirect_uri,
        "client_id": flow.provider.client_id,
        "code_verifier": flow.verifier,
    }
    token = _json(flow.provider, flow.token_endpoint, form).get("id_token")
    if not isinstance(token, str) or len(token) > MAX_TOKEN:
        raise _refused("the provider gave no ID token")
    keys = _json(flow.provider, flow.jwks_uri).get("keys")
    # The time is taken after the provider's: a token issued meanwhile is not from the future.
    return checked(token, keys if isinstance(keys, list) else [], flow, settings.skew_s, clock())


def checked(token: str, keys: list[Any], flow: Flow, skew_s: int, now: int) -> Identity:
    """An ID token whose signature and claims all hold.

    Args:
        token: In the compact form.
        keys: The provider's JWK set.
        flow: The log-in that it must answer.
        skew_s: Seconds by which the provider's clock may be off.
        now: Microseconds UTC.

    Raises:
        DeniedError: One does not.
    """
    head, algorithm = _header(token, flow.provider)
    jwk = _signing_key(token, keys, head, algorithm)
    claims = json.loads(unb64url(token.split(".")[1]))
    if fault := _claims_fault(claims, flow, skew_s, now // 1_000_000):
        raise _refused(fault)
    signed, _, last = token.rpartition(".")
    evidence = {
        "algorithm": "Ed25519" if algorithm == "EdDSA" else algorithm,
        "public_key": b64(spki(jwk.public_key)),
        "signed_bytes": b64(signed.encode("ascii")),
        "signature": b64(_der(algorithm, unb64url(last))),
        "id_token": token,
        "jwk": json.dumps(jwk.as_dict(private=False), sort_keys=True),
        "issuer": claims["iss"],
        "subject": claims["sub"],
    }
    return Identity(claims["iss"], claims["sub"], evidence)


def _header(token: str, provider: ProviderSettings) -> tuple[Mapping[str, Any], str]:
    try:
        head = json.loads(unb64url(token.split(".", maxsplit=1)[0]))
        algorithm = head["alg"]
    except (ValueError, KeyError, TypeError, UnicodeEncodeError) as error:
        raise _refused("the ID token is garbled") from error
    if algorithm not in provider.algorithms:
        raise _refused(f"the ID token is signed by {algorithm!r}, which the home does not take")
    return head, algorithm


def _signing_key(token: str, keys: list[Any], head: Mapping[str, Any], algorithm: str) -> Any:
    """The key of the provider's set that has signed the token."""
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    for one in keys:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        if one.get("kty") != _KEY_TYPES.get(algorithm[0], "") and algorithm != "EdDSA":
            continue
        if "kid" in head and one.get("kid", head["kid"]) != head["kid"]:
            continue
        public = {name: value for name, value in one.items() if name not in ("d", "p", "q")}
        try:
            key = import_key(public)
            jws.deserialize_compact(token, key, algorithms=[algorithm])
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        return key
    raise _refused("no key of the provider has signed the ID token")


def _claims_fault(claims: Any, flow: Flow, skew_s: int, now_s: int) -> str:
    """Why the claims are not those of a fresh log-in for this statement; empty when they are."""
    if not isinstance(claims, dict):
        return "the ID token holds no claims"
    client, audience = flow.provider.client_id, claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    is_mine = client in audiences and claims.get("azp", client) == client
    is_mine = is_mine and (len(audiences) == 1 or "azp" in claims)
    nonce = str(claims.get("nonce", "")).encode()
    checks = (
        (claims.get("iss") == flow.provider.issuer, "the ID token is of another provider"),
        (is_mine, "the ID token was made for somebody else"),
        (isinstance(claims.get("sub"), str) and claims["sub"], "the ID token names nobody"),
        (
            hmac.compare_digest(nonce, flow.nonce.encode()),
            "the ID token was made for another statement",
        ),
    )
    fault = next((text for holds, text in checks if not holds), "")
    return fault or _times_fault(claims, flow.started_at // 1_000_000, skew_s, now_s)


def _times_fault(claims: Mapping[str, Any], started_s: int, skew_s: int, now_s: int) -> str:
    times: list[float] = []
    for name in ("exp", "iat", "auth_time"):
        value = claims.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return f"the ID token has no time {name}"
        times.append(value)
    expires, issued, logged_in = times
    if expires <= now_s - skew_s:
        return "the ID token has expired"
    if not started_s - skew_s <= issued <= now_s + skew_s:
        return "the ID token was not issued just now"
    if not started_s - skew_s <= logged_in <= now_s + skew_s:
        return "the person has not logged in again since the statement was prepared"
    return ""


def _der(algorithm: str, signature: bytes) -> bytes:
    """An ECDSA signature of JOSE (r || s) in the DER form; others as they are."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if not algorithm.startswith("ES"):
        return signature
    half = len(signature) // 2
    r, s = signature[:half], signature[half:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def is_loopback(url: str) -> bool:
    """Whether an address is one of this machine."""
    name = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _check_redirect(settings: SigningSettings, redirect_uri: str) -> None:
    parts = urlsplit(redirect_uri)
    origin = f"{parts.scheme}://{parts.netloc}"
    is_own = origin in settings.origins or (is_loopback(redirect_uri) and parts.scheme == "http")
    if not is_own or parts.fragment:
        raise BadInputError(
            f"{redirect_uri!r} leads neither to this machine nor to an origin of the home.",
            hint="See origins in [signing] of home.toml.",
            key="redirect_uri",
        )


def _endpoint(url: object) -> str:
    text = url if isinstance(url, str) else ""
    scheme = urlsplit(text).scheme
    if scheme != "https" and not (scheme == "http" and is_loopback(text)):
        raise _refused(f"the provider names the address {text!r}, which is not https")
    return text


def _json(
    provider: ProviderSettings, url: str, form: Mapping[str, str] | None = None
) -> dict[str, Any]:
    import httpx

    try:
        # A proxy has no business between a home and a provider on the same machine.
        with httpx.Client(timeout=TIMEOUT_S, trust_env=not is_loopback(url)) as client:
            answer = client.get(url) if form is None else client.post(url, data=dict(form))
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise _refused(f"the provider {provider.name} does not answer ({error})") from error
    if not answer.is_success or not isinstance(found, dict):
        said = found.get("error", answer.status_code) if isinstance(found, dict) else "no JSON"
        raise _refused(f"the provider {provider.name} refuses: {said}")
    return found


def _refused(why: str) -> DeniedError:
    return DeniedError(f"{why}.", hint="Prepare it again and log in at the provider.")
