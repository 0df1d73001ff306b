"""The pose metrics of Sec. 4: how near a driving pose is to a pose, Eq. (7), or to a whole sequence, Eq. (8); and how near
extracted joints are to the true ones.

Distances are in pixels of the aligned frame. A limb that lacks a joint in either pose can't be compared: it is left out of
the average, and each answer says which limbs were counted.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..skeleton import BODY_JOINTS, DESCRIPTOR_LIMBS, trunk

GAMMA = 8.0
"""γ in pixels of the aligned frame, beyond which a limb is unlikely to be reconstructed well from another (Sec. 4, Fig. 4)."""


def descriptor(joints: np.ndarray) -> np.ndarray:
    """Skeleton descriptor (Sec. 4): the displacement between the ends of each of the 12 limbs.

    Args:
        joints: (..., 18, 2) float, pixels of the aligned frame, NaN where missing.

    Returns:
        (..., 12, 2) float, first joint minus second; NaN where a joint is missing. Translating the pose does not change it.
    """
    first, second = (joints[..., [limb[end] for limb in DESCRIPTOR_LIMBS], :] for end in (0, 1))
    return first - second


def limb_distances(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """d_l(p, q) = ‖p^l − q^l‖₂ for each limb: (..., 12, 2) and (..., 12, 2) → (..., 12) pixels, NaN where it can't be compared."""
    return np.linalg.norm(p - q, axis=-1)


def pose_distance(p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eq. (7) between each pose of one sequence and each of another: the mean distance of corresponding limbs.

    Args:
        p: (A, 12, 2) descriptors, q: (B, 12, 2) descriptors.

    Returns:
        The distance, (A, B) float64 pixels, NaN where no limb can be compared; and (A, B) uint8, how many of the 12 limbs
        that mean is over.
    """
    total = np.zeros((len(p), len(q)))
    counted = np.zeros((len(p), len(q)), np.uint8)
    for limb in range(p.shape[1]):  # one limb at a time, so that A × B × 12 floats never exist together
        distance = limb_distances(p[:, None, limb], q[None, :, limb])
        known = ~np.isnan(distance)
        total += np.where(known, distance, 0)
        counted += known
    return np.divide(total, counted, out=np.full_like(total, np.nan), where=counted > 0), counted


def sequence_distance(p: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eq. (8): `d(p_i, v) = 1/|L| Σ_{l ∈ L} min_{p_j ∈ v} ‖p_i^l − p_j^l‖₂`, every limb with its own nearest neighbour.

    Args:
        p: (A, 12, 2) descriptors of driving poses.
        v: (B, 12, 2) descriptors of the reference sequence.

    Returns:
        The distance, (A,) float64 pixels, the mean over the limbs that can be compared, NaN where none can; and (A, 12)
        float64 pixels, each limb's distance to its nearest neighbour, NaN where the limb was not counted.
    """
    nearest = nearest_limbs(p, v)  # the minimum over v, by a KD-tree for each limb
    nearest = np.where(np.isfinite(nearest), nearest, np.nan)
    return mean_over_limbs(nearest), nearest


def nearest_limbs(p: np.ndarray, v: np.ndarray, k: int = 1) -> np.ndarray:
    """The summands of Eq. (8): how far each limb is from the `k`-th nearest of the same limb in a sequence.

    Args:
        p: (A, 12, 2) descriptors, v: (B, 12, 2) descriptors of the sequence; NaN where missing.
        k: at least 1.

    Returns:
        (A, 12) float64 pixels, NaN where `p` lacks the limb, infinite where `v` has it fewer than `k` times.
    """
    found = np.full(p.shape[:2], np.nan)
    for limb in range(p.shape[1]):
        there = v[~np.isnan(v[:, limb]).any(-1), limb]
        known = ~np.isnan(p[:, limb]).any(-1)
        if len(there) < k:
            found[known, limb] = np.inf
        elif known.any():
            found[known, limb] = cKDTree(there).query(p[known, limb], [k])[0][:, 0]
    return found


def mean_over_limbs(limbs: np.ndarray) -> np.ndarray:
    """(A, 12) distances → (A,) float64, the mean over those that are finite; NaN where none is."""
    known = np.isfinite(limbs)
    total, count = np.where(known, limbs, 0).sum(-1), known.sum(-1)
    return np.divide(total, count, out=np.full(len(limbs), np.nan), where=count > 0)


def pck(found: np.ndarray, true: np.ndarray, share: float, counted: np.ndarray | None = None) -> float:
    """Share of correct keypoints: body joints nearer to the truth than `share` of the true torso (neck to mid-hip).

    Args:
        found: (T, 18, 2) pixels of any one frame, NaN where missing; that is a miss.
        true: (T, 18, 2) pixels of the same frame, NaN where unknown; that is not counted.
        share: 0.2 and 0.1 are usual.
        counted: (T, 18) bool, such as the visible joints; by default all that are known.

    Returns:
        0..1, over `skeleton.BODY_JOINTS`. NaN if none is counted.
    """
    neck, middle = trunk(true)
    limit = share * np.linalg.norm(neck - middle, axis=-1)[:, None]
    body = list(BODY_JOINTS)
    near = np.linalg.norm(found - true, axis=-1)[:, body] < limit
    scored = ~np.isnan(true[:, body]).any(-1) & ~np.isnan(limit)
    if counted is not None:
        scored &= counted[:, body]
    return float(near[scored].mean()) if scored.any() else float("nan")
