"""`governance.shadow`: a candidate beside the version that serves, on the same live inputs.

What the candidate says is logged under its own name and used for nothing: it opens no finding of
the use and activates nothing. When the laboratory's values come, both are held against them at the
time of the sample, and a test that may be looked at every day says whether the candidate has shown
itself better, or worse.

References:
    Waudby-Smith and Ramdas (2024), J. R. Stat. Soc. B 86:1, doi:10.1093/jrsssb/qkad009.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from goldenbatch.capabilities.governance._watch_words import result_evidence
from goldenbatch.capabilities.governance.late_results import KINDS as RESULT_KINDS
from goldenbatch.capabilities.governance.late_results import LateResults
from goldenbatch.capabilities.governance.live_rows import LiveRows, RowBlock
from goldenbatch.capabilities.governance.shadowing import COUNTS, KEY, NUMBERS
from goldenbatch.capabilities.governance.watch_settings import (
    SEE,
    ShadowSettings,
)
from goldenbatch.capabilities.governance.watched import (
    LINE_KINDS,
    Models,
    Watched,
    line_at,
    version_at,
    watched_at,
)
from goldenbatch.core.analyst import Assessment, Derived, OpenFindings, State, TickView
from goldenbatch.core.analyst_settings import read_settings, settings_digest
from goldenbatch.core.findings import Evidence, Finding, Measure, Severity, Subject
from goldenbatch.core.model_records import PREFIX
from goldenbatch.core.series import Quality
from goldenbatch.core.shadow_records import (
    ShadowEnded,
    ShadowStarted,
    ShadowVerdict,
    shadow_periods,
)
from goldenbatch.science.comparison import SequentialSettings, SequentialState, begin, observe

VERSION: Final = "1"
KINDS: Final = (ShadowStarted.kind, ShadowEnded.kind)
MOST_BATCHES: Final = 2000


def shadow_analyst(name: str, settings: Mapping[str, Any]) -> ShadowAnalyst:
    """The analyst of an adopted name.

    Raises:
        BadInputError: A setting is unknown or impossible.
    """
    return ShadowAnalyst(name, read_settings(ShadowSettings, name, settings, SEE))


def shadow_tag(model: Watched, what: str) -> str:
    """Tag under which a candidate's outputs are logged: `value`, `lower` or `upper`."""
    return f"{model.place}/{model.use}_shadow_{model.version}_{what}"


class ShadowAnalyst:
    """Runs all shadows that were started.

    Attributes:
        name: Its adopted name.
        version: Version of the code, with the digest of the settings.
    """

    def __init__(self, name: str, settings: ShadowSettings) -> None:
        self.name, self.settings, self.models = name, settings, Models()
        self.version = f"{VERSION}+{settings_digest(settings)}"

    def start(self) -> State:
        """State before the first tick: nothing runs."""
        return {"is_begun": False, "shadows": {}, "open": {}}

    def assess(self, state: State, view: TickView) -> Assessment:
        """Begin, run and end shadows."""
        book = OpenFindings(self.name, self.version, dict(state["open"]))
        shadows, derived = dict(state["shadows"]), list[Derived]()
        if state["is_begun"]:
            news = view.new_events(KINDS)
        else:
            news = view.events(KINDS, PREFIX)
        for stream in sorted({one.stream for one in news}):
            self._follow(stream, shadows, view, book)
        for stream in sorted(shadows):
            one = _Shadow(self, shadows[stream], view, book)
            derived += one.step()
            shadows[stream] = one.to_json()
        after = {"is_begun": True, "shadows": shadows, "open": book.entries}
        return Assessment(after, book.transitions, derived)

    def _follow(
        self, stream: str, shadows: dict[str, Any], view: TickView, book: OpenFindings
    ) -> None:
        """Begin what was started, and end what was ended."""
        events = [one for one in view.events(KINDS, stream) if one.stream == stream]
        periods = shadow_periods(events)
        running = periods[-1] if periods and periods[-1].ended is None else None
        known = shadows.get(stream)
        if known is not None and (running is None or running.number != known["number"]):
            _Shadow(self, known, view, book).end()
            shadows.pop(stream)
        is_new = running is not None and stream not in shadows
        if running is None or not is_new:
            return
        body = running.started
        if self.settings.uses and body.use not in self.settings.uses:
            return
        new = watched_at(view, version_at(view, body.use, body.version), running.seq, self.models)
        old = watched_at(view, version_at(view, body.use, body.against), running.seq, self.models)
        is_as_said = (
            new is not None and old is not None
            and (new.digest, old.digest) == (body.digest, body.against_digest)
        )  # fmt: skip
        if new is None or old is None or not is_as_said or not new.tags or not old.tags:
            return  # it is not what was started: nothing runs, and the shadow shows nothing
        shadows[stream] = {
            "number": running.number, "stream": stream, "new": new.to_json(),
            "old": old.to_json(), "started": body.model_dump(mode="json"), "leaf": _leaf(events),
            "at": running.began_at, "batches": [], "n_rows": 0, "finding": None,
        }  # fmt: skip


def _leaf(events: Sequence[Any]) -> str:
    return str(next(one for one in reversed(events) if one.kind == ShadowStarted.kind).leaf)


class _Shadow:
    """One tick of one shadow, on copies of its state."""

    def __init__(
        self, analyst: ShadowAnalyst, kept: Mapping[str, Any], view: TickView, book: OpenFindings
    ) -> None:
        self._analyst, self._view, self._book = analyst, view, book
        self._kept = dict(kept)
        self._new, self._old = Watched.from_json(kept["new"]), Watched.from_json(kept["old"])
        self._started = ShadowStarted.model_validate(kept["started"])
        self._rows = LiveRows(self._new, analyst.settings.rows, kept.get("rows"))
        self._others = LiveRows(self._old, analyst.settings.rows, None)
        late = kept.get("results") or {}
        self._results = LateResults(self._new.output, self._new.unit, **late)
        self._batches: list[str] = list(kept["batches"])

    def to_json(self) -> dict[str, Any]:
        """What is remembered of it."""
        return {
            **self._kept, "rows": self._rows.to_json(), "results": self._results.to_json(),
            "batches": self._batches[-MOST_BATCHES:],
        }  # fmt: skip

    def step(self) -> list[Derived]:
        """Run on what is new, pair what came late, and say what has been shown."""
        block = self._rows.take(self._view)
        line = line_at(self._view, self._new.use) if self._has_line_news() else None
        if line is not None:
            self._kept["is_beside"] = line.active == self._started.against
        is_beside = self._kept.get("is_beside", True)
        derived = self._run(block) if len(block) and is_beside else []
        self._results.take(
            self._view.new_events(RESULT_KINDS), self._said, is_news=self._rows.has_news
        )
        self._tell()
        return derived

    def end(self) -> None:
        """Close the finding: the shadow was ended."""
        if self._kept["finding"] is not None:
            last = Finding.model_validate(self._kept["finding"])
            changed = {"statement": f"{last.statement} The shadow was ended.",
                       "end": max(self._view.tick.at, last.start)}  # fmt: skip
            self._book.close(last.model_copy(update=changed))

    # ---- running ------------------------------------------------------------------------------

    def _has_line_news(self) -> bool:
        return "is_beside" not in self._kept or any(
            one.stream == f"{PREFIX}{self._new.use}" for one in self._view.new_events(LINE_KINDS)
        )

    def _run(self, block: RowBlock) -> list[Derived]:
        """What the candidate says of the rows, under its own name."""
        told = self._analyst.models.predict(self._view, self._new, block.values)
        self._kept["n_rows"] += len(block)
        derived = []
        for row, (time, batch) in enumerate(zip(block.times, block.batches, strict=True)):
            quality = told.quality(row)
            if quality < Quality.BAD and batch and batch not in self._batches:
                self._batches.append(batch)
            for what, column in (
                ("value", told.value), ("lower", told.lower), ("upper", told.upper)
            ):  # fmt: skip
                number = float(column[row])
                value = number if math.isfinite(number) and quality < Quality.BAD else None
                tag = shadow_tag(self._new, what)
                derived.append(Derived(tag, time, value, quality if value is not None else
                                       int(Quality.BAD)))  # fmt: skip
        return derived

    def _said(self, time: int) -> Sequence[Any] | None:
        """What both say of a time: None for the one that says nothing, none if neither does."""
        if not self._kept.get("is_beside", True) or not self._rows.is_within(self._view, time):
            return None
        found: list[float | None] = []
        for model, rows in ((self._new, self._rows), (self._old, self._others)):
            told = self._analyst.models.predict(self._view, model, rows.at(self._view, [time]))
            value = float(told.value[0])
            found.append(value if math.isfinite(value) else None)
        return None if found == [None, None] else found

    # ---- comparing ------------------------------------------------------------------------------

    def _differences(self) -> list[float]:
        """Difference of mean losses, new minus old, of each batch that is over, in order."""
        groups = self._results.groups()
        if groups and not self._rows.is_ended(groups[-1][0]):
            groups = groups[:-1]
        found = []
        for _, pairs in groups:
            gaps = [
                self._loss(value, new) - self._loss(value, old) for value, new, old in pairs
            ]  # fmt: skip
            found.append(math.fsum(gaps) / len(gaps))
        return found

    def _loss(self, value: float, said: float | None) -> float:
        top = self._started.maximum
        error = top if said is None else min(abs(value - said), top)
        return error if self._started.measure == "mae" else error**2

    def _compared(self, margin: float) -> SequentialState:
        top = self._started.largest_loss
        settings = SequentialSettings(-top, top, margin, self._started.confidence)
        state = begin(settings)
        for one in self._differences():
            state = observe(state, min(max(one, -top), top))
        return state

    def _tell(self) -> None:
        """Say what has been shown, where that is more than before."""
        state = self._compared(0.0)
        verdict = ShadowVerdict.NOT_SHOWN
        if state.is_better != state.is_worse:
            verdict = ShadowVerdict.BETTER if state.is_better else ShadowVerdict.WORSE
        finding = self._finding(state, verdict)
        plain = finding.model_dump(mode="json")
        if self._kept["finding"] != plain:
            self._kept["finding"] = plain
            self._book.put(finding, self._view.tick)

    def _finding(self, state: SequentialState, verdict: ShadowVerdict) -> Finding:
        started, new = self._started, self._new
        key = f"{new.version}/{KEY}/{self._kept['number']}"
        return Finding(
            subject=Subject(place=new.place, attribute=new.use, key=key),
            title=f"{new.label} in shadow of @{started.against}: {verdict.value}"[:120],
            statement=self._words(state, verdict),
            severity=Severity.INFO,
            start=int(self._kept["at"]),
            evidence=(
                Evidence(kind="artefact", digest=new.digest, note="the candidate"),
                Evidence(kind="artefact", digest=self._old.digest, note="the version that serves"),
                Evidence(kind="record", digest=self._kept["leaf"], stream=self._kept["stream"],
                         version=self._kept["number"], note="how they are compared"),
                *result_evidence(self._results, [name for name, _ in self._results.groups()]),
            ),
            measures=self._measures(state),
            analyst=self._analyst.name,
            analyst_version=self._analyst.version,
            model_digest=new.digest,
            suggested_action="Nothing follows by itself: end the shadow (`goldenbatch model "
            "shadow-end`), and ask the gate or change control.",
        )  # fmt: skip

    def _words(self, state: SequentialState, verdict: ShadowVerdict) -> str:
        started, unit = self._started, self._new.unit
        loss = "absolute" if started.measure == "mae" else "squared"
        shown = {
            ShadowVerdict.BETTER: "has shown itself better",
            ShadowVerdict.WORSE: "has shown itself worse",
            ShadowVerdict.NOT_SHOWN: "has not shown itself better, nor worse",
        }[verdict]
        words = (
            f"{self._new.label} runs beside version {started.against} and {shown} by its {loss} "
            f"error (up to {started.maximum:g} {unit}), on {state.n} batches. The chance of ever "
            f"saying better of one that is not, or worse of one that is not, is at most "
            f"{1 - started.confidence:.2g} each, however often somebody looks."
        )
        if started.margin:
            is_held = self._compared(started.margin).is_better
            more = "was" if is_held else "was not"
            words = f"{words} That it is worse by less than {started.margin:g} {more} shown."
        if not self._kept.get("is_beside", True):
            words = f"{words} Version {started.against} does not serve now: nothing is added."
        return words

    def _measures(self, state: SequentialState) -> tuple[Measure, ...]:
        unit = self._new.unit if self._started.measure == "mae" else f"({self._new.unit})2"
        counts = {
            "n_batches": len(self._batches), "n_rows": self._kept["n_rows"],
            "n_references": len(self._results.pairs), "n_groups": state.n,
        }  # fmt: skip
        found = [Measure(name=COUNTS[name], value=float(one)) for name, one in counts.items()]
        found.append(Measure(name="chance of a false statement, at most",
                             value=1 - self._started.confidence))  # fmt: skip
        if not state.n:
            return tuple(found)
        lower, upper = state.interval
        for name, value in (("mean", state.mean), ("lower", lower), ("upper", upper)):
            found.append(Measure(name=NUMBERS[name], value=value, unit=unit))
        if self._started.margin:
            margin = self._compared(self._started.margin)
            found.append(Measure(name="p of not worse by the margin", value=margin.p_better,
                                 upper_limit=1 - self._started.confidence))  # fmt: skip
        return tuple(found)
