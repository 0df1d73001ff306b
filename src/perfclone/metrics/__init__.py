"""What is measured: distances between poses (Eq. 7, 8), errors of joints, masks and images, and of a video's motion over time."""

from .image import foreground_rmse, mask_iou, rmse, ssim
from .pose import descriptor, limb_distances, pck, pose_distance, sequence_distance
from .temporal import warping_error

__all__ = [
    "descriptor", "foreground_rmse", "limb_distances", "mask_iou", "pck", "pose_distance", "rmse", "sequence_distance", "ssim",
    "warping_error",
]  # fmt: skip
