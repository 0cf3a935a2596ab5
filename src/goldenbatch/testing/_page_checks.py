"""Checks of pages, tiles and widgets: what they are, where they stand, how they load and show."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from goldenbatch.testing._check import Check, require

if TYPE_CHECKING:
    from goldenbatch.core.capability import Capability, Offer
    from goldenbatch.ui.web.pages import Asked
    from goldenbatch.ui.web.view import Person

PARTS = ("pages", "tiles", "widgets")
HEAVY = ("pyarrow", "duckdb", "deltalake", "sklearn", "scipy", "casadi", "lightgbm", "pandas")
"""Libraries that the web process must not load to show a page."""

SHOW_S = 1.0
"""CPU seconds within which `show` must be done: the other pages wait meanwhile."""

_PATH = re.compile(r"(/([a-z0-9-]+|\{[a-z_]+(:path)?\}))+")
_PLAIN = (str, bytes, int, float, bool, type(None), date, timedelta)


@dataclass(frozen=True)
class PageCase:
    """Who looks at the pages of a capability, and through which node.

    Attributes:
        asked: Site and API of somebody, best of an empty home; its `path` and `values` serve
            those pages and widgets that need some.
        person: Who they are.
    """

    asked: Asked
    person: Person


def page_checks(capability: Capability, case: PageCase | None = None) -> list[Check]:
    """All checks of what a capability adds to the interface.

    Args:
        capability: Its manifest.
        case: Who looks; without one nothing is loaded.
    """
    offers = [(kind, one) for kind in PARTS for one in getattr(capability, kind)]
    if not offers:
        return []
    found = [Check("the paths of pages begin with its name", partial(_check_paths, capability))]
    modules = sorted({one.target.partition(":")[0] for _, one in offers})
    found += [Check(f"{one} is light to import", partial(_check_import, one)) for one in modules]
    for kind, offer in offers:
        what = f"{kind}: {offer.name}"
        found.append(Check(f"{what} is one", partial(check_part, kind, offer)))
        if case is not None:
            found.append(Check(f"{what} loads and shows", partial(_check_at_work, offer, case)))
    return found


def check_part(kind: str, offer: Offer) -> None:
    """That an offer is what its kind says.

    Raises:
        NonConformityError: It is not.
    """
    from goldenbatch.ui.web.pages import Page, Tile, Widget

    loaded = offer.load()
    wanted = {"pages": Page, "tiles": Tile, "widgets": Widget}[kind]
    require(isinstance(loaded, wanted), f"{offer.target} is no {wanted.__name__}.")
    require(loaded.title, f"{offer.target} has no title.")
    require(loaded.refresh_s >= 0, f"{offer.target} is refreshed every {loaded.refresh_s} s.")
    if isinstance(loaded, Page):
        require(_PATH.fullmatch(loaded.path), f"{offer.target}: {loaded.path!r} is no path.")
        needs = "{" in loaded.path and loaded.in_menu
        require(not needs, f"{offer.target} is in the menu, which cannot fill in {loaded.path}.")


def _check_paths(capability: Capability) -> None:
    paths = [offer.load().path for offer in capability.pages]
    for path in paths:
        is_own = path == f"/{capability.name}" or path.startswith(f"/{capability.name}/")
        require(is_own, f"page {path} does not begin with /{capability.name}.")
    require(len(set(paths)) == len(paths), f"a path stands twice: {paths}.")


def _check_import(module: str) -> None:
    """In a process of its own, since this one has loaded everything already."""
    code = (
        "import importlib, json, sys;"
        "sys.path[:0] = json.loads(sys.argv[1]);"
        "importlib.import_module(sys.argv[2]);"
        "print(json.dumps([m for m in json.loads(sys.argv[3]) if m in sys.modules]))"
    )
    command = [sys.executable, "-c", code, json.dumps(sys.path), module, json.dumps(HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    require(done.returncode == 0, f"{module} cannot be imported alone: {done.stderr[-400:]}")
    heavy = json.loads(done.stdout)
    require(not heavy, f"importing {module} brings {', '.join(heavy)}: compute it at the node.")


def _check_at_work(offer: Offer, case: PageCase) -> None:
    from goldenbatch.core.errors import GoldenbatchError
    from goldenbatch.testing.pages import shown, view_of

    part = offer.load()
    try:
        data = part.load(case.asked)
    except GoldenbatchError as error:
        require(error.hint, f"{offer.target} says {error} and not what to do.")
        return
    require_plain(data, offer.target)
    if data is None:
        return
    zone = case.asked.site.home.zone
    found = shown(part.show, data, view_of(case.asked, case.person, zone))
    require(not found.html, f"{offer.target} sets HTML: {found.html[:1]}; set text.")
    require(
        found.seconds < SHOW_S,
        f"{offer.target}: show took {found.seconds:.1f} s; compute in load or at the node.",
    )


def require_plain(data: Any, where: str) -> None:
    """That data of `load` are plain: dataclasses, collections, texts, numbers, times, arrays.

    Raises:
        NonConformityError: Something in them can ask, open or be clicked.
    """
    if isinstance(data, _PLAIN) or type(data).__module__ == "numpy":
        return
    if isinstance(data, Mapping):
        inner = [*data.keys(), *data.values()]
    elif isinstance(data, Sequence | Set):
        inner = list(data)
    elif is_dataclass(data) and not isinstance(data, type):
        inner = [getattr(data, one.name) for one in fields(data)]
    else:
        # A pydantic model of core is plain too: it knows its fields and nothing else.
        known = getattr(type(data), "model_fields", None)
        require(known is not None, f"{where}: load gives a {type(data).__name__}, no plain data.")
        inner = [getattr(data, name) for name in known or ()]
    for one in inner:
        require_plain(one, where)
