"""The signing ceremony in the browser: the statement, the record, the proof.

The person sees what they sign (which version of which record, what will be recorded, with what
meaning, in which role), then proves who they are by a method that the policy takes. A refused
proof uses the statement up, so another one is prepared and shown; what was entered stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import text
from goldenbatch.ui.web.modal import Modal
from goldenbatch.ui.web.plain import in_words
from goldenbatch.ui.web.proofs import BACK, awaiting
from goldenbatch.ui.web.threads import in_thread
from goldenbatch.ui.web.words import _, mark

if TYPE_CHECKING:
    from asyncio import Future

    from goldenbatch.ui.web.proofs import Return
    from goldenbatch.ui.web.view import View

TITLE: Final = "gb-signing-title"
METHODS: Final = {
    "password": mark("Password"), "totp": mark("Password and code"),
    "webauthn": mark("Security key or passkey"), "oidc": mark("Log in at a provider"),
}  # fmt: skip
"""Ways to prove who signs, in the order they are offered when more than one is possible."""

Signed = Mapping[str, Any]


async def ceremony(view: View, form: Mapping[str, Any]) -> Signed | None:
    """Ask the person to sign; see `View.sign`."""
    prepared = await view.run(view.asked.api.post, "/signatures/prepare", dict(form))
    if prepared is None:
        return None
    view.n_busy += 1
    one = Ceremony(view, form, prepared)
    try:
        return await one.run()
    finally:
        view.n_busy -= 1
        one.close()


class Ceremony:
    """One signature: a dialog, and statements prepared until one is signed or given up.

    Args:
        view: The page.
        form: What is to be signed, as `POST /signatures/prepare` takes it.
        prepared: The first statement.
    """

    def __init__(self, view: View, form: Mapping[str, Any], prepared: Mapping[str, Any]) -> None:
        self._view, self._form, self._prepared = view, dict(form), prepared
        self._method = _first(prepared["methods"])
        self._told: tuple[str, str] = ("", "")
        self._dialog = Modal(TITLE)
        self._waits = ExitStack()

    def close(self) -> None:
        """Take the dialog away."""
        self._waits.close()
        if not self._dialog.is_deleted:
            self._dialog.delete()

    async def run(self) -> Signed | None:
        """What was signed; None: given up."""
        if self._method in {"webauthn", "oidc"} and not await self._prepare():
            return None
        self._show()
        while True:
            what, value = await self._dialog.happened(self._seconds_left())
            if what == "gave-up":
                return None
            signed = await self._after(what, value)
            if signed is not None:
                self._view.tell(_("Signed: {stream}").format(**self._prepared["statement"]), "good")
                return signed
            if self._dialog.is_deleted:
                return None

    async def _after(self, what: str, value: Any) -> Signed | None:
        """Go on after something happened; gives what was signed by it."""
        if what == "given" and value.get("method"):
            self._method, self._told = str(value["method"]), ("", "")
        elif what == "failed":
            self._told = (_("The authenticator did not answer."), _("Try again."))
        elif what == "late":
            told = _("The time to sign was over, so the statement was prepared again.")
            self._told = (told, "")
        else:
            signed = await self._complete(what, value)
            if signed is not None:
                return signed
        if not await self._prepare():
            self._dialog.put("gave-up")
        else:
            self._show()
        return None

    async def _complete(self, what: str, value: Any) -> Signed | None:
        proof: dict[str, Any] = {"id": self._prepared["id"]}
        if what == "answered":
            proof |= {"kind": "webauthn", "response": value}
        elif what == "returned":
            if value.error:
                self._told = (_("The provider refused: {why}").format(why=value.error), "")
                return None
            proof |= {"kind": "oidc", "code": value.code, "state": value.state}
        else:
            names = ("login", "password", "code")
            proof |= {name: str(value[name]) for name in names if value.get(name)}
            proof["kind"] = "totp" if proof.get("code") else "password"
        api = self._view.asked.api
        try:
            found: Signed = await in_thread(api.post, "/signatures/complete", proof)
        except GoldenbatchError as error:
            self._told = (str(error), error.hint)
            return None
        return found

    async def _prepare(self) -> bool:
        """Prepare another statement, for the method chosen; False: it cannot be signed now."""
        form = {**self._form, "kind": self._method}
        if self._method == "oidc":
            form["redirect_uri"] = self._view.base + BACK
        before = self._prepared["statement"]["record_hash"]
        api = self._view.asked.api
        try:
            self._prepared = await in_thread(api.post, "/signatures/prepare", form)
        except GoldenbatchError as error:
            self._view.tell(str(error), "bad", error.hint)
            return False
        if self._prepared["statement"]["record_hash"] != before:
            changed = _("The record changed meanwhile: look at it again before you sign.")
            self._told = (changed, self._told[0])
        return True

    def _seconds_left(self) -> float:
        now = self._view.asked.site.clock()
        return max(1.0, (int(self._prepared["expires_at"]) - now) / 1e6)

    # ---- what is shown ----------------------------------------------------------------------

    def _show(self) -> None:
        self._waits.close()
        self._dialog.clear()
        statement = self._prepared["statement"]
        with self._dialog:
            text("h2", _("Sign"), "gb-h2").props["id"] = TITLE
            if self._told[0]:
                elements.problem(*self._told)
            self._statement(statement)
            self._record(statement)
            self._methods()
            if self._method == "webauthn":
                self._authenticator()
            elif self._method == "oidc":
                self._provider()
            else:
                self._password()
        self._dialog.focus_first()

    def _statement(self, statement: Mapping[str, Any]) -> None:
        lent = statement.get("acting_for")
        who = f"{statement['printed_name']} ({statement['role']})"
        pairs: list[tuple[str, Any]] = [
            (_("Who signs"), who),
            (_("Meaning"), lambda: elements.state(statement["meaning"])),
            (_("Record"), f"{statement['stream']}, {_('version')} {statement['version']}"),
            (_("Reason"), statement["reason"] or "–"),
            (_("Digest of the record"), lambda: elements.digest(statement["record_hash"])),
            (_("Statement"), lambda: elements.digest(self._prepared["statement_hash"])),
        ]
        if lent:
            told = f"{lent['printed_name']} ({lent['delegation']})"
            pairs.insert(1, (_("In the place of"), told))
        elements.facts(pairs)

    def _record(self, statement: Mapping[str, Any]) -> None:
        proposed, zone = self._prepared.get("proposed"), self._view.zone
        if proposed:
            elements.heading(_("What will be recorded"), 3)
            elements.facts(in_words(proposed, zone))
        record = self._prepared["record"]
        kind, version = record["envelope"]["kind"], record["envelope"]["version"]
        told = _("The record as it is: {kind}, version {version}")
        with elements.details(told.format(kind=kind, version=version), is_open=not proposed):
            body = record.get("body")
            if body is None:
                elements.paragraph(_("You may not read its content."), is_note=True)
            else:
                elements.facts(in_words(body, zone))

    def _methods(self) -> None:
        offered = _offered(self._prepared["methods"])
        if len(offered) < 2:
            return
        with elements.row():
            for name in offered:
                if name != self._method:
                    words = _("Sign by: {method}").format(method=_(METHODS[name]))
                    press = self._press(name)
                    elements.button(words, press)

    def _press(self, name: str) -> Any:
        return lambda: self._dialog.put("given", {"method": name})

    def _password(self) -> None:
        has_code = "totp" in self._prepared["methods"] or self._prepared["n_components"] > 2
        is_series = bool(self._prepared["is_series"])
        with ui.element("form").classes("gb-form"):
            if not is_series:
                _entry("login", _("Login"), "username", is_first=True)
            _entry("password", _("Password"), "current-password", is_secret=True,
                   is_first=is_series)  # fmt: skip
            if has_code and not is_series:
                _entry("code", _("Code of your authenticator app"), "one-time-code",
                       is_secret=True)  # fmt: skip
            self._end(_("Sign as {meaning}"))

    def _authenticator(self) -> None:
        self._dialog.props["options"] = self._prepared["options"]
        elements.paragraph(_("Your security key or this device confirms that it is you."))
        with elements.row(is_end=True):
            elements.button(_("Do not sign"), lambda: self._dialog.put("gave-up"))
            words = _("Sign as {meaning}").format(**self._prepared["statement"])
            made = elements.button(words, kind="main")
            made.props.update({"data-gb-authenticate": "", "data-gb-first": ""})

    def _provider(self) -> None:
        uid, state = self._view.person.uid, str(self._prepared["state"])
        future = self._waits.enter_context(awaiting(uid, state))
        future.add_done_callback(self._returned)
        elements.paragraph(
            _("Your provider opens in a window of its own; this page and what you entered stay.")
        )
        with elements.row(is_end=True):
            elements.button(_("Do not sign"), lambda: self._dialog.put("gave-up"))
            words = _("Log in at the provider to sign as {meaning}")
            made = text("a", words.format(**self._prepared["statement"]))
            made.classes("gb-button gb-button-main")
            to = elements.safe_address(str(self._prepared["url"]))
            made.props.update({"href": to, "target": "_blank", "rel": "noopener"})
            made.props["data-gb-first"] = ""

    def _returned(self, future: Future[Return]) -> None:
        if not future.cancelled():
            self._dialog.put("returned", future.result())

    def _end(self, words: str) -> None:
        with elements.row(is_end=True):
            elements.button(_("Do not sign"), lambda: self._dialog.put("gave-up"))
            made = elements.button(words.format(**self._prepared["statement"]), kind="main")
            made.props["type"] = "submit"


def _entry(
    name: str, label: str, complete: str, *, is_secret: bool = False, is_first: bool = False
) -> None:
    with elements.box("gb-field"):
        text("label", label).props["for"] = f"gb-sign-{name}"
        made = elements.box("gb-input", "input", id=f"gb-sign-{name}", name=name)
        made.props.update({"autocomplete": complete, "required": True, "autocapitalize": "none"})
        made.props["type"] = "password" if name == "password" else "text"
        if name == "code":
            made.props["inputmode"] = "numeric"
        if is_secret:
            made.props["data-gb-secret"] = ""
        if is_first:
            made.props["data-gb-first"] = ""


def _offered(methods: list[str]) -> list[str]:
    """Ways to choose from: who has an app for codes always gives the code too."""
    return [
        one for one in METHODS if one in methods and not (one == "password" and "totp" in methods)
    ]


def _first(methods: list[str]) -> str:
    """The strongest way that needs no other window."""
    for one in ("webauthn", "totp", "password", "oidc"):
        if one in methods:
            return one
    return "password"
