"""Spectra of two substances on two instruments, as Beer and Lambert would have them."""

import numpy as np

AXIS = np.linspace(1000.0, 1500.0, 60)


def peak(place, width=40.0):
    return np.exp(-(((AXIS - place) / width) ** 2))


def samples(n, seed, noise=0.002):
    """Content of n samples, and their spectra with scatter and noise."""
    generator = np.random.default_rng(seed)
    content = generator.uniform(5.0, 15.0, n)
    other = generator.uniform(5.0, 15.0, n)
    clean = content[:, None] * peak(1150) + other[:, None] * peak(1330, 70.0)
    size = generator.uniform(0.95, 1.05, (n, 1))
    floor = generator.uniform(0.0, 0.5, (n, 1))
    return content, size * clean + floor + noise * generator.standard_normal(clean.shape)


def second_instrument(spectra):
    """The same spectra with another gain, and one channel further."""
    moved = np.column_stack([spectra[:, :1], spectra[:, :-1]])
    return 0.92 * (0.6 * spectra + 0.4 * moved) + 0.05 + 0.1 * np.linspace(0, 1, len(AXIS))
