"""What tracking says in findings: a fault named, a sensor doubted, an end out of limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goldenbatch.capabilities.twin._track_evidence import record_evidence, window_evidence
from goldenbatch.capabilities.twin._track_runs import Assay
from goldenbatch.core.findings import (
    Contribution,
    Evidence,
    Finding,
    Measure,
    Severity,
    Subject,
)
from goldenbatch.science.process.tracking import nis_test

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin._track_setup import Twin
    from goldenbatch.core.analyst import TickView
    from goldenbatch.science.process.tracking import Diagnosis, EndOfBatch, Tracker

MOST_RECORDS = 12
DEPARTURE, DOMAIN, END, UNABLE, LABORATORY = "departure", "domain", "end", "unable", "laboratory"


@dataclass(frozen=True)
class Scene:
    """What a finding is about, and what it may show.

    Attributes:
        analyst: Name and version.
        twin: What follows the place.
        view: The plant at the tick.
        batch: Of the run.
        begin: Its start.
        at: Up to when it was followed.
        assays: Results of the laboratory that were taken in.
        in_domain: Whether the model stands within its calibrated ranges.
    """

    analyst: tuple[str, str]
    twin: Twin
    view: TickView
    batch: str
    begin: int
    at: int
    assays: Sequence[Assay]
    in_domain: bool

    def time(self, t: float) -> int:
        """Microseconds UTC of a time of the model."""
        return self.begin + round(t * self.twin.unit_us)

    def finding(
        self, key: str, title: str, statement: str, evidence: Sequence[Evidence], **more: object
    ) -> Finding:
        """A finding of this run."""
        settings = self.twin.settings
        shown = tuple(evidence) or (
            Evidence(kind="artefact", digest=self.twin.model.digest, note="the model"),
        )
        fields = {
            "subject": Subject(batch=self.batch, place=settings.place, key=key),
            "severity": settings.severity, "start": self.at, "in_domain": self.in_domain, **more,
        }  # fmt: skip
        return Finding.model_validate({
            **fields, "title": title[:120], "statement": statement, "evidence": shown,
            "analyst": self.analyst[0], "analyst_version": self.analyst[1],
            "model_digest": self.twin.model.digest,
        })  # fmt: skip

    def shown(self, since: int) -> list[Evidence]:
        """Readings and results since a time."""
        found: list[Evidence] = []
        for name, one in self.twin.settings.outputs.items():
            found += window_evidence(self.view, one.tag, (since, self.at), f"readings of {name}")
        for name, one in self.twin.settings.inputs.items():
            found += window_evidence(self.view, one.tag, (since, self.at), f"input {name}")
        late = [one for one in self.assays if since <= one[0] <= self.at]
        return found + record_evidence(late[-MOST_RECORDS:], "result of the laboratory")


def label(twin: Twin, said: Diagnosis) -> str:
    """Whom the evidence points to: stays the same while the diagnosis does."""
    return " or ".join(sorted(twin.bank[k].name for k in said.candidates))


def departure(scene: Scene, tracker: Tracker, said: Diagnosis) -> Finding:
    """Reality left the twin: with the fault named, where it can be."""
    twin, since = scene.twin, scene.time(said.since)
    leading = twin.bank[said.leading]
    named = [twin.bank[k] for k in said.candidates]
    sensors_only = all(one.what == "sensor" for one in named)
    contributions = _away(tracker, said.since)
    statement = " ".join([
        _who(scene, tracker, said), _since(scene, said), _agree(tracker, said, contributions),
        "" if scene.in_domain else "The model stands outside the range that it was calibrated in.",
    ]).strip()  # fmt: skip
    severity = twin.settings.severity_of_sensors if sensors_only else twin.settings.severity
    return scene.finding(
        DEPARTURE, _title(scene, said), statement, scene.shown(since), severity=severity,
        start=since, confidence=round(sum(said.weights[k] for k in said.candidates), 4),
        contributions=tuple(
            Contribution(variable=name, value=round(value, 3)) for name, value in contributions
        ),
        measures=_measures(tracker, said),
        suggested_action=_action(leading.what, len(named)),
    )  # fmt: skip


def _title(scene: Scene, said: Diagnosis) -> str:
    twin = scene.twin
    named = [twin.bank[k] for k in said.candidates]
    if len(named) > 1:
        return "The batch left its twin: one of " + ", ".join(one.name for one in named)
    if named[0].what == "none of these":
        return "The batch left its twin: none of the known faults"
    if named[0].what == "sensor":
        return f"{named[0].name[0].upper()}{named[0].name[1:]} does not show what is"
    return f"The batch left its twin: {named[0].name}"


def _who(scene: Scene, tracker: Tracker, said: Diagnosis) -> str:
    twin, last = scene.twin, tracker.records[-1]
    parts = [
        f"{twin.bank[k].name} ({said.weights[k]:.1%}"
        + (f"; {words}" if (words := twin.bank[k].amount_words(*last.amounts[k])) else "")
        + ")"
        for k in said.candidates
    ]
    if len(parts) == 1:
        return f"What is measured speaks for: {parts[0]}."
    return f"What is measured speaks for one of {len(parts)} that it does not tell apart: " + (
        ", ".join(parts) + "."
    )


def _since(scene: Scene, said: Diagnosis) -> str:
    model = scene.twin.model
    return (
        f"It does so since {said.since:.4g} {model.time_unit} of the run, with log evidence "
        f"{said.evidence:.1f} (limit {scene.twin.settings.limit:g}) against the twin of "
        f"{model.name} {model.version}; that one fault is behind it is assumed."
    )


def _away(tracker: Tracker, since: float) -> list[tuple[str, float]]:
    """Mean innovation of each output since a time, in standard deviations, furthest first."""
    found: dict[str, list[float]] = {}
    for record in tracker.records:
        if record.time >= since:
            for name, value in record.innovations.items():
                found.setdefault(name, []).append(value)
    means = [(name, sum(values) / len(values)) for name, values in found.items()]
    return sorted(means, key=lambda one: (-abs(one[1]), one[0]))


def _agree(tracker: Tracker, said: Diagnosis, away: Sequence[tuple[str, float]]) -> str:
    """Which innovations agree with the twin and which do not."""
    far = [f"{name} {value:+.1f}" for name, value in away if abs(value) > 1.0]
    near = [name for name, value in away if abs(value) <= 1.0]
    words = f"Mean innovations in standard deviations: {', '.join(far) or 'none above 1'}"
    return words + (f"; as expected: {', '.join(near)}." if near else ".")


def _measures(tracker: Tracker, said: Diagnosis) -> tuple[Measure, ...]:
    recent = [one for one in tracker.records if one.time >= said.since and one.n_taken]
    found = [Measure(name="log evidence", value=round(said.evidence, 3))]
    if recent:
        test = nis_test([one.nis for one in recent], [one.n_taken for one in recent])
        found.append(
            Measure(name="mean NIS", value=round(test.mean, 4), upper_limit=round(test.upper, 4))
        )
    return tuple(found)


def _action(what: str, n_named: int) -> str:
    if n_named > 1:
        return "Check each of those named on the floor; the next sample may tell them apart."
    return {
        "sensor": "Check or calibrate the sensor; do not control by it until then.",
        "process": "Check on the floor whether it is so; decide on the batch with the shift lead.",
    }.get(what, "Find out on the floor what happens; take a sample.")


def outside(scene: Scene, names: Sequence[str]) -> Finding:
    """The model is used outside the range that it was calibrated in."""
    return scene.finding(
        DOMAIN, "The twin is used outside its calibrated range",
        f"At {(scene.at - scene.begin) / scene.twin.unit_us:.4g} {scene.twin.model.time_unit} of "
        f"the run {', '.join(names)} lie outside the range that {scene.twin.model.name} "
        f"{scene.twin.model.version} was calibrated in: estimates and predictions are "
        "extrapolations.",
        scene.shown(scene.at - int(scene.twin.settings.cadence * scene.twin.unit_us)),
        severity=Severity.MINOR, in_domain=False,
        suggested_action="Do not decide by the twin alone; take a sample.",
    )  # fmt: skip


def end_out(scene: Scene, end: EndOfBatch, by: str) -> Finding:
    """The batch is expected to end outside its limits."""
    chosen = scene.twin.settings.end
    if chosen is None:
        raise ValueError("no end is predicted")
    unit = scene.twin.units.get(chosen.output, "1")
    value = f"{end.value[0]:.4g} {unit} ({end.value[1]:.4g} to {end.value[2]:.4g})"
    when = _when(scene, end)
    limits = [f"not below {chosen.lower:g}"] if chosen.lower is not None else []
    limits += [f"not above {chosen.upper:g}"] if chosen.upper is not None else []
    return scene.finding(
        END, f"The batch is expected to end out of limits: {chosen.output}",
        f"{chosen.output} at the end is expected at {value}, {chosen.probability:.0%} interval of "
        f"{end.n_members} runs of the twin to the planned end, {by}. "
        + (f"Limits: {', '.join(limits)}. " if limits else "") + when
        + (f" {end.n_failed} runs failed and do not count." if end.n_failed else "")
        + (" Some runs leave the calibrated range." if end.is_extrapolated else ""),
        scene.shown(scene.at - int(scene.twin.settings.window * scene.twin.unit_us)),
        measures=(
            Measure(
                name=f"{chosen.output} at the end", value=round(end.value[0], 6), unit=unit,
                lower_limit=chosen.lower, upper_limit=chosen.upper,
            ),
        ),
        in_domain=scene.in_domain and not end.is_extrapolated,
        suggested_action="Decide while there is time whether the recipe is to be changed.",
    )  # fmt: skip


def _when(scene: Scene, end: EndOfBatch) -> str:
    chosen, unit = scene.twin.settings.end, scene.twin.model.time_unit
    if chosen is None or chosen.level is None:
        return ""
    if end.time is None:
        return f"Only {end.share_reached:.0%} of the runs meet {chosen.level:g} by the planned end."
    return (
        f"{chosen.level:g} is met at {end.time[0]:.4g} {unit} ({end.time[1]:.4g} to "
        f"{end.time[2]:.4g})."
    )


def unable(scene: Scene, why: str) -> Finding:
    """The twin cannot follow the batch."""
    return scene.finding(
        UNABLE, "The twin cannot follow the batch", f"Nothing is watched by the twin: {why}",
        scene.shown(scene.at - int(scene.twin.settings.window * scene.twin.unit_us)),
        suggested_action="Watch the batch by hand; correct settings or model.",
    )  # fmt: skip


def unusable(scene: Scene, why: Sequence[str], records: Sequence[tuple[str, int, str]]) -> Finding:
    """Results of the laboratory that the twin cannot use."""
    shown = {
        leaf: Evidence(kind="record", digest=leaf, stream=stream, version=version, note="result")
        for stream, version, leaf in records
    }
    return scene.finding(
        LABORATORY, "Evidence that the twin does not use",
        f"{len(why)} pieces of evidence cannot be used: {'; '.join(why[:5])}.",
        list(shown.values()), severity=Severity.INFO,
        suggested_action="Correct unit, time or kind of the result.",
    )  # fmt: skip
