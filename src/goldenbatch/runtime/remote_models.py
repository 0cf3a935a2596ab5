"""Models that serve, through a node: the same call and the same bits as in the node itself."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.model_card import ContextOfUse
from goldenbatch.core.prediction import ModelRef, Prediction, PredictionBlock, input_digest

if TYPE_CHECKING:
    from goldenbatch.core.prediction import PredictionsMade
    from goldenbatch.core.series import Floats
    from goldenbatch.core.site import HistorianPort
    from goldenbatch.runtime.remote import NodeClient

CELLS: Final = 200_000
"""Values that are sent at a time."""

_COLUMNS: Final = ("value", "lower", "upper", "outside", "baseline", "contributions")


class RemoteServed:
    """A model of a node; satisfies `goldenbatch.core.prediction.ServedModel`.

    Args:
        client: Of the node.
        facts: What the node says of it.
        is_active: Refuse to predict once it serves no more.
    """

    def __init__(self, client: NodeClient, facts: Mapping[str, Any], *, is_active: bool) -> None:
        self._client, self._is_active = client, is_active
        self._ref = ModelRef(facts["use"], int(facts["version"]), facts["digest"])
        self._inputs = tuple(facts["inputs"])
        self._unit, self._contingency = str(facts["unit"]), str(facts["contingency"])
        self._context = ContextOfUse.model_validate(facts["context"])

    @property
    def ref(self) -> ModelRef:
        """Which model in which version."""
        return self._ref

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of its inputs, in order."""
        return self._inputs

    @property
    def unit(self) -> str:
        """UCUM code of the output."""
        return self._unit

    @property
    def contingency(self) -> str:
        """What is done where there is no valid prediction."""
        return self._contingency

    @property
    def context(self) -> ContextOfUse:
        """Products, places and phases that it may be used for."""
        return self._context

    def predict(self, rows: Floats, *, explain: bool = True) -> PredictionBlock:
        """Predict rows, shape (n_rows, n_inputs); NaN where missing.

        Raises:
            BadInputError: The shape is not that of the inputs, or they are no numbers.
            ConflictError: Another version serves by now.
            NotFoundError: None serves by now; the contingency is named.
            IntegrityError: The node predicted other rows than were sent.
        """
        import numpy as np

        from goldenbatch.runtime._served_rows import canonical_rows

        table = canonical_rows(rows, self._inputs)
        parts = list(self._parts(table, explain=explain))
        found: dict[str, Any] = {
            name: None if parts[0][name] is None else _joined([one[name] for one in parts])
            for name in _COLUMNS
        }
        contributors = tuple(parts[0]["contributors"])
        if found["contributions"] is not None:
            found["contributions"] = found["contributions"].reshape(len(table), len(contributors))
        return PredictionBlock(
            values=found["value"],
            lower=found["lower"],
            upper=found["upper"],
            confidence=parts[0]["confidence"],
            contributions=found["contributions"],
            baseline=found["baseline"],
            contributors=contributors,
            outside=found["outside"].astype(np.int64),
            inputs=self._inputs,
            model=self._ref,
            input_digest=input_digest(self._inputs, len(table), [table.data] if table.size else []),
        )

    def _parts(self, table: Floats, *, explain: bool) -> Iterator[dict[str, Any]]:
        step = max(1, CELLS // max(1, len(self._inputs)))
        path = f"/models/{quote(self._ref.use, safe='')}/predict"
        for start in range(0, max(1, len(table)), step):
            part = table[start : start + step]
            form = {
                "rows": [[_sent(one) for one in row] for row in part.tolist()],
                "explain": explain,
                "version": self._ref.version,
                "is_active": self._is_active,
            }
            answer = self._client.post(path, form)
            told = input_digest(self._inputs, len(part), [part.data] if part.size else [])
            if (answer["input_digest"], answer["digest"]) != (told, self._ref.digest):
                raise IntegrityError(
                    f"the node predicted other rows, or by another artefact, than {self._ref} was "
                    "asked for.",
                    hint="Client and node may be of different versions: update both.",
                )
            yield answer

    def predict_one(
        self, row: Mapping[str, float | None] | Sequence[float | None], *, explain: bool = True
    ) -> Prediction:
        """Predict one row, by names or in the order of the inputs; None where missing.

        Raises:
            BadInputError: An input is missing in name, unknown, or no number.
        """
        from goldenbatch.runtime._served_rows import prediction_of, row_of

        block = self.predict(row_of(row, self._ref.use, self._inputs), explain=explain)
        return prediction_of(block, "")


def _sent(value: float) -> float | str | None:
    """A number as JSON can carry it."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else repr(value)


def _joined(columns: Sequence[Sequence[Any]]) -> Any:
    import numpy as np

    found = [np.array(one, dtype=np.float64) for one in columns]
    return found[0] if len(found) == 1 else np.concatenate(found)


class RemoteModels:
    """Models of a node; satisfies `goldenbatch.core.prediction.ModelsPort`."""

    def __init__(self, client: NodeClient, historian: HistorianPort) -> None:
        self._client, self._historian = client, historian

    def active(self, use: str) -> RemoteServed:
        """The active version of a use; it refuses to predict once it serves no more.

        Raises:
            NotFoundError: No version is active; the hint names the contingency.
            IntegrityError: The artefact is not the approved one, or the approval does not stand.
        """
        return RemoteServed(self._client, self._facts(use, 0), is_active=True)

    def version(self, use: str, version: int) -> RemoteServed:
        """A certain version, for a test, a shadow or a replay; never for an act.

        Raises:
            NotFoundError: There is none, or it was never trained.
            IntegrityError: The artefact is not the one that was trained.
        """
        return RemoteServed(self._client, self._facts(use, version), is_active=False)

    def _facts(self, use: str, version: int) -> Mapping[str, Any]:
        path = f"/models/{quote(use, safe='')}/served"
        facts: Mapping[str, Any] = self._client.get(path, version=version)
        return facts

    def log(self, made: PredictionsMade, key: str) -> tuple[int, ...]:
        """Log predictions that are acted on, with their inputs; the same key again adds nothing.

        Raises:
            BadInputError: The times do not rise, or are not one a row.
        """
        from goldenbatch.runtime.prediction_log import write_log

        return write_log(self._historian, made, key, time.time_ns() // 1000)
