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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from goldenbatch.core.analyst import Analyst, Assessment, TickView, Transition
from goldenbatch.core.capability import Capability, Offer
from goldenbatch.core.findings import finding_uid
from goldenbatch.core.records import Body, Projection

MAX_PUBLIC = 25
HEAVY = ("numpy", "pyarrow", "duckdb", "deltalake", "sklearn", "scipy", "fastapi", "rich", "typer")
"""Libraries that the import of a package alone must not bring."""

_KINDS = {
    "analysts": "callable",
    "trials": "trial",
    "commands": "callable",
    "routes": "callable",
    "pages": "callable",
    "documents": "callable",
    "record_types": "record type",
    "projections": "projection",
    "facts": "fact",
}


class NonConformityError(AssertionError):
    """A check that does not hold; says what to do."""


@dataclass(frozen=True)
class Check:
    """One thing that must hold.

    Attributes:
        name: What holds, in words.
        run: Raises `NonConformityError` when it does not.
    """

    name: str
    run: Callable[[], None] = field(repr=False)

    def __str__(self) -> str:
        """The name."""
        return self.name


@dataclass(frozen=True)
class AnalystCase:
    """An analyst at work, for the checks that need it.

    Attributes:
        offer: Name of the offer, such as `charts`.
        settings: Settings that it is built with.
        views: Views of consecutive ticks, made anew at each call.
        is_closed_under_splitting: Whether the same readings and events in other ticks give
            the same last findings; `split_views` then has them in other ticks.
        split_views: The same readings and events, cut into other ticks.
    """

    offer: str
    settings: Mapping[str, Any]
    views: Callable[[], Sequence[TickView]]
    is_closed_under_splitting: bool = False
    split_views: Callable[[], Sequence[TickView]] | None = None


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
        for offer in getattr(capability, kind, ()):
            what = f"{kind}: {offer.name} loads and is a {wanted}"
            found.append(Check(what, partial(_check_offer, offer, wanted)))
    for case in cases:
        found += analyst_checks(capability, case)
    return found


def analyst_checks(capability: Capability, case: AnalystCase) -> list[Check]:
    """Checks of one analyst at work."""
    wanted: list[tuple[str, Callable[[Capability, AnalystCase], None]]] = [
        ("satisfies Analyst, and bears its given name", _check_analyst),
        ("gives the same for the same, through JSON as well", _check_pure),
        ("leaves the state that it is given alone", _check_no_mutation),
        ("numbers its transitions, and signs its findings", _check_transitions),
    ]
    if case.is_closed_under_splitting:
        wanted.append(("finds the same in other ticks", _check_splitting))
    return [
        Check(f"analyst {case.offer} {words}", partial(check, capability, case))
        for words, check in wanted
    ]


def connector_checks(package: str) -> list[Check]:
    """All checks of a connector, by its package such as `goldenbatch.connectors.tabular`."""
    return [
        Check("a README says what it claims", partial(_check_readme, package)),
        Check("at most 25 public names, all of which load", partial(_check_public, package)),
        Check("importing the package is light", partial(_check_light, package)),
        Check("knows stores through core alone", partial(_check_ports, package)),
    ]


def _require(holds: object, message: str) -> None:
    if not holds:
        raise NonConformityError(message)


# ---- packages -------------------------------------------------------------------------------


def _package(capability: Capability) -> str:
    for kind in _KINDS:
        for offer in getattr(capability, kind, ()):
            target: str = offer.target
            return target.partition(":")[0].rpartition(".")[0] or target.partition(":")[0]
    raise NonConformityError(f"capability {capability.name!r} offers nothing; name its package.")


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    _require(spec is not None and spec.origin, f"package {package!r} cannot be found.")
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
    path = _folder(package) / "_capability.py"
    _require(path.is_file(), f"{package} has no _capability.py.")
    for module in _imports(path):
        is_core = module.startswith("goldenbatch.core")
        is_standard = module.partition(".")[0] in sys.stdlib_module_names
        _require(
            is_core or is_standard,
            f"{path} imports {module}; a manifest is data and imports goldenbatch.core alone.",
        )


def _check_names(capability: Capability) -> None:
    for kind in _KINDS:
        offers: Sequence[Offer] = getattr(capability, kind, ())
        names = [offer.name for offer in offers]
        _require(len(set(names)) == len(names), f"{kind} has a name twice: {names}.")
        for offer in offers:
            plain = offer.name.replace("_", "").replace("-", "")
            _require(plain.isalnum(), f"{kind}: {offer.name!r} is no plain name.")
            _require(
                offer.help and "\n" not in offer.help and len(offer.help) <= 100,
                f"{kind}: {offer.name} needs a help of one line of at most 100 characters.",
            )


def _check_readme(package: str) -> None:
    path = _folder(package) / "README.md"
    _require(path.is_file(), f"{package} has no README.md: say what it claims and measured.")
    _require(len(path.read_text(encoding="utf-8")) > 200, f"{path} says next to nothing.")


def _check_public(package: str) -> None:
    module = importlib.import_module(package)
    names = getattr(module, "__all__", None)
    _require(names is not None, f"{package} has no __all__.")
    _require(len(names or ()) <= MAX_PUBLIC, f"{package} has more than {MAX_PUBLIC} public names.")
    for name in names or ():
        _require(hasattr(module, name), f"{package}.{name} is public and cannot be loaded.")


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
    _require(done.returncode == 0, f"{package} cannot be imported alone: {done.stderr[-400:]}")
    heavy = json.loads(done.stdout)
    _require(not heavy, f"importing {package} brings {', '.join(heavy)}; import them where used.")


def _check_ports(package: str) -> None:
    for path in sorted(_folder(package).rglob("*.py")):
        for module in _imports(path):
            is_store = module.startswith(("goldenbatch.stores", "goldenbatch.runtime"))
            _require(not is_store, f"{path.name} imports {module}; write through the Site.")


# ---- offers ---------------------------------------------------------------------------------


def _check_offer(offer: Offer, wanted: str) -> None:
    loaded = offer.load()
    if wanted == "callable":
        _require(callable(loaded), f"{offer.target} cannot be called.")
    elif wanted == "trial":
        _check_trial(offer, loaded)
    elif wanted == "record type":
        is_body = inspect.isclass(loaded) and issubclass(loaded, Body)
        _require(is_body and getattr(loaded, "kind", ""), f"{offer.target} is no record type.")
    elif wanted == "projection":
        _require(isinstance(loaded, Projection), f"{offer.target} is no Projection.")
    else:
        _require(callable(loaded) or hasattr(loaded, "fact"), f"{offer.target} gives no facts.")


def _check_trial(offer: Offer, loaded: Any) -> None:
    trial = loaded()
    for attribute in ("name", "version"):
        _require(
            isinstance(getattr(trial, attribute, None), str) and getattr(trial, attribute),
            f"{offer.target} has no {attribute}.",
        )
    for method, n_arguments in (("fit", 2), ("measure", 3), ("baseline", 3)):
        function = getattr(trial, method, None)
        _require(callable(function), f"{offer.target} has no {method}().")
        n_found = len(inspect.signature(function).parameters)  # type: ignore[arg-type]
        _require(
            n_found == n_arguments,
            f"{offer.target}.{method} takes {n_found} arguments, not {n_arguments}.",
        )


# ---- analysts -------------------------------------------------------------------------------


def _build(capability: Capability, case: AnalystCase) -> Analyst:
    factory = capability.offer("analysts", case.offer).load()
    analyst: Analyst = factory("conformance", dict(case.settings))
    return analyst


def _check_analyst(capability: Capability, case: AnalystCase) -> None:
    analyst = _build(capability, case)
    _require(isinstance(analyst, Analyst), f"{case.offer} makes no Analyst.")
    _require(analyst.name == "conformance", f"{case.offer} does not bear the name it is given.")
    _require(analyst.version, f"{case.offer} has no version.")
    json.dumps(analyst.start())


def run_analyst(
    analyst: Analyst, views: Sequence[TickView], *, is_stored: bool = True
) -> list[Assessment]:
    """Assess views one after another, with the state through JSON in between."""
    state = analyst.start()
    found: list[Assessment] = []
    for view in views:
        outcome = analyst.assess(json.loads(json.dumps(state)) if is_stored else state, view)
        found.append(outcome)
        state = outcome.state
    return found


def _plain(outcomes: Sequence[Assessment]) -> str:
    return json.dumps(
        [
            [
                one.state,
                [_step(step) for step in one.transitions],
                [[d.tag, d.time, d.value, d.quality] for d in one.derived],
            ]
            for one in outcomes
        ],
        sort_keys=True,
    )


def _step(one: Transition) -> list[Any]:
    return [one.uid, one.step, one.version, one.finding.model_dump(mode="json")]


def _check_pure(capability: Capability, case: AnalystCase) -> None:
    first = _plain(run_analyst(_build(capability, case), case.views()))
    again = _plain(run_analyst(_build(capability, case), case.views()))
    _require(first == again, f"{case.offer} gives something else the second time.")
    kept = _plain(run_analyst(_build(capability, case), case.views(), is_stored=False))
    _require(first == kept, f"{case.offer} gives something else when its state was in JSON.")
    # One object for everything must not remember more than its state says.
    analyst = _build(capability, case)
    run_analyst(analyst, case.views())
    used = _plain(run_analyst(analyst, case.views()))
    _require(first == used, f"{case.offer} keeps something outside its state.")
    _require(
        any(one.transitions for one in run_analyst(analyst, case.views())),
        f"the case of {case.offer} finds nothing: give views with something in them.",
    )


def _check_no_mutation(capability: Capability, case: AnalystCase) -> None:
    analyst = _build(capability, case)
    state = json.loads(json.dumps(analyst.start()))
    for view in case.views():
        before = json.dumps(state, sort_keys=True)
        outcome = analyst.assess(state, view)
        is_same = json.dumps(state, sort_keys=True) == before
        _require(is_same, f"{case.offer} changes the state that it is given.")
        state = json.loads(json.dumps(outcome.state))


def _check_transitions(capability: Capability, case: AnalystCase) -> None:
    analyst = _build(capability, case)
    counts: dict[str, int] = {}
    closed: set[str] = set()
    views = case.views()
    for view, outcome in zip(views, run_analyst(analyst, views), strict=True):
        for one in outcome.transitions:
            n_before = counts.get(one.uid, 0)
            _require(one.version == n_before + 1, f"{one.uid}: {n_before + 1} transitions expected")
            _require((one.step == "opened") == (n_before == 0), f"{one.uid} is not opened once.")
            _require(one.uid not in closed, f"{one.uid} goes on after it was closed.")
            finding = one.finding
            signed = (finding.analyst, finding.analyst_version)
            _require(signed == (analyst.name, analyst.version), f"{one.uid} is not signed.")
            if one.step == "opened":
                uid = finding_uid(*signed, finding.subject, view.tick.number)
                _require(one.uid == uid, f"{one.uid} is not the uid of its subject and tick.")
            closed |= {one.uid} if one.step == "closed" else set()
            counts[one.uid] = one.version


def _check_splitting(capability: Capability, case: AnalystCase) -> None:
    _require(case.split_views is not None, f"{case.offer}: give split_views.")
    views = case.views()
    split = case.split_views() if case.split_views is not None else views
    one = _last_words(run_analyst(_build(capability, case), views))
    other = _last_words(run_analyst(_build(capability, case), split))
    _require(one == other, f"{case.offer} finds something else when the ticks are cut otherwise.")


def _last_words(outcomes: Sequence[Assessment]) -> list[str]:
    """What is said last of each event, without what depends on the tick."""
    last: dict[str, tuple[str, str]] = {}
    for outcome in outcomes:
        for one in outcome.transitions:
            finding = one.finding
            said = [one.step == "closed", finding.start, finding.end, finding.severity.value]
            last[one.uid] = (finding.subject.model_dump_json(), json.dumps(said))
    return sorted(f"{subject} {said}" for subject, said in last.values())
