"""Losses: how much a residual counts, from least squares to heavy tails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DesignError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LossKind = Literal["squares", "huber", "soft_l1", "student"]


@dataclass(frozen=True)
class Loss:
    """Minus twice the log-likelihood of a standardised residual, up to a constant.

    Attributes:
        kind: `squares` (normal errors); `huber` and `soft_l1` grow linearly beyond `scale`;
            `student` grows with the logarithm, for gross errors.
        scale: Where `huber` and `soft_l1` turn, in standard deviations.
        freedom: Degrees of freedom of `student`.

    References:
        Huber 1964, doi:10.1214/aoms/1177703732; Lange, Little & Taylor 1989,
        doi:10.1080/01621459.1989.10478852.
    """

    kind: LossKind = "squares"
    scale: float = 1.345
    freedom: float = 4.0

    def __post_init__(self) -> None:
        """Refuse sizes that are no sizes."""
        if self.scale <= 0.0 or self.freedom <= 0.0:
            raise DesignError(
                f"a loss of scale {self.scale:g} with {self.freedom:g} degrees of freedom.",
                hint="Give both above zero.",
            )

    def rho(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value and its first two derivatives by the squared residual. Shape `(3, n)`.

        >>> Loss("huber", scale=1.0).rho(np.array([0.25, 4.0]))[0].tolist()
        [0.25, 3.0]
        """
        one, zero = np.ones_like(squares), np.zeros_like(squares)
        if self.kind == "squares":
            return np.stack([squares, one, zero])
        if self.kind == "student":
            of = self.freedom + squares
            value = (self.freedom + 1.0) * np.log1p(squares / self.freedom)
            return np.stack([value, (self.freedom + 1.0) / of, -(self.freedom + 1.0) / of**2])
        c2 = self.scale**2
        if self.kind == "soft_l1":
            root = np.sqrt(1.0 + squares / c2)
            return np.stack([2.0 * c2 * (root - 1.0), 1.0 / root, -0.5 / (c2 * root**3)])
        far = squares > c2
        root = np.sqrt(np.where(far, squares, c2))
        value = np.where(far, 2.0 * self.scale * root - c2, squares)
        return np.stack([value, self.scale / root, np.where(far, -0.5 * self.scale / root**3, 0.0)])

    def of_rows(self, n_data: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """The loss for the first `n_data` rows; the others (priors) are squares."""

        def rows(squares: NDArray[np.float64]) -> NDArray[np.float64]:
            rest = squares[n_data:]
            plain = np.stack([rest, np.ones_like(rest), np.zeros_like(rest)])
            return np.concatenate([self.rho(squares[:n_data]), plain], axis=1)

        return rows
