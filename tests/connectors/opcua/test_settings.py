"""Cards of the connector: what is refused, and how it is said."""

from __future__ import annotations

import pytest

from goldenbatch.connectors.opcua import read_settings
from goldenbatch.core.acquisition import ConnectionCard
from goldenbatch.core.errors import BadInputError
from tests.connectors.opcua.kit import context

GOOD = {
    "url": "opc.tcp://press:4840",
    "user": {"kind": "anonymous"},
    "items": [{"node": "ns=2;s=F", "tag": "force"}],
}


def settings(tmp_path, **changes):
    data = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    card = ConnectionCard(name="press", connector="opcua", settings=data)
    return read_settings(context(card, tmp_path))


def test_a_short_card_is_secured(tmp_path):
    made = settings(tmp_path)
    assert (made.security.mode, made.security.policy) == ("SignAndEncrypt", "best")
    assert made.security.server_thumbprints == ()
    assert made.history.is_used


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"user": None}, "settings.user", "Field required"),
        ({"url": "opc.tcp://anna:secret@press:4840"}, "settings.url", "match"),
        ({"url": "http://press"}, "settings.url", "match"),
        ({"security": {"policy": "None", "mode": "None"}}, "settings.security", "is_none_allowed"),
        ({"security": {"mode": "None"}}, "settings.security", "both None or neither"),
        ({"security": {"policy": "Basic256"}}, "settings.security.policy", "Input should be"),
        ({"security": {"server_thumbprints": ["ab"]}}, "settings.security", "no SHA-256"),
        ({"user": {"kind": "username", "name": "a"}}, "settings.user", "needs password"),
        (
            {"user": {"kind": "username", "name": "a", "password": "plain"}},
            "settings.user.password",
            "match",
        ),
        ({"user": {"kind": "certificate"}}, "settings.user", "needs certificate"),
        ({"items": [{"node": "Force", "tag": "force"}]}, "settings.items.0.node", "match"),
        ({"items": [{"node": "i=1", "tag": "a b"}]}, "settings.items.0.tag", "match"),
        ({"items": [*GOOD["items"], *GOOD["items"]]}, "settings", "stands at two nodes"),
        ({"subscription": {"queue": 5}}, "settings.subscription.queue", "Extra inputs"),
        ({"items_file": "no.csv"}, "settings.items_file", "there are no items"),
    ],
)
def test_what_is_refused_names_its_key(tmp_path, changes, key, message):
    with pytest.raises(BadInputError) as found:
        settings(tmp_path, **changes)
    assert found.value.file == "connections/press.toml"
    assert found.value.key.startswith(key)
    assert message in str(found.value)
    assert "secret" not in str(found.value)


def test_a_user_is_not_named_over_an_open_line(tmp_path):
    security = {"policy": "None", "mode": "None", "is_none_allowed": True}
    assert settings(tmp_path, security=security).security.mode == "None"
    user = {"kind": "username", "name": "a", "password": "env:A"}
    with pytest.raises(BadInputError, match="a line that is not secured"):
        settings(tmp_path, security=security, user=user)


def test_items_of_a_file(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("node,tag,kind,queue_size\nns=2;s=A,a,text,\nns=2;s=B,b,,7\n")
    made = settings(tmp_path, items_file="items.csv")
    assert [one.tag for one in made.items] == ["force", "a", "b"]
    assert (made.items[1].kind, made.items[2].queue_size) == ("text", 7)
    path.write_text("node,tag\nns=2;s=A,a\nB,b\n")
    with pytest.raises(BadInputError) as found:
        settings(tmp_path, items_file="items.csv")
    assert (found.value.file, found.value.line, found.value.key) == ("items.csv", 3, "node")
    path.write_text("node,tag,colour\n")
    with pytest.raises(BadInputError, match="no such column"):
        settings(tmp_path, items_file="items.csv")
