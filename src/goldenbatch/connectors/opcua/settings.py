"""What a card of this connector says under `[settings]`."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from goldenbatch.core.acquisition import FOLDER, SECRET
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.series import ReadingKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from goldenbatch.core.acquisition import SourceContext

Policy = Literal["best", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss", "None"]
Mode = Literal["SignAndEncrypt", "Sign", "None"]
Secret = Annotated[str, Field(pattern=rf"^({SECRET.pattern})?$")]
"""Where a secret lies: `env:NAME` or `keyring:SERVICE/NAME`; never the secret."""

NodeText = Annotated[str, Field(pattern=r"^((nsu=[^;]+|ns=[0-9]+);)?[isgb]=.+$", max_length=4096)]
"""A node as text; `nsu=URI;s=...` outlives a restart that numbers the namespaces anew."""

TagText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", max_length=200)]
COLUMNS = ("node", "tag", "kind", "sampling_ms", "queue_size", "deadband", "deadband_percent")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Security(_Part):
    """How the channel is secured and whom it trusts.

    Attributes:
        policy: Security policy; `best` takes the strongest that the server offers.
        mode: Message security mode.
        server_thumbprints: SHA-256 of server certificates that are trusted, hexadecimal.
        is_expired_trusted: Take a trusted certificate outside its time of validity.
        is_none_allowed: Must be said for policy `None`: whoever is on the line reads and alters.
    """

    policy: Policy = "best"
    mode: Mode = "SignAndEncrypt"
    server_thumbprints: tuple[str, ...] = ()
    is_expired_trusted: bool = False
    is_none_allowed: bool = False

    @field_validator("server_thumbprints")
    @classmethod
    def _plain(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        plain = tuple(one.replace(":", "").replace(" ", "").lower() for one in given)
        for one in plain:
            if len(one) != 64 or set(one) - set("0123456789abcdef"):
                raise ValueError(f"{one!r} is no SHA-256 in 64 hexadecimal digits")
        return plain

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.policy == "None") != (self.mode == "None"):
            raise ValueError("policy and mode are either both None or neither")
        if self.policy == "None" and not self.is_none_allowed:
            raise ValueError("policy None needs is_none_allowed = true: the line is not secured")
        return self


class User(_Part):
    """Who the session acts for.

    Attributes:
        kind: Kind of token; anonymous only if it is said here.
        name: Login of a user by name.
        password: Where the password lies.
        certificate: File of a user's certificate (PEM or DER), below the home or absolute.
        key: File of its private key.
        key_password: Where the key's password lies; empty: it has none.
    """

    kind: Literal["anonymous", "username", "certificate"]
    name: str = ""
    password: Secret = ""
    certificate: str = ""
    key: str = ""
    key_password: Secret = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = {"anonymous": (), "username": ("name", "password")}.get(
            self.kind, ("certificate", "key")
        )
        for name in needed:
            if not getattr(self, name):
                raise ValueError(f"a user of kind {self.kind} needs {name}")
        return self


class Subscription(_Part):
    """How values are sampled and sent; an item may say otherwise for itself.

    Attributes:
        publishing_ms: How often the server sends what it has.
        sampling_ms: How often it looks; 0: as fast as it can, -1: as the publishing.
        queue_size: Values that the server keeps of an item between two sendings.
        trigger: What makes a new reading: another `value` or status, or another `timestamp` too.
        keep_alive_s: After how long without values it says that it is alive.
        is_resumed: After a lost line, take over what the server has gathered meanwhile.
        items_per_subscription: More items make more subscriptions.
        items_per_call: Monitored items made by one call; a server may take fewer.
    """

    publishing_ms: float = Field(default=1000, ge=10, le=3_600_000)
    sampling_ms: float = Field(default=-1, ge=-1)
    queue_size: int = Field(default=10, ge=1, le=100_000)
    trigger: Literal["value", "timestamp"] = "value"
    keep_alive_s: float = Field(default=5, gt=0, le=3600)
    is_resumed: bool = True
    items_per_subscription: int = Field(default=20_000, ge=1)
    items_per_call: int = Field(default=1000, ge=1, le=100_000)


class Clocks(_Part):
    """What is done about clocks that are off; times are never altered.

    Attributes:
        limit_s: Largest offset that is nothing to speak of.
        beyond: With readings beyond it: `keep` them, keep them as `uncertain`, or `refuse` them.
        check_s: How often the server's clock is compared with ours.
    """

    limit_s: float = Field(default=5, gt=0)
    beyond: Literal["keep", "uncertain", "refuse"] = "uncertain"
    check_s: float = Field(default=10, gt=0)


class History(_Part):
    """How a gap is filled from the server's history.

    Attributes:
        is_used: Whether the server is asked at all.
        first_s: How far back a source is read that was never read before.
        overlap_s: How much is asked for on both sides of a gap.
        nodes_per_call: Nodes asked for at once; a server may take fewer.
        values_per_call: Values of a node in one answer.
    """

    is_used: bool = True
    first_s: float = Field(default=0, ge=0)
    overlap_s: float = Field(default=2, ge=0)
    nodes_per_call: int = Field(default=50, ge=1)
    values_per_call: int = Field(default=1000, ge=1)


class Alarms(_Part):
    """Alarms and conditions.

    Attributes:
        is_used: Whether conditions are recorded in the ledger.
        notifier: Node that events are asked of; the server by default.
        severity: Lowest severity that is recorded.
    """

    is_used: bool = False
    notifier: NodeText = "i=2253"
    severity: int = Field(default=1, ge=1, le=1000)


class Retry(_Part):
    """Pauses before things are tried again.

    Attributes:
        first_s: First pause after a lost connection; doubled each time.
        longest_s: Longest pause.
        nodes_s: How often nodes that the server did not know are asked for again.
        timeout_s: How long an answer may take.
    """

    first_s: float = Field(default=1, gt=0)
    longest_s: float = Field(default=60, gt=0)
    nodes_s: float = Field(default=30, gt=0)
    timeout_s: float = Field(default=20, gt=0)


class Item(_Part):
    """A node that is read, and the tag that it becomes.

    Attributes:
        tag: Whole name, or the name of a signal below the card's place.
        kind: Kind of the readings; by default that of the plant's tag, else of the first value.
        sampling_ms: In place of the subscription's.
        queue_size: In place of the subscription's.
        deadband: Changes up to this much are not sent (absolute).
        deadband_percent: The same in percent of the node's EURange.
    """

    node: NodeText
    tag: TagText
    kind: ReadingKind | None = None
    sampling_ms: float | None = Field(default=None, ge=-1)
    queue_size: int | None = Field(default=None, ge=1, le=100_000)
    deadband: float = Field(default=0, ge=0)
    deadband_percent: float = Field(default=0, ge=0, le=100)


class OpcUaSettings(_Part):
    """A server, how it is read, and what of it becomes tags.

    Attributes:
        url: Endpoint, `opc.tcp://host:port/path`, without user and password.
        items: Nodes that are read.
        items_file: CSV file with more of them, with the columns of an item; below the home.
    """

    url: str = Field(pattern=r"^opc\.tcp://[^@\s]+$")
    user: User
    security: Security = Security()
    subscription: Subscription = Subscription()
    clocks: Clocks = Clocks()
    history: History = History()
    alarms: Alarms = Alarms()
    retry: Retry = Retry()
    items: tuple[Item, ...] = ()
    items_file: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.user.kind != "anonymous" and self.security.mode == "None":
            raise ValueError("a user must not be named over a line that is not secured")
        counts = Counter(item.tag for item in self.items)
        twice = [name for name, n in counts.items() if n > 1]
        if twice:
            raise ValueError(f"tag {twice[0]!r} stands at two nodes")
        return self


def read_settings(context: SourceContext) -> OpcUaSettings:
    """The settings of a card, with the items of its file.

    Raises:
        BadInputError: A setting is missing, unknown or impossible; names the key.
    """
    file = f"{FOLDER}/{context.card.name}.toml"
    try:
        settings = OpcUaSettings.model_validate(context.card.settings)
    except ValidationError as error:
        raise _bad(error, file, "settings") from error
    if not settings.items_file:
        return settings
    path = context.base / settings.items_file
    items = tuple(_items(path)) if path.is_file() else ()
    if not items:
        raise BadInputError(
            f"there are no items in {settings.items_file!r}.",
            hint="Write a CSV file with the columns node and tag, or leave the key out.",
            file=file,
            key="settings.items_file",
        )
    data = {**settings.model_dump(), "items": (*settings.items, *items)}
    try:
        return OpcUaSettings.model_validate(data)
    except ValidationError as error:
        raise _bad(error, file, "settings") from error


def _items(path: Path) -> Iterator[Item]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        unknown = sorted(set(rows.fieldnames or ()) - set(COLUMNS))
        if unknown:
            raise BadInputError(
                f"there is no such column; items have {', '.join(COLUMNS)}.",
                file=path.name,
                line=1,
                key=unknown[0],
            )
        for row in rows:
            given = {key: value for key, value in row.items() if value not in (None, "")}
            try:
                yield Item.model_validate(given)
            except ValidationError as error:
                raise _bad(error, path.name, "", rows.line_num) from error


def _bad(error: ValidationError, file: str, prefix: str, line: int = 0) -> BadInputError:
    first: Any = error.errors(include_input=False)[0]
    key = ".".join([prefix, *(str(part) for part in first["loc"])]).strip(".")
    return BadInputError(
        f"{first['msg'].removeprefix('Value error, ')}.",
        hint="See docs/how-to/opcua.md for what stands there.",
        file=file,
        line=line,
        key=key,
    )
