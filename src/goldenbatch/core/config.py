"""Settings of a home: its `home.toml`, its kind, and the words that the kind demands."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core._toml import bad_key, read_toml, write_toml
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import Body, HomeKind, record_type
from goldenbatch.core.time import ManufacturingCalendar, load_zone

HOME_FILE = "home.toml"
NOT_FOR_GMP = "not for GMP use"


def banner(kind: HomeKind) -> str:
    """Words that stand on every page and document of a home; none in production.

    >>> banner(HomeKind.DEMONSTRATION)
    'DEMONSTRATION home: not for GMP use'
    """
    return "" if kind is HomeKind.PRODUCTION else f"{kind.value.upper()} home: {NOT_FOR_GMP}"


def signature_note(kind: HomeKind) -> str:
    """Words that stand beside every signature; none in production."""
    return "" if kind is HomeKind.PRODUCTION else NOT_FOR_GMP


@record_type
class HomeCreated(Body):
    """A home was made; its identity never changes."""

    uid: str = Field(min_length=1)
    name: str = Field(min_length=1)
    home_kind: HomeKind
    site: str
    zone: str
    owner: str = ""
    signing: str = Field(
        default="",
        description="The signing settings that it was made with: what is not the default, as JSON.",
    )


def _zone(name: str) -> str:
    try:
        load_zone(name)
    except BadInputError as error:
        raise ValueError(f"{name!r} is no IANA time zone such as Europe/Ljubljana") from error
    return name


def _clock(text: str) -> str:
    try:
        moment = time.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no time of day such as 06:00") from error
    if moment.tzinfo is not None:
        raise ValueError(f"{text!r} has an offset; give local time such as 06:00")
    return moment.strftime("%H:%M")


ZoneName = Annotated[str, AfterValidator(_zone)]
"""Name of an IANA time zone."""

ClockText = Annotated[str, AfterValidator(_clock)]
"""Local time of day, `HH:MM`."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShiftSettings(_Strict):
    """One shift of the day; it ends when the next one starts."""

    name: str = Field(min_length=1)
    starts_at: ClockText


class DaySettings(_Strict):
    """The manufacturing day and its shifts, in the home's zone."""

    starts_at: ClockText = "06:00"
    shifts: tuple[ShiftSettings, ...] = ()


class CheckpointSettings(_Strict):
    """When the head of the ledger's tree is signed: whichever comes first."""

    n_events: int = Field(default=1000, ge=1)
    interval_s: int = Field(default=3600, ge=1)


class LedgerSettings(_Strict):
    """Where the ledger lies: in a file of the home, or in a PostgreSQL database.

    Attributes:
        url: `postgresql://role@host:port/database?schema=name`; empty: the file. The password
            comes from PGPASSWORD or the password file, and never stands here.
    """

    url: str = ""

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and parts.scheme not in ("postgresql", "postgres"):
            raise ValueError("the ledger's url must begin with postgresql://")
        if parts.password is not None or "password" in dict(parse_qsl(parts.query)):
            raise ValueError("the ledger's url must hold no password; give it by PGPASSWORD")
        return url


class HistorianSettings(_Strict):
    """When the frame log is handed over to the Delta table, and where that lies.

    Attributes:
        interval_s: So often the node hands over.
        n_readings: So many readings in memory are handed over at once.
        keep_superseded_s: Files whose readings a compaction has put elsewhere stay so long.
        tables_url: `s3://bucket/site`, `abfss://...` or `gs://...`; empty: in the home. Settled
            when the home is first opened; keys and endpoint come from the environment
            (AWS_*, AZURE_*, GOOGLE_*), and never stand here.
    """

    interval_s: int = Field(default=3600, ge=1)
    n_readings: int = Field(default=5_000_000, ge=1)
    keep_superseded_s: int = Field(default=7 * 86_400, ge=0)
    tables_url: str = Field(default="", pattern=r"^([a-z0-9]+://[^@?]+)?$")


class RegistrySettings(_Strict):
    """Where models and the files that came in lie: in a folder of the home, or in a bucket.

    Attributes:
        url: `s3://bucket/site`, `az://...` or `gs://...`; empty: in the home. Settled when the
            home is first opened, then changed by `goldenbatch registry move` only; keys and
            endpoint come from the environment (AWS_*, AZURE_*, GOOGLE_*), and never stand here.
    """

    url: str = Field(default="", pattern=r"^([a-z0-9]+://[^@?]+)?$")


class ProviderSettings(_Strict):
    """An OpenID provider whose people may log in and sign; a public client with PKCE.

    Attributes:
        name: Short name by which people choose it.
        issuer: Its issuer identifier; https, but for one on this machine.
        client_id: Id under which the home is registered there.
        algorithms: Algorithms of ID tokens that are taken.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    issuer: str = Field(pattern=r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])[:/])")
    client_id: str = Field(min_length=1)
    algorithms: tuple[Literal["RS256", "ES256", "PS256", "EdDSA"], ...] = Field(
        default=("RS256", "ES256", "PS256", "EdDSA"), min_length=1
    )


class SigningSettings(_Strict):
    """How people sign. None of it can be switched off, and no user can change it.

    Attributes:
        idle_s: Idle seconds that end a series of signatures, so that all components are asked.
        statement_s: Seconds for which a prepared statement can be signed.
        enrolment_s: Seconds for which a one-time enrolment token holds.
        rp_id: Domain that WebAuthn credentials are bound to.
        origins: Origins of the pages on which WebAuthn may be used.
        skew_s: Seconds by which the clock of an OpenID provider may be behind.
        alert_role: Role that must look at alerts about accounts.
        alert_s: Seconds after which an alert that nobody acknowledged becomes a finding.
        gap_s: Seconds after which a gap in somebody's rights becomes a finding.
        tries_per_minute: Wrong tries to get in that one address may make in a minute.
        tries_of_login: Wrong tries a minute for one login, from wherever.
        session_idle_s: Seconds without an act that end a session at the node.
        session_whole_s: Seconds after which a session ends, whatever is done in it.
        providers: OpenID providers.
    """

    idle_s: int = Field(default=300, ge=30, le=3600)
    statement_s: int = Field(default=300, ge=30, le=1800)
    enrolment_s: int = Field(default=24 * 3600, ge=300, le=7 * 24 * 3600)
    rp_id: str = Field(default="localhost", min_length=1)
    origins: tuple[str, ...] = Field(default=("http://localhost:8600",), min_length=1)
    skew_s: int = Field(default=2, ge=0, le=30)
    alert_role: str = Field(default="administrator", pattern=r"^[a-z][a-z_]*$")
    alert_s: int = Field(default=24 * 3600, ge=60, le=30 * 24 * 3600)
    gap_s: int = Field(default=7 * 24 * 3600, ge=0, le=365 * 24 * 3600)
    tries_per_minute: int = Field(default=30, ge=1, le=10_000)
    tries_of_login: int = Field(default=10, ge=1, le=10_000)
    session_idle_s: int = Field(default=15 * 60, ge=60, le=8 * 3600)
    session_whole_s: int = Field(default=12 * 3600, ge=300, le=24 * 3600)
    providers: tuple[ProviderSettings, ...] = ()


class ServiceSettings(_Strict):
    """How much the node gives at a time, and what it tells of itself.

    Attributes:
        calls_per_minute: Calls a minute that one session, or one address without a session, may
            make; the home's own command line is not counted.
        streams_per_person: Streams of live data that one person may have open.
        metrics: Who may read `/metrics`: programs on this machine, those with a token of the
            node, or everybody.
        log_calls: Whether each call is logged (route, status and time; no names, no values).
    """

    calls_per_minute: int = Field(default=6000, ge=10, le=1_000_000)
    streams_per_person: int = Field(default=50, ge=1, le=10_000)
    metrics: Literal["local", "token", "open"] = "local"
    log_calls: bool = False


class Settings(_Strict):
    """Settings of a home, as they stand in its `home.toml`.

    Attributes:
        uid: Opaque identity, given once when the home is made; empty before that.
        zone: IANA zone in which local times without another zone are understood.
        owner: Client organisation that owns the data; empty: the site itself.
        signing: Table: how people sign (below).
    """

    uid: str = ""
    name: str = Field(min_length=1)
    kind: HomeKind = HomeKind.DEVELOPMENT
    site: str = Field(min_length=1)
    zone: ZoneName = "UTC"
    owner: str = ""
    day: DaySettings = DaySettings()
    checkpoints: CheckpointSettings = CheckpointSettings()
    historian: HistorianSettings = HistorianSettings()
    ledger: LedgerSettings = LedgerSettings()
    registry: RegistrySettings = RegistrySettings()
    service: ServiceSettings = ServiceSettings()
    signing: SigningSettings = SigningSettings()

    @property
    def banner(self) -> str:
        """Words that stand on every page and document; none in production."""
        return banner(self.kind)

    @model_validator(mode="after")
    def _check(self) -> Settings:
        try:
            self.calendar()
        except BadInputError as error:
            raise ValueError(error.message) from error
        return self

    def calendar(self) -> ManufacturingCalendar:
        """Manufacturing days and shifts of the home, in its zone."""
        shifts = tuple((one.name, time.fromisoformat(one.starts_at)) for one in self.day.shifts)
        return ManufacturingCalendar(self.zone, time.fromisoformat(self.day.starts_at), shifts)

    def created(self) -> HomeCreated:
        """The event that records the home's identity.

        Raises:
            BadInputError: The home has no uid yet.
        """
        if not self.uid:
            raise BadInputError("the home has no uid.", hint="Make it with `goldenbatch init`.")
        return HomeCreated(
            uid=self.uid,
            name=self.name,
            home_kind=self.kind,
            site=self.site,
            zone=self.zone,
            owner=self.owner,
            signing=signing_text(self.signing),
        )


def signing_text(settings: SigningSettings) -> str:
    """What of the signing settings differs from the defaults, as canonical JSON."""
    return canonical_text(settings.model_dump(mode="json", exclude_defaults=True))


def parse_settings(text: str, file: str = HOME_FILE) -> Settings:
    """Settings from the text of a `home.toml`.

    Raises:
        BadInputError: With file, line and key.
    """
    data = read_toml(text, file)
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


def load_settings(home: Path) -> Settings:
    """Settings of the home in a directory.

    Raises:
        NotFoundError: The directory has no `home.toml`.
        BadInputError: With file, line and key.
    """
    path = home / HOME_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{home} is no home: it has no {HOME_FILE}.",
            hint="Make one with `goldenbatch init`, or name another directory.",
        ) from error
    except UnicodeDecodeError as error:
        raise BadInputError(
            "this is not UTF-8 text.", hint="Save it as UTF-8.", file=str(path)
        ) from error
    return parse_settings(text, str(path))


def save_settings(home: Path, settings: Settings) -> Path:
    """Write the settings as `home.toml`, whole or not at all; return its path."""
    path = home / HOME_FILE
    partial = path.with_suffix(".toml.partial")
    partial.write_text(write_toml(settings.model_dump(mode="json")), encoding="utf-8")
    partial.replace(path)
    return path
