"""Model cards as files: what people write before a model is drafted, stated and tested."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.model_card import USE_PATTERN, Criterion, IntendedUse


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Acceptance(_Strict):
    """What the test must show, fixed before it.

    Attributes:
        criteria: The criteria, in their order.
        n_least: Least number of independent rows of the test.
        reason: Why these, and why so many rows.
    """

    criteria: tuple[Criterion, ...] = Field(min_length=1)
    n_least: int = Field(ge=2)
    reason: str = Field(min_length=1)


class ModelCard(_Strict):
    """A model card; each part is recorded by the person whose word it is.

    Attributes:
        use: Name of the intended use; its versions are one line.
        title: For people.
        owner: Role or department that answers for it.
        method: Kind of model, such as `PLS on treated spectra`.
        explanation: How its predictions are explained, or why not.
        analyst: Analyst of this home whose model it is; empty: none.
        intended: What it is for, and where (`model intend`).
        acceptance: What its test must show (`model criteria`).
    """

    schema_: Literal["goldenbatch/model-card/1"] = Field(alias="schema")
    use: str = Field(pattern=USE_PATTERN)
    title: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    method: str = Field(min_length=1)
    explanation: str = ""
    analyst: str = ""
    intended: IntendedUse | None = None
    acceptance: Acceptance | None = None

    def entries(self) -> dict[str, Any]:
        """What the draft takes of it, as plain values."""
        names = {"use", "title", "owner", "method", "explanation", "analyst"}
        return {name: one for name, one in self.model_dump(include=names).items() if one}

    def part(self, name: Literal["intended", "acceptance"]) -> dict[str, Any]:
        """A part of it, as plain values.

        Raises:
            BadInputError: The card has none.
        """
        found: BaseModel | None = getattr(self, name)
        if found is None:
            raise BadInputError(f"the card has no [{name}].", hint="Write it.", key=name)
        return found.model_dump(mode="json")


def load_model_card(text: str, file: str = "") -> ModelCard:
    """Read a model card from TOML.

    Raises:
        BadInputError: It is no model card; file, line and key are named.
    """
    data = read_toml(text, file)
    try:
        return ModelCard.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error
