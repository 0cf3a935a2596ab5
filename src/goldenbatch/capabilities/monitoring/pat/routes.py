"""Routes of soft sensors: their predictions beside the laboratory, and whether they are valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Query

from goldenbatch.capabilities.monitoring._adopted import AtWork, at_work, named
from goldenbatch.capabilities.monitoring._answers import GetSite, Needed, Text, plain
from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring._model_now import artefact, model_now
from goldenbatch.capabilities.monitoring.pat.soft_sensor import SoftSensorSettings
from goldenbatch.core.errors import GoldenbatchError, NotFoundError
from goldenbatch.core.series import Quality
from goldenbatch.science.latent import ScoringPlan

if TYPE_CHECKING:
    from goldenbatch.core.series import Series
    from goldenbatch.core.site import Site, Window

KIND = "monitoring.soft_sensor"
OUTPUTS = ("value", "lower", "upper", "t2", "spe")
N_POINTS = 800
DAY_US = 86_400_000_000
Hours = Annotated[float, Query(gt=0, le=24 * 366)]


def routes(get_site: GetSite) -> APIRouter:
    """The endpoints below `/monitoring`."""
    router = APIRouter(prefix="/sensors")

    @router.get("")
    def sensors() -> dict[str, Any]:
        """Soft sensors at work, each with its newest prediction and whether it is in its domain."""
        site = get_site()
        answer: dict[str, Any] = plain(
            {"sensors": [_row(site, one) for one in at_work(site, (KIND,))]}
        )
        return answer

    @router.get("/series")
    def series(name: Needed, batch: Text = "", hours: Hours = 24.0) -> dict[str, Any]:
        """Predictions with their interval beside results of the laboratory.

        Of a batch from its begin to its end, else of so many hours up to the newest.
        """
        site = get_site()
        answer: dict[str, Any] = plain(predictions(site, named(site, name, (KIND,)), batch, hours))
        return answer

    return router


def _row(site: Site, one: AtWork) -> dict[str, Any]:
    settings = read_settings(SoftSensorSettings, one.name, one.settings)
    tags = [settings.output_tag(name) for name in OUTPUTS]
    known = site.historian.tags()
    newest: dict[str, Any] = {}
    if all(tag in known for tag in tags):
        latest = site.historian.latest(tags)
        for name, tag in zip(OUTPUTS, tags, strict=True):
            part = latest.of(tag)
            newest[name] = float(part.values()[-1]) if len(part) else None
        value = latest.of(tags[0])
        newest |= {"at": int(value.times()[-1]), "state": _state(int(value.qualities()[-1]))}
    return {
        "name": one.name, "version": one.version, "record": one.record, "tag": settings.tag,
        "adopted_at": one.adopted_at, "attribute": settings.attribute, "unit": settings.unit,
        "place": settings.place, "phases": settings.phases, "newest": newest,
        "model": model_now(site, one.name),
    }  # fmt: skip


def _state(quality: int) -> str:
    """Of a prediction by the quality that it was logged with."""
    if quality >= Quality.BAD:
        return "not computed"
    return "out of domain" if quality >= Quality.UNCERTAIN else "in domain"


def predictions(site: Site, one: AtWork, batch: str, hours: float) -> dict[str, Any]:
    """Logged predictions of a window, results in it, and how far they lie apart.

    Raises:
        NotFoundError: The sensor has logged nothing, or not in this window.
    """
    settings = read_settings(SoftSensorSettings, one.name, one.settings)
    tags = {name: settings.output_tag(name) for name in OUTPUTS}
    known = site.historian.tags()
    if any(tag not in known for tag in tags.values()):
        raise NotFoundError(
            f"{one.name!r} has logged no prediction yet.",
            hint="It begins with the next spectrum in a phase that it is valid in.",
        )
    window = _window(site, tags["value"], batch, hours)
    drawn = site.historian.downsample(list(tags.values()), window, N_POINTS)
    value = drawn.of(tags["value"])
    answer: dict[str, Any] = _row(site, one) | {
        "batch": batch, "window": window, "times": value.times(), "values": value.values(),
        "states": [_state(code) for code in value.qualities().tolist()], "tags": tags,
    }  # fmt: skip
    for name in OUTPUTS[1:]:
        answer[name] = _at(drawn.of(tags[name]), value)
    whole = site.historian.read([tags[name] for name in OUTPUTS[:3]], window)
    answer["laboratory"] = _results(site, settings, tags, whole, batch)
    answer |= _apart(answer["laboratory"]) | _limits(site, answer["model"])
    answer["findings"] = [
        dict(row)
        for row in site.ledger.select("finding", {"analyst": one.name}, ("-opened_seq",), limit=50)
    ]
    return answer


def _window(site: Site, tag: str, batch: str, hours: float) -> Window:
    if batch:
        windows = site.windows(batch)
        if not windows:
            raise NotFoundError(f"batch {batch!r} has no time.", hint="Choose another batch.")
        return windows[0][0], windows[-1][1]
    newest = site.historian.latest([tag]).times()
    end = int(newest.max()) + 1
    return end - round(hours * DAY_US / 24), end


def _at(series: Series, like: Series) -> Any:
    """Values of a series at the times of another; NaN where it has none."""
    found = np.full(len(like), np.nan)
    times = series.times()
    places = np.searchsorted(times, like.times())
    kept = (places < len(times)) & np.isin(like.times(), times)
    found[kept] = series.values().astype(np.float64)[places[kept]]
    return found


def _results(
    site: Site, settings: SoftSensorSettings, tags: dict[str, str], whole: Series, batch: str
) -> list[dict[str, Any]]:
    """Results in the window, each with the prediction that is nearest to its sample."""
    value = whole.of(tags["value"])
    times = value.times()
    if not len(times):
        return []
    ends = [_at(whole.of(tags[name]), value) for name in ("lower", "upper")]
    taken = {
        str(row["sample"]): row["taken_at"]
        for row in site.ledger.select("sample", {"batch": batch} if batch else {})
        if row["taken_at"] is not None
    }
    found = []
    for row in site.ledger.select("result", {"attribute": settings.attribute}, ("seq",)):
        at = taken.get(str(row["sample"]))
        if at is None or row["number"] is None or row["status"] == "invalidated":
            continue
        place = int(np.argmin(np.abs(times - at)))
        if abs(int(times[place]) - at) > settings.max_gap_s * 1e6:
            continue
        lower, upper = float(ends[0][place]), float(ends[1][place])
        found.append({
            "sample": row["sample"], "batch": row["batch"], "at": at, "value": row["number"],
            "unit": row["unit"], "predicted": float(value.values()[place]), "lower": lower,
            "upper": upper, "state": _state(int(value.qualities()[place])),
            "is_covered": lower <= row["number"] <= upper,
            "record": f"sample/{row['sample']}@{row['stream_version']}",
        })  # fmt: skip
    return found


def _apart(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Errors against the laboratory, beside carrying the last result forward."""
    errors = np.array([row["predicted"] - row["value"] for row in rows], dtype=np.float64)
    truth = np.array([row["value"] for row in rows], dtype=np.float64)
    inside = [row for row in rows if row["state"] == "in domain"]
    finite = errors[np.isfinite(errors)]
    naive = np.diff(truth)
    return {
        "n_results": len(rows), "n_in_domain": len(inside),
        "n_covered": sum(bool(row["is_covered"]) for row in inside),
        "rmse": float(np.sqrt((finite**2).mean())) if len(finite) else None,
        "bias": float(finite.mean()) if len(finite) else None,
        "rmse_last": float(np.sqrt((naive**2).mean())) if len(naive) else None,
    }  # fmt: skip


def _limits(site: Site, model: Any) -> dict[str, Any]:
    """Limits of the domain and the stated coverage, of the model in use."""
    try:
        facts = ScoringPlan.from_bytes(artefact(site, model.digest, model.why_not)).facts
    except GoldenbatchError:
        return {"t2_limit": None, "spe_limit": None, "coverage": None}
    return {"t2_limit": facts.t2_limit, "spe_limit": facts.spe_limit, "coverage": facts.coverage}
