"""Validation: installation and operation are qualified in the home, traced to requirements.

Supplier's tests are the supplier's evidence; these checks ship with the package and are run by
the installed code beside the home that is to be validated. Performance stays the site's.

References:
    21 CFR 11.10(a); EU GMP Annex 11 (2011) 4; ISPE GAMP 5, 2nd edition, appendices D5 and M4.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.errors import ConflictError, DeniedError, NotFoundError
from goldenbatch.core.records import Event, HomeKind, NewEvent, to_iso
from goldenbatch.core.requirements import (
    FOLDER,
    USER_PACK,
    Pack,
    PackUsed,
    ValidationRun,
    load_pack,
    shipped_names,
    shipped_pack,
    shipped_text,
)
from goldenbatch.runtime._oq_checks import CHECKS, CheckResult, run_checks, title_of
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime._validation_iq import Installation, qualify_installation
from goldenbatch.runtime._validation_trace import Traced, cited_by, in_order, pack_json, trace

if TYPE_CHECKING:
    from goldenbatch.core.site import HomeInfo
    from goldenbatch.runtime.local import LocalSite

STREAM_PREFIX: Final = "validation/"
MEDIA: Final = {"json": "application/json", "html": "text/html", "pdf": "application/pdf"}
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ValidationReport:
    """What a validation found.

    Attributes:
        run: Identifier of the run.
        home: The home that it was made in.
        note: Why it is no validation, in homes of another kind; empty in one of validation.
        installation: Installation qualification.
        checks: Operational qualification.
        packs: Packs with their traced requirements.
        started_at: When it began.
        ended_at: When the last check ended.
    """

    run: str
    home: HomeInfo
    note: str
    installation: Installation
    checks: tuple[CheckResult, ...]
    packs: tuple[tuple[Pack, tuple[Traced, ...]], ...]
    started_at: int
    ended_at: int

    @property
    def is_ok(self) -> bool:
        """Whether no item of the installation and no check failed."""
        return self.installation.is_ok and all(one.outcome != "failed" for one in self.checks)

    def count(self, outcome: str) -> int:
        """Checks with an outcome."""
        return sum(one.outcome == outcome for one in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        home = self.home
        return {
            "schema": "goldenbatch/validation-report/1",
            "run": self.run,
            "home": {"uid": home.uid, "name": home.name, "kind": home.kind.value,
                     "site": home.site},
            "note": self.note,
            "is_ok": self.is_ok,
            "started": to_iso(self.started_at),
            "ended": to_iso(self.ended_at),
            "software": self.installation.software,
            "installation_digest": self.installation.digest,
            "n_passed": self.count("passed"),
            "n_failed": self.count("failed"),
            "n_not_run": self.count("not run"),
            "n_not_applicable": self.count("not applicable"),
            "installation": [one.as_json() for one in self.installation.items],
            "checks": self._checks_json(),
            "packs": [pack_json(pack, lines) for pack, lines in self.packs],
        }  # fmt: skip

    def _checks_json(self) -> list[dict[str, Any]]:
        """The checks, numbered for paper, each with the requirements that cite it."""
        cited = cited_by(self.packs)
        return [
            {"number": f"OQ-{number:02}", **one.as_json(), "cited_by": cited.get(one.name, [])}
            for number, one in enumerate(self.checks, 1)
        ]


def available_packs(home: Path) -> dict[str, Path | None]:
    """Names of all packs; with its file where it is the home's own, which comes before ours."""
    found: dict[str, Path | None] = dict.fromkeys(shipped_names())
    for path in sorted((home / FOLDER).glob("*.toml")):
        found[path.stem] = path
    return dict(sorted(found.items()))


def packs_of(home: Path, names: Iterable[str] = ()) -> tuple[Pack, ...]:
    """Packs by name; all when none is named.

    Raises:
        NotFoundError: There is none of a name.
        BadInputError: A pack is not well formed; file, line and key are named.
    """
    known = available_packs(home)
    chosen = list(dict.fromkeys(names)) or list(known)
    for name in chosen:
        if name not in known:
            raise NotFoundError(f"there is no pack {name!r}.", hint=f"There are: {list(known)}.")
    packs = []
    for name in chosen:
        path = known[name]
        packs.append(shipped_pack(name, CHECKS) if path is None else load_pack(path, CHECKS))
    return tuple(packs)


def start_requirements(home: Path, name: str = USER_PACK) -> Path:
    """Copy a shipped pack into the home, to be changed there.

    Args:
        home: Folder of the home.
        name: The starter set of user requirements and risks, or a pack of clauses, in which the
            site names the documents of its procedures.

    Raises:
        ConflictError: The home has its own already.
        NotFoundError: No such pack is shipped.
    """
    path = home / FOLDER / f"{name}.toml"
    if path.exists():
        raise ConflictError(f"{path} is there already.", hint="Change it; it is yours.")
    path.parent.mkdir(exist_ok=True)
    write_durably(path, shipped_text(name).encode())
    return path


def list_checks() -> list[dict[str, str]]:
    """Checks that requirements may name, and what they show."""
    return [{"name": name, "title": title_of(name)} for name in CHECKS]


def validate(
    site: LocalSite,
    packs: Sequence[Pack],
    out: Path,
    *,
    progress: Progress | None = None,
    scratch: str = "",
) -> tuple[ValidationReport, dict[str, str], Event]:
    """Qualify installation and operation, write the report, and record the run.

    Args:
        site: The home; its own records are not touched by the checks.
        packs: Requirements to trace.
        out: Folder of the report.
        progress: Called with (checks done, all).
        scratch: URL of an administrator of a database for trials; a home whose ledger lies in
            PostgreSQL is not qualified without, since its checks would run on files.

    Returns:
        The report, the paths of its forms, and the event, which a person may sign.

    Raises:
        DeniedError: The home is one of production.
    """
    from goldenbatch.runtime._validation_report import render

    note = require_kind(site.home.kind)
    started_at = site.clock()
    installation = qualify_installation(site, has_scratch=bool(scratch))
    results = run_checks(site, progress=progress, scratch=scratch)
    run = to_iso(started_at).replace(":", "").replace("-", "")[:15] + "Z"
    report = ValidationReport(
        run=run,
        home=site.home,
        note=note,
        installation=installation,
        checks=results,
        packs=tuple((pack, trace(pack, results)) for pack in in_order(packs)),
        started_at=started_at,
        ended_at=site.clock(),
    )
    text = json.dumps(report.as_json(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    forms = {"json": text.encode(), **render(report.as_json(), report.ended_at)}
    event = _record(site, report, forms)
    out.mkdir(parents=True, exist_ok=True)
    paths = {form: out / f"validation-{run}.{form}" for form in forms}
    for form, content in forms.items():
        write_durably(paths[form], content)
    return report, {form: str(path) for form, path in sorted(paths.items())}, event


def require_kind(kind: HomeKind) -> str:
    """What must be said of a validation in a home of a kind; empty where nothing must.

    Raises:
        DeniedError: It is one of production.
    """
    if kind is HomeKind.PRODUCTION:
        raise DeniedError(
            "validation is not run in a home of production.",
            hint="Make a home of kind validation on the same machine, and promote to production.",
        )
    if kind is HomeKind.VALIDATION:
        return ""
    return f"Made in a home of kind {kind.value}: a trial of the validation, not for GMP use."


def _record(site: LocalSite, report: ValidationReport, forms: Mapping[str, bytes]) -> Event:
    """Keep the report as artefacts, and append the run."""
    digests = {form: site.registry.put(data, MEDIA[form]) for form, data in forms.items()}
    results = json.dumps([one.as_json() for one in report.checks], sort_keys=True)
    body = ValidationRun(
        run=report.run,
        software=report.installation.software,
        installation_digest=report.installation.digest,
        packs=tuple(
            PackUsed(name=one.name, version=one.version, status=one.status, digest=one.digest)
            for one, _ in report.packs
        ),
        n_passed=report.count("passed"),
        n_failed=report.count("failed"),
        n_not_run=report.count("not run"),
        n_not_applicable=report.count("not applicable"),
        results_digest=hashlib.sha256(results.encode()).hexdigest(),
        reports=digests,
        conclusion="passed" if report.is_ok else "failed",
        started_at=report.started_at,
        ended_at=report.ended_at,
    )
    stream = STREAM_PREFIX + report.run
    head = site.ledger.version(stream)
    return site.ledger.append([NewEvent(stream, body, head, actor=site.actor.uid)])[0]
