"""Short gaps and jitter in joint tracks: pure functions of (T, 18, 2) arrays and times."""

from __future__ import annotations

import numpy as np
from scipy.signal import savgol_filter

ORDER = 2
"""Degree of the polynomial fitted in each window: accelerations pass unchanged."""


def fill_gaps(joints: np.ndarray, times: np.ndarray, max_gap_s: float) -> np.ndarray:
    """Interpolate, linearly in time, joints that are missing between two frames at most `max_gap_s` plus one frame apart.

    Args:
        joints: (T, 18, 2), NaN where missing.
        times: (T,) seconds, increasing.
        max_gap_s: longer gaps stay NaN, and nothing is filled before a joint's first or after its last appearance.
    """
    filled = joints.copy()
    frame_s = _frame_s(times)
    for track in np.moveaxis(filled, 1, 0):
        for before, after in _gaps(~np.isnan(track).any(-1)):
            if times[after] - times[before] <= max_gap_s + 1.5 * frame_s:
                share = (times[before + 1 : after] - times[before]) / (times[after] - times[before])
                track[before + 1 : after] = track[before] + share[:, None] * (track[after] - track[before])
    return filled


def smooth(joints: np.ndarray, times: np.ndarray, window_s: float) -> np.ndarray:
    """Savitzky-Golay filter over each unbroken run of a joint: local quadratic fits, without delay.

    The window is in seconds, so that a clip of few frames a second, where a joint truly moves from one to the next, is left
    alone while one of many is freed of jitter. The filter is linear and of unit gain: a translated or rescaled track gives
    the translated or rescaled result. A run shorter than the window gets the largest window that fits.
    """
    window = _odd(window_s / _frame_s(times))
    smoothed = joints.copy()
    for joint in range(joints.shape[1]):
        for start, stop in _runs(~np.isnan(joints[:, joint]).any(-1)):
            fitting = min(window, _odd(stop - start))
            if fitting > ORDER + 1:
                smoothed[start:stop, joint] = savgol_filter(joints[start:stop, joint], fitting, ORDER, axis=0)
    return smoothed


def _frame_s(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 1.0


def _odd(count: float) -> int:
    """The largest odd whole number that is at most `count`, up to rounding."""
    return max(1, 2 * int((count + 1 + 1e-6) // 2) - 1)


def _runs(present: np.ndarray) -> list[tuple[int, int]]:
    """(start, stop) of each unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


def _gaps(present: np.ndarray) -> list[tuple[int, int]]:
    """(last frame before, first frame after) of each run of False between two of True."""
    runs = _runs(present)
    return [(stop - 1, start) for (_, stop), (start, _) in zip(runs, runs[1:])]
