"""Settings of sources that speak MQTT: the broker, and what its messages are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goldenbatch.core.errors import BadInputError


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tls(_Strict):
    """How the broker is known and how the node proves itself.

    Attributes:
        ca: File of the authorities that are trusted; empty: those of the machine.
        certificate: File of the node's certificate, where the broker asks for one.
        key: File of its key.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Broker(_Strict):
    """Where the broker is and how one logs in.

    Attributes:
        is_plain: Without TLS, in a network that nobody else is in; must be said.
        user: Login; empty: none.
        password: `env:NAME` or `keyring:SERVICE/NAME`.
    """

    host: str = Field(min_length=1)
    port: int = Field(default=0, ge=0, le=65535, description="0: 8883, or 1883 without TLS")
    is_plain: bool = False
    tls: Tls = Tls()
    user: str = ""
    password: str = ""
    client_id: str = ""
    keepalive_s: int = Field(default=30, ge=1, le=3600)

    @property
    def port_used(self) -> int:
        """The port that is meant."""
        return self.port or (1883 if self.is_plain else 8883)


class Limits(_Strict):
    """How much of what has come in is held in memory.

    Attributes:
        flush_s: What came within so long is stored together.
        n_messages: Messages that wait; beyond it the oldest are dropped, and said.
    """

    flush_s: float = Field(default=0.25, ge=0, le=60)
    n_messages: int = Field(default=20_000, ge=10)


class Rename(_Strict):
    """A metric or topic that is another tag than its name says.

    Attributes:
        name: `GROUP/EDGE/DEVICE/METRIC`, or for plain MQTT the topic and the path in its JSON.
    """

    name: str = Field(min_length=1)
    tag: str = Field(min_length=1)


class SparkplugSettings(_Strict):
    """What stands under `[settings]` of a card of connector `sparkplug`.

    Attributes:
        host_id: Name of this host application; edge nodes watch its STATE.
        is_primary: Whether it says STATE, so that edge nodes store while it is away.
        groups: Which groups; none: all.
        prefix: Tags are `<prefix>/<edge>/<device>/<metric>`; the card's place by default.
        reorder_s: How long a message that is missing may still come (Reorder Timeout).
        rebirth_s: An edge node is asked for a rebirth at most this often.
        float_arrays: Byte order of float arrays; the text of 3.0 says little, its examples big.
        is_all: Whether metrics are stored that no rename names.
        n_nodes: Edge nodes that are followed; messages of further ones are refused, and said.
        n_metrics: Metrics of all births together that are known at once.
    """

    broker: Broker
    host_id: str = Field(min_length=1, pattern=r"^[^/+#\s]+$")
    is_primary: bool = True
    groups: tuple[str, ...] = ()
    prefix: str = ""
    reorder_s: float = Field(default=2.0, ge=0, le=300)
    rebirth_s: float = Field(default=5.0, gt=0)
    float_arrays: Literal["little", "big"] = "little"
    is_all: bool = True
    n_nodes: int = Field(default=10_000, ge=1)
    n_metrics: int = Field(default=2_000_000, ge=1)
    tags: tuple[Rename, ...] = ()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [one.name for one in self.tags]
        if twice := {one for one in names if names.count(one) > 1}:
            raise ValueError(f"renamed twice: {', '.join(sorted(twice))}")
        return self


class Topic(_Strict):
    """A kind of message of plain MQTT.

    Attributes:
        filter: Topic filter, with `+` and `#`.
        payload: JSON object or value, plain text, or a number as text.
        time: Path of the time in the JSON (`meta.ts`); empty: when it arrived.
        time_unit: In which the time is when it is a number.
        values: Path to the object whose members are tags, or to a value; empty: all of it.
        prefix: Tags are `<prefix>/<topic>/<path>`; the card's place by default.
        skip_levels: Levels of the topic that are left out of the tag, from the left.
        is_recursive: Whether members of members are tags too.
    """

    filter: str = Field(min_length=1)
    payload: Literal["json", "text", "number"] = "json"
    time: str = ""
    time_unit: Literal["s", "ms", "us", "ns"] = "ms"
    values: str = ""
    prefix: str = ""
    skip_levels: int = Field(default=0, ge=0)
    qos: Literal[0, 1] = 1
    is_recursive: bool = True


class MqttSettings(_Strict):
    """What stands under `[settings]` of a card of connector `mqtt`.

    Attributes:
        topics: What is subscribed to; the first filter that matches a message counts.
        is_retained_taken: Whether what the broker kept from before is stored too.
    """

    broker: Broker
    topics: tuple[Topic, ...] = Field(min_length=1)
    tags: tuple[Rename, ...] = ()
    is_retained_taken: bool = False
    limits: Limits = Limits()


Settings = TypeVar("Settings", SparkplugSettings, MqttSettings)


def read_settings(kind: type[Settings], name: str, settings: Mapping[str, Any]) -> Settings:
    """The settings of a card.

    Raises:
        BadInputError: One is missing, unknown or impossible; names it.
    """
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"connection {name!r}: settings.{key}: {first['msg']}.",
            hint="Correct the card; see the page on MQTT and Sparkplug.",
        ) from error
