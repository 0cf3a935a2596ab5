"""Heat through the wall of a stirred jacketed tank, and the lethality of a temperature profile.

References:
    Handbook of Industrial Mixing (2004), chapter 14 (wall of the tank); VDI Heat Atlas (2010),
    section G1 (jacket, turbulent); Likhachev, Phys. Fluids 15 (2003) 1, and CRC Handbook
    (viscosity of water, Vogel form); Ph. Eur. 5.1.1 and 5.1.5 (F0, z = 10 K at 121 Cel);
    Deindoerfer and Humphrey, Appl. Microbiol. 7 (1959) 256 (probability of a survivor).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenbatch.science.errors import DataError

F0_REFERENCE_K = 394.25
"""121.1 Cel: 250 degF, to which F0 refers."""
PH_EUR = "Ph. Eur. 5.1.5"


def water_viscosity_pa_s(temperature_K: Any) -> Any:
    """Viscosity of water between 0 and 150 Cel, within 2.5 %.

    >>> round(water_viscosity_pa_s(293.15) * 1e3, 2)
    1.0
    """
    return 2.414e-5 * 10.0 ** (247.8 / (temperature_K - 140.0))


def wall_film(factor: Any, re: Any, prandtl: Any, conductivity_W_m_K: Any, tank_m: Any) -> Any:
    """Film coefficient at the tank's wall, W/(m2.K): `Nu = factor Re^(2/3) Pr^(1/3)`.

    >>> round(wall_film(0.74, 50000.0, 7.0, 0.6, 0.3))
    3842
    """
    return factor * re ** (2.0 / 3.0) * prandtl ** (1.0 / 3.0) * conductivity_W_m_K / tank_m


def jacket_film(
    velocity_m_s: Any, gap_m: Any, viscosity_m2_s: Any, prandtl: Any, conductivity_W_m_K: Any
) -> Any:
    """Film coefficient in a jacket, W/(m2.K): `Nu = 0.027 Re^0.8 Pr^(1/3)` on twice the gap.

    >>> round(jacket_film(1.0, 0.01, 1e-6, 7.0, 0.6))
    4276
    """
    width = 2.0 * gap_m
    re = velocity_m_s * width / viscosity_m2_s
    return 0.027 * re**0.8 * prandtl ** (1.0 / 3.0) * conductivity_W_m_K / width


def overall(inside: Any, wall_m: Any, conductivity_W_m_K: Any, outside: Any, fouling: Any) -> Any:
    """Overall coefficient, W/(m2.K), of films, wall and fouling (m2.K/W) in series.

    >>> round(overall(4000.0, 0.004, 16.0, 4000.0, 1e-4))
    1176
    """
    return 1.0 / (1.0 / inside + wall_m / conductivity_W_m_K + 1.0 / outside + fouling)


def f0_min(
    times_min: Sequence[float] | NDArray[np.float64],
    temperatures_K: Sequence[float] | NDArray[np.float64],
    z_K: float = 10.0,
) -> float:
    """F0 of a profile that runs on straight lines between its points, in closed form.

    Args:
        times_min: Rising. Shape `(n,)`.
        temperatures_K: At these times. Shape `(n,)`.
        z_K: Rise that makes killing ten times faster.

    Raises:
        DataError: The profile has gaps or times that do not rise.

    >>> f0_min([0.0, 15.0], [394.25, 394.25])
    15.0
    """
    t, T = np.asarray(times_min, dtype=float), np.asarray(temperatures_K, dtype=float)
    if t.shape != T.shape or t.size < 2 or not np.isfinite(T).all() or not (np.diff(t) > 0).all():
        raise DataError(
            "a temperature profile has gaps, or times that do not rise.",
            hint="Give one finite temperature for each of at least two rising times.",
        )
    exponent = np.log(10.0) * (T - F0_REFERENCE_K) / z_K
    rise = np.diff(exponent)
    flat = np.abs(rise) < 1e-9
    # expm1 keeps the digits of nearly level pieces.
    mean = np.where(flat, 1.0, np.expm1(rise) / np.where(flat, 1.0, rise))
    return float(np.sum(np.exp(exponent[:-1]) * mean * np.diff(t)))


def survivors(f0: float, load: float, d_value_min: float = 1.0) -> float:
    """Microbes expected to survive.

    Args:
        f0: In min.
        load: Before.
        d_value_min: Time at 121.1 Cel that kills nine of ten.

    >>> round(survivors(12.0, 1e6), 9)
    1e-06
    """
    left: float = load * 10.0 ** (-f0 / d_value_min)
    return left
