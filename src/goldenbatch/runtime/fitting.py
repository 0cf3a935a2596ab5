"""Fit the models of an analyst at work, by what its capability offers for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goldenbatch.core.errors import ConflictError, NotFoundError
from goldenbatch.core.model_records import ModelDrafted
from goldenbatch.core.models import ModelFitted
from goldenbatch.runtime import discovery as capabilities
from goldenbatch.runtime.adoption import adopted

if TYPE_CHECKING:
    from goldenbatch.core.site import Site
    from goldenbatch.runtime.discovery import Discovery


def fit_models(site: Site, name: str, discovery: Discovery | None = None) -> Sequence[ModelFitted]:
    """Fit, freeze and record the models of an analyst from what the home holds.

    Returns:
        What was recorded; nothing where its kind of analyst needs no model.

    Raises:
        NotFoundError: No analyst of the name is at work.
        BadInputError: The home does not hold what the models are to be fitted to.
        ConflictError: Its model is under change control: what is fitted here would serve at once.
    """
    _require_free(site, name)
    at_work = adopted(site.ledger)
    if name not in at_work:
        raise NotFoundError(
            f"no analyst {name!r} is at work.",
            hint=f"At work: {', '.join(sorted(at_work)) or 'none; see `goldenbatch adopt`'}.",
        )
    kind = at_work[name].body.analyst
    found = capabilities.discover() if discovery is None else discovery
    offers = dict(found.offers("fits"))
    if kind not in offers:
        return ()
    models: Sequence[ModelFitted] = offers[kind].load()(site, name)
    return models


def _require_free(site: Site, name: str) -> None:
    """Refuse to fit past the life of a model that is under change control."""
    for event in site.ledger.events(kinds=(ModelDrafted.kind,)):
        body = event.decode()
        if isinstance(body, ModelDrafted) and name in (body.analyst, body.use):
            raise ConflictError(
                f"the model of {name!r} is under change control ({event.stream}).",
                hint=f"Train a version and have it tested: `goldenbatch model train {body.use}`.",
            )
