"""Errors of the platform: each names the record and says what to do next."""

from __future__ import annotations


class GoldenbatchError(Exception):
    """Base of all errors that a user may see.

    Args:
        message: What is wrong, naming the record, tag, file or line.
        hint: What to do next, as one sentence.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Message and hint on one line."""
        return f"{self.message} {self.hint}".strip()


class BadInputError(GoldenbatchError):
    """Input that cannot be taken as it is, with the place where it was found."""

    exit_code = 3

    def __init__(
        self, message: str, *, hint: str = "", file: str = "", line: int = 0, key: str = ""
    ) -> None:
        place = ":".join(part for part in (file, str(line) if line else "", key) if part)
        super().__init__(f"{place}: {message}" if place else message, hint=hint)
        self.file, self.line, self.key = file, line, key


class NotFoundError(GoldenbatchError):
    """A record, tag, file or name that does not exist."""

    exit_code = 4


class DeniedError(GoldenbatchError):
    """An action that the policy, the training or the independence rule forbids."""

    exit_code = 5


class ConflictError(GoldenbatchError):
    """Something that exists already with another content."""

    exit_code = 6


class VersionConflictError(ConflictError):
    """An append at a stream version that somebody else has taken."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(
            f"stream {stream!r} is at version {actual}, not {expected}.",
            hint="Read the stream again and decide on its newest version.",
        )
        self.stream, self.expected, self.actual = stream, expected, actual


class IntegrityError(GoldenbatchError):
    """Stored data that is not what was recorded: fail closed, say which."""

    exit_code = 7


class LockedError(GoldenbatchError):
    """A home that another process holds."""

    exit_code = 8


class UnreachableError(GoldenbatchError):
    """A place where data lie that cannot be reached now; nothing is lost, ask again later."""

    exit_code = 75
