"""The conformance kit: what every capability and every connector must be, as named checks.

A capability's own tests run it:

    @pytest.mark.parametrize("check", checks(CAPABILITY), ids=str)
    def test_conformance(check):
        check.run()

Checks of an analyst need views to work on: give an `AnalystCase` for each analyst offered.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from goldenbatch.core.capability import Capability, Offer
from goldenbatch.core.records import Body, Projection
from goldenbatch.testing._check import Check, NonConformityError, require
from goldenbatch.testing._page_checks import page_checks
from goldenbatch.testing.analysts import AnalystCase, analyst_checks

MAX_PUBLIC = 25
HEAVY = ("numpy", "pyarrow", "duckdb", "deltalake", "sklearn", "scipy", "fastapi", "rich", "typer")
"""Libraries that the import of a package alone must not bring."""

_KINDS = {
    "analysts": "callable",
    "trials": "trial",
    "commands": "callable",
    "routes": "callable",
    "pages": "part",
    "tiles": "part",
    "widgets": "part",
    "documents": "callable",
    "record_types": "record type",
    "projections": "projection",
    "facts": "fact",
    "acts": "act",
    "trainers": "callable",
}


def checks(
    capability: Capability, package: str = "", cases: Sequence[AnalystCase] = ()
) -> list[Check]:
    """All checks of a capability.

    Args:
        capability: Its manifest.
        package: Its package; that of its first offer by default.
        cases: Analysts at work.
    """
    name = package or _package(capability)
    found = [
        Check("the manifest imports core alone", partial(_check_manifest, name)),
        Check("names of offers are unique and short", partial(_check_names, capability)),
        Check("a README says what it claims", partial(_check_readme, name)),
        Check("at most 25 public names, all of which load", partial(_check_public, name)),
        Check("importing the package is light", partial(_check_light, name)),
    ]
    for kind, wanted in _KINDS.items():
        if wanted == "part":
            continue  # see page_checks
        for offer in getattr(capability, kind, ()):
            what = f"{kind}: {offer.name} loads and is a {wanted}"
            found.append(Check(what, partial(_check_offer, offer, wanted)))
    found += page_checks(capability)
    for case in cases:
        found += analyst_checks(capability, case)
    return found


def connector_checks(package: str) -> list[Check]:
    """All checks of a connector, by its package such as `goldenbatch.connectors.tabular`."""
    return [
        Check("a README says what it claims", partial(_check_readme, package)),
        Check("at most 25 public names, all of which load", partial(_check_public, package)),
        Check("importing the package is light", partial(_check_light, package)),
        Check("knows stores through core alone", partial(_check_ports, package)),
    ]


# ---- packages -------------------------------------------------------------------------------


def _package(capability: Capability) -> str:
    for kind in _KINDS:
        for offer in getattr(capability, kind, ()):
            target: str = offer.target
            return target.partition(":")[0].rpartition(".")[0] or target.partition(":")[0]
    raise NonConformityError(f"capability {capability.name!r} offers nothing; name its package.")


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    require(spec is not None and spec.origin, f"package {package!r} cannot be found.")
    return Path(str(spec.origin)).parent  # type: ignore[union-attr]


def _imports(path: Path) -> Iterator[str]:
    """Modules that a file imports anywhere but under TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def _check_manifest(package: str) -> None:
    folder = _folder(package)
    path = folder / "_capability.py"
    require(path.is_file(), f"{package} has no _capability.py.")
    rooms = sorted(folder.glob("*/_offers.py"))
    lists = {f"{package}.{room.parent.name}._offers" for room in rooms}
    for part in (path, *rooms):
        for module in _imports(part):
            is_core = module.startswith("goldenbatch.core")
            is_standard = module.partition(".")[0] in sys.stdlib_module_names
            require(
                is_core or is_standard or module in lists,
                f"{part} imports {module}; a manifest is data and imports goldenbatch.core and "
                "the lists of its rooms (ROOM/_offers.py) alone.",
            )


def _check_names(capability: Capability) -> None:
    for kind in _KINDS:
        offers: Sequence[Offer] = getattr(capability, kind, ())
        names = [offer.name for offer in offers]
        require(len(set(names)) == len(names), f"{kind} has a name twice: {names}.")
        for offer in offers:
            plain = offer.name.replace("_", "").replace("-", "")
            require(plain.isalnum(), f"{kind}: {offer.name!r} is no plain name.")
            require(
                offer.help and "\n" not in offer.help and len(offer.help) <= 100,
                f"{kind}: {offer.name} needs a help of one line of at most 100 characters.",
            )


def _check_readme(package: str) -> None:
    path = _folder(package) / "README.md"
    require(path.is_file(), f"{package} has no README.md: say what it claims and measured.")
    require(len(path.read_text(encoding="utf-8")) > 200, f"{path} says next to nothing.")


def _check_public(package: str) -> None:
    module = importlib.import_module(package)
    names = getattr(module, "__all__", None)
    require(names is not None, f"{package} has no __all__.")
    require(len(names or ()) <= MAX_PUBLIC, f"{package} has more than {MAX_PUBLIC} public names.")
    for name in names or ():
        require(hasattr(module, name), f"{package}.{name} is public and cannot be loaded.")


def _check_light(package: str) -> None:
    """In a process of its own, since this one has loaded everything already."""
    code = (
        "import importlib, json, sys;"
        "sys.path[:0] = json.loads(sys.argv[1]);"
        "importlib.import_module(sys.argv[2]);"
        "print(json.dumps([m for m in json.loads(sys.argv[3]) if m in sys.modules]))"
    )
    command = [sys.executable, "-c", code, json.dumps(sys.path), package, json.dumps(HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    require(done.returncode == 0, f"{package} cannot be imported alone: {done.stderr[-400:]}")
    heavy = json.loads(done.stdout)
    require(not heavy, f"importing {package} brings {', '.join(heavy)}; import them where used.")


def _check_ports(package: str) -> None:
    for path in sorted(_folder(package).rglob("*.py")):
        for module in _imports(path):
            is_store = module.startswith(("goldenbatch.stores", "goldenbatch.runtime"))
            require(not is_store, f"{path.name} imports {module}; write through the Site.")


# ---- offers ---------------------------------------------------------------------------------


def _check_offer(offer: Offer, wanted: str) -> None:
    loaded = offer.load()
    if wanted == "callable":
        require(callable(loaded), f"{offer.target} cannot be called.")
    elif wanted == "trial":
        _check_trial(offer, loaded)
    elif wanted in ("page", "tile", "widget"):
        for name in ("load", "show"):
            is_there = callable(getattr(loaded, name, None))
            require(is_there, f"{offer.target} is no {wanted}: it has no function {name}.")
    elif wanted == "record type":
        is_body = inspect.isclass(loaded) and issubclass(loaded, Body)
        require(is_body and getattr(loaded, "kind", ""), f"{offer.target} is no record type.")
    elif wanted == "projection":
        require(isinstance(loaded, Projection), f"{offer.target} is no Projection.")
    elif wanted == "act":
        names = list(inspect.signature(loaded).parameters)
        is_act = names == ["site", "by", "values"]
        require(is_act, f"{offer.target} is no act: it takes {names}, not site, by and values.")
    else:
        require(callable(loaded) or hasattr(loaded, "fact"), f"{offer.target} gives no facts.")


def _check_trial(offer: Offer, loaded: Any) -> None:
    trial = loaded()
    for attribute in ("name", "version"):
        require(
            isinstance(getattr(trial, attribute, None), str) and getattr(trial, attribute),
            f"{offer.target} has no {attribute}.",
        )
    for method, n_arguments in (("fit", 2), ("measure", 3), ("baseline", 3)):
        function = getattr(trial, method, None)
        require(callable(function), f"{offer.target} has no {method}().")
        n_found = len(inspect.signature(function).parameters)  # type: ignore[arg-type]
        require(
            n_found == n_arguments,
            f"{offer.target}.{method} takes {n_found} arguments, not {n_arguments}.",
        )
