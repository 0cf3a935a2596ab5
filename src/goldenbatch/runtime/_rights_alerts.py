"""Acts on alerts: somebody in charge says what came of one, never about their own account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from goldenbatch.core import authority
from goldenbatch.core.alerts import SECURITY, SecurityAlertAcknowledged
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.records import Event, NewEvent

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.core.site import LedgerPort
    from goldenbatch.runtime.people import People

ACKNOWLEDGE: Final = "alert:acknowledge"


class AlertActs:
    """Acts on alerts in a home; a part of `Rights`."""

    _ledger: LedgerPort
    _people: People

    def acknowledge_alert(self, by: UserState, account: str, alert: int, reason: str) -> Event:
        """Say what was found about an alert.

        Args:
            by: Who looked at it.
            account: Uid or login of the account that it is about, or `unknown`.
            alert: Its number in the account's stream.
            reason: What was found and done.

        Raises:
            NotFoundError: There is no such alert.
            ConflictError: Somebody has acknowledged it already.
            DeniedError: It is about oneself, or the policy forbids it.
        """
        if not reason.strip():
            raise BadInputError("an acknowledgement says what was found.", key="reason")
        users = self._ledger.select("user", {"login": account}, limit=1)
        uid = str(users[0]["uid"]) if users else account
        rows = self._ledger.select("security_alert", {"uid": uid, "stream_version": alert})
        if not rows:
            raise NotFoundError(
                f"there is no alert {alert} about {account!r}.", hint="See `alerts list`."
            )
        self._require_in_charge(by, uid, str(rows[0]["role"]))
        if rows[0]["acknowledged_by"]:
            raise ConflictError("this alert was acknowledged already.")
        body = SecurityAlertAcknowledged(uid=uid, alert=alert, reason=reason)
        head = self._ledger.version(SECURITY + uid)
        return self._ledger.append([NewEvent(SECURITY + uid, body, head, actor=by.uid)])[0]

    def _require_in_charge(self, by: UserState, uid: str, role: str) -> None:
        """The policy's leave; where an older one has no rule, the role that the alert names."""
        if by.uid == uid:
            raise DeniedError("this alert is about your own account.", hint="Ask a colleague.")
        if self._people.policy().rules_for(ACKNOWLEDGE):
            stream = SECURITY + uid
            authority.require(self._people.decide_may(by, ACKNOWLEDGE, stream))
        elif role not in by.roles or not by.is_active:
            raise DeniedError(f"this alert is for the role {role}.", hint="Ask one of them.")
