"""Smooth random fields in space, compiled: for the folds of cloth, strands of hair, and the texture of wall and floor."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_ORDER = np.tile(np.random.default_rng(0).permutation(256), 2).astype(np.int64)
_EDGES = np.array(
    [(1, 1, 0), (-1, 1, 0), (1, -1, 0), (-1, -1, 0), (1, 0, 1), (-1, 0, 1), (1, 0, -1), (-1, 0, -1), (0, 1, 1), (0, -1, 1)]
    + [(0, 1, -1), (0, -1, -1), (1, 1, 0), (-1, 1, 0), (0, -1, 1), (0, -1, -1)],
    np.float64,
)


@njit(cache=True)
def gradient_noise(x, y, z):
    """Perlin's gradient noise (2002) with its exact derivatives.

    Args:
        x, y, z: a point; the field has one bump or so to a unit cube.

    Returns:
        (value, ∂x, ∂y, ∂z); the value lies within −1 and 1, about 0 on average.
    """
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    u, v, w = x - i, y - j, z - k
    fu, fv, fw = u * u * u * (u * (6 * u - 15) + 10), v * v * v * (v * (6 * v - 15) + 10), w * w * w * (w * (6 * w - 15) + 10)
    du, dv, dw = 30 * u * u * (u * (u - 2) + 1), 30 * v * v * (v * (v - 2) + 1), 30 * w * w * (w * (w - 2) + 1)
    value = gx = gy = gz = 0.0
    for a in range(2):
        sa, da = (fu, du) if a else (1 - fu, -du)
        pa = _ORDER[(int(i) + a) & 255]
        for b in range(2):
            sb, db = (fv, dv) if b else (1 - fv, -dv)
            pb = _ORDER[pa + ((int(j) + b) & 255)]
            for c in range(2):
                sc, dc = (fw, dw) if c else (1 - fw, -dw)
                edge = _ORDER[pb + ((int(k) + c) & 255)] & 15
                ex, ey, ez = _EDGES[edge, 0], _EDGES[edge, 1], _EDGES[edge, 2]
                slope = ex * (u - a) + ey * (v - b) + ez * (w - c)
                value += sa * sb * sc * slope
                gx += sa * sb * sc * ex + da * sb * sc * slope
                gy += sa * sb * sc * ey + sa * db * sc * slope
                gz += sa * sb * sc * ez + sa * sb * dc * slope
    return value, gx, gy, gz


@njit(cache=True)
def texture(points, wavelength, seed, smallest):
    """(n,) float32 fractal noise at (n, 3) points in metres: octaves from `wavelength` down to the `smallest`, halving in height."""
    out = np.zeros(len(points), np.float32)
    for i in range(len(points)):
        length, height, total = wavelength, 1.0, 0.0
        while length >= smallest:
            value = gradient_noise(points[i, 0] / length + 17.3 * seed, points[i, 1] / length, points[i, 2] / length)[0]
            total += height * value
            length, height = length / 2, height / 2
        out[i] = total
    return out
