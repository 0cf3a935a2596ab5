"""Coefficients of Rodas5P, in the form that needs no product with the Jacobian.

Order 5 with an embedded method of order 4, 8 stages, stiffly accurate and L-stable.

References:
    Steinebach (2023), Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks
    within the Julia Differential Equations package, BIT 63:27, doi:10.1007/s10543-023-00967-x.
    Rang and Angermann (2005), BIT 45:761, doi:10.1007/s10543-005-0035-y, on methods of the kind.
    Hairer and Wanner, Solving Ordinary Differential Equations II (1996), section IV.7, for the
    form used here.
"""

from __future__ import annotations

import numpy as np

N_STAGES = 8
ORDER_EMBEDDED = 4
GAMMA = 0.21193756319429014

# fmt: off
_A6 = (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256,
       0.030198172008377946)

A_ROWS: tuple[tuple[float, ...], ...] = (
    (),
    (3.0,),
    (2.849394379747939, 0.45842242204463923),
    (-6.954028509809101, 2.489845061869568, -10.358996098473584),
    (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
    _A6,
    (*_A6, 1.0),
    (*_A6, 1.0, 1.0),
)

C_ROWS: tuple[tuple[float, ...], ...] = (
    (),
    (-14.155112264123755,),
    (-17.97296035885952, -2.859693295451294),
    (147.12150275711716, -1.41221402718213, 71.68940251302358),
    (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
    (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125,
     -0.6610691825249471),
    (30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783,
     -19.097331116725623, -28.087943162872662),
    (37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047,
     -40.06618937091002, -54.66780262877968, -9.48861652309627),
)
# fmt: on

TIMES = (0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664,
         1.0, 1.0, 1.0)  # fmt: skip
SLOPES = (GAMMA, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734, 2.325825639765069,
          0.0, 0.0, 0.0)  # fmt: skip


def _square(rows: tuple[tuple[float, ...], ...]) -> np.ndarray:
    whole = np.zeros((N_STAGES, N_STAGES))
    for i, row in enumerate(rows):
        whole[i, : len(row)] = row
    return whole


A = _square(A_ROWS)
C = _square(C_ROWS)
ALPHA = np.array(TIMES)
DELTA = np.array(SLOPES)
