"""Charts for the dossier of a batch: the history behind a finding, and soft sensors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring.pat.soft_sensor import SoftSensorSettings
from goldenbatch.core.analyst import AnalystAdopted
from goldenbatch.core.findings import Finding, newest_finding
from goldenbatch.core.records import Row
from goldenbatch.core.site import Site, Window
from goldenbatch.ui.charts import Chart, Level, Span, Track

N_HISTORY = 60
N_POINTS = 600
LAB = "#2a7a2a"


def batch_charts(site: Site, batch: str) -> Sequence[Chart]:
    """Charts of a batch: soft sensors over its time, attributes with a finding over batches."""
    findings = list(_findings(site, batch))
    charts = list(_soft_sensors(site, batch, findings))
    seen = set()
    for finding in findings:
        attribute = finding.subject.attribute
        is_chart = finding.subject.key.endswith(" chart") and attribute not in seen
        if is_chart:
            seen.add(attribute)
            charts.extend(_history(site, batch, finding))
    return charts


def _findings(site: Site, batch: str) -> Iterable[Finding]:
    for row in site.ledger.select("finding_batch", {"batch": batch}):
        newest = newest_finding(site.ledger.stream(f"finding/{row['uid']}"))
        if newest is not None:
            yield newest


def _history(site: Site, batch: str, finding: Finding) -> Iterable[Chart]:
    """The attribute over the batches of the product up to this one, with its limits."""
    product = site.ledger.select("batch", {"batch": batch})[0]["product"]
    attribute = finding.subject.attribute
    names = {row["batch"] for row in site.ledger.select("batch", {"product": product})}
    rows = [
        row
        for row in site.ledger.select("result", {"attribute": attribute}, ("seq",))
        if row["batch"] in names and row["number"] is not None and row["status"] != "invalidated"
    ]
    last = max((i for i, row in enumerate(rows) if row["batch"] == batch), default=-1)
    rows = rows[max(0, last + 1 - N_HISTORY) : last + 11]
    if not rows:
        return
    values = [float(row["number"]) for row in rows]
    out = {finding.subject.batch, *finding.batches}
    alarms = frozenset(i for i, row in enumerate(rows) if row["batch"] in out)
    unit = rows[0]["unit"] or "1"
    yield Chart(
        title=f"{attribute}, product {product}: up to batch {batch} and after",
        y_label=f"{attribute} [{unit}]",
        tracks=[Track(attribute, list(range(len(rows))), values, style="both", alarms=alarms)],
        levels=[*_control_levels(finding), *_limits(site, str(product), attribute)],
        x_label=f"batches in order of their results, {rows[0]['batch']} to {rows[-1]['batch']}",
    )


def _control_levels(finding: Finding) -> Iterable[Level]:
    for measure in finding.measures:
        if measure.name == "expected":
            yield Level(measure.value, "expected", is_limit=False)
        elif measure.name == finding.subject.attribute:
            if measure.lower_limit is not None:
                yield Level(measure.lower_limit, "LCL")
            if measure.upper_limit is not None:
                yield Level(measure.upper_limit, "UCL")


def _limits(site: Site, product: str, attribute: str) -> Iterable[Level]:
    known = {one.code: one for one in site.plant.products}
    for one in known[product].attributes if product in known else ():
        for limit in one.limits if one.name == attribute else ():
            for text in (limit.lower, limit.upper):
                if text:
                    yield Level(float(text), limit.kind.value)


def _soft_sensors(site: Site, batch: str, findings: Sequence[Finding]) -> Iterable[Chart]:
    windows = site.windows(batch)
    if not windows:
        return
    window = (windows[0][0], windows[-1][1])
    for name, settings in _adopted_sensors(site):
        tags = site.historian.tags()
        if settings.output_tag("value") in tags:
            own = [f for f in findings if f.analyst == name and f.subject.key == "domain"]
            yield from _sensor_charts(site, batch, window, settings, own)


def _adopted_sensors(site: Site) -> Iterable[tuple[str, SoftSensorSettings]]:
    newest: dict[str, AnalystAdopted] = {}
    for event in site.ledger.events(kinds=("AnalystAdopted",)):
        body = event.decode()
        if isinstance(body, AnalystAdopted) and body.analyst == "monitoring.soft_sensor":
            newest[body.name] = body
    for name, body in sorted(newest.items()):
        yield name, read_settings(SoftSensorSettings, name, body.settings)


def _sensor_charts(
    site: Site,
    batch: str,
    window: Window,
    settings: SoftSensorSettings,
    findings: Sequence[Finding],
) -> Iterable[Chart]:
    x, y = _series(site, settings.output_tag("value"), window)
    if not x:
        return
    lower = _at(site, settings.output_tag("lower"), window, x)
    upper = _at(site, settings.output_tag("upper"), window, x)
    spans = [Span(f.start, f.end or window[1], "out of its domain") for f in findings]
    tracks = [Track("soft sensor", x, y, lower, upper)]
    results = _results(site, batch, settings.attribute)
    if results:
        at = [float(taken) for taken, _ in results]
        found = [float(row["number"]) for _, row in results]
        tracks.append(Track("laboratory", at, found, style="points", colour=LAB))
    yield Chart(
        title=f"{settings.attribute} of batch {batch}: soft sensor with its interval",
        y_label=f"{settings.attribute} [{settings.unit}]",
        tracks=tracks,
        spans=spans,
        zone=site.home.zone,
        height=220.0,
    )
    x, spe = _series(site, settings.output_tag("spe"), window)
    limits = [m.upper_limit for f in findings for m in f.measures if m.name == "SPE"]
    yield Chart(
        title="Distance of the spectra from the model (SPE, log10)",
        y_label="log10 SPE",
        tracks=[Track("SPE", x, [math.log10(v) if v > 0 else math.nan for v in spe])],
        levels=[Level(math.log10(one), "log limit") for one in limits[:1] if one],
        spans=spans,
        zone=site.home.zone,
        height=150.0,
    )


def _series(site: Site, tag: str, window: Window) -> tuple[list[float], list[float]]:
    """Times and values of a tag, thinned to what a chart can show; extremes survive."""
    from goldenbatch.core.series import Quality

    series = site.historian.read([tag], window)
    if len(series) > N_POINTS:
        series = site.historian.downsample([tag], window, N_POINTS)
    times = [float(one) for one in series.times().tolist()]
    bad = (series.qualities() >= Quality.BAD).tolist()
    values = series.values().tolist()
    return times, [math.nan if is_bad else v for v, is_bad in zip(values, bad, strict=True)]


def _at(site: Site, tag: str, window: Window, times: Sequence[float]) -> list[float]:
    """Values of a tag at given times, those of another tag; NaN where there is none."""
    series = site.historian.read([tag], window)
    known = dict(zip(series.times().tolist(), series.values().tolist(), strict=True))
    return [float(known.get(int(time), math.nan)) for time in times]


def _results(site: Site, batch: str, attribute: str) -> list[tuple[int, Row]]:
    taken = {
        row["sample"]: row["taken_at"] for row in site.ledger.select("sample", {"batch": batch})
    }
    rows = site.ledger.select("result", {"batch": batch, "attribute": attribute})
    found = [(taken.get(row["sample"]), row) for row in rows if row["number"] is not None]
    return sorted(((int(at), row) for at, row in found if at is not None), key=lambda p: p[0])
