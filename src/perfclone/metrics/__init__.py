"""What is measured: distances between poses (Eq. 7, 8), errors of joints, masks and images, and of a video's motion over time."""

from .image import (
    foreground_mse,
    frame_mse,
    frame_ssim,
    gradient_magnitude_similarity,
    mask_iou,
    rmse,
    spectrum,
    spectrum_distance,
)
from .pose import GAMMA, descriptor, limb_distances, mean_over_limbs, nearest_limbs, pck, pose_distance, sequence_distance
from .temporal import flicker, pair_warping_errors, warping_error, within_and_between

__all__ = [
    "GAMMA", "descriptor", "flicker", "foreground_mse", "frame_mse", "frame_ssim", "gradient_magnitude_similarity",
    "limb_distances", "mask_iou", "mean_over_limbs", "nearest_limbs", "pair_warping_errors", "pck", "pose_distance", "rmse",
    "sequence_distance", "spectrum", "spectrum_distance", "warping_error", "within_and_between",
]  # fmt: skip
