"""Which model an analyst may use: the active one of its use, or a fit that nobody governs.

A model is *governed* once a version of a use was drafted for the analyst: then only what is active
serves. A fit that nobody governs serves in demonstration and development homes, and is refused
where the word of a model counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.model_records import ModelDrafted
from goldenbatch.core.models import ModelFitted
from goldenbatch.core.records import HomeKind

if TYPE_CHECKING:
    from goldenbatch.core.analyst import State, TickView
    from goldenbatch.core.prediction import ServedModel
    from goldenbatch.core.records import Event

STRICT: Final = frozenset({HomeKind.VALIDATION, HomeKind.PRODUCTION})
_ASK: Final = "Use the laboratory; see `goldenbatch model list` and have a model made active."


class ModelInUse:
    """The artefact that an analyst may use at a tick, remembered in the analyst's state.

    The entries are `use` (None: not looked yet; empty: not governed), `model` (digest of the
    newest fit) and `kind` (of the home that it was fitted in).

    Args:
        name: Of the analyst.
        state: Its state, which is changed.
        view: What it may see.
        advice: What to do where no model may be used.
    """

    def __init__(self, name: str, state: State, view: TickView, advice: str = _ASK) -> None:
        self._name, self._state, self._view, self._advice = name, state, view, advice
        self._served: ServedModel | None = None
        self._is_found, self._found = False, ""
        self.why_not = ""
        if state.get("use") is None:
            state["use"] = self._first_use(view.events((ModelDrafted.kind,)))

    def _first_use(self, events: Sequence[Event]) -> str:
        """The use of the analyst's own name if there is one, else that drafted first."""
        bodies: list[Any] = [event.decode() for event in events]
        uses = [one.use for one in bodies if isinstance(one, ModelDrafted)
                and one.analyst == self._name]  # fmt: skip
        return self._name if self._name in uses else next(iter(uses), "")

    def take(self, event: Event) -> None:
        """Take a fit, or a draft that puts the analyst's model under control."""
        body = event.decode()
        if isinstance(body, ModelFitted) and body.name == self._name:
            self._state["model"] = body.digest
            self._state["kind"] = event.envelope.home_kind.value
        elif isinstance(body, ModelDrafted) and body.analyst == self._name:
            is_own = body.use == self._name
            self._state["use"] = body.use if is_own else self._state["use"] or body.use
        else:
            return
        self._is_found = False

    def artefact(self) -> str:
        """SHA-256 of the artefact in use; empty: none may be used, and `why_not` says why."""
        if not self._is_found:
            self._is_found, self._served, self.why_not = True, None, ""
            self._found = self._governed() if self._state["use"] else self._fitted()
        return self._found

    def _governed(self) -> str:
        try:
            self._served = self._view.model(self._state["use"])
        except NotFoundError as error:
            self.why_not = f"{error} {error.hint}".strip()
            return ""
        return self._served.ref.digest

    def _fitted(self) -> str:
        digest = str(self._state["model"])
        if digest and self._state.get("kind") is None:
            fits = self._view.events((ModelFitted.kind,), f"model/{self._name}")
            self._state["kind"] = fits[-1].envelope.home_kind.value if fits else ""
        if digest and self._state["kind"] in STRICT:
            self.why_not = (
                f"its model {digest[:12]} was fitted and never approved, which is not enough in a "
                f"{self._state['kind']} home. {self._advice}"
            )
            return ""
        return digest
