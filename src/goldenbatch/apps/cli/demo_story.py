"""The main job on a real fermentation: measured, found, decided, proved."""

from __future__ import annotations

import math
import shutil
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.core.records import HomeKind
from goldenbatch.core.time import local_text

if TYPE_CHECKING:
    from goldenbatch.core.analyst import Transition
    from goldenbatch.core.findings import Finding
    from goldenbatch.runtime.local import LocalSite

NAME = "goldenbatch demo"
BATCH, ANALYST = "F1", "glucose"
LOGIN, PASSWORD = "rita", "demonstration-only"
N_STEPS = 1663
"""1,629 spectra and 34 samples, for the progress bar."""


@dataclass
class _Story:
    """What happened, gathered while it happens."""

    answer: dict[str, Any] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, what: str, text: str, **facts: Any) -> None:
        self.lines.append((what, text))
        self.answer |= facts


def tell_story(session: Session, directory: Path) -> None:
    """Follow a real fermentation as if it were live, from measurement to verified dossier."""
    from goldenbatch.apps.examples import find_example
    from goldenbatch.runtime.home import HomeSettings, create_home
    from goldenbatch.runtime.local import LocalSite

    example = find_example("fermentation")
    _clear(directory)
    settings = HomeSettings(
        name=NAME,
        site="Demonstration site",
        zone="Europe/Copenhagen",
        kind=HomeKind.DEMONSTRATION,
        plant=(example / "plant.toml").read_text(encoding="utf-8"),
    )
    session.output.home = create_home(directory, settings)
    for folder in ("cards", "analysts"):
        shutil.copytree(example / folder, directory / folder, dirs_exist_ok=True)
    story = _Story({"home": str(directory)})
    with LocalSite.open(directory) as site:
        _calibrate(site, example, story)
        _follow(session, site, example, story)
        _decide_at_the_end(site, story)
        _errors(site, story)
        _prove(session, site, directory, story)
    session.show(story.answer, lambda _: _render(session, directory, story))


def _clear(directory: Path) -> None:
    """Remove an earlier demonstration; nothing else is ever removed."""
    if not directory.exists():
        return
    try:
        known = tomllib.loads((directory / "home.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    if known.get("name") == NAME and known.get("kind") == HomeKind.DEMONSTRATION.value:
        shutil.rmtree(directory)
    elif any(directory.iterdir()):
        raise BadInputError(
            f"{directory} is there already and is no demonstration home.",
            hint="Give another folder: goldenbatch demo DIR --story.",
        )


def _calibrate(site: LocalSite, example: Path, story: _Story) -> None:
    from goldenbatch.connectors.tabular import ImportOptions, import_card, load_card

    card = load_card(example / "cards" / "fermentation.toml")
    options = ImportOptions(tables=("calibration-spectra", "calibration-results"))
    import_card(site, card, None, options)
    path = example / "analysts" / f"{ANALYST}.toml"
    chosen = tomllib.loads(path.read_text(encoding="utf-8"))
    site.adopt(ANALYST, chosen["analyst"], chosen["settings"])
    (model,) = site.fit(ANALYST)
    measures = model.measures
    site.people.add(LOGIN, "Rita Reviewer", PASSWORD)
    site.people.grant(LOGIN, "quality_reviewer", "demonstration")
    story.tell(
        "Calibrated",
        f"a soft sensor for glucose on {measures['n_reference']:.0f} infrared spectra "
        f"({measures['n_components']:.0f} components; error left out "
        f"{measures['rmse_left_out']:.2f} g/L, on its own spectra {measures['rmse_training']:.2f})",
        calibration=dict(measures),
    )


def _follow(session: Session, site: LocalSite, example: Path, story: _Story) -> None:
    """Feed spectra and results in the order of their times; wake the analyst after each."""
    from goldenbatch.connectors.tabular import ImportOptions, import_card, load_card

    transitions: list[Transition] = []
    n_steps = [0]
    with session.output.progress("Following the fermentation", "spectra") as progress:

        def wake(_at: int) -> None:
            new = site.wake()
            transitions.extend(new)
            for one in new:
                if one.step == "opened":
                    _decide_at_once(site, one, story)
            n_steps[0] += 1
            progress(n_steps[0], N_STEPS)

        card = load_card(example / "cards" / "fermentation.toml")
        options = ImportOptions(is_live=True, on_step=wake, tables=("spectra", "hplc"))
        report = import_card(site, card, None, options)
    rows = {one.table: one.n_accepted for one in report.files}
    story.tell(
        "Followed",
        f"{rows['spectra']:,} spectra of a fermentation as if live, with {rows['hplc']} HPLC "
        "samples between them",
        n_spectra=rows["spectra"],
        n_samples=rows["hplc"],
        n_transitions=len(transitions),
    )


def _decide_at_once(site: LocalSite, opened: Transition, story: _Story) -> None:
    finding = opened.finding
    when = local_text(finding.start, site.home.zone)
    story.tell(
        "Found", f"{when}: {finding.title}. {finding.statement.rstrip('.')}", finding=opened.uid
    )
    site.decide(
        opened.uid,
        "needs_laboratory",
        "The sensor is outside what it was calibrated on; the laboratory decides.",
        LOGIN,
        PASSWORD,
        action="HPLC by the sampling plan; the sensor's value is for information only.",
    )
    story.tell("Decided", "Rita Reviewer signed with her password: ask the laboratory")


def _decide_at_the_end(site: LocalSite, story: _Story) -> None:
    uid = story.answer["finding"]
    n_events = site.ledger.version(f"finding/{uid}")
    words = _last_finding(site, uid).statement.partition("The batch ended: ")[2]
    site.decide(
        uid,
        "confirmed",
        f"The laboratory confirms it: {words or 'see its results'}",
        LOGIN,
        PASSWORD,
        action="Calibrate on spectra of the fermentation itself before the sensor is used.",
    )
    story.tell(
        "Closed",
        f"the finding went through {n_events} events to the batch's end; each change "
        "unsigned it again, so she signed its last version: confirmed",
    )


def _last_finding(site: LocalSite, uid: str) -> Finding:
    from goldenbatch.core.findings import newest_finding

    found = newest_finding(site.ledger.stream(f"finding/{uid}"))
    if found is None:
        raise IntegrityError(f"finding {uid} has no event that states it.")
    return found


def _errors(site: LocalSite, story: _Story) -> None:
    """The sensor's logged values against HPLC, beside the two naive baselines."""
    last = _last_finding(site, story.answer["finding"])
    measures = {one.name: one.value for one in last.measures}
    results = site.ledger.select("result", {"attribute": "glucose"})
    known = [row["number"] for row in results if row["sample"].startswith("calibration/")]
    truth = [row["number"] for row in results if row["batch"] == BATCH]
    mean = math.fsum(known) / len(known)
    rmse_mean = math.sqrt(math.fsum((one - mean) ** 2 for one in truth) / len(truth))
    sensor = measures["RMSE against the laboratory"]
    naive = measures["RMSE of the last result"]
    story.tell(
        "Measured",
        f"error against {len(truth)} HPLC results (RMSE): sensor {sensor:.2f} g/L, last result "
        f"carried forward {naive:.2f}, mean of the calibration {rmse_mean:.2f}. It follows "
        "glucose, but not well enough to be believed, and it said so",
        rmse={"sensor": sensor, "last_result": naive, "mean_of_calibration": rmse_mean},
    )


def _prove(session: Session, site: LocalSite, directory: Path, story: _Story) -> None:
    from goldenbatch.capabilities.execution import write_report
    from goldenbatch.runtime.proofs import check_proof_file

    files = write_report(site, BATCH, directory / "reports")
    story.tell("Wrote", f"the dossier: {files['html']} and {files['pdf']}", files=files)
    with session.output.progress("Replaying as seen"):
        replay = site.replay("as-seen", BATCH)
    site.flush()
    report = site.verify()
    proof = check_proof_file(Path(files["proof"]))
    if not report.is_ok or not proof.is_ok or replay.differences:
        wrong = [*map(str, report.problems), *proof.problems, *map(str, replay.differences)]
        raise IntegrityError(f"the demonstration does not verify: {wrong[0]}.")
    story.tell(
        "Verified",
        f"{report.counts['events']:,} events, {report.counts['frames']:,} frames and every "
        f"signature; the proof file alone proves {proof.n_events} of them. A replay as seen "
        f"gave the same {replay.n_live} steps of findings and {replay.n_derived:,} logged values",
        counts=dict(report.counts),
        n_proved=proof.n_events,
        n_replayed=replay.n_replayed,
    )


def _render(session: Session, directory: Path, story: _Story) -> None:
    output = session.output
    output.line("")
    for what, text in story.lines:
        output.line(f"{what:<11} {text}.")
    output.line("")
    output.line(f"Open        {story.answer['files']['html']} in a browser.")
    output.line(f"Look        goldenbatch --home {directory} findings")
    output.line(f"Check       goldenbatch --home {directory} verify")
