"""`governance.watch`: whether the model that serves still sees what it was made for.

For the active version of each use it charts inputs, output, valid predictions and, when the
laboratory's values come, residuals: one point a batch. An alarm is one finding that opens, goes
on and closes, with the false-alarm rate of its charts in it. Outside the context of use it is
silent. Another version begins anew.

References:
    EU GMP Annex 22, draft of July 2025, 10.4; FDA, Predetermined Change Control Plan (December
    2024), VIII.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from goldenbatch.capabilities.governance import _watch_words as words
from goldenbatch.capabilities.governance.late_results import KINDS as RESULT_KINDS
from goldenbatch.capabilities.governance.late_results import LateResults
from goldenbatch.capabilities.governance.live_rows import LiveRows
from goldenbatch.capabilities.governance.watch_charts import (
    ALARMS,
    INPUT,
    INVALID,
    RESIDUAL,
    Charts,
    Reading,
    ResidualPath,
    residual_path,
)
from goldenbatch.capabilities.governance.watch_settings import (
    SEE,
    WatchSettings,
)
from goldenbatch.capabilities.governance.watch_units import Unit, Units
from goldenbatch.capabilities.governance.watched import (
    LINE_KINDS,
    Models,
    Watched,
    line_at,
    version_at,
    watched_at,
)
from goldenbatch.core.analyst import Assessment, OpenFindings, State, TickView
from goldenbatch.core.analyst_settings import read_settings, settings_digest
from goldenbatch.core.findings import Contribution, Evidence, Finding, Measure, Subject
from goldenbatch.core.model_records import PREFIX, line_stream
from goldenbatch.core.suspension import watch_key
from goldenbatch.science.statistics.drift import drift_chart

VERSION: Final = "1"
MOST_PAST: Final = 60
MOST_RECENT: Final = 30
UNABLE: Final = "not watched"


def watch_analyst(name: str, settings: Mapping[str, Any]) -> WatchAnalyst:
    """The analyst of an adopted name.

    Raises:
        BadInputError: A setting is unknown or impossible.
    """
    return WatchAnalyst(name, read_settings(WatchSettings, name, settings, SEE))


class WatchAnalyst:
    """Watches the active version of each use.

    Attributes:
        name: Its adopted name.
        version: Version of the code, with the digest of the settings.
    """

    def __init__(self, name: str, settings: WatchSettings) -> None:
        self.name, self.settings, self.models = name, settings, Models()
        self.version = f"{VERSION}+{settings_digest(settings)}"

    def start(self) -> State:
        """State before the first tick: no line is known."""
        return {"is_begun": False, "lines": {}, "open": {}}

    def assess(self, state: State, view: TickView) -> Assessment:
        """Follow what serves, judge what is over, and say what is out of order."""
        book = OpenFindings(self.name, self.version, dict(state["open"]))
        lines = dict(state["lines"])
        for use in sorted(self._moved(state, view)):
            self._follow(use, lines, view, book)
        for use in sorted(lines):
            one = _Watch(self, lines[use], view, book)
            one.step()
            lines[use] = one.to_json()
        after = {"is_begun": True, "lines": lines, "open": book.entries}
        return Assessment(after, book.transitions)

    def _moved(self, state: State, view: TickView) -> set[str]:
        """Uses whose line has news."""
        if state["is_begun"]:
            events = view.new_events(LINE_KINDS)
        else:
            events = view.events(LINE_KINDS, PREFIX)
        uses = {one.stream.removeprefix(PREFIX) for one in events}
        return {one for one in uses if not self.settings.uses or one in self.settings.uses}

    def _follow(self, use: str, lines: dict[str, Any], view: TickView, book: OpenFindings) -> None:
        """Begin anew where another version serves than before."""
        serving = line_at(view, use).serving
        known = lines.get(use)
        is_served = serving is not None and serving.version > 0
        if known is not None and serving is not None and known["model"]["since"] == serving.since:
            return
        if known is not None:
            _Watch(self, known, view, book).end()
            lines.pop(use)
        if serving is None or not is_served:
            return
        version = version_at(view, use, serving.version)
        model = watched_at(view, version, serving.since, self.models)
        if model is not None:
            lines[use] = {"model": model.to_json(), "findings": {}}


class _Watch:
    """One tick of the watch over one version, on copies of its state."""

    def __init__(
        self, analyst: WatchAnalyst, kept: Mapping[str, Any], view: TickView, book: OpenFindings
    ) -> None:
        self._analyst, self._settings, self._view, self._book = (
            analyst, analyst.settings, view, book,
        )  # fmt: skip
        self.model = Watched.from_json(kept["model"])
        self._findings: dict[str, Any] = dict(kept["findings"])
        self._is_begun = "rows" in kept
        model, chosen = self.model, self._settings
        self._rows = LiveRows(model, chosen.rows, kept.get("rows")) if model.tags else None
        self._units = Units(model, chosen.block_rows, chosen.most_features, kept.get("units"))
        self._charts = Charts(chosen.charts, self._units.labels, kept.get("charts"))
        late = kept.get("results")
        self._results = LateResults(model.output, model.unit, **(late or {}))
        self._recent = [Unit.from_json(one) for one in kept.get("recent", ())]

    def to_json(self) -> dict[str, Any]:
        """What is remembered of it."""
        plain: dict[str, Any] = {"model": self.model.to_json(), "findings": self._findings}
        if self._rows is None:
            return plain
        return plain | {
            "rows": self._rows.to_json(), "units": self._units.to_json(),
            "charts": self._charts.to_json(), "results": self._results.to_json(),
            "recent": [one.to_json() for one in self._recent],
        }  # fmt: skip

    def step(self) -> None:
        """Take what is new."""
        if self._rows is None:
            self._unable()
            return
        block = self._rows.take(self._view)
        if not self._is_begun:
            self._begin(self._rows)
        if len(block):
            told = self._analyst.models.predict(self._view, self.model, block.values)
            self._units.add(block, told)
        closed = self._units.closed(self._rows)
        for unit in closed:
            self._charts.judge(unit)
        self._recent = [*self._recent, *closed][-MOST_RECENT:]
        is_changed = self._results.take(
            self._view.new_events(RESULT_KINDS), self._said, is_news=self._rows.has_news
        )
        for alarm in ALARMS:
            if is_changed if alarm == RESIDUAL else closed:
                self._tell(alarm)

    def end(self) -> None:
        """Close what is open: the version does not serve any more."""
        for alarm in sorted(self._findings):
            said = "It was closed because the version serves no more; what it saw stays to be "
            self._close(alarm, f"{said}judged.")

    # ---- what it judges by --------------------------------------------------------------------

    def _begin(self, rows: LiveRows) -> None:
        """Learn from the batches that the version was trained on, as far as they are here."""
        self._results.begin(self._view.events(RESULT_KINDS[:2], "sample/"))
        model, chosen = self.model, self._settings
        units = Units(model, chosen.block_rows, chosen.most_features, None)
        for _, block in rows.past(self._view, model.batches[-MOST_PAST:]):
            units.add(block, self._analyst.models.predict(self._view, model, block.values))
        for unit in units.closed():
            self._charts.learn(unit)

    def _said(self, time: int) -> Sequence[float] | None:
        """What the version says of a time, whether it is valid, and the time."""
        if self._rows is None or not self._rows.is_within(self._view, time):
            return None
        told = self._analyst.models.predict(
            self._view, self.model, self._rows.at(self._view, [time])
        )
        if math.isnan(told.value[0]):
            return None
        return [float(told.value[0]), float(told.in_domain[0]), float(time)]

    def _residuals(self) -> ResidualPath:
        groups = [
            (name, [value - said for value, said, is_valid, _ in pairs if is_valid])
            for name, pairs in self._results.groups()
        ]
        chart = drift_chart(self._charts.arl0_each, self._settings.slack)
        known = [(name, one) for name, one in groups if one]
        # The newest batch counts once it is over: its results come one by one.
        if known and self._rows is not None and not self._rows.is_ended(known[-1][0]):
            known = known[:-1]
        return residual_path(known, self.model.error, chart, self._settings.n_reference)

    # ---- what it says ---------------------------------------------------------------------------

    def _tell(self, alarm: str) -> None:
        """Open, update or close the finding of an alarm."""
        path = self._residuals() if alarm == RESIDUAL else None
        readings = [path.reading] if path is not None else self._charts.readings(alarm)
        if not any(one.is_open for one in readings):
            if alarm in self._findings:
                self._close(alarm, f"It has come back: {self._stands(readings)}.")
            return
        units = "batches" if not self._settings.block_rows else "blocks"
        statement = " ".join(
            (
                self._words(alarm, readings, path, units),
                words.rate_words(self._charts, self._settings.arl0, units),
            )
        )
        finding = Finding(
            subject=self._subject(alarm),
            title=f"{self.model.label}: {alarm}"[:120],
            statement=statement,
            severity=self._settings.severity_of_errors
            if alarm in (INVALID, RESIDUAL) else self._settings.severity,
            start=self._start(alarm, readings, path),
            evidence=self._evidence(alarm, path),
            contributions=self._contributions(alarm, readings, path),
            measures=self._measures(alarm, readings, path),
            in_domain=alarm != INVALID,
            analyst=self._analyst.name,
            analyst_version=self._analyst.version,
            model_digest=self.model.digest,
            suggested_action=words.ACTIONS[alarm],
        )  # fmt: skip
        self._put(alarm, finding)

    def _words(
        self, alarm: str, readings: Sequence[Reading], path: ResidualPath | None, units: str
    ) -> str:
        if path is not None:
            return words.residual_words(path, self.model)
        if alarm == INVALID:
            allowed = self._settings.allowed
            return words.invalid_words(readings[0], self._recent, allowed, units)
        return words.drift_words(alarm, readings, self._charts, units)

    def _measures(
        self, alarm: str, readings: Sequence[Reading], path: ResidualPath | None
    ) -> tuple[Measure, ...]:
        found = words.measures(readings, self._charts, self._settings.arl0)
        if path is not None:
            mean = math.fsum(path.means) / len(path.means)
            error = () if self.model.error is None else (
                Measure(name="validated error", value=self.model.error, unit=self.model.unit),
            )  # fmt: skip
            own = Measure(name="mean residual", value=mean, unit=self.model.unit)
            refused = sum(self._results.n_refused.values())
            left = Measure(name="results that are no references", value=float(refused))
            return (*found, own, *error, left)
        return (*found, *words.share_measures(self._recent)) if alarm == INVALID else found

    def _contributions(
        self, alarm: str, readings: Sequence[Reading], path: ResidualPath | None
    ) -> tuple[Contribution, ...]:
        if path is not None:
            return words.contributions(list(zip(path.groups, path.means, strict=True))[::-1])
        n_run = max((one.n_run for one in readings if one.is_open), default=1) or 1
        return words.contributions(self._charts.away(self._recent[-n_run:]))

    def _evidence(self, alarm: str, path: ResidualPath | None) -> tuple[Evidence, ...]:
        model = Evidence(kind="artefact", digest=self.model.digest, note="the model that serves")
        events = self._view.events(LINE_KINDS, line_stream(self.model.use))
        line = [
            Evidence(kind="record", digest=one.leaf, stream=one.stream,
                     version=one.envelope.version, note="since when it serves")
            for one in events if one.seq == self.model.since
        ]  # fmt: skip
        if path is not None:
            return (model, *line, *words.result_evidence(self._results, path.groups))
        if not self._recent:
            return (model, *line)
        tag, last = self.model.tags[0], self._recent[-1]
        if not self.model.is_array and alarm == INPUT:
            names = [name for name, _ in self._charts.away(self._recent[-1:])]
            own = [one for one in names if one in self.model.inputs]
            tag = self.model.tags[self.model.inputs.index(own[0])] if own else tag
        window = words.window_evidence(self._view, tag, last.start, last.end)
        return (model, *line, *window)

    def _start(
        self, alarm: str, readings: Sequence[Reading], path: ResidualPath | None
    ) -> int:  # fmt: skip
        known = self._findings.get(alarm)
        if known is not None:
            return Finding.model_validate(known).start
        if path is not None:
            times = [one[3] for name, pairs in self._results.groups()
                     if name in path.groups for one in pairs]  # fmt: skip
            return int(min(times, default=self._view.tick.at))
        n_run = max((one.n_run for one in readings if one.is_open), default=1) or 1
        return self._recent[-n_run:][0].start if self._recent else self._view.tick.at

    def _unable(self) -> None:
        if UNABLE in self._findings:
            return
        finding = Finding(
            subject=self._subject(UNABLE),
            title=f"{self.model.label} cannot be watched"[:120],
            statement=f"{self.model.label} serves, and nobody watches it: {self.model.unable}",
            severity=self._settings.severity_of_errors,
            start=self._view.tick.at,
            evidence=(Evidence(kind="artefact", digest=self.model.digest, note="the artefact"),),
            analyst=self._analyst.name,
            analyst_version=self._analyst.version,
            model_digest=self.model.digest,
            suggested_action="Name the tags of its inputs in the intended use of the next version, "
            "or watch it by hand.",
        )
        self._put(UNABLE, finding)

    def _put(self, alarm: str, finding: Finding) -> None:
        plain = finding.model_dump(mode="json")
        if self._findings.get(alarm) != plain:
            self._findings[alarm] = plain
            self._book.put(finding, self._view.tick)

    def _close(self, alarm: str, said: str) -> None:
        last = Finding.model_validate(self._findings.pop(alarm))
        end = self._recent[-1].end if self._recent else self._view.tick.at
        changed = {"statement": f"{last.statement} {said}", "end": max(end, last.start)}
        self._book.close(last.model_copy(update=changed))

    def _subject(self, alarm: str) -> Subject:
        place = self.model.place
        return Subject(
            place=place, attribute=self.model.use, key=watch_key(self.model.version, alarm)
        )

    def _stands(self, readings: Iterable[Reading]) -> str:
        return "; ".join(f"{one.name} at {one.value:.2f} of {one.limit:.2f}" for one in readings)
