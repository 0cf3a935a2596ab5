"""Moving the registry of a home to a bucket, or back into its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from goldenbatch.core.config import RegistrySettings, save_settings
from goldenbatch.core.errors import BadInputError
from goldenbatch.runtime.home import HomeLock, Layout, load_home

FOLDER: Final = "folder"


def move_registry(home: Path, to: str) -> dict[str, Any]:
    """Move the artefacts of a home that nobody has open; called again, finish what was begun.

    Each is copied, read back and compared; then the home works with the new place, `home.toml`
    names it, and what lay in the old one is deleted.

    Args:
        home: Folder of the home.
        to: `folder`, or a URL such as `s3://bucket/site`.

    Raises:
        BadInputError: It is no URL, or holds a password.
        LockedError: Somebody has the home open.
        ConflictError: The new place holds artefacts of others.
        ArtefactRefusedError: The new place cannot be reached; nothing changed.
    """
    from goldenbatch.stores.registry import Registry

    try:
        wanted = RegistrySettings(url="" if to == FOLDER else to)
    except ValidationError as error:
        raise BadInputError(
            "that is no URL of a bucket, or it holds a password.",
            hint="Give `folder`, or one such as s3://bucket/site; keys come from the environment.",
        ) from error
    with HomeLock(home):
        settings = load_home(home)
        registry = Registry(Layout(home).registry)
        origin = registry.url or FOLDER
        n_objects = registry.move(wanted.url)
        save_settings(home, settings.model_copy(update={"registry": wanted}))
        return {"from_place": origin, "to_place": registry.url or FOLDER, "n_objects": n_objects}
