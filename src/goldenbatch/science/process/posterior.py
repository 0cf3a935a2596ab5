"""What is believed of a model's parameters: draws, with the digest that predictions carry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.declarations import Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model


@dataclass(frozen=True)
class Posterior:
    """Draws of parameters, each row as likely as any other.

    Attributes:
        model: Name of the model.
        model_digest: Digest of the model that they were fitted with.
        names: Columns: names of parameters; `x0.<state>` for an initial state.
        draws: Shape `(n_draws, n_names)`, in the declared units.
        method: How they were found, such as `prior` or `laplace`.
        source: Digest of the data that they rest on; empty for a prior.
    """

    model: str
    model_digest: str
    names: tuple[str, ...]
    draws: NDArray[np.float64]
    method: str
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse draws that are not numbers, one column a name."""
        if self.draws.ndim != 2 or self.draws.shape[1] != len(self.names):
            raise DataError(
                f"draws of {self.model} have shape {self.draws.shape} for {len(self.names)} names.",
                hint="Give one column for each name.",
            )
        if not len(self.draws):
            raise DataError(f"the posterior of {self.model} has no draw.", hint="Fit again.")
        if not np.isfinite(self.draws).all():
            raise DataError(f"draws of {self.model} are not all finite.", hint="Fit again.")

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        head = [self.model, self.model_digest, list(self.names), self.method, self.source]
        hasher = hashlib.sha256(json.dumps(head, ensure_ascii=False).encode())
        hasher.update(np.ascontiguousarray(self.draws, dtype="<f8").tobytes())
        return hasher.hexdigest()

    @property
    def mean(self) -> NDArray[np.float64]:
        """Shape `(n_names,)`."""
        mean: NDArray[np.float64] = self.draws.mean(axis=0)
        return mean

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Shape `(n_names, n_names)`."""
        return np.atleast_2d(np.cov(self.draws, rowvar=False))

    def member(self, row: int) -> tuple[dict[str, float], dict[str, float]]:
        """Parameters and initial states of one draw, as `simulate` takes them."""
        pairs = [*zip(self.names, map(float, self.draws[row]), strict=True)]
        start = {name.removeprefix("x0."): value for name, value in pairs if name.startswith("x0.")}
        return {name: value for name, value in pairs if not name.startswith("x0.")}, start

    def check(self, model: Model) -> None:
        """Refuse a model that these draws were not fitted with.

        Raises:
            DataError: The digests differ.
        """
        if self.model_digest != model.digest:
            raise DataError(
                f"the posterior is of {self.model} {self.model_digest[:12]}, the model is "
                f"{model.name} {model.digest[:12]}.",
                hint="Fit this version of the model to the data again.",
            )

    def to_dict(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "schema": "goldenbatch/posterior/1", "model": self.model,
            "model_digest": self.model_digest, "names": list(self.names), "method": self.method,
            "source": self.source, "digest": self.digest, "draws": self.draws.tolist(),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, read: Mapping[str, Any]) -> Posterior:
        """Read what `to_dict` wrote.

        Raises:
            DataError: Something is missing, of another schema, or not what was written.
        """
        if not isinstance(read, Mapping) or not isinstance(read.get("draws", []), list):
            raise DataError("this is no posterior.", hint="Give a file of `goldenbatch twin fit`.")
        if read.get("schema") != "goldenbatch/posterior/1":
            raise DataError(
                f"schema {read.get('schema')!r} is no posterior.",
                hint="Give a file that `goldenbatch twin fit` wrote.",
            )
        try:
            found = cls(
                read["model"], read["model_digest"], tuple(read["names"]),
                np.array(read["draws"], dtype=float), read["method"], read["source"],
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the posterior cannot be read: {error}", hint="") from error
        if read.get("digest", found.digest) != found.digest:
            raise DataError(
                f"the posterior of {found.model} was changed after it was written.",
                hint="Fit again; a belief of your own is a prior of the model.",
            )
        return found


def prior(model: Model, n_draws: int, seed: int, names: Sequence[str] | None = None) -> Posterior:
    """Draws from the declared priors, inside the physical bounds.

    Args:
        model: Its parameters with a prior are drawn.
        n_draws: How many.
        seed: Of the generator.
        names: Only these.

    Raises:
        DataError: A name has no prior, or its prior lies outside its bounds.
    """
    random = np.random.default_rng(seed)
    chosen = [one for one in model.parameters if one.prior is not None]
    if names is not None:
        known = {one.name: one for one in chosen}
        missing = [name for name in names if name not in known]
        if missing:
            raise DataError(
                f"parameter {missing[0]!r} of {model.name} has no prior.", hint="Declare one."
            )
        chosen = [known[name] for name in names]
    columns = [_draw(one, n_draws, random) for one in chosen]
    elements = tuple(element for one in chosen for element in one.elements)
    draws = np.concatenate(columns, axis=1) if columns else np.empty((n_draws, 0))
    return Posterior(model.name, model.digest, elements, draws, f"prior, seed {seed}")


def _draw(one: Parameter, n_draws: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Draws of one parameter, taken again where they fall outside its bounds."""
    centre = np.array(one.value)
    found = np.empty((0, one.size))
    for _ in range(100):
        found = np.concatenate([found, _raw(one, centre, n_draws, random)])
        found = found[((found >= one.lower) & (found <= one.upper)).all(axis=1)]
        if len(found) >= n_draws:
            return found[:n_draws]
    raise DataError(
        f"the prior of {one.name!r} hardly touches its bounds.", hint="Correct prior or bounds."
    )


def _raw(
    one: Parameter, centre: NDArray[np.float64], n: int, random: np.random.Generator
) -> NDArray[np.float64]:
    prior_of = one.prior
    if prior_of is None or prior_of.kind == "uniform":
        return random.uniform(one.lower, one.upper, (n, one.size))
    noise = prior_of.sd * random.standard_normal((n, one.size))
    return centre + noise if prior_of.kind == "normal" else centre * np.exp(noise)
