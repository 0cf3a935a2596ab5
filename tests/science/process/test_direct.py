"""A CasADi function on its own memory: the same results, the same failures, no shared arrays."""

from __future__ import annotations

import numpy as np
import pytest

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.direct import Direct


def test_it_gives_what_the_function_gives() -> None:
    x, p = ca.SX.sym("x", 2), ca.SX.sym("p")
    function = ca.Function("f", [x, p], [p * x, x[0] + x[1]], ["x", "p"], ["scaled", "sum"])
    direct = Direct(function, ("x", "p"), ("scaled", "sum"))
    scaled, total = direct(np.array([1.0, 2.0]), 3.0)
    again, _ = direct(np.array([5.0, 5.0]), 1.0)
    assert scaled.tolist() == [3.0, 6.0] and total.tolist() == [3.0]
    assert again.tolist() == [5.0, 5.0], "and the first result is still its own"
    assert Direct(function, ("x",), ("scaled",))(np.ones(2))[0].tolist() == [0.0, 0.0]


def test_a_failure_raises_and_the_next_call_works() -> None:
    x, p = ca.SX.sym("x"), ca.SX.sym("p")
    options = {"max_num_steps": 500, "disable_internal_warnings": True, "show_eval_warnings": False}
    blow = ca.integrator("blow", "cvodes", {"x": x, "p": p, "ode": p * x**2}, 0.0, 1.0, options)
    direct = Direct(blow, ("x0", "p"), ("xf",))
    with pytest.raises(RuntimeError, match="CV_"):
        direct(1.0, 2.0)
    assert direct(1.0, 0.5)[0] == pytest.approx([2.0], rel=1e-3)


def test_an_empty_argument_is_passed_over() -> None:
    x, z = ca.SX.sym("x"), ca.SX.sym("z", 0)
    direct = Direct(ca.Function("f", [x, z], [2 * x], ["x", "z"], ["y"]), ("x", "z"), ("y",))
    assert direct(2.0, np.empty(0))[0].tolist() == [4.0]
