"""Errors that the methods raise; each says what was wrong and what to do next."""

from __future__ import annotations

from goldenbatch.core.errors import GoldenbatchError


class ScienceError(GoldenbatchError):
    """Base of every error of `goldenbatch.science`."""


class DataError(ScienceError, ValueError):
    """The numbers given cannot carry the method (too few, wrong shape, not finite)."""


class DesignError(ScienceError, ValueError):
    """A chart, rule or model was asked for with settings that make no sense."""


class OverlapError(ScienceError, ValueError):
    """A rate was to be measured on rows that the limit was fitted on."""


class PlanError(ScienceError, ValueError):
    """Stored bytes are not a scoring plan, or not the plan that they claim to be."""


class NotFittedYetError(ScienceError, RuntimeError):
    """A model was used before `fit`."""


class PredictorError(ScienceError, ValueError):
    """An artefact of which no predictor can be made."""


class MissingEngineError(ScienceError, ImportError):
    """A model whose library is not installed; the message names the extra."""
