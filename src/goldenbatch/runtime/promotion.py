"""Promotion of a configuration: pack it, compare it, apply it to the next kind of home."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.authority import adopted as policy_adopted
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError
from goldenbatch.core.people import Meaning
from goldenbatch.core.plant import PLANT_FILE
from goldenbatch.core.policy import load_policy
from goldenbatch.core.promotion import (
    ConfigurationPromoted,
    PackageMade,
    PackageReceived,
    require_order,
)
from goldenbatch.core.recipe_use import STREAM as RECIPE_STREAM
from goldenbatch.core.recipe_use import RecipeAdopted
from goldenbatch.core.records import Body, Event, HomeKind, NewEvent
from goldenbatch.core.requirements import ValidationRun
from goldenbatch.core.signatures import signature_state
from goldenbatch.runtime import adoption, plants
from goldenbatch.runtime._promotion_package import (
    STREAM_PREFIX,
    Package,
    digest_of,
    digests_of,
    read_package,
    require_names,
    write_package,
)
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime.home import write_plant

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

POLICY_FILE: Final = "policy.toml"
POLICY_STREAM: Final = "master/policy"
RECEIVED: Final = "promotion/"
CONFIGURATION: Final = "configuration/"
COPIED: Final = (("cards", "*.toml"), ("requirements", "*.toml"))


@dataclass(frozen=True)
class Difference:
    """A file that a package changes.

    Attributes:
        sign: `+` new, `-` gone, `~` changed.
        path: Path of the file.
        lines: The changed lines, as a unified diff.
    """

    sign: str
    path: str
    lines: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The difference as plain values."""
        return {"sign": self.sign, "path": self.path, "lines": list(self.lines)}


def configuration(site: LocalSite) -> dict[str, bytes]:
    """The configuration in force in a home, as files: plant, policy, analysts, recipes, cards."""
    files = {PLANT_FILE: (site.path / PLANT_FILE).read_bytes()}
    for path in sorted((site.path / "tables").glob("*.csv")):
        files[f"tables/{path.name}"] = path.read_bytes()
    files[POLICY_FILE] = site.policies.standing().text.encode()
    for name, one in site.adopted().items():
        entry = {"analyst": one.body.analyst, "version": one.body.version,
                 "settings": one.body.settings}  # fmt: skip
        text = json.dumps(entry, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        files[f"analysts/{name}.json"] = text.encode()
    for event in site.ledger.events(kinds={RecipeAdopted.kind}, stream_prefix=RECIPE_STREAM):
        body = event.decode()
        if isinstance(body, RecipeAdopted):
            files[f"recipes/{event.stream.removeprefix(RECIPE_STREAM)}.toml"] = body.text.encode()
    for folder, pattern in COPIED:
        for path in sorted((site.path / folder).glob(pattern)):
            files[f"{folder}/{path.name}"] = path.read_bytes()
    return files


def pack(site: LocalSite, path: Path) -> dict[str, Any]:
    """Pack the configuration of a home, and write it with all signatures that it has by now.

    The same configuration is one record, however often it is packed: people sign that record,
    and packing again takes their signatures along.

    Raises:
        ConflictError: The plant's files are not those in force.
        BadInputError: A file has a name that cannot be packed.
    """
    files = configuration(site)
    _require_adopted(site, files)
    require_names(files)
    digests = digests_of(files)
    name = digest_of(digests)
    stream, run = STREAM_PREFIX + name, _newest_run(site)
    body = PackageMade(package=name, files=digests, validation=run)
    made = [e for e in site.ledger.stream(stream) if e.kind == PackageMade.kind]
    if not made or made[-1].decode() != body:
        _append(site, stream, body)
    events = [*site.ledger.stream(stream), *(site.ledger.stream(run) if run else ())]
    site.ledger.checkpoint()
    proof = site.ledger.proof_bundle([event.seq for event in events])
    write_package(path, files, site.home, site.keys.signers[0], proof)
    states = signature_state(site.ledger.stream(stream))
    return {
        "file": str(path),
        "package": name,
        "stream": stream,
        "n_files": len(files),
        "n_signatures": sum(state.is_signed for state in states),
        "validation": run,
        "public_key": str(site.keys.signers[0].verifier),
    }


def _require_adopted(site: LocalSite, files: Mapping[str, bytes]) -> None:
    """The plant on disk must be the one that the ledger holds."""
    found = plants.preview(site, files[PLANT_FILE].decode("utf-8"), _tables(files))
    if found.plant.digest != site.plant.digest:
        raise ConflictError(
            f"{PLANT_FILE} is not the plant in force: {len(found.changes)} changes.",
            hint="Adopt it first (`goldenbatch plant adopt`), or put the old one back.",
        )


def _tables(files: Mapping[str, bytes]) -> dict[str, str]:
    prefix = "tables/"
    return {
        name.removeprefix(prefix): content.decode("utf-8")
        for name, content in files.items()
        if name.startswith(prefix)
    }


def _newest_run(site: LocalSite) -> str:
    runs = [event.stream for event in site.ledger.events(kinds={ValidationRun.kind})]
    return runs[-1] if runs else ""


def compare(site: LocalSite, package: Package) -> tuple[Difference, ...]:
    """What applying a package would change in a home, file by file."""
    old, new = configuration(site), package.files
    found = []
    for path in sorted({*old, *new}):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        sign = "+" if before is None else "-" if after is None else "~"
        lines = difflib.unified_diff(
            (before or b"").decode("utf-8", "replace").splitlines(),
            (after or b"").decode("utf-8", "replace").splitlines(),
            "here", "package", lineterm="", n=1,
        )  # fmt: skip
        found.append(Difference(sign, path, tuple(lines)))
    return tuple(found)


def load(path: Path, key: str) -> Package:
    """Read a package and check its digests and signatures: see `read_package`."""
    return read_package(path, key)


def apply(
    site: LocalSite, package: Package, login: str = "", password: str = ""
) -> tuple[Event, tuple[Difference, ...]]:
    """Put the configuration of a package into force, once a person has approved that here.

    Nothing is changed before everything in it was found sound. What a crash cuts off is
    completed by applying the same package again.

    Args:
        site: The home; of kind validation or production.
        package: Read under the key of the home that made it.
        login: Who approves it, by password; empty: the record was signed before.
        password: Proof of it.

    Raises:
        DeniedError: It leaves out a step, or is not approved there or here.
        BadInputError: Something in it cannot be used here.
    """
    require_order(package.kind, site.home.kind)
    if not package.approvals:
        raise DeniedError(
            "nobody has approved this package in the home that made it.",
            hint=f"There: `goldenbatch sign {STREAM_PREFIX}{package.digest}`, then pack again.",
        )
    if site.home.kind is HomeKind.PRODUCTION and not package.validation:
        raise DeniedError(
            "no validation run that passed and was approved stands behind this package.",
            hint="In the home of validation: validate, sign the run as approved, pack again.",
        )
    changes = compare(site, package)
    _require_usable(site, package)
    approval = _approved(site, package, login, password)
    _put_into_force(site, package)
    return _promoted(site, package, approval, changes), changes


def _require_usable(site: LocalSite, package: Package) -> None:
    """Check everything before anything is changed."""
    from goldenbatch.core.recipe_use import parse_recipe

    missing = [name for name in (PLANT_FILE, POLICY_FILE) if name not in package.files]
    if missing:
        raise BadInputError(f"the package has no {missing[0]}.", hint="Have it made again.")
    found = plants.preview(site, package.files[PLANT_FILE].decode("utf-8"), _tables(package.files))
    if found.plant.digest != site.plant.digest and found.plant.version == site.plant.version:
        raise BadInputError(
            f"the plant differs and bears the version {site.plant.version} of the one in force.",
            hint="Give it a new version where it was made.", file=PLANT_FILE, key="version",
        )  # fmt: skip
    load_policy(package.files[POLICY_FILE].decode("utf-8"), POLICY_FILE)
    workshop = adoption.Workshop(site.discovery)
    for name, entry in _analysts(package).items():
        body = adoption.adoption_body(workshop, name, entry["analyst"], entry["settings"])
        if body.version != entry["version"]:
            raise BadInputError(
                f"analyst {name}: version {entry['version']} was packed, {body.version} is "
                "installed.", hint="Install the same release in both homes.",
            )  # fmt: skip
    for path, content in package.files.items():
        if path.startswith("recipes/"):
            parse_recipe(content.decode("utf-8"), path)


def _analysts(package: Package) -> dict[str, dict[str, Any]]:
    found = {}
    for path, content in package.files.items():
        if path.startswith("analysts/"):
            try:
                entry = json.loads(content)
                found[Path(path).stem] = {
                    name: entry[name] for name in ("analyst", "version", "settings")
                }
            except (ValueError, KeyError, TypeError) as error:
                raise BadInputError(f"this is no analyst: {error!r}.", file=path) from error
    return found


def _approved(site: LocalSite, package: Package, login: str, password: str) -> int:
    """Number of the signature that approves the package here; sign it where it lacks one."""
    stream = RECEIVED + package.digest
    body = PackageReceived(
        package=package.digest,
        source_home=package.home,
        source_kind=package.kind,
        source_key=package.key,
        approvals=package.approvals,
        validation=package.validation,
        policy=load_policy(package.files[POLICY_FILE].decode("utf-8"), POLICY_FILE).digest(),
    )
    received = [e for e in site.ledger.stream(stream) if e.kind == PackageReceived.kind]
    if not received or received[-1].decode() != body:
        _append(site, stream, body)
    if not (found := _approval(site, stream)):
        if not login:
            raise DeniedError(
                f"nobody has approved {stream} in this home.",
                hint=f"Sign it: `goldenbatch sign {stream} --meaning approved --user LOGIN`.",
            )
        site.sign(stream, Meaning.APPROVED, login, password, reason="promotion")
        found = _approval(site, stream)
    return found


def _approval(site: LocalSite, stream: str) -> int:
    events = site.ledger.stream(stream)
    seqs = {event.envelope.version: event.seq for event in events}
    standing = [
        seqs[state.event_version]
        for state in signature_state(events)
        if state.is_signed and state.signature.meaning is Meaning.APPROVED
    ]
    return standing[-1] if standing else 0


def _put_into_force(site: LocalSite, package: Package) -> None:
    """Each part by itself, and only where it differs: the same again does nothing."""
    texts = {name: content.decode("utf-8") for name, content in package.files.items()}
    plants.adopt(site, texts[PLANT_FILE], _tables(package.files))
    write_plant(site.path, texts[PLANT_FILE], _tables(package.files))  # a crash may have cut it off
    standing = site.policies.standing()
    if texts[POLICY_FILE] != standing.text or not standing.is_signed:
        body = policy_adopted(texts[POLICY_FILE], site.clock(), f"package {package.digest}")
        _append(site, POLICY_STREAM, body)
    wanted = _analysts(package)
    for name in site.adopted().keys() - wanted.keys():
        site.retire(name, f"not in package {package.digest}")
    for name, entry in wanted.items():
        site.adopt(name, entry["analyst"], entry["settings"])
    now = configuration(site)
    for path, text in texts.items():
        if path.startswith("recipes/") and now.get(path) != package.files[path]:
            _adopt_recipe(site, Path(path).stem, text, package.digest)
    for folder, pattern in COPIED:
        (site.path / folder).mkdir(exist_ok=True)
        for old in (site.path / folder).glob(pattern):
            if f"{folder}/{old.name}" not in texts:
                old.unlink()
        for path in texts:
            if path.startswith(f"{folder}/"):
                write_durably(site.path / path, package.files[path])


def _adopt_recipe(site: LocalSite, name: str, text: str, package: str) -> None:
    from goldenbatch.core.recipe_use import adopted

    body = adopted(text, site.clock(), reason=f"package {package}")
    _append(site, RECIPE_STREAM + name, body)


def _promoted(
    site: LocalSite, package: Package, approval: int, changes: tuple[Difference, ...]
) -> Event:
    stream = CONFIGURATION + site.home.uid
    last = [e for e in site.ledger.stream(stream) if e.kind == ConfigurationPromoted.kind]
    if last and not changes and (last[-1].body or {}).get("package") == package.digest:
        return last[-1]
    body = ConfigurationPromoted(
        package=package.digest,
        source_home=package.home,
        source_kind=package.kind,
        approval=approval,
        changes=tuple(f"{one.sign} {one.path}" for one in changes),
    )
    return _append(site, stream, body)


def _append(site: LocalSite, stream: str, body: Body) -> Event:
    head = site.ledger.version(stream)
    return site.ledger.append([NewEvent(stream, body, head, actor=site.actor.uid)])[0]
