"""Promotion of a configuration: pack it, compare it, apply it to the next kind of home."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError
from goldenbatch.core.people import Meaning
from goldenbatch.core.plant import PLANT_FILE
from goldenbatch.core.policy import load_policy
from goldenbatch.core.policy_checks import table_faults
from goldenbatch.core.promotion import (
    ConfigurationPromoted,
    PackageMade,
    PackageReceived,
    require_order,
)
from goldenbatch.core.records import Body, Event, HomeKind, NewEvent, to_iso
from goldenbatch.core.requirements import ValidationRun
from goldenbatch.core.signatures import signature_state
from goldenbatch.runtime import adoption, plants
from goldenbatch.runtime._promotion_content import (
    ARTEFACTS,
    POLICY_FILE,
    configuration,
    issued,
    read_models,
    read_procedures,
    require_artefacts,
)
from goldenbatch.runtime._promotion_force import (
    analysts_of,
    finish,
    newest,
    put_into_force,
    tables_of,
)
from goldenbatch.runtime._promotion_package import (
    STREAM_PREFIX,
    Package,
    digest_of,
    digests_of,
    read_package,
    require_names,
    write_package,
)
from goldenbatch.runtime._promotion_trust import RECEIVED, require_key, require_policy

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

WAITS: Final = "!"
"""Sign of a procedure that is issued here and waits for its approval by signature."""

__all__ = [
    "Difference", "apply", "compare", "configuration", "finish", "load", "pack", "status",
]  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """A file that a package changes.

    Attributes:
        sign: `+` new, `-` gone, `~` changed, `!` issued here and not approved yet.
        path: Path of the file.
        lines: The changed lines, as a unified diff.
    """

    sign: str
    path: str
    lines: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The difference as plain values."""
        return {"sign": self.sign, "path": self.path, "lines": list(self.lines)}


def pack(site: LocalSite, path: Path, target: str = "") -> dict[str, Any]:
    """Pack the configuration of a home, and write it with all signatures that it has by now.

    The same configuration is one record, however often it is packed: people sign that record,
    and packing again takes their signatures along.

    Args:
        site: The home.
        path: File to write.
        target: Uid of the one home that may apply it; empty: any that trusts this one.

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
    write_package(path, files, site.home, site.keys.signers[0], proof, target=target)
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
    found = plants.preview(site, files[PLANT_FILE].decode("utf-8"), tables_of(files))
    if found.plant.digest != site.plant.digest:
        raise ConflictError(
            f"{PLANT_FILE} is not the plant in force: {len(found.changes)} changes.",
            hint="Adopt it first (`goldenbatch plant adopt`), or put the old one back.",
        )


def _newest_run(site: LocalSite) -> str:
    runs = [event.stream for event in site.ledger.events(kinds={ValidationRun.kind})]
    return runs[-1] if runs else ""


def compare(site: LocalSite, package: Package) -> tuple[Difference, ...]:
    """What applying a package would change in a home, file by file."""
    old, new = configuration(site), package.files
    found = []
    for path in sorted({*old, *new}):
        before, after = old.get(path), new.get(path)
        if before == after or path.startswith(ARTEFACTS):
            continue  # an artefact is named by its digest where it is used
        if _waits(site, path, package):
            found.append(Difference(WAITS, path, ("issued here; waits for an approval.",)))
            continue
        sign = "+" if before is None else "-" if after is None else "~"
        lines = difflib.unified_diff(
            (before or b"").decode("utf-8", "replace").splitlines(),
            (after or b"").decode("utf-8", "replace").splitlines(),
            "here", "package", lineterm="", n=1,
        )  # fmt: skip
        found.append(Difference(sign, path, tuple(lines)))
    return tuple(found)


def _waits(site: LocalSite, path: str, package: Package) -> bool:
    """Whether a procedure of the package was issued here, and only its approval is missing."""
    folder, _, name = path.partition("/")
    if folder != "procedures" or path not in package.files:
        return False
    entry = read_procedures(package.files)[name.removesuffix(".json")]
    present = issued(site, entry["procedure"]).get(entry["version"], "")
    return present == str(entry["digest"])


def load(path: Path, key: str) -> Package:
    """Read a package and check its digests and signatures: see `read_package`."""
    return read_package(path, key)


def apply(
    site: LocalSite, package: Package, login: str = "", password: str = "", *,
    replaces_key: str = "",
) -> tuple[Event, tuple[Difference, ...]]:  # fmt: skip
    """Put the configuration of a package into force, once a person has approved that here.

    Nothing is changed before everything in it was found sound, and all records are made in one
    append: a crash leaves the old configuration or the new one (see `finish`). Its policy must be
    in force here already, proposed by one person and adopted by another.

    Args:
        site: The home; of kind validation or production.
        package: Read under the key of the home that made it.
        login: Who approves it, by password; empty: the record was signed before.
        password: Proof of it.
        replaces_key: Key of the package before, where this one's is another: it is then part of
            what is approved.

    Raises:
        DeniedError: It leaves out a step, is not approved there or here, has another policy than
            this home, or another key than the package before.
        BadInputError: Something in it cannot be used here.
    """
    _require_source(site, package)
    finish(site)
    changes = compare(site, package)
    _require_usable(site, package)
    require_policy(site, package.files[POLICY_FILE].decode("utf-8"))
    require_key(site, package.key, replaces_key)
    approval = _approved(site, _received(package, replaces_key), login, password)
    last = newest(site)
    is_new = any(one.sign != WAITS for one in changes)
    if last is not None and not is_new and last[1].package == package.digest:
        return last[0], changes
    body = ConfigurationPromoted(
        package=package.digest,
        source_home=package.home,
        source_kind=package.kind,
        approval=approval,
        changes=tuple(f"{one.sign} {one.path}" for one in changes),
    )
    return put_into_force(site, package, body), changes


def _require_source(site: LocalSite, package: Package) -> None:
    """Refuse a package that leaves out a step or lacks what its home had to give."""
    require_order(package.kind, site.home.kind)
    if package.target and package.target != site.home.uid:
        raise DeniedError(
            f"this package was made for the home {package.target}, this is {site.home.uid}.",
            hint="Have one made for this home.",
        )
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


def status(site: LocalSite) -> dict[str, Any]:
    """Which package is in force, and whether the configuration is still that of it."""
    found = newest(site)
    digest = digest_of(digests_of(configuration(site)))
    if found is None:
        return {"package": "", "configuration": digest, "is_as_promoted": False}
    event, body = found
    return {
        "package": body.package,
        "source_home": body.source_home,
        "source_kind": body.source_kind.value,
        "promoted": to_iso(event.envelope.recorded_at),
        "seq": event.seq,
        "approval": body.approval,
        "configuration": digest,
        "is_as_promoted": digest == body.package,
    }


def _require_usable(site: LocalSite, package: Package) -> None:
    """Check everything before anything is changed."""
    from goldenbatch.core.recipe_use import parse_recipe

    missing = [name for name in (PLANT_FILE, POLICY_FILE) if name not in package.files]
    if missing:
        raise BadInputError(f"the package has no {missing[0]}.", hint="Have it made again.")
    found = plants.preview(
        site, package.files[PLANT_FILE].decode("utf-8"), tables_of(package.files)
    )
    if found.plant.digest != site.plant.digest and found.plant.version == site.plant.version:
        raise BadInputError(
            f"the plant differs and bears the version {site.plant.version} of the one in force.",
            hint="Give it a new version where it was made.", file=PLANT_FILE, key="version",
        )  # fmt: skip
    if faults := table_faults(load_policy(package.files[POLICY_FILE].decode("utf-8"), POLICY_FILE)):
        raise BadInputError(f"its policy cannot be adopted: {'; '.join(faults)}.", file=POLICY_FILE)
    require_artefacts(package.files)
    read_models(package.files)
    for name, entry in read_procedures(package.files).items():
        if issued(site, name).get(entry["version"], entry["digest"]) != entry["digest"]:
            raise BadInputError(
                f"version {entry['version']} of {name} was issued here with another content.",
                hint="Give the document a new version where it was made.",
                file=f"procedures/{name}.json",
            )
    workshop = adoption.Workshop(site.discovery)
    for name, entry in analysts_of(package).items():
        body = adoption.adoption_body(workshop, name, entry["analyst"], entry["settings"])
        if body.version != entry["version"]:
            raise BadInputError(
                f"analyst {name}: version {entry['version']} was packed, {body.version} is "
                "installed.", hint="Install the same release in both homes.",
            )  # fmt: skip
    for path, content in package.files.items():
        if path.startswith("recipes/"):
            parse_recipe(content.decode("utf-8"), path)


def _received(package: Package, replaces_key: str) -> PackageReceived:
    """What is approved here."""
    return PackageReceived(
        package=package.digest,
        source_home=package.home,
        source_kind=package.kind,
        source_key=package.key,
        approvals=package.approvals,
        validation=package.validation,
        policy=load_policy(package.files[POLICY_FILE].decode("utf-8"), POLICY_FILE).digest(),
        replaces_key=replaces_key,
    )


def _approved(site: LocalSite, body: PackageReceived, login: str, password: str) -> int:
    """Number of the signature that approves the package here; sign it where it lacks one."""
    stream = RECEIVED + body.package
    received = [e for e in site.ledger.stream(stream) if e.kind == PackageReceived.kind]
    known = received[-1].decode() if received else None
    if known is not None and not body.replaces_key:  # a change of key is said once
        known = known.model_copy(update={"replaces_key": ""})
    if known != body:
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


def _append(site: LocalSite, stream: str, body: Body) -> Event:
    head = site.ledger.version(stream)
    return site.ledger.append([NewEvent(stream, body, head, actor=site.actor.uid)])[0]
