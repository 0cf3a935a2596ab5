"""A page as it is opened: its data loaded and shown, refreshed, or what is wrong said."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.responses import RedirectResponse, Response
from nicegui import ui

from goldenbatch.apps.web import tour
from goldenbatch.apps.web.restarts import notice
from goldenbatch.apps.web.shell import shell
from goldenbatch.core.errors import DeniedError, GoldenbatchError, NotFoundError
from goldenbatch.runtime.remote import NodeError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Page
from goldenbatch.ui.web.threads import in_thread, is_background
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from fastapi import Request
    from nicegui.element import Element

    from goldenbatch.apps.web.registry import Registry
    from goldenbatch.apps.web.sessions import Session, Sessions

log = logging.getLogger("goldenbatch.web")

RETRY_S = 3.0
_NOTHING = object()


@dataclass(frozen=True)
class Opening:
    """Who opens what.

    Attributes:
        theme: The appearance that they chose; empty: as their device wants it.
        base: Address of the interface as the browser knows it, without a path.
    """

    sessions: Sessions
    session: Session
    registry: Registry
    page: Page[Any]
    theme: str = ""
    base: str = ""


async def show_page(opening: Opening, request: Request) -> Response | None:
    """Load a page's data and show it, or say what is wrong."""
    session, page, registry = opening.session, opening.page, opening.registry
    asked = Asked(
        session.site, session.site.client, dict(request.path_params), dict(request.query_params)
    )
    view = View(asked, session.person, session.site.home.zone, parts=registry, base=opening.base)
    session.tour = tour.step_of(asked.values, session.tour)
    restarted = await in_thread(opening.sessions.restarts.of, session)
    with shell(session, registry, page, opening.theme):
        notice(restarted, view.zone)
        tour.bar(session.tour)
        opened = Opened(page, view, opening.sessions, session)
        opened.make()
        view.again = opened.again
        await opened.again()
        # It may have ended meanwhile in another tab, and with it the page that is being made.
        if opened.is_over or opening.sessions.of_key(session.key) is None:
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(address("/login", next=wanted, ended=1), status_code=303)
        if page.refresh_s:
            view.every(page.refresh_s, opened.again)
    return None


@dataclass
class Opened:
    """One page that is open.

    Attributes:
        is_over: Whether the session turned out to have ended.
    """

    page: Page[Any]
    view: View
    sessions: Sessions
    session: Session
    is_over: bool = False
    _last: Any = _NOTHING
    _body: Any = None
    _away: Any = None

    def make(self) -> None:
        """Make the places that the page is shown in."""
        self._away = elements.box("gb-away", role="status")
        self._away.props["hidden"] = True
        with self._away:
            elements.text("span", _("The node does not answer. This page tries again by itself."))
        self._body = elements.box("gb-page")

    async def again(self) -> None:
        """Load and show; a refresh by itself leaves what has not changed as it is."""
        try:
            data = await in_thread(self.page.load, self.view.asked)
        except NodeError as error:
            self._tell_away(error)
            return
        except DeniedError as error:
            await self._tell_denied(error)
            return
        except GoldenbatchError as error:
            self._tell(str(error), error.hint, 404 if isinstance(error, NotFoundError) else 200)
            return
        except Exception:  # another company's page must not look as if it had nothing to say
            log.exception("page %s", self.page.path)
            failed, why = _("This page failed."), _("The log of the web process says why.")
            self._tell(failed, why, 500)
            return
        self._show(data)

    def _show(self, data: Any) -> None:
        self._set_away(False)
        if is_background() and _is_same(data, self._last):
            return
        if self._body.is_deleted:
            return
        self._last = data
        self._body.clear()
        try:
            with self._body:
                self.page.show(self.view, data)
        except Exception:
            log.exception("page %s", self.page.path)
            self._tell(_("This page failed."), _("The log of the web process says why."), 500)

    def _tell(self, words: str, hint: str, status: int = 200) -> None:
        if self._body.is_deleted:
            return
        self._last = _NOTHING
        self._body.clear()
        with self._body:
            elements.problem(words, hint)
            elements.link(_("To the overview"), "/")
        if status != 200 and not is_background():
            self._body.client.status_code = status

    def _tell_away(self, error: NodeError) -> None:
        """Keep what stands there, say that it is old, and try again."""
        if self._body.is_deleted:
            return
        if self._last is _NOTHING:
            self._tell(str(error), error.hint, 503)
        self._set_away(True)
        if not self.page.refresh_s:
            with self._body:
                ui.timer(RETRY_S, self.again, once=True)

    def _set_away(self, is_away: bool) -> None:
        if self._away.is_deleted or ("hidden" not in self._away.props) == is_away:
            return
        if is_away:
            self._away.props.pop("hidden", None)
        else:
            self._away.props["hidden"] = True

    async def _tell_denied(self, error: DeniedError) -> None:
        """Either they may not, or nobody is logged in any more."""
        try:
            left = await in_thread(self.session.left_s)
        except NodeError as away:
            self._tell_away(away)
            return
        except GoldenbatchError:
            left = 0
        if left > 0:
            self._tell(str(error), error.hint, 403)
            return
        self.is_over = True
        self._leave(self._body)

    def _leave(self, body: Element) -> None:
        client = body.client
        if client.has_socket_connection:
            wanted = client.request.url.path
            client.open(address("/login", next=wanted, ended=1))
        self.sessions.end(self.session)


def _is_same(data: Any, last: Any) -> bool:
    try:
        return bool(data == last)
    except Exception:  # arrays and the like do not compare; then it is shown again
        return False
