"""The model that an analyst uses now, as its pages show it: version, origin, measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring._in_use import ModelInUse
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.model_records import ModelDrafted
from goldenbatch.core.models import ModelFitted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from goldenbatch.core.analyst import State
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import Site

_KINDS = (ModelFitted.kind, ModelDrafted.kind)


@dataclass(frozen=True)
class ModelNow:
    """The model in use.

    Attributes:
        digest: SHA-256 of the artefact; empty: none may be used, and `why_not` says why.
        use: Under control as this use; empty: a fit that nobody governs.
        version: Of the use; 0: not governed.
        record: `stream@version` of what put it there.
        fitted: Of an ungoverned fit: method, measures, training data, moment.
    """

    digest: str
    why_not: str = ""
    use: str = ""
    version: int = 0
    record: str = ""
    fitted: dict[str, Any] = field(default_factory=dict)


def model_now(site: Site, name: str) -> ModelNow:
    """The model in use of an analyst, by the rule that the analyst itself follows."""
    view: Any = _Now(site)
    state: State = {"use": None, "model": "", "kind": None}
    found = ModelInUse(name, state, view)
    for event in view.events(_KINDS):
        found.take(event)
    digest = found.artefact()
    if state["use"]:
        use = str(state["use"])
        if not digest:
            return ModelNow("", found.why_not, use)
        served = site.models.active(use).ref
        return ModelNow(digest, "", use, served.version, f"model/{use}/{served.version}")
    return ModelNow(digest, found.why_not, fitted=fit_record(site, name, digest),
                    record=_record(site, name, digest))  # fmt: skip


def fit_record(site: Site, model: str, digest: str = "") -> dict[str, Any]:
    """What was recorded of a fit: of an artefact, else the newest; empty: none."""
    for event in reversed(site.ledger.stream(f"model/{model}")):
        body = event.decode()
        if isinstance(body, ModelFitted) and digest in ("", body.digest):
            return {
                "method": body.method, "code_version": body.code_version, "digest": body.digest,
                "measures": dict(body.measures), "fitted_at": event.envelope.recorded_at,
                "fitted_by": event.envelope.actor, "n_training": sum(p.n for p in body.training),
                "batches": sorted({name for part in body.training for name in part.batches}),
                "record": f"{event.stream}@{event.envelope.version}",
                "until": body.settings.get("fitted_until_seq", 0),
            }  # fmt: skip
    return {}


def _record(site: Site, name: str, digest: str) -> str:
    return str(fit_record(site, name, digest).get("record", "")) if digest else ""


def artefact(site: Site, digest: str, why_not: str = "") -> bytes:
    """The artefact of a model in use.

    Raises:
        NotFoundError: There is none; why is said.
    """
    if not digest:
        raise NotFoundError(
            f"no model may be used: {why_not or 'none was fitted'}.",
            hint="Fit it with `goldenbatch fit`, or have a version made active.",
        )
    return site.registry.get(digest)


class _Now:
    """As much of a tick's view as the rule needs, of the present."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def events(self, kinds: Collection[str], stream_prefix: str = "") -> Sequence[Event]:
        return list(self._site.ledger.events(kinds=kinds, stream_prefix=stream_prefix))

    def model(self, use: str) -> Any:
        return self._site.models.active(use)
