"""What foretells the error of a generated frame from its pose alone: Eq. (8) and its rivals, and the errors around single limbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.optimize import isotonic_regression

from perfclone.metrics import GAMMA, descriptor, mean_over_limbs, pose_distance, sequence_distance
from perfclone.skeleton import DESCRIPTOR_LIMBS, FRAME, JOINTS, trunk

from ..ledger.statistics import BLOCK

LIMB_NAMES = tuple(f"{JOINTS[a]}–{JOINTS[b]}".replace("_", " ") for a, b in DESCRIPTOR_LIMBS)
"""Of the 12 limbs."""
ARMS = tuple(k for k, (_, end) in enumerate(DESCRIPTOR_LIMBS) if JOINTS[end].split("_")[1] in ("elbow", "wrist"))
"""Which of the 12 limbs are an arm's."""
BODY = sorted({joint for limb in DESCRIPTOR_LIMBS for joint in limb})
"""The joints of the 12 limbs, neck, shoulders, elbows, wrists, hips, knees, ankles."""
CHUNK = 256
"""Driving poses, or frames, that are handled at a time."""


# ---- predictors: from the poses of a driving sequence, (A, 18, 2), and of a reference, (B, 18, 2), to (A,) ----


def eq_8(driving: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Eq. (8), (A,) pixels; NaN where no limb can be compared."""
    return sequence_distance(descriptor(driving), descriptor(reference))[0]


def nearest_pose(driving: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Eq. (7) to the nearest reference pose, (A,) pixels: as Eq. (8), but all limbs have to come from one frame."""
    return counterparts(driving, reference)[0]


def joint_distance(driving: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Distance to the nearest pose in normalised coordinates, after Fang et al. (2018): (A,) in torsos.

    They bring all torsos to one length, put the origin between the hips and take the Euclidean distance of the joints. Here it
    is the root mean square over the joints that both poses have, so that a missing joint does not bring poses nearer.
    Among reference poses only those count that share the most joints with the driving one.
    """
    p, q = normalised(driving), normalised(reference)
    (p, known_p), (q, known_q) = _filled(p), _filled(q)
    best = np.full(len(p), np.nan)
    squares = (q**2).sum(-1)
    for part in _chunks(len(p)):
        shared = known_p[part] @ known_q.T
        own = (p[part] ** 2).sum(-1) @ known_q.T
        product = p[part].reshape(-1, 2 * len(BODY)) @ q.reshape(-1, 2 * len(BODY)).T
        square = np.maximum(own + known_p[part] @ squares.T - 2 * product, 0)
        usable = (shared > 0) & (shared == shared.max(1, keepdims=True))
        nearest = np.divide(square, shared, out=np.full_like(square, np.inf), where=usable).min(1)
        best[part] = np.where(np.isfinite(nearest), np.sqrt(nearest), np.nan)
    return best


def procrustes(driving: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Full Procrustes distance to the nearest pose, (A,) in 0..1: what is left after the best shift, turn and scale (not mirroring).

    With joints as complex numbers, centred and of unit norm, it is √(1 − c²) with c the modulus of their product, so that
    all pairs are one matrix product (Dryden and Mardia 2016). NaN for a driving pose that lacks a joint of `BODY`; reference
    poses that lack one are left out.
    """
    a, b = (_shapes(joints) for joints in (driving, reference))
    b = b[~np.isnan(b).any(1)]
    if not len(b):
        return np.full(len(a), np.nan)
    likest = np.concatenate([np.abs(a[part] @ b.conj().T).max(1) for part in _chunks(len(a))])
    return np.sqrt(np.maximum(1 - likest**2, 0))


def density_distance(driving: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Eq. (8) with the frequency that the paper wishes for ("ideally, it should be also taken into account"), (A,) pixels.

    How common a limb is, is the density of its displacement in the reference, by a Gaussian kernel. Its width is γ: displacements
    nearer than that count as the same limb in the paper, those beyond do not, and no further number has to be chosen.
    The density is turned back into a distance, that at which *every* reference frame would have to show the limb for the same
    density: γ √(−2 ln mean_j exp(−‖p − p_j‖² / 2γ²)), averaged over limbs as in Eq. (8). A limb that all frames show with one
    displacement gets the distance of Eq. (8), and a rarer one always gets more.

    Being a share of the frames, it is for trainings of equally many steps: frames without the limb make it rarer.
    """
    p, v = descriptor(driving), descriptor(reference)
    limbs = np.full(p.shape[:2], np.nan)
    for limb in range(p.shape[1]):
        shown = v[~np.isnan(v[:, limb]).any(-1), limb]
        if not len(shown):
            continue
        for part in _chunks(len(p)):
            square = ((p[part, None, limb] - shown) ** 2).sum(-1)
            least = square.min(1)
            share = np.exp((least[:, None] - square) / (2 * GAMMA**2)).sum(1) / len(v)
            limbs[part, limb] = np.sqrt(np.maximum(least - 2 * GAMMA**2 * np.log(share), 0))
    return mean_over_limbs(limbs)


PREDICTORS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "sequence_distance": eq_8,
    "nearest_pose": nearest_pose,
    "joint_distance": joint_distance,
    "procrustes": procrustes,
    "density_distance": density_distance,
}
"""Name of the measure → the function that foretells. More means that a larger error is to be expected."""
REGRESSOR = "regressor"
"""Name of what `foretell_logs` gives, which has to be fitted."""


def counterparts(driving: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest reference pose by Eq. (7), and how far each limb lies from its counterpart in it (Fig. 4).

    Among reference poses only those count that share the most limbs with the driving one.

    Returns:
        Eq. (7), (A,) pixels, and d_l, (A, 12) pixels; NaN where nothing can be compared.
    """
    p, v = descriptor(driving), descriptor(reference)
    distance, limbs = np.full(len(p), np.nan), np.full(p.shape[:2], np.nan)
    for part in _chunks(len(p)):
        to_all, counted = pose_distance(p[part], v)
        to_all[(counted == 0) | (counted < counted.max(1, keepdims=True))] = np.inf
        nearest = to_all.argmin(1)
        least = to_all.min(1)
        distance[part] = np.where(np.isinf(least), np.nan, least)
        limbs[part] = np.linalg.norm(p[part] - v[nearest], axis=-1)
    return distance, np.where(np.isnan(distance)[:, None], np.nan, limbs)


def normalised(joints: np.ndarray) -> np.ndarray:
    """Coordinates as Fang et al. (2018) normalise them: torso (neck to mid-hip) of length 1, origin between the hips.

    Args:
        joints: (..., 18, 2) pixels, NaN where missing.

    Returns:
        (..., 13, 2) of the joints `BODY`, NaN where missing and everywhere in a pose without a torso.
    """
    neck, middle = trunk(joints)
    length = np.linalg.norm(neck - middle, axis=-1)[..., None, None]
    return (joints[..., BODY, :] - middle[..., None, :]) / np.where(length > 0, length, np.nan)


def _filled(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = ~np.isnan(points).any(-1)
    return np.where(known[..., None], points, 0).astype(float), known.astype(float)


def _shapes(joints: np.ndarray) -> np.ndarray:
    """(T, 13) complex, centred, of norm 1; NaN throughout where a joint is missing."""
    points = joints[:, BODY].astype(float) @ (1, 1j)
    whole = ~np.isnan(joints[:, BODY]).any((1, 2))
    centred = points[whole] - points[whole].mean(1, keepdims=True)
    shapes = np.full(points.shape, np.nan, complex)
    shapes[whole] = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return shapes


def _chunks(count: int) -> list[np.ndarray]:
    return np.array_split(np.arange(count), count // CHUNK + 1)


# ---- errors around limbs ----


def limb_weights(joints: np.ndarray, limb: int, size: int, sigma: float = 0.06) -> np.ndarray:
    """α of Eq. (4) around one of the 12 limbs: a Gaussian falloff from the line between its joints.

    Args:
        joints: (T, 18, 2) pixels of the aligned frame.
        limb: index into `DESCRIPTOR_LIMBS`.
        size: side of the maps in pixels.
        sigma: of the falloff as a share of the frame's side (A6).

    Returns:
        (T, size, size) float32 in 0..1; zero throughout where a joint is missing.
    """
    start, end = (joints[:, joint].astype(np.float32) for joint in DESCRIPTOR_LIMBS[limb])
    known = ~np.isnan(start + end).any(-1)
    start, along = np.where(known[:, None], start, 0), np.where(known[:, None], end - start, 0)
    centres = (np.arange(size, dtype=np.float32) + 0.5) * (FRAME / size)
    x, y = centres - start[:, :1], centres - start[:, 1:]
    dot = (x * along[:, :1])[:, None, :] + (y * along[:, 1:])[:, :, None]
    length = np.maximum((along**2).sum(-1), 1e-12)[:, None, None]
    nearest = np.clip(dot / length, 0, 1)
    square = (x**2)[:, None, :] + (y**2)[:, :, None] + nearest * (nearest * length - 2 * dot)
    return np.exp(-0.5 * np.maximum(square, 0) / (sigma * FRAME) ** 2) * known[:, None, None]


def limb_mse(generated: np.ndarray, truth: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Mean squared error around each limb, weighted by `limb_weights`: (T, 12) in squared 8-bit units, NaN where a joint is missing.

    Args:
        generated, truth: (T, size, size, 3) uint8 frames on white.
        joints: (T, 18, 2) of the poses that the frames were generated from, pixels of the aligned frame.
    """
    size, found = generated.shape[1], np.full((len(joints), len(DESCRIPTOR_LIMBS)), np.nan)
    for part in _chunks(len(joints)):
        square = ((generated[part].astype(np.float32) - truth[part]) ** 2).mean(-1)
        for limb in range(found.shape[1]):
            weights = limb_weights(joints[part], limb, size)
            total = weights.sum((1, 2))
            found[part, limb] = np.divide(
                (weights * square).sum((1, 2)), total, out=np.full(len(part), np.nan), where=total > 0
            )
    return found


# ---- what is fitted, always on other actors than it is judged on ----


def foretell_logs(limbs: Mapping[str, np.ndarray], errors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """For each actor, the logarithm of the squared error that a ridge regression on the 12 limb distances expects.

    It is fitted on all other actors. How large somebody's errors are in all is taken out first (the mean of the logarithms), since
    it depends on how much of the frame the performer fills. Distances enter as log(1 + d), standardised; a missing one as the
    mean. The ridge weighs as much as one block of frames that belong together, `BLOCK`.

    Args:
        limbs: actor → (T, 12), each limb's distance in Eq. (8).
        errors: actor → (T,) mean squared errors, NaN where not measured.

    Returns:
        Actor → (T,), up to a constant; nothing if there is but one actor.
    """
    features = {actor: np.log1p(values) for actor, values in limbs.items()}
    logs = {actor: np.log(np.maximum(values, 1e-6)) for actor, values in errors.items()}
    found = {}
    for judged in features if len(features) > 1 else ():
        others = [actor for actor in features if actor != judged]
        x = np.concatenate([features[actor] for actor in others])
        y = np.concatenate([logs[actor] - np.nanmean(logs[actor]) for actor in others])
        centre, scale = np.nanmean(x, 0), np.maximum(np.nanstd(x, 0), 1e-6)
        counted = ~np.isnan(y)
        a = _standardised(x, centre, scale)[counted]
        weights = np.linalg.solve(a.T @ a + BLOCK * np.eye(a.shape[1]), a.T @ y[counted])
        found[judged] = _standardised(features[judged], centre, scale) @ weights
    return found


def _standardised(x: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.nan_to_num((x - centre) / scale)


def expected_error(distance: np.ndarray, error: np.ndarray, at: np.ndarray) -> np.ndarray:
    """What error to expect at a distance: the root of the isotonic regression of squared errors, which only has to rise.

    Args:
        distance, error: (T,) of the frames that it is fitted to, pixels and squared errors; NaN does not count.
        at: (K,) pixels.

    Returns:
        (K,) in 8-bit units. Beyond the distances that were seen it stays where it ended.
    """
    counted = np.isfinite(distance + error)
    order = np.argsort(distance[counted], kind="stable")
    x, rising = distance[counted][order], isotonic_regression(error[counted][order]).x
    return np.sqrt(np.interp(at, x, rising))
