"""Broken controls of the signing ceremony."""

from dataclasses import replace
from types import SimpleNamespace

from gbx_cases import breaks


@breaks("password-signature-is-the-servers-word", "it holds without any key")
def attestations_are_not_checked(patch, **_):
    from goldenbatch.runtime import _evidence

    patch.setattr(_evidence, "_home_fault", lambda body, keys: "")


@breaks("app-code-serves-once", "a code that was used was not refused")
def codes_serve_again(patch, **_):
    from goldenbatch.runtime import _ceremony_totp

    real = _ceremony_totp.matching_step
    patch.setattr(
        _ceremony_totp, "matching_step", lambda secret, code, at, after: real(secret, code, at, -1)
    )


@breaks("security-key-signs-the-statement", "passes for another statement too")
def a_key_may_sign_anything(patch, **_):
    from goldenbatch.runtime import _evidence

    patch.setitem(_evidence._CHECKS, "webauthn", lambda body: "")


@breaks(
    "security-key-without-its-person-refused",
    "a key that did not verify its person was not refused",
)
def presence_is_enough(patch, **_):
    import webauthn

    real = webauthn.verify_authentication_response
    patch.setattr(
        webauthn,
        "verify_authentication_response",
        lambda **more: real(**{**more, "require_user_verification": False}),
    )


@breaks("copied-security-key-suspended", "a copy of a key was not refused")
def counters_are_not_kept(patch, **_):
    from goldenbatch.runtime import _ceremony_webauthn

    real = _ceremony_webauthn.asserted
    patch.setattr(
        _ceremony_webauthn,
        "asserted",
        lambda answer, challenge, settings, one: real(
            answer, challenge, settings, replace(one, counter=-1)
        ),
    )


@breaks("security-key-has-one-owner", "another person's key was not refused")
def keys_are_shared(patch, **_):
    from goldenbatch.runtime.credentials import Credentials

    patch.setattr(Credentials, "_require_new", lambda self, name, details: None)


@breaks("openid-login-signs-the-statement", "a token for another statement was not refused")
def claims_are_not_read(patch, **_):
    from goldenbatch.runtime import _ceremony_oidc

    patch.setattr(_ceremony_oidc, "_claims_fault", lambda *_: "")


@breaks("openid-provider-answers", "provider qualification shows no keys")
def the_provider_shows_no_keys(patch, bench, stack, **_):
    from goldenbatch.core.config import SigningSettings
    from goldenbatch.runtime._oq_provider import LoopbackProvider

    real = LoopbackProvider.page
    patch.setattr(
        LoopbackProvider,
        "page",
        lambda self, path: {"keys": []} if path == "/jwks" else real(self, path),
    )
    provider = stack.enter_context(LoopbackProvider())
    signing = SigningSettings.model_validate({"providers": [provider.settings()]})
    home = SimpleNamespace(settings=SimpleNamespace(signing=signing), clock=bench.clock)
    patch.setattr(bench, "home_site", home)


@breaks("series-asks-again-after-idling", "a series after idling was not refused")
def series_never_idle(patch, **_):
    from goldenbatch.runtime._ceremony_series import Series

    patch.setattr(
        Series, "is_open", lambda self, session, signer: self._open.get(session.key) is not None
    )


@breaks("statement-serves-once-and-in-time", "a late statement was not refused")
def statements_last(patch, **_):
    from goldenbatch.runtime._ceremony_series import Waiting

    patch.setattr(Waiting, "take", lambda self, name: self._kept[name][1])


@breaks("weak-password-refused", "a short password was not refused")
def short_passwords_will_do(patch, **_):
    from goldenbatch.runtime import people

    patch.setattr(people, "MIN_PASSWORD", 1)


@breaks("policy-sets-the-class", "a password where the policy asks for a key was not refused")
def the_class_is_not_compared(patch, **_):
    from goldenbatch.runtime.signing import Signing

    patch.setattr(Signing, "_require_class", lambda self, prepared, found: None)
