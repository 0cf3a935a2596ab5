"""Rodas5P over many members: adaptive steps, dense LU, one interval of the recipe at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from goldenbatch.science.process.ensembles._numba import numba
from goldenbatch.science.process.ensembles._tableau import (
    ALPHA,
    DELTA,
    GAMMA,
    N_STAGES,
    ORDER_EMBEDDED,
    A,
    C,
)

SMALLEST = 1e-13
DONE, TOO_MANY, TOO_SMALL, SINGULAR = 0, 1, 2, 3
_EXPONENT = -1.0 / (ORDER_EMBEDDED + 1.0)
_inline = numba.njit(nogil=True, error_model="numpy")


@_inline
def factorise(w: Any, pivots: Any) -> bool:
    """LU with partial pivoting in place; False where it is singular."""
    n = w.shape[0]
    for k in range(n):
        best = k
        for i in range(k + 1, n):
            if abs(w[i, k]) > abs(w[best, k]):
                best = i
        pivots[k] = best
        if not abs(w[best, k]) > 0.0:
            return False
        if best != k:
            for j in range(n):
                w[k, j], w[best, j] = w[best, j], w[k, j]
        inverse = 1.0 / w[k, k]
        for i in range(k + 1, n):
            if w[i, k] != 0.0:
                w[i, k] *= inverse
                for j in range(k + 1, n):
                    w[i, j] -= w[i, k] * w[k, j]
    return True


@_inline
def substitute(w: Any, pivots: Any, b: Any) -> None:
    """Solve with the factors of `factorise`, in place."""
    n = w.shape[0]
    for k in range(n):
        if pivots[k] != k:
            b[k], b[pivots[k]] = b[pivots[k]], b[k]
    for i in range(1, n):
        total = b[i]
        for j in range(i):
            total -= w[i, j] * b[j]
        b[i] = total
    for i in range(n - 1, -1, -1):
        total = b[i]
        for j in range(i + 1, n):
            total -= w[i, j] * b[j]
        b[i] = total / w[i, i]


@_inline
def error_norm(error: Any, old: Any, new: Any, rtol: float, atol: float) -> Any:
    """Root mean square of the error in units of the tolerance; infinite where it is no number."""
    total = 0.0
    for i in range(error.shape[0]):
        part = error[i] / (atol + rtol * max(abs(old[i]), abs(new[i])))
        total += part * part
    value = (total / error.shape[0]) ** 0.5
    return 1e300 if np.isnan(value) else value


@_inline
def first_step(y: Any, dy: Any, rtol: float, atol: float) -> Any:
    """A careful first step: the states move by a hundredth of themselves (Hairer, II.4)."""
    size = 0.0
    speed = 0.0
    for i in range(y.shape[0]):
        weight = atol + rtol * abs(y[i])
        size += (y[i] / weight) ** 2
        speed += (dy[i] / weight) ** 2
    if size < 1e-10 or speed < 1e-10:
        return 1e-4
    return 0.01 * (size / speed) ** 0.5


def make_stages(rhs: Any) -> Any:
    """Compiled stages of one step, from the intrinsic of the right-hand side."""

    @_inline
    def stages(tau: float, h: float, y: Any, packed: Any, room: Any) -> None:
        """All stages: the new states are left in `new`, their error in the last row of `k`."""
        k, new, dy, slopes, w, pivots = room
        n = y.shape[0]
        for s in range(N_STAGES):
            if s > 0:
                for i in range(n):
                    total = y[i]
                    for j in range(s):
                        total += A[s, j] * k[j, i]
                    new[i] = total
                rhs(tau + ALPHA[s] * h, new, packed, dy)
            for i in range(n):
                total = dy[i] + DELTA[s] * h * slopes[n + n * n + i]
                for j in range(s):
                    total += C[s, j] / h * k[j, i]
                k[s, i] = total
            substitute(w, pivots, k[s])
        for i in range(n):
            new[i] += k[N_STAGES - 1, i]

    return stages


@_inline
def copy(target: Any, start: int, source: Any) -> None:
    """Copy a row: a loop compiles in a tenth of the time of an assignment of slices."""
    for i in range(source.shape[0]):
        target[start + i] = source[i]


@_inline
def set_matrix(w: Any, dy: Any, slopes: Any, h: float) -> None:
    """`I / (gamma h) - J` into `w`, the right-hand side at the start of the step into `dy`."""
    n = dy.shape[0]
    for i in range(n):
        dy[i] = slopes[i]
        for j in range(n):
            w[i, j] = -slopes[n + i * n + j]
        w[i, i] += 1.0 / (GAMMA * h)


def make_interval(slopes_of: Any, stages: Any) -> Any:
    """Compiled integration over one interval, from the intrinsic of slopes and the stages."""

    @_inline
    def interval(y: Any, packed: Any, h: float, limits: Any, room: Any) -> Any:
        """Scaled time from 0 to 1: status, next step, steps taken."""
        rtol, atol, max_steps = limits
        k, new, dy, slopes, w, pivots = room
        tau, taken, is_new = 0.0, 0, True
        while tau < 1.0:
            if taken >= max_steps:
                return TOO_MANY, h, taken
            taken += 1
            if is_new:
                slopes_of(tau, y, packed, slopes)
            if h <= 0.0:
                h = first_step(y, slopes, rtol, atol)
            h_now = min(h, 1.0 - tau)
            if h_now < SMALLEST:
                return TOO_SMALL, h, taken
            set_matrix(w, dy, slopes, h_now)
            if not factorise(w, pivots):
                return SINGULAR, h, taken
            stages(tau, h_now, y, packed, room)
            error = error_norm(k[N_STAGES - 1], y, new, rtol, atol)
            factor = min(6.0, max(0.15, 0.9 * max(error, 1e-12) ** _EXPONENT))
            is_new = error <= 1.0
            if is_new:
                tau = 1.0 if 1.0 - tau - h_now < SMALLEST else tau + h_now
                copy(y, 0, new)
                # A step cut short by the border says nothing of how long the next may be.
                h = max(h, h_now * factor) if h_now < h else h_now * factor
            else:
                h = h_now * factor
        return DONE, h, taken

    return interval


def make_solver(rhs: Any, slopes_of: Any) -> Any:
    """Compiled `solve` of one model, from its two intrinsics; compiles at its first call."""
    interval = make_interval(slopes_of, make_stages(rhs))

    @_inline
    def member(y: Any, packed: Any, drive: Any, limits: Any, room: Any, rows: Any) -> Any:
        """All intervals of one member: status, the interval where it ended, steps taken."""
        step, n_steps = 0.0, 0
        n_p = packed.shape[0] - drive.shape[1]
        for i in range(drive.shape[0]):
            copy(packed, n_p, drive[i])
            length = drive[i, drive.shape[1] - 1]
            code, h, taken = interval(y, packed, step / length, limits, room)
            n_steps += taken
            if code != DONE:
                return code, i, n_steps
            step = h * length
            copy(rows[i + 1], 0, y)
        return DONE, drive.shape[0], n_steps

    @_inline
    def solve(x: Any, p: Any, drives: Any, limits: Any, out: Any, status: Any) -> None:
        """Run all members.

        `drives` is the pair of what every schedule does, shape `(n_schedules, n_intervals,
        2 n_u + 2)`, and the schedule of each member. `out` takes the states, `status` code,
        interval where it ended and steps.
        """
        drive, of = drives
        n, n_p = x.shape[1], p.shape[1]
        packed, y = np.empty(n_p + drive.shape[2]), np.empty(n)
        room = (np.empty((N_STAGES, n)), np.empty(n), np.empty(n), np.zeros(n * (n + 2)),
                np.empty((n, n)), np.empty(n, np.int64))  # fmt: skip
        for m in range(x.shape[0]):
            copy(packed, 0, p[m])
            copy(y, 0, x[m])
            copy(out[m, 0], 0, y)
            status[m, 0], status[m, 1], status[m, 2] = member(
                y, packed, drive[of[m]], limits, room, out[m]
            )

    return solve
