"""What an analyst must know of a version that runs: its artefact, inputs, context and error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self, cast

from goldenbatch.core.errors import BadInputError, GoldenbatchError
from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_line import LineState, line_state
from goldenbatch.core.model_records import (
    ModelActivated,
    ModelRetired,
    ModelSuspended,
    line_stream,
)
from goldenbatch.core.records import record_types
from goldenbatch.core.series import Quality
from goldenbatch.science.errors import ScienceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from goldenbatch.core.analyst import TickView
    from goldenbatch.core.model_card import IntendedUse
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import LedgerPort
    from goldenbatch.science.predictors import Predictor

    Floats = NDArray[np.float64]

LINE_KINDS: Final = (ModelActivated.kind, ModelSuspended.kind, ModelRetired.kind)


@dataclass(frozen=True)
class Watched:
    """A version that runs on live inputs; plain JSON by `to_json`.

    Attributes:
        since: Number of the event in the ledger by which it runs.
        output: Attribute that it says; results of this name are its reference.
        tags: Tag of each input of the artefact, in order; one alone where it is of arrays.
        is_array: The inputs are the channels of one array tag.
        inputs: Names of the artefact's inputs.
        lower, upper: Range of each input that the intended use states; None: no bound.
        places: Places of the context of use.
        error: Validated error (bound of the RMSE in its own test); None: the test has none.
        batches: Batches that it was trained on.
        unable: Why its rows cannot be had live; empty where they can.
    """

    use: str
    version: int
    since: int
    digest: str
    media_type: str
    output: str
    unit: str
    tags: tuple[str, ...]
    is_array: bool
    inputs: tuple[str, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]
    products: tuple[str, ...]
    places: tuple[str, ...]
    phases: tuple[str, ...]
    error: float | None
    batches: tuple[str, ...]
    unable: str = ""

    @property
    def label(self) -> str:
        """As people name it: `use@version`."""
        return f"{self.use}@{self.version}"

    @property
    def place(self) -> str:
        """Place of the context that its first input is read at."""
        own = self.tags[0].rpartition("/")[0] if self.tags else ""
        around = [one for one in self.places if own == one or own.startswith(f"{one}/")]
        return max(around, key=len) if around else self.places[0]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: list(one) if isinstance(one, tuple) else one
                for name, one in asdict(self).items()}  # fmt: skip

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        values: dict[str, Any] = {
            name: tuple(one) if isinstance(one, list) else one for name, one in plain.items()
        }
        return cls(**values)


class _Streams:
    """Streams of models as a tick shows them, for the folds of core."""

    def __init__(self, view: TickView) -> None:
        self._view = view

    def stream(self, name: str, after: int = 0) -> Sequence[Event]:
        """Events of a stream."""
        # All kinds: a signature covers whatever stood in the stream when it was shown.
        events = self._view.events(tuple(record_types()), name)
        return [one for one in events if one.stream == name and one.envelope.version > after]


def line_at(view: TickView, use: str) -> LineState:
    """Which version of a use serves at a tick."""
    return line_state(use, _Streams(view).stream(line_stream(use)))


def version_at(view: TickView, use: str, version: int) -> VersionState:
    """A version as a tick shows it.

    Raises:
        NotFoundError: It was never drafted.
    """
    return load_version(cast("LedgerPort", _Streams(view)), use, version)


def watched_at(view: TickView, state: VersionState, since: int, models: Models) -> Watched | None:
    """What must be known of a version; None where it was never trained or has no stated use."""
    trained, intended = state.trained, state.intended
    if trained is None or intended is None:
        return None
    entries: dict[str, Any] = {
        "use": state.draft.use, "version": state.draft.version, "since": since,
        "digest": trained.digest, "media_type": trained.media_type,
        "output": intended.output, "unit": intended.output_unit,
        "products": intended.context.products, "places": intended.context.places,
        "phases": intended.context.phases, "error": _validated_error(state),
        "batches": trained.data.batches,
    }  # fmt: skip
    try:
        names = tuple(models.predictor(view, trained.digest, trained.media_type).facts.inputs)
        tags, is_array = _tags(intended, names)
    except (GoldenbatchError, ScienceError) as error:
        nothing: dict[str, Any] = {"tags": (), "inputs": (), "lower": (), "upper": ()}
        return Watched(**entries, **nothing, is_array=False, unable=str(error))
    ranges = {one.name: (one.lower, one.upper) for one in intended.inputs}
    whole = next(iter(ranges.values())) if is_array else (None, None)
    bounds = [ranges.get(name, whole) for name in names]
    lower, upper = (tuple(one[side] for one in bounds) for side in (0, 1))
    return Watched(**entries, tags=tags, is_array=is_array, inputs=names, lower=lower, upper=upper)


def _validated_error(state: VersionState) -> float | None:
    """RMSE of its own test: the upper bound, which is the careful one, where there is one."""
    for one in state.tested.outcomes if state.tested is not None else ():
        if one.criterion.measure == "rmse" and not one.criterion.subgroup:
            value = one.estimate if one.upper is None else one.upper
            return value if 0 < value < float("inf") else None
    return None


def _tags(intended: IntendedUse, names: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """Tags of the artefact's inputs, and whether they are channels of one array tag."""
    stated = {one.name: one.tag or one.name for one in intended.inputs}
    if len(stated) == 1 and (len(names) > 1 or names[0] not in stated):
        return tuple(stated.values()), True
    tags = tuple(stated.get(name, name) for name in names)
    foreign = [one for one in tags if "/" not in one]
    if foreign:
        raise BadInputError(
            f"the input {foreign[0]!r} is read from no tag.",
            hint="Name the tag of each input in the intended use; results are no live inputs.",
            key="inputs",
        )
    return tags, False


class Models:
    """Predictors of artefacts, each made once; the one place where analysts load them."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Predictor] = {}

    def predictor(self, view: TickView, digest: str, media_type: str) -> Predictor:
        """The predictor of an artefact.

        Raises:
            IntegrityError: The artefact is not the one that was recorded.
            ScienceError: Nothing predicts by it.
        """
        from goldenbatch.science.predictors import load_predictor

        key = (digest, media_type)
        if key not in self._made:
            if len(self._made) > 16:
                self._made.clear()
            self._made[key] = load_predictor(view.artefact(digest), media_type)
        return self._made[key]

    def predict(self, view: TickView, model: Watched, rows: Floats) -> Told:
        """What a version says of rows of shape (n_rows, n_inputs); NaN where it cannot."""
        said = self.predictor(view, model.digest, model.media_type).predict(rows)
        is_within = said.in_domain & _within(rows, model)
        return Told(said.value[:, 0], said.lower[:, 0], said.upper[:, 0], is_within)


def _within(rows: Floats, model: Watched) -> NDArray[np.bool_]:
    """Whether each row lies in the ranges that the intended use states."""
    import numpy as np

    lower = np.array([-np.inf if one is None else one for one in model.lower])
    upper = np.array([np.inf if one is None else one for one in model.upper])
    return np.asarray(((rows >= lower) & (rows <= upper)).all(axis=1))


@dataclass(frozen=True, eq=False)
class Told:
    """What a version says of rows; each of shape (n_rows,)."""

    value: Floats
    lower: Floats
    upper: Floats
    in_domain: NDArray[np.bool_]

    def quality(self, row: int) -> int:
        """Quality of one of them as a reading: bad without a value, uncertain out of domain."""
        if self.value[row] != self.value[row]:
            return int(Quality.BAD)
        return int(Quality.GOOD if self.in_domain[row] else Quality.UNCERTAIN)
