"""The measures of a self-reenactment (Sec. 5.2), frame by frame, and the sequences that they are taken of: ours and controls.

A sequence holds a frame for each pose of the test parts, one part after the other, at the network's size, on white. What is
measured of a frame in which nobody is seen is NaN, so that the arrays of two sequences are paired frame by frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import cv2
import numpy as np

from perfclone.capture import Performance
from perfclone.capture.mediapipe_extractor import MediapipeExtractor
from perfclone.cloning.offline import generate_sequence
from perfclone.metrics import (
    flicker,
    foreground_mse,
    frame_mse,
    frame_ssim,
    gradient_magnitude_similarity,
    pair_warping_errors,
    pck,
    spectrum_distance,
    within_and_between,
)
from perfclone.skeleton import FRAME
from perfclone.training import Actor
from perfclone.viz import enlarge

from ..baselines import retrieve

FOREGROUND = 128
"""Mask values from here up belong to the performer."""

NOT_WHITE = 230
"""A pixel with a channel below this is not background."""

POSE_EVERY = 10
"""The pose is sought again in every so many frames only, since that takes some 30 ms."""

POSE_SHARE = 0.2
"""A joint is found again if it is within this share of the torso."""

BLUR = 1 / 64
"""σ of the blurred control's Gaussian as a share of the frame's side, one pixel of 64."""

EXACT = 256
"""Values of 8 bits whose products are summed at a time. 256 · 255² is below 2²⁴, so float32 holds each such sum exactly."""


def evaluate(
    frames: np.ndarray, parts: Sequence[Performance], window: int, shown: tuple[np.ndarray, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Compare a sequence with those parts of a performance that it is to show.

    Args:
        frames: (T, size, size, 3) uint8 on white, for the poses of `parts` in turn.
        parts: the true performance, which nothing was trained on.
        window: N, frames that were generated together; they lie side by side, beginning anew with each part.
        shown: see `measure`.

    Returns:
        The measures of each frame. They are what `measure` gives, and as (T,) float64 too
        `flicker_within`, `flicker_between`: in 8-bit units, see `metrics.flicker` and `metrics.within_and_between`.
    """
    both = _both_seen(_seen(parts))
    within, between = zip(*(within_and_between(flicker(one), window) for one in _pieces(frames, parts)))
    return measure(frames, parts, shown) | {
        "flicker_within": np.where(both, _padded(within), np.nan),
        "flicker_between": np.where(both, _padded(between), np.nan),
    }


def measure(
    frames: np.ndarray, parts: Sequence[Performance], shown: tuple[np.ndarray, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """How near any sequence of frames comes to the performance that it is to show.

    Args:
        frames: (T, size, size, 3) uint8 on white, for the poses of `parts` in turn.
        parts: the true performance, T frames in all.
        shown: its `true_frames`, where they are decoded already.

    Returns:
        (T,) float64 each, NaN for a frame in which nobody is seen.

        - `mse`, `foreground_mse`: in squared 8-bit units. The foreground is the union of true and generated performer.
        - `ssim`, `spectrum` (dB), `gms`: see `metrics.frame_ssim`, `spectrum_distance`, `gradient_magnitude_similarity`.
        - `warping`, `true_warping`: 8-bit units, the error along the performance's own flow from the frame before, of these
          frames and of the true ones (`metrics.pair_warping_errors`). NaN for each part's first frame.
        - `pck`: see `pose_found_again`. NaN but for every `POSE_EVERY`-th frame.
    """
    size, counted = frames.shape[1], _seen(parts)
    if len(frames) != len(counted):
        raise ValueError(f"{len(frames)} frames for {len(counted)} poses")
    truth, masks = shown or true_frames(parts, size)
    flows = [part.flow(size) for part in parts]
    joints = np.concatenate([part.poses.joints for part in parts])
    both = _both_seen(counted)
    return {
        "mse": np.where(counted, frame_mse(frames, truth), np.nan),
        "foreground_mse": np.where(counted, foreground_mse(frames, truth, departs_from_white(frames), masks), np.nan),
        "ssim": np.where(counted, frame_ssim(frames, truth), np.nan),
        "spectrum": np.where(counted, spectrum_distance(frames, truth), np.nan),
        "gms": np.where(counted, gradient_magnitude_similarity(frames, truth), np.nan),
        "warping": np.where(both, _warping(frames, parts, flows), np.nan),
        "true_warping": np.where(both, _warping(truth, parts, flows), np.nan),
        "pck": np.where(counted, pose_found_again(frames, joints), np.nan),
    }


def summary(measures: dict[str, np.ndarray]) -> dict[str, float]:
    """One number for each measure, over the frames that have it; a measure that no frame has is left out.

    Args:
        measures: (T,) float each, NaN where a frame does not count.

    Returns:
        The mean of each measure under its name; but for `mse` the root of the mean as `rmse`, likewise for `foreground_mse`
        and all that end so, in 8-bit units. Every frame counts the same, also in `foreground_rmse`. And
        `normalised_warping`, the mean of `warping` over that of `true_warping`: 1 for the truth, which has an error too,
        since flow is estimated and what was hidden comes into sight.
    """
    means = {name: float(np.nanmean(values)) for name, values in measures.items() if not np.isnan(values).all()}
    result = {}
    for name, mean in means.items():
        if name.endswith("mse"):
            result[name.removesuffix("mse") + "rmse"] = mean**0.5
        else:
            result[name] = mean
    if means.get("true_warping"):
        result["normalised_warping"] = means["warping"] / means["true_warping"]
    return result


# ---- the sequences ----


def joined_frames(parts: Sequence[Performance], size: int) -> np.ndarray:
    """The true frames of several parts, one part after the other: (T, size, size, 3) uint8 on white."""
    return np.concatenate([part.frames(size) for part in parts])


def true_frames(parts: Sequence[Performance], size: int) -> tuple[np.ndarray, np.ndarray]:
    """`joined_frames`, and where the performer is in them: (T, size, size, 3) uint8 on white, (T, size, size) bool."""
    frames, masks = zip(*(part.frames_and_masks(size) for part in parts))
    return np.concatenate(frames), np.concatenate(masks) >= FOREGROUND


def ours(actor: Actor, parts: Sequence[Performance]) -> np.ndarray:
    """The actor in each pose of each part, which is generated by itself: (T, size, size, 3) uint8 on white."""
    return np.concatenate([generate_sequence(actor, part.poses) for part in parts])


def nearest_neighbour(test_parts: Sequence[Performance], train_parts: Sequence[Performance], size: int) -> np.ndarray:
    """The training frame of the nearest pose, moved to the driver's place (Table 1, A14; see `baselines.retrieve`).

    Returns:
        (T, size, size, 3) uint8 on white, all white where nobody is seen.
    """
    driving, reference = (np.concatenate([part.poses.joints for part in parts]) for parts in (test_parts, train_parts))
    counted = _seen(test_parts)
    result = np.full((len(driving), size, size, 3), 255, np.uint8)
    result[counted] = retrieve(driving[counted], reference, joined_frames(train_parts, size))
    return result


def pixel_oracle(truth: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """For each true frame the training frame with the least squared error, unmoved: nothing in the training data is nearer.

    Fig. 9 says that generated frames are "closer to the input/ground truth than any of the training data". No method can
    have these frames without knowing the truth.

    Args:
        truth: (T, H, W, 3) uint8.
        reference: (R, H, W, 3) uint8, the training frames.

    Returns:
        (T, H, W, 3) uint8.
    """
    wanted, given = (frames.reshape(len(frames), -1) for frames in (truth, reference))
    product, square = np.zeros((len(wanted), len(given))), np.zeros(len(given))
    for start in range(0, wanted.shape[1], EXACT):
        a, b = (values[:, start : start + EXACT].astype(np.float32) for values in (wanted, given))
        product += a @ b.T
        square += (b**2).sum(1)
    return reference[(square - 2 * product).argmin(1)]  # ‖a − b‖² without ‖a‖², which all frames of the reference share


def frozen(frames: np.ndarray) -> np.ndarray:
    """The first of (T, H, W, 3) frames, T times: what does not move at all."""
    return np.repeat(frames[:1], len(frames), 0)


def blurred(frames: np.ndarray) -> np.ndarray:
    """(T, H, H, 3) uint8 frames under a Gaussian blur of σ = `BLUR` · H: right in everything but the details."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), BLUR * frame.shape[0]) for frame in frames])


CONTROLS: Mapping[str, Callable[[Sequence[Performance], Sequence[Performance], int], np.ndarray]] = {
    "nearest neighbour": nearest_neighbour,
    "pixel oracle": lambda test, train, size: pixel_oracle(joined_frames(test, size), joined_frames(train, size)),
    "frozen": lambda test, train, size: frozen(joined_frames(test, size)),
    "blurred": lambda test, train, size: blurred(joined_frames(test, size)),
}
"""Methods that are not trained, from the test parts, the training parts and a size to (T, size, size, 3) uint8 frames."""


# ---- what is found in them ----


def departs_from_white(frames: np.ndarray) -> np.ndarray:
    """(T, H, W, 3) uint8 → (T, H, W) bool, where a generated frame shows something, since G gives no mask."""
    return frames.min(-1) < NOT_WHITE


def pose_found_again(frames: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Whether a frame shows the pose that it was made from: the share of body joints that the pose extractor finds again.

    The frame is enlarged to the aligned frame's size. Of several people found the most prominent counts.

    Args:
        frames: (T, size, size, 3) uint8.
        joints: (T, 18, 2) float, the driving poses in pixels of the aligned frame, NaN where missing.

    Returns:
        (T,) float64 in 0..1 for every `POSE_EVERY`-th frame from the first on, NaN elsewhere. It is `metrics.pck` at
        `POSE_SHARE` of the torso, 0 where nobody is found.
    """
    share = np.full(len(frames), np.nan)
    with MediapipeExtractor() as extractor:
        for k in range(0, len(frames), POSE_EVERY):
            people = extractor.people(k, enlarge(frames[k], FRAME))
            person = max(people, key=lambda one: one.prominence(FRAME, FRAME), default=None)
            share[k] = 0 if person is None else pck(person.joints[None], joints[None, k], POSE_SHARE)
    return share


def _warping(frames: np.ndarray, parts: Sequence[Performance], flows: list[np.ndarray]) -> np.ndarray:
    pieces = _pieces(frames, parts)
    return _padded(pair_warping_errors(piece, flow, part.poses.joints) for piece, flow, part in zip(pieces, flows, parts))


def _seen(parts: Sequence[Performance]) -> np.ndarray:
    return np.concatenate([part.poses.seen for part in parts])


def _both_seen(counted: np.ndarray) -> np.ndarray:
    """(T,) bool, whether a frame and the one before count. What a part's first frame says is of no use, see `_padded`."""
    return counted & np.roll(counted, 1)


def _pieces(frames: np.ndarray, parts: Sequence[Performance]) -> list[np.ndarray]:
    """The frames of each part, out of those of all."""
    return np.split(frames, np.cumsum([len(part) for part in parts])[:-1])


def _padded(pairs: Iterable[np.ndarray]) -> np.ndarray:
    """What was measured of each part's pairs, as one (T,) array: the value of a pair at its second frame, NaN at the first."""
    return np.concatenate([np.concatenate([[np.nan], of_part]) for of_part in pairs])
