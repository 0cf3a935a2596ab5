"""Alarms of sources as people act on them: here, or through the node that reads the source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.runtime.alarms import AlarmAct
    from goldenbatch.runtime.local import LocalSite


def act_on(desk: Desk, by: str, password: str, act: AlarmAct) -> dict[str, Any]:
    """Acknowledge or confirm an alarm as a person, who proves it by the password.

    Raises:
        GoldenbatchError: The person may not, or the source refuses; see `runtime.alarms`.
    """
    client = getattr(desk.site, "client", None)
    if client is None:
        from goldenbatch.runtime.alarms import act_on_alarm

        site = cast("LocalSite", desk.site)
        return act_on_alarm(site, None, site.people.authenticate(by, password), act)
    form = {
        "condition": act.condition, "comment": act.comment, "act": act.act,
        "login": by, "password": password,
    }  # fmt: skip
    path = f"/sources/{quote(act.source, safe='')}/alarms/acts"
    return cast("dict[str, Any]", client.post(path, form))
