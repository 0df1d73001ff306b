"""Whether a generated actor still looks like the actor: how far the colours of head, trunk, arms and legs are from the true ones (Fig. 8).

"The model of Ma et al. does not succeed in preserving the identity of the actor." Errors of pixels do not tell wrong clothes from right
ones in the wrong place; distributions of colours, body region by body region, do.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import wasserstein_distance
from skimage.color import rgb2lab

from perfclone.capture import archive
from perfclone.files import write_bytes
from perfclone.skeleton import FRAME, JOINT, LIMBS

from ..ledger.judging import StoredRun
from .evaluation import CONTROLS, departs_from_white, joined_frames, ours
from .store import Run

_NAMES = {index: name.split("_")[-1] for name, index in JOINT.items()}
_ENDS = {
    "neck nose": "head", "nose eye": "head", "eye ear": "head",
    "neck shoulder": "trunk", "neck hip": "trunk",
    "shoulder elbow": "arms", "elbow wrist": "arms",
    "hip knee": "legs", "knee ankle": "legs",
}  # fmt: skip
REGIONS = ("head", "trunk", "arms", "legs")
"""Parts of the body. A pixel belongs to that whose limbs are nearest."""
LIMB_REGION = np.array([REGIONS.index(_ENDS[f"{_NAMES[a]} {_NAMES[b]}"]) for a, b in LIMBS])
"""(17,) int, the number of the region of each of `skeleton.LIMBS`."""
WHITE = np.array([[100.0, 0.0, 0.0]])
"""In CIELAB. The colour of a region of which nothing is drawn."""
COLOUR = "colour"
"""Name of the measure, the mean over regions, and before an underscore and the region's name of each region's own."""
MEASURES = (COLOUR, *(f"{COLOUR}_{region}" for region in REGIONS))
"""All that is measured."""
VERSION = 1
"""Of these measures; raised by hand whenever the same frames would give other numbers."""


def region_distances(frames: np.ndarray, joints: np.ndarray, truth: np.ndarray, true_joints: np.ndarray) -> np.ndarray:
    """How far the colours of each body region are from those of the true performer's.

    Of lightness and both axes of colour in CIELAB by itself the earth mover's distance between the two distributions over the
    region's pixels, and of these three the Euclidean length. Where a region has one colour in either frame, that is the
    distance of these two colours (ΔE of 1976), of which some 2 can just be seen. Where in the region a colour is does not matter,
    nor how large the region is.

    Args:
        frames: (T, size, size, 3) uint8 on white, generated.
        joints: (T, 18, 2) the poses that they show, pixels of the aligned frame, NaN where missing.
        truth: (T, size', size', 3) uint8 on white, frames of the performer, in these or in other poses.
        true_joints: (T, 18, 2) the poses of those.

    Returns:
        (T, 4) float64, at least 0, in the order of `REGIONS`. A region of which nothing is drawn has the colour of the
        background. NaN where the truth does not show the region, or one of the poses no limb.
    """
    result = np.full((len(frames), len(REGIONS)), np.nan)
    for row, frame, pose, true, true_pose in zip(result, frames, joints, truth, true_joints, strict=True):
        found, expected = _colours(frame, pose), _colours(true, true_pose)
        for k in range(len(REGIONS)) if found and expected else ():
            if len(expected[k]):
                drawn = found[k] if len(found[k]) else WHITE
                row[k] = np.linalg.norm([wasserstein_distance(a, b) for a, b in zip(drawn.T, expected[k].T, strict=True)])
    return result


def colour_distance(frames: np.ndarray, joints: np.ndarray, truth: np.ndarray, true_joints: np.ndarray) -> np.ndarray:
    """The mean of `region_distances` over the regions that the truth shows: (T,) float64, NaN where it shows none."""
    return _mean(region_distances(frames, joints, truth, true_joints))


def _mean(distances: np.ndarray) -> np.ndarray:
    counted = ~np.isnan(distances)
    total = np.where(counted, distances, 0).sum(1)
    return np.divide(total, counted.sum(1), out=np.full(len(distances), np.nan), where=counted.any(1))


def _colours(frame: np.ndarray, joints: np.ndarray) -> list[np.ndarray]:
    """In CIELAB, the (n, 3) colours of each region's pixels; an empty list for a pose without limbs."""
    start, end = (joints[[limb[k] for limb in LIMBS]] for k in (0, 1))
    known = ~np.isnan(start + end).any(1)
    if not known.any():
        return []
    rows, columns = np.nonzero(departs_from_white(frame[None])[0])
    points = (np.stack((columns, rows), 1) + 0.5) * (FRAME / len(frame))
    nearest = LIMB_REGION[known][_squared_distances(points, start[known], end[known]).argmin(1)]
    colours = rgb2lab(frame[rows, columns])
    return [colours[nearest == k] for k in range(len(REGIONS))]


def _squared_distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(n, 2) points and the ends of L lines, (L, 2) each → (n, L)."""
    along, offset = end - start, points[:, None] - start
    share = (offset * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12)
    return ((offset - share.clip(0, 1)[..., None] * along) ** 2).sum(-1)


# ---- of runs ----


def examined(run: Run) -> bool:
    """Whether `examine` has looked at it."""
    return _path(run).exists()


def examine(run: Run, data: Path, device: str = "auto") -> None:
    """Measure the colours of a finished run's test frames, generating them again, and keep that beside the run (`studied`).

    Raises:
        InputError: a video is missing, or the run is damaged.
    """
    spec, material = run.spec, run.spec.material(data)
    parts, size = material.test, spec.settings.size
    frames = ours(run.actor(device), parts) if spec.trained else CONTROLS[spec.method](parts, material.train, size)
    joints = np.concatenate([part.poses.joints for part in parts])
    distances = region_distances(frames, joints, joined_frames(parts, size), joints)
    values = np.column_stack((_mean(distances), distances)).astype(np.float32)
    values[~np.concatenate([part.poses.seen for part in parts])] = np.nan
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(zip(MEASURES, values.T, strict=True)))
    write_bytes(_path(run), buffer.getvalue())


def studied(run: Run) -> dict[str, np.ndarray]:
    """What `examine` kept: (T,) float32 of each of `MEASURES`, in ΔE, NaN where it does not count. InputError if damaged or not there."""
    with archive.damage(_path(run), "delete it, then it is made anew"):
        return archive.read_arrays(_path(run), {name: ((run.record["frames"],), "<f4") for name in MEASURES})


def _path(run: Run) -> Path:
    return run.folder / f"colours-{VERSION}.npz"


def derived(runs: Sequence[tuple[StoredRun, Run]]) -> Iterator[tuple[StoredRun, dict[str, np.ndarray]]]:
    """What `examine` kept of each run, as measures of its frames beside its own."""
    for about, run in runs:
        yield about, studied(run)
