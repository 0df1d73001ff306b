"""What is measured: distances between poses (Eq. 7, 8), errors of images, and of a video's motion over time."""

from .image import foreground_rmse, rmse, ssim
from .pose import descriptor, limb_distances, pose_distance, sequence_distance
from .temporal import warping_error

__all__ = [
    "descriptor", "foreground_rmse", "limb_distances", "pose_distance", "rmse", "sequence_distance", "ssim", "warping_error",
]  # fmt: skip
