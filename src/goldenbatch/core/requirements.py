"""Requirements as versioned data: packs of clauses and of the user's own needs and risks.

A pack is a TOML file. Clauses of guidance change, so that nothing of them stands in code: each
names its source, its status and its date, which checks of the platform show it, and what stays
the site's procedure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import Body, Micros, record_type

FOLDER: Final = "requirements"
"""Folder of a home for the site's own packs."""

USER_PACK: Final = "user-requirements"
"""Name of the pack of the user's own requirements and risk records."""

Status = Literal["in force", "draft", "guidance", "superseded"]
Control = Literal["technical", "procedure", "both", "none"]
Level = Literal["low", "medium", "high"]
TECHNICAL: Final = ("technical", "both")
"""Controls that checks of the platform show."""
HASH_PATTERN: Final = r"^[0-9a-f]{64}$"


class _WrongEntryError(ValueError):
    """A wrong entry, with its path in the document."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Requirement(_Strict):
    """One clause, or one requirement of the user.

    Attributes:
        id: Short identifier, unique in the pack.
        clause: Number of the clause in its source.
        title: Title, as the source has it or in few words.
        requirement: What it asks, in own words.
        control: What meets it: the platform, a procedure of the site, or both; none: the clause
            says what applies or what a word means, and asks for nothing.
        checks: Checks of the operational qualification that show the technical control.
        site_procedure: What the site does itself; always there where control names it.
        site_document: Document of the site in which that procedure stands; empty: not named yet.
        gap: What the platform does not do yet; empty: nothing is known to be missing.
        risks: Risk records of the pack that the requirement answers.
        meets: Clauses of other packs that it answers, as `pack:id`.
        source: Where it stands; empty: the source of the pack.
        status: In force, draft, ...; empty: the status of the pack.
        dated: Date of the text; empty: the date of the pack.
        checked_against: Texts of the pack that number and title were compared with; empty: none.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    clause: str = ""
    title: str = Field(min_length=1)
    requirement: str = Field(min_length=1)
    control: Control
    checks: tuple[str, ...] = ()
    site_procedure: str = ""
    site_document: str = ""
    gap: str = ""
    risks: tuple[str, ...] = ()
    meets: tuple[str, ...] = ()
    source: str = ""
    status: Status | Literal[""] = ""
    dated: date | None = None
    checked_against: tuple[str, ...] = ()


class Text(_Strict):
    """A public text that clauses of a pack were compared with, by number, title and sense.

    Attributes:
        id: By which clauses name it.
        where: What it is, and where it stands.
        seen: When it was read.
        extent: What of it could be read: the text itself, quotes of it, or a summary.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    where: str = Field(min_length=1)
    seen: date
    extent: Literal["text", "quotes", "summary"]


class Risk(_Strict):
    """A risk record: what may go wrong, how bad it is, and what is done about it.

    Attributes:
        id: Short identifier, unique in the pack.
        hazard: What may go wrong.
        harm: What comes of it for the patient or the product.
        severity: How bad that is.
        probability: How likely it is without the control.
        detectability: How well it would be noticed in time; low is worst.
        rationale: Why it was judged so, and by what (ICH Q9(R1): subjectivity is stated).
    """

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    hazard: str = Field(min_length=1)
    harm: str = Field(min_length=1)
    severity: Level
    probability: Level
    detectability: Level
    rationale: str = Field(min_length=1)

    @property
    def priority(self) -> Level:
        """How deep it is to be tested: GAMP's two steps, class first, then detectability."""
        levels: tuple[Level, ...] = ("low", "medium", "high")
        risk_class = levels.index(self.severity) + levels.index(self.probability)
        score = min(2, max(0, (risk_class + 1) // 2 + 1 - levels.index(self.detectability)))
        return levels[score]


class Pack(_Strict):
    """The requirements of one authority, or of the user.

    Attributes:
        name: Name by which it is chosen.
        title: For people.
        version: Of this file, raised with each change of it.
        authority: Who asks.
        source: Where the text stands.
        status: Of the text.
        dated: Date of the text.
        reviewed: Which person compared this file with its source and when; empty: nobody yet.
        texts: Public texts that clauses were compared with, which is no review by a person.
        risks: Risk records that the requirements answer.
        requirements: What is asked, in the order of the source.
    """

    schema_: Literal["goldenbatch/requirements/1"] = Field(alias="schema")
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")
    title: str = Field(min_length=1)
    version: str = Field(min_length=1)
    authority: str = Field(min_length=1)
    source: str = Field(min_length=1)
    status: Status
    dated: date
    reviewed: str = ""
    texts: tuple[Text, ...] = Field(default=(), alias="text")
    risks: tuple[Risk, ...] = Field(default=(), alias="risk")
    requirements: tuple[Requirement, ...] = Field(min_length=1, alias="requirement")
    _digest: str = PrivateAttr("")

    def model_post_init(self, context: Any, /) -> None:
        """Keep the digest of the file that is being read."""
        self._digest = str((context or {}).get("digest", ""))

    @property
    def digest(self) -> str:
        """SHA-256 of the file that it was read from, hexadecimal."""
        return self._digest

    @model_validator(mode="after")
    def _is_whole(self) -> Pack:
        risks = {one.id for one in self.risks}
        _unique("risk", [one.id for one in self.risks])
        _unique("requirement", [one.id for one in self.requirements])
        _unique("text", [one.id for one in self.texts])
        texts = {one.id for one in self.texts}
        for place, one in enumerate(self.requirements):
            _check_control(one, place)
            _check_named(one, place, "risks", risks)
            _check_named(one, place, "checked_against", texts)
        return self


def _unique(table: str, ids: list[str]) -> None:
    for place, one in enumerate(ids):
        if one in ids[:place]:
            raise _WrongEntryError(f"{one} stands there twice", table, place, "id")


def _check_named(one: Requirement, place: int, field: str, known: Collection[str]) -> None:
    """What a requirement names by id must stand in the same pack."""
    for name in getattr(one, field):
        if name not in known:
            what = "risk" if field == "risks" else "text"
            raise _WrongEntryError(
                f"{one.id} names the unknown {what} {name!r}", "requirement", place, field
            )


def _check_control(one: Requirement, place: int) -> None:
    path = ("requirement", place)
    is_technical, is_sites = one.control in TECHNICAL, one.control in ("procedure", "both")
    if is_technical and not one.checks:
        raise _WrongEntryError(f"{one.id} has a technical control and no check", *path, "checks")
    if not is_technical and one.checks:
        raise _WrongEntryError(f"{one.id} has checks: its control is 'both'", *path, "control")
    if is_sites and not one.site_procedure:
        raise _WrongEntryError(
            f"{one.id} leaves something to the site and does not say what", *path, "site_procedure"
        )


def parse_pack(text: str, file: str = "", known_checks: Collection[str] | None = None) -> Pack:
    """Read a pack from TOML.

    Args:
        text: The document.
        file: Its name, for errors.
        known_checks: Checks that there are; None: any name will do.

    Raises:
        BadInputError: It is no pack, or names an unknown check; file, line and key are named.
    """
    data = read_toml(text, file)
    try:
        digest = hashlib.sha256(text.encode()).hexdigest()
        pack = Pack.model_validate(data, context={"digest": digest})
        if known_checks is not None:
            _require_known(pack, known_checks)
    except ValidationError as error:
        raise bad_key(error, text, file) from error
    except _WrongEntryError as error:
        raise _bad_entry(error, text, file) from error
    return pack


def _require_known(pack: Pack, known: Collection[str]) -> None:
    for place, one in enumerate(pack.requirements):
        for number, name in enumerate(one.checks):
            if name not in known:
                raise _WrongEntryError(
                    f"{one.id} names the unknown check {name!r}",
                    "requirement", place, "checks", number,
                )  # fmt: skip


def _bad_entry(error: _WrongEntryError, text: str, file: str) -> BadInputError:
    from goldenbatch.core._toml import locate

    return BadInputError(
        f"{error}.",
        hint="`goldenbatch validate --list` names the checks that there are.",
        file=file,
        line=locate(text, error.path),
        key=".".join(str(part) for part in error.path),
    )


def load_pack(path: Path, known_checks: Collection[str] | None = None) -> Pack:
    """Read a pack from a TOML file.

    Raises:
        BadInputError: It cannot be read, or is no pack; file, line and key are named.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(
            f"the pack cannot be read: {error}.", hint="Give a UTF-8 file.", file=str(path)
        ) from error
    return parse_pack(text, str(path), known_checks)


def shipped_names() -> tuple[str, ...]:
    """Names of the packs that the package ships."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir()
                        if entry.name.endswith(".toml")))  # fmt: skip


def shipped_text(name: str) -> str:
    """TOML text of a pack that the package ships.

    Raises:
        NotFoundError: There is none of that name.
    """
    if name not in shipped_names():
        raise NotFoundError(
            f"there is no pack {name!r}.", hint=f"There are: {', '.join(shipped_names())}."
        )
    text: str = _folder().joinpath(f"{name}.toml").read_text("utf-8")
    return text


def shipped_pack(name: str, known_checks: Collection[str] | None = None) -> Pack:
    """A pack that the package ships.

    Raises:
        NotFoundError: There is none of that name.
    """
    return parse_pack(shipped_text(name), f"{name}.toml", known_checks)


def _folder() -> Any:
    return files("goldenbatch.core").joinpath("data", FOLDER)


class PackUsed(_Strict):
    """A pack as a validation run used it."""

    name: str = Field(description="Name of the pack.")
    version: str = Field(description="Version of the pack.")
    status: str = Field(description="In force, draft, guidance or superseded.")
    digest: str = Field(pattern=HASH_PATTERN, description="SHA-256 of its file.")


@record_type
class ValidationRun(Body):
    """Installation and operation were qualified in this home, against packs of requirements."""

    run: str = Field(min_length=1, description="Identifier of the run.")
    software: str = Field(min_length=1, description="Name and version of the installed package.")
    installation_digest: str = Field(
        pattern=HASH_PATTERN, description="SHA-256 over path and digest of each installed file."
    )
    packs: tuple[PackUsed, ...] = Field(min_length=1, description="Packs that were traced.")
    n_passed: int = Field(ge=0, description="Checks that passed.")
    n_failed: int = Field(ge=0, description="Checks that failed.")
    n_not_run: int = Field(ge=0, description="Checks that could not be run, each with its reason.")
    n_not_applicable: int = Field(
        default=0, ge=0, description="Checks of what this home does not use."
    )
    results_digest: str = Field(
        pattern=HASH_PATTERN, description="SHA-256 of the results as JSON; an artefact."
    )
    reports: dict[str, str] = Field(description="Form of the report to its SHA-256; artefacts.")
    conclusion: Literal["passed", "failed"] = Field(description="Failed where any check failed.")
    started_at: Micros = Field(description="When the run began.")
    ended_at: Micros = Field(description="When its last check ended.")
