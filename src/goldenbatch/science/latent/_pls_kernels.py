"""Fits of partial least squares on centred arrays; no component depends on later ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError

_TINY = 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class Bilinear:
    """Scores T (n, a), weights W (a, p), loadings P (a, p) and target loadings Q (m, a).

    `is_direct` says that the weights apply to the rows themselves (SIMPLS), not to residuals.
    """

    T: Floats
    W: Floats
    P: Floats
    Q: Floats
    is_direct: bool

    def projection(self, a: int) -> Floats:
        """Return R of shape (a, p) with T = Z R'; row i does not depend on later components."""
        if self.is_direct:
            return self.W[:a]
        return np.asarray(np.linalg.solve((self.P[:a] @ self.W[:a].T).T, self.W[:a]))


def fit_nipals(Z: Floats, Y: Floats, n_components: int) -> Bilinear:
    """NIPALS (Wold et al. 2001, section 3); NaN in Z is left out of each regression."""
    known = (~np.isnan(Z)).astype(np.float64)
    rest, left = np.where(known > 0, Z, 0.0), Y.copy()
    has_gaps = not known.all()
    size = float(np.sum(rest**2))
    found: list[tuple[Floats, Floats, Floats, Floats]] = []
    for a in range(n_components):
        w = _weights(rest, left)
        if has_gaps:
            t = (rest @ w) / np.maximum(known @ (w * w), 1e-300)
            p = (rest.T @ t) / np.maximum(known.T @ (t * t), 1e-300)
        else:
            t = rest @ w
            p = rest.T @ t / max(float(t @ t), 1e-300)
        if float(t @ t) <= _TINY * size:
            message = f"only {a} components carry any variation; ask for no more"
            raise DataError(message)
        q = left.T @ t / float(t @ t)
        rest = rest - np.outer(t, p) * known
        left = left - np.outer(t, q)
        found.append((t, w, p, q))
    return _bilinear(found, is_direct=False)


def fit_simpls(Z: Floats, Y: Floats, n_components: int) -> Bilinear:
    """SIMPLS (de Jong 1993, appendix)."""
    S = Z.T @ Y
    size = float(np.sum(Z**2))
    found: list[tuple[Floats, Floats, Floats, Floats]] = []
    V = np.empty((0, Z.shape[1]))
    for a in range(n_components):
        U, _, _ = np.linalg.svd(S, full_matrices=False)
        r = U[:, 0]
        r = r * np.sign(r[np.abs(r).argmax()])
        t = Z @ r
        norm = float(np.linalg.norm(t))
        if norm * norm <= _TINY * size:
            message = f"only {a} components carry any variation; ask for no more"
            raise DataError(message)
        t, r = t / norm, r / norm
        p, q = Z.T @ t, Y.T @ t
        # Twice, because one Gram-Schmidt pass loses orthogonality when p is nearly in V.
        v = p - V.T @ (V @ p)
        v = v - V.T @ (V @ v)
        v /= np.linalg.norm(v)
        V = np.vstack([V, v])
        S = S - np.outer(v, v @ S)
        found.append((t, r, p, q))
    return _bilinear(found, is_direct=True)


def _bilinear(found: list[tuple[Floats, Floats, Floats, Floats]], *, is_direct: bool) -> Bilinear:
    T, W, P, Q = (np.stack(parts) for parts in zip(*found, strict=True))
    return Bilinear(T.T, W, P, Q.T, is_direct)


def _weights(rest: Floats, left: Floats) -> Floats:
    """Dominant left singular vector of X'Y: where the power iteration of NIPALS ends."""
    covariance = rest.T @ left
    if covariance.shape[1] > 1:
        U, _, _ = np.linalg.svd(covariance, full_matrices=False)
        w = U[:, 0] * np.sign(U[np.abs(U[:, 0]).argmax(), 0])
    else:
        w = covariance[:, 0]
    norm = float(np.linalg.norm(w))
    if norm == 0.0:
        message = "nothing in X goes along with y any more; ask for fewer components"
        raise DataError(message)
    return np.asarray(w / norm)
