"""Maps from spectra of a second instrument to what the first would have seen.

Each map is affine and made on a few standards that both instruments measured. It becomes one step
of a scoring plan, after the steps of the master.

References:
    Wang, Veltkamp and Kowalski (1991), Anal. Chem. 63:2750, doi:10.1021/ac00023a016 (direct and
    piecewise direct standardisation).
    Du, Chen, Zhang, Wang, Rutan, Chen and Yu (2011), Anal. Chim. Acta 690:64,
    doi:10.1016/j.aca.2011.02.014 (spectral space transformation).
    Feudale et al. (2002), Chemom. Intell. Lab. Syst. 64:181, doi:10.1016/S0169-7439(02)00085-0
    (review).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, complete, matrix
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.steps import Step, StepKind

_TINY = 1e-10


class TransferKind(StrEnum):
    """Ways to make a second instrument read like the first."""

    OFFSET = "offset"
    DIRECT = "DS"
    PIECEWISE = "PDS"
    SPECTRAL_SPACE = "SST"
    SLOPE_BIAS = "slope/bias"


@dataclass(frozen=True, slots=True)
class TransferMethod:
    """One way with its size.

    Attributes:
        kind: see `TransferKind`.
        rank: directions that are kept: of all columns (DS, SST), of each window (PDS).
        half: columns on each side of the one that PDS predicts.
    """

    kind: TransferKind
    rank: int = 0
    half: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes that mean nothing."""
        needs_rank = self.kind not in (TransferKind.OFFSET, TransferKind.SLOPE_BIAS)
        if (self.rank < 1 and needs_rank) or self.half < 0:
            message = f"{self.kind.value} needs a rank of 1 or more and a half width of 0 or more"
            raise DesignError(message)

    def words(self) -> str:
        """Name with sizes.

        >>> TransferMethod(TransferKind.PIECEWISE, 2, 3).words()
        'PDS, window 7, rank 2'
        """
        window = f", window {2 * self.half + 1}" if self.kind is TransferKind.PIECEWISE else ""
        return f"{self.kind.value}{window}" + (f", rank {self.rank}" if self.rank else "")


def direct_standardisation(second: ArrayLike, master: ArrayLike, rank: int) -> Step:
    """Regress all columns of the master on the leading directions of the second instrument.

    Args:
        second: standards on the second instrument, shape (n, p).
        master: the same standards on the first, in the same order, shape (n, p).
        rank: directions kept, at most n - 1.

    Raises:
        DataError: the standards do not match, or a value is missing.

    >>> second = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]])
    >>> step = direct_standardisation(second, 2 * second + 1, 2)
    >>> step.apply(np.array([[4.0, 4.0]])).round(6).tolist()
    [[9.0, 9.0]]
    """
    S, M = _pairs(second, master)
    mean_s, mean_m = S.mean(axis=0), M.mean(axis=0)
    V, weights = _regression(S - mean_s, M - mean_m, rank)
    constant = mean_m - (mean_s @ V.T) @ weights
    return _low_rank(constant, np.zeros(len(mean_s)), V, weights)


def piecewise_direct_standardisation(
    second: ArrayLike, master: ArrayLike, half: int, rank: int
) -> Step:
    """Regress each column of the master on the neighbours of it on the second instrument.

    Args:
        second: standards on the second instrument, shape (n, p).
        master: the same standards on the first, in the same order, shape (n, p).
        half: neighbours on each side.
        rank: directions of each window that are kept.

    Raises:
        DataError: the standards do not match, or a value is missing.

    >>> second = np.array([[1.0, 2.0, 4.0], [2.0, 1.0, 0.0], [3.0, 5.0, 1.0]])
    >>> step = piecewise_direct_standardisation(second, 2 * second + 1, 0, 1)
    >>> step.apply(np.array([[4.0, 4.0, 1.0]])).round(6).tolist()
    [[9.0, 9.0, 3.0]]
    """
    S, M = _pairs(second, master)
    n_columns = S.shape[1]
    mean_s, mean_m = S.mean(axis=0), M.mean(axis=0)
    S, M = S - mean_s, M - mean_m
    numbers = np.zeros((2 * half + 2, n_columns))
    for j in range(n_columns):
        first, end = max(0, j - half), min(n_columns, j + half + 1)
        V, weights = _regression(S[:, first:end], M[:, j : j + 1], rank)
        band = V.T @ weights[:, 0]
        numbers[1 + half + first - j : 1 + half + end - j, j] = band
        numbers[0, j] = mean_m[j] - mean_s[first:end] @ band
    return Step(StepKind.BANDED, numbers)


def spectral_space_transformation(second: ArrayLike, master: ArrayLike, rank: int) -> Step:
    """Turn the directions that both instruments share into those of the master.

    What the standards do not span passes as it is.

    Args:
        second: standards on the second instrument, shape (n, p).
        master: the same standards on the first, in the same order, shape (n, p).
        rank: shared directions kept, at most n.

    Raises:
        DataError: the standards do not match, or a value is missing.

    >>> second = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]])
    >>> step = spectral_space_transformation(second, 2 * second, 2)
    >>> step.apply(np.array([[4.0, 1.0]])).round(6).tolist()
    [[8.0, 2.0]]
    """
    S, M = _pairs(second, master)
    n_columns = S.shape[1]
    _, sizes, V = np.linalg.svd(np.hstack([M, S]), full_matrices=False)
    r = min(rank, int((sizes > _TINY * sizes[0]).sum()))
    own, other = V[:r, :n_columns], V[:r, n_columns:]
    inner = np.linalg.pinv(other)
    return _low_rank(np.zeros(n_columns), np.ones(n_columns), inner.T, own - other)


def offset(second: ArrayLike, master: ArrayLike) -> Step:
    """Add the difference of the mean spectra.

    >>> offset([[1.0, 2.0], [3.0, 2.0]], [[2.0, 2.0], [4.0, 2.0]]).apply(np.zeros((1, 2))).tolist()
    [[1.0, 0.0]]
    """
    S, M = _pairs(second, master)
    shift = M.mean(axis=0) - S.mean(axis=0)
    nothing = np.zeros((0, S.shape[1]))
    return _low_rank(shift, np.ones(S.shape[1]), nothing, nothing)


def fit_map(method: TransferMethod, second: ArrayLike, master: ArrayLike) -> Step | None:
    """Return the step of a method; None for slope and bias, which leave spectra as they are.

    >>> fit_map(TransferMethod(TransferKind.SLOPE_BIAS), np.eye(3), np.eye(3)) is None
    True
    """
    if method.kind is TransferKind.OFFSET:
        return offset(second, master)
    if method.kind is TransferKind.DIRECT:
        return direct_standardisation(second, master, method.rank)
    if method.kind is TransferKind.PIECEWISE:
        return piecewise_direct_standardisation(second, master, method.half, method.rank)
    if method.kind is TransferKind.SPECTRAL_SPACE:
        return spectral_space_transformation(second, master, method.rank)
    return None


def _pairs(second: ArrayLike, master: ArrayLike) -> tuple[Floats, Floats]:
    S, M = (
        complete(matrix(one, name), name)
        for one, name in ((second, "standards of the second"), (master, "standards of the first"))
    )
    if S.shape != M.shape or len(S) < 2:
        message = f"standards have shapes {S.shape} and {M.shape}; give 2 or more, in pairs"
        raise DataError(message)
    return S, M


def _regression(S: Floats, M: Floats, rank: int) -> tuple[Floats, Floats]:
    """Principal component regression of centred rows: directions in, and what each gives."""
    U, sizes, V = np.linalg.svd(S, full_matrices=False)
    r = min(rank, int((sizes > _TINY * max(float(sizes[0]), 1e-300)).sum()))
    return V[:r], (U[:, :r].T @ M) / sizes[:r, None]


def _low_rank(constant: Floats, kept: Floats, inner: Floats, outer: Floats) -> Step:
    return Step(StepKind.LOW_RANK, np.vstack([constant, kept, inner, outer]))
