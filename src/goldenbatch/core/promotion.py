"""Promotion: a configuration goes from development to validation to production, signed."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import Field

from goldenbatch.core.errors import DeniedError
from goldenbatch.core.records import Body, HomeKind, record_type

DIGEST: Final = r"^[0-9a-f]{64}$"
ORDER: Final = (HomeKind.DEVELOPMENT, HomeKind.VALIDATION, HomeKind.PRODUCTION)


@record_type
class PackageMade(Body):
    """The configuration of this home was packed; people sign this record before it is applied."""

    package: str = Field(pattern=DIGEST, description="SHA-256 over path and digest of each file.")
    files: dict[str, str] = Field(description="Path in the package to SHA-256 of the content.")
    validation: str = Field(default="", description="Stream of the validation run; empty: none.")


@record_type
class PackageReceived(Body):
    """A package of another home was checked here; it is applied once somebody approves this."""

    package: str = Field(pattern=DIGEST, description="SHA-256 over path and digest of each file.")
    source_home: str = Field(min_length=1, description="Home that it was packed in.")
    source_kind: HomeKind = Field(description="What that home is for.")
    source_key: str = Field(min_length=1, description="Public key under which it was checked.")
    approvals: tuple[str, ...] = Field(
        min_length=1, description="Leaf hashes of the signatures that approve it in that home."
    )
    validation: str = Field(default="", description="Validation run of that home; empty: none.")
    policy: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="Digest of its policy, which is in force here already.",
    )
    replaces_key: str = Field(
        default="",
        description="Key that the source key takes the place of: that of the package before.",
    )


@record_type
class ConfigurationPromoted(Body):
    """The configuration of a package was put into force here."""

    package: str = Field(pattern=DIGEST, description="SHA-256 over path and digest of each file.")
    source_home: str = Field(min_length=1, description="Home that it was packed in.")
    source_kind: HomeKind = Field(description="What that home is for.")
    approval: int = Field(ge=1, description="Number of the signature that approves it here.")
    changes: tuple[str, ...] = Field(description="What it changed: a sign and a path each.")


@record_type
class RecipeRetired(Body):
    """A recipe went out of force: no new batch is made by it."""

    supersedes: ClassVar[tuple[str, ...]] = ("RecipeAdopted",)

    recipe: str = Field(min_length=1)
    reason: str = Field(min_length=1)


def require_order(source: HomeKind, target: HomeKind) -> None:
    """Refuse a promotion that leaves out a step.

    Raises:
        DeniedError: It does not go from development to validation, or from there to production.
    """
    steps = dict(zip(ORDER[1:], ORDER, strict=False))
    if steps.get(target) is not source:
        wanted = steps.get(target)
        hint = f"Apply a package of a home of kind {wanted.value}." if wanted else (
            "Promote into a home of kind validation, then into production."
        )  # fmt: skip
        raise DeniedError(
            f"a configuration is not promoted from {source.value} to {target.value}.", hint=hint
        )
