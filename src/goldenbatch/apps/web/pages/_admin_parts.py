"""What the pages of administration share: their tabs, and acts proved by the person's password."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from goldenbatch.apps.web.pages import _forms as forms
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _, mark

Row = Mapping[str, Any]
TABS: Final = (
    (mark("People"), "/admin/people"),
    (mark("Rights"), "/admin/rights"),
    (mark("Training"), "/admin/training"),
    (mark("Policy"), "/admin/policy"),
    (mark("Settings"), "/admin/settings"),
    (mark("Analysts and sources"), "/admin/analysts"),
    (mark("Retention"), "/admin/retention"),
    (mark("Inspections"), "/admin/inspections"),
)


def tabs(chosen: str) -> None:
    """The pages of administration beside one another."""
    elements.tabs(_("Administration"), [(_(words), to) for words, to in TABS], chosen)


def part(load: Callable[[], Any]) -> Any:
    """A part of a page that not everybody may read: its answer, or why not as an error."""
    try:
        return load()
    except GoldenbatchError as error:
        return error


def refused(found: Any) -> bool:
    """Whether a part was refused; then it is told why."""
    if isinstance(found, GoldenbatchError):
        elements.problem(found.message, found.hint)
        return True
    return False


def why_not(asked: Asked, *actions: str, stream: str) -> str:
    """Why the person may do none of some actions to a record; empty: they may do one.

    The node says so, by the policy in force; the page only tells it beforehand.
    """
    login, told = asked.api.get("/session")["login"], []
    for action in actions:
        form = {"login": login, "action": action, "stream": stream}
        answer = asked.api.post("/rights/questions", form)
        if answer["is_allowed"]:
            return ""
        told.append("; ".join(answer["reasons"]))
    return " / ".join(dict.fromkeys(told))


def is_offered(reason: str) -> bool:
    """Whether an act is offered; else why not is told."""
    if reason:
        elements.empty(_("You may not do this."), reason)
    return not reason


async def prove(
    view: View, act: str, title: str, fields: Sequence[forms.Field], values: Row, words: str,
    *, route: str = "/rights/acts", note: str = "",
) -> Any:  # fmt: skip
    """An act of the person, proved by their password in a dialog; None: given up, or refused.

    Args:
        view: The page.
        act: Name of the act at the node.
        title: What it is, in words.
        fields: What is asked beside the password.
        values: What is settled already.
        words: What the button says.
        route: Where the node takes such acts.
        note: What happens then.
    """
    given = await forms.ask(view, title, [*fields, forms.password_field()], words, note=note)
    if given is None:
        return None
    password = given.pop("password")
    form = {"login": view.person.login, "password": password, "values": {**values, **given}}
    path = f"{route}/{quote(act, safe='')}"
    done = await view.run(lambda: view.asked.api.post(path, form))
    if done is not None:
        view.tell(_("It is on record."), "good")
        await view.again()
    return done


def api_path(*parts: str) -> str:
    """A path of the node's API of parts that people may have named.

    >>> api_path("admin", "people", "a/b")
    '/admin/people/a%2Fb'
    """
    return "".join(f"/{quote(one, safe='')}" for one in parts)


def roles_of(asked: Asked) -> dict[str, str]:
    """Roles of the policy in force, name to title."""
    import tomllib

    text = asked.api.get("/policy")["text"]
    return {name: one["title"] for name, one in tomllib.loads(text).get("roles", {}).items()}
