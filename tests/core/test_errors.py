import pytest

from goldenbatch.core import errors


def test_place_stands_before_the_message_and_hint_after_it() -> None:
    error = errors.BadInputError("is wrong.", hint="Mend it.", file="a.toml", line=3, key="b.c")
    assert str(error) == "a.toml:3:b.c: is wrong. Mend it."
    assert (error.file, error.line, error.key) == ("a.toml", 3, "b.c")
    assert str(errors.BadInputError("is wrong.")) == "is wrong."


def test_every_kind_has_its_own_exit_code() -> None:
    kinds = [
        errors.GoldenbatchError,
        errors.BadInputError,
        errors.NotFoundError,
        errors.DeniedError,
        errors.ConflictError,
        errors.IntegrityError,
        errors.LockedError,
    ]
    assert len({kind.exit_code for kind in kinds}) == len(kinds)


def test_a_version_conflict_says_what_it_found() -> None:
    error = errors.VersionConflictError("batch/7", 2, 3)
    assert isinstance(error, errors.ConflictError)
    with pytest.raises(errors.GoldenbatchError, match="at version 3, not 2"):
        raise error
