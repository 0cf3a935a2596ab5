"""A small analyst for tests: readings above a limit, results above a limit, a running count."""

import hashlib

from goldenbatch.core.analyst import Assessment, Derived, OpenFindings
from goldenbatch.core.capability import Capability, Offer
from goldenbatch.core.findings import Evidence, Finding, Severity, Subject


class Threshold:
    """Opens a finding when a tag goes above its limit, closes it when it is back."""

    version = "1"

    def __init__(self, name, settings):
        self.name = name
        self.tag = settings["tag"]
        self.limit = settings["limit"]
        self.fails_at = settings.get("fails_at", 0)
        self.fails_while = settings.get("fails_while", "")

    def start(self):
        return {"entries": {}, "n": 0}

    def assess(self, state, view):
        if view.tick.number == self.fails_at:
            raise RuntimeError(f"cannot do tick {view.tick.number}")
        if self.fails_while:
            with open(self.fails_while) as switch:  # the test's switch, not an example to follow
                if switch.read():
                    raise RuntimeError("switched off")
        book = OpenFindings(self.name, self.version, dict(state["entries"]))
        series = view.new_readings([self.tag])
        n = state["n"]
        derived = []
        for row in series.rows():
            time = int(row["time"].timestamp() * 1_000_000)
            n += 1
            self._reading(book, view, time, row["value"])
            derived.append(Derived(f"{self.name}/count", time, float(n)))
        for event in view.new_events({"ResultsReported"}):
            self._results(book, view, event)
        return Assessment({"entries": book.entries, "n": n}, book.transitions, derived)

    def _reading(self, book, view, time, value):
        place = self.tag.rpartition("/")[0]
        subject = Subject(batch=view.batch_at(place, time), tag=self.tag)
        is_high = value is not None and value > self.limit
        if not is_high and not book.is_open(subject):
            return
        window = view.read([self.tag], (time, time + 1))
        digest = hashlib.sha256(window.values().tobytes()).hexdigest()
        evidence = Evidence(
            kind="window",
            digest=digest,
            tag=self.tag,
            start=time,
            end=time + 1,
            as_of=view.tick.historian_seq,
        )
        finding = self._finding(subject, f"{value} at {time}", time, evidence)
        if is_high:
            book.put(finding, view.tick)
        else:
            book.close(finding)

    def _results(self, book, view, event):
        body = event.decode()
        for result in body.results:
            if result.number is None or result.number <= self.limit:
                continue
            subject = Subject(batch=body.batch, attribute=result.attribute, key=body.sample)
            evidence = Evidence(
                kind="record",
                digest=event.leaf,
                stream=event.stream,
                version=event.envelope.version,
            )
            time = result.performed_at or 0
            book.put(self._finding(subject, f"result {result.value}", time, evidence), view.tick)

    def _finding(self, subject, statement, start, evidence):
        return Finding(
            subject=subject,
            title="Above the limit",
            statement=statement,
            severity=Severity.MINOR,
            start=start,
            evidence=(evidence,),
            analyst=self.name,
            analyst_version=self.version,
        )


def make(name, settings):
    """Factory of the analyst."""
    return Threshold(name, settings)


CAPABILITY = Capability(
    name="test",
    title="For tests",
    tier="bronze",
    analysts=(Offer("threshold", "gbx_threshold:make", "Readings above a limit."),),
)
