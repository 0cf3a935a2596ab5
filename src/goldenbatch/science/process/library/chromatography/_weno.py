"""Weighted essentially non-oscillatory reconstruction at the downstream faces of cells.

References:
    Jiang and Shu 1996, doi:10.1006/jcph.1996.0130;
    von Lieres and Andersson 2010, doi:10.1016/j.compchemeng.2010.03.008 (columns).
"""

from __future__ import annotations

from typing import Any

from goldenbatch.science.process._casadi import ca


def faces(c: Any, inlet: Any, order: int, eps: Any) -> Any:
    """Values at the downstream faces, for flow from the first cell to the last.

    Beyond the ends stand the inlet value and the last cell's own; where the wide stencil
    would reach further, the narrow one serves.

    Args:
        c: Cell averages. Shape `(n_cells,)`.
        inlet: Value before the first cell.
        order: 1 (upwind), 3 or 5: of the scheme where the solution is smooth.
        eps: Keeps weights finite, in squared units of `c`.
    """
    n_cells = c.shape[0]
    if order == 1:
        return c
    wide = ca.vertcat(inlet, c, c[n_cells - 1])
    narrow = _third(wide[:-2], wide[1:-1], wide[2:], eps)
    if order == 3 or n_cells < 6:
        return narrow
    inner = _fifth([c[k : n_cells - 4 + k] for k in range(5)], eps)
    return ca.vertcat(narrow[:2], inner, narrow[n_cells - 2 :])


def _third(a: Any, b: Any, c: Any, eps: Any) -> Any:
    w0 = (1.0 / 3.0) / (eps + (b - a) ** 2) ** 2
    w1 = (2.0 / 3.0) / (eps + (c - b) ** 2) ** 2
    return (w0 * (1.5 * b - 0.5 * a) + w1 * 0.5 * (b + c)) / (w0 + w1)


def _fifth(stencil: list[Any], eps: Any) -> Any:
    a, b, c, d, e = stencil
    curve = 13.0 / 12.0
    smoothness = (
        curve * (a - 2.0 * b + c) ** 2 + 0.25 * (a - 4.0 * b + 3.0 * c) ** 2,
        curve * (b - 2.0 * c + d) ** 2 + 0.25 * (b - d) ** 2,
        curve * (c - 2.0 * d + e) ** 2 + 0.25 * (3.0 * c - 4.0 * d + e) ** 2,
    )
    w0, w1, w2 = (
        ideal / (eps + beta) ** 2 for ideal, beta in zip((0.1, 0.6, 0.3), smoothness, strict=True)
    )
    p0 = (2.0 * a - 7.0 * b + 11.0 * c) / 6.0
    p1 = (-b + 5.0 * c + 2.0 * d) / 6.0
    p2 = (2.0 * c + 5.0 * d - e) / 6.0
    return (w0 * p0 + w1 * p1 + w2 * p2) / (w0 + w1 + w2)
