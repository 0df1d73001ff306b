"""The 18 joints, the limbs between them, and `PoseTrack`: the one place that knows the skeleton (Sec. 3.1).

Coordinates everywhere in the project are continuous pixels, x to the right and y down, with the origin at the *corner* of
the top-left pixel: the centre of pixel (row 0, column 0) is (0.5, 0.5). Resizing an image by a factor then multiplies
coordinates by that factor, with no half-pixel terms. Sizes and thresholds are in pixels of the aligned frame, whose side is
`FRAME` whatever size a network runs at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FRAME = 256
"""Side of the aligned frame in pixels ("a 256×256 resolution", Sec. 5)."""

JOINTS = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle",
    "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
"""The 18 COCO joints in OpenPose's order (Cao et al. 2017); left and right are the performer's own."""

J = len(JOINTS)
JOINT = {name: index for index, name in enumerate(JOINTS)}
_MIRRORED = {"left": "right", "right": "left"}
OTHER_SIDE = [JOINT["_".join(_MIRRORED.get(word, word) for word in name.split("_"))] for name in JOINTS]
"""For each joint the index of the one on the other side, its own for nose and neck. Joints in this order have left and right exchanged."""


def _limbs(*pairs: tuple[str, str]) -> tuple[tuple[int, int], ...]:
    return tuple((JOINT[a], JOINT[b]) for a, b in pairs)


DESCRIPTOR_LIMBS = _limbs(
    ("neck", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("neck", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("neck", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
)  # fmt: skip
"""The 12 limbs of the skeleton descriptor (Sec. 4), three for each arm with its shoulder, three for each leg."""

LIMBS = DESCRIPTOR_LIMBS + _limbs(
    ("neck", "nose"),
    ("nose", "right_eye"), ("right_eye", "right_ear"),
    ("nose", "left_eye"), ("left_eye", "left_ear"),
)  # fmt: skip
"""All 17 limbs of the COCO skeleton, those of the descriptor and the head's."""

BODY_JOINTS = tuple(JOINT[name] for name in JOINTS if name.split("_")[-1] not in ("eye", "ear", "neck"))
"""The 13 joints that pose-estimation benchmarks score, which are nose, shoulders, elbows, wrists, hips, knees, ankles."""


@dataclass(frozen=True)
class PoseTrack:
    """The poses of one performer over a video.

    Attributes:
        joints: (T, 18, 2) float32, continuous pixels of one frame (see the module), NaN where a joint is missing.
        confidence: (T, 18) float32 in [0, 1], the extractor's own; 0 where it saw nothing.
        times: (T,) float64 seconds from the video's first frame, increasing.
    """

    joints: np.ndarray
    confidence: np.ndarray
    times: np.ndarray

    def __post_init__(self) -> None:
        frames = len(self.times)
        if self.joints.shape != (frames, J, 2) or self.confidence.shape != (frames, J):
            raise ValueError(
                f"joints {self.joints.shape} and confidence {self.confidence.shape} do not fit {frames} frames of {J} joints"
            )

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, frames: slice) -> PoseTrack:
        return PoseTrack(self.joints[frames], self.confidence[frames], self.times[frames])

    @property
    def present(self) -> np.ndarray:
        """(T, 18) bool, whether the joint is known."""
        return ~np.isnan(self.joints).any(-1)

    @property
    def seen(self) -> np.ndarray:
        """(T,) bool, whether the trunk can be placed (the neck and a hip are known), so that the frame shows somebody."""
        present = self.present
        return present[:, JOINT["neck"]] & (present[:, JOINT["right_hip"]] | present[:, JOINT["left_hip"]])


def trunk(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neck and mid-hip of each pose: (..., 18, 2) → two (..., 2), NaN where unknown. One hip stands for both if need be."""
    hips = joints[..., [JOINT["right_hip"], JOINT["left_hip"]], :]
    known = ~np.isnan(hips).any(-1, keepdims=True)
    count = known.sum(-2)
    middle = np.where(known, hips, 0).sum(-2) / np.where(count > 0, count, np.nan)
    return joints[..., JOINT["neck"], :], middle
