"""People: users and their roles.

A user's events stand in `user/<uid>`; authenticators are in `core.credentials`, signatures in
`core.signatures` (their names can be imported from here too).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import Field

from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import Body, DataClass, Event, Projection, Row, record_type
from goldenbatch.core.signatures import (
    HASH_PATTERN,
    SIGNATURES,
    UID_PATTERN,
    Meaning,
    SignatureApplied,
    SignatureState,
    SignerClass,
    SigningStatement,
    signature_class,
    signature_state,
    statement_for,
)

__all__ = [
    "HASH_PATTERN",
    "PROJECTIONS",
    "SIGNATURES",
    "UID_PATTERN",
    "USERS",
    "Meaning",
    "PasswordSet",
    "RoleGranted",
    "RoleRevoked",
    "SignatureApplied",
    "SignatureState",
    "SignerClass",
    "SigningStatement",
    "UserAdded",
    "UserDisabled",
    "UserEnabled",
    "UserState",
    "signature_class",
    "signature_state",
    "statement_for",
    "user_state",
]

PASSWORD = "password"  # noqa: S105  the name of a credential, not a secret


class _Personal(Body):
    """Base of bodies that name a person: they stay on the site."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL


class _User(_Personal):
    """Base of the events of one user."""

    uid: str = Field(pattern=UID_PATTERN, description="Opaque uid; never re-used.")


@record_type
class UserAdded(_User):
    """A person got an account of their own."""

    login: str = Field(pattern=r"^[^\s\x00-\x1f\x7f]{1,100}$", description="Unique in a home.")
    printed_name: str = Field(min_length=1, description="As it is shown with signatures.")


@record_type
class PasswordSet(_User):
    """A person chose a password; only its argon2id hash is kept."""

    supersedes: ClassVar[tuple[str, ...]] = ("PasswordSet",)

    hash: str = Field(pattern=r"^\$argon2id\$", description="Encoded argon2id hash with salt.")


@record_type
class RoleGranted(_User):
    """A person was given a role."""

    role: str = Field(pattern=r"^[a-z][a-z_]*$")
    reason: str = Field(min_length=1)


@record_type
class RoleRevoked(_User):
    """A role was taken from a person."""

    supersedes: ClassVar[tuple[str, ...]] = ("RoleGranted",)

    role: str = Field(pattern=r"^[a-z][a-z_]*$")
    reason: str = Field(min_length=1)


@record_type
class UserDisabled(_User):
    """An account was closed to its person; nothing that they did is lost."""

    supersedes: ClassVar[tuple[str, ...]] = ("UserAdded", "UserEnabled")

    reason: str = ""


@record_type
class UserEnabled(_User):
    """A closed account was opened again."""

    supersedes: ClassVar[tuple[str, ...]] = ("UserDisabled",)

    reason: str = Field(min_length=1)


@dataclass(frozen=True)
class UserState:
    """A user as the events of `user/<uid>` make them.

    Attributes:
        granted: Role to the version of the event that granted it.
        password_hash: Encoded argon2id hash; empty before one was set.
        version: Version of the stream.
    """

    uid: str
    login: str
    printed_name: str
    granted: tuple[tuple[str, int], ...] = ()
    is_active: bool = True
    password_hash: str = ""
    version: int = 1

    @property
    def roles(self) -> frozenset[str]:
        """Roles held at present."""
        return frozenset(role for role, _ in self.granted)

    def after(self, event: Event) -> UserState:
        """The user after one more event."""
        body, version = event.decode(), event.envelope.version
        others = tuple(one for one in self.granted if one[0] != getattr(body, "role", ""))
        state = replace(self, version=version)
        if isinstance(body, RoleGranted):
            return replace(state, granted=tuple(sorted((*others, (body.role, version)))))
        if isinstance(body, RoleRevoked):
            return replace(state, granted=others)
        if isinstance(body, UserDisabled | UserEnabled):
            return replace(state, is_active=isinstance(body, UserEnabled))
        if isinstance(body, PasswordSet):
            return replace(state, password_hash=body.hash)
        if _ends_password(event):
            return replace(state, password_hash="")
        return state


def _ends_password(event: Event) -> bool:
    """Whether a person's password was taken from them; its type is in `core.credentials`."""
    return event.kind == "CredentialRevoked" and (event.body or {}).get("credential") == PASSWORD


def user_state(events: Iterable[Event]) -> UserState:
    """The user whose stream is given.

    Raises:
        NotFoundError: The stream does not begin with a user's event.
    """
    state: UserState | None = None
    for event in events:
        body = event.decode()
        if state is None and isinstance(body, UserAdded):
            state = UserState(body.uid, body.login, body.printed_name)
        elif state is not None:
            state = state.after(event)
    if state is None:
        raise NotFoundError("there is no such user.", hint="Add the user first.")
    return state


def _fold_user(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body, version = event.decode(), event.envelope.version
    if event.kind == "CredentialRevoked":
        before = lookup((str((event.body or {}).get("uid")),)) if _ends_password(event) else None
        return [{**before, "has_password": 0, "stream_version": version}] if before else []
    if isinstance(body, UserAdded):
        row = {**body.model_dump(), "roles": "[]", "is_active": 1, "has_password": 0}
        return [{**row, "stream_version": version}]
    if not isinstance(body, _User):
        return []
    row_before = lookup((body.uid,))
    if row_before is None:
        return []
    row = {**row_before, "stream_version": version}
    roles = set(json.loads(row["roles"]))
    if isinstance(body, RoleGranted):
        row["roles"] = json.dumps(sorted(roles | {body.role}))
    elif isinstance(body, RoleRevoked):
        row["roles"] = json.dumps(sorted(roles - {body.role}))
    elif isinstance(body, UserDisabled | UserEnabled):
        row["is_active"] = int(isinstance(body, UserEnabled))
    else:
        row["has_password"] = 1
    return [row]


USERS = Projection(
    name="user",
    version=2,
    columns={
        "uid": "TEXT",
        "login": "TEXT",
        "printed_name": "TEXT",
        "roles": "TEXT",
        "is_active": "INTEGER",
        "has_password": "INTEGER",
        "stream_version": "INTEGER",
    },
    key=("uid",),
    kinds=frozenset(
        {
            "UserAdded",
            "PasswordSet",
            "RoleGranted",
            "RoleRevoked",
            "UserDisabled",
            "UserEnabled",
            "CredentialRevoked",
        }
    ),
    fold=_fold_user,
    indexes=(("login",),),
)
"""One row a user; `roles` is a sorted JSON list as text. Password hashes stay in the stream."""


PROJECTIONS = (USERS, SIGNATURES)
"""All projections of this module."""
