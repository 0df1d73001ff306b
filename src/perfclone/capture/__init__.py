"""Capture (Sec. 3.1): video → `Performance`, by pose extraction, masks, smoothing, alignment and optical flow.

>>> performance = capture("dance.mp4")
>>> performance.poses.joints.shape, performance.frames(64).shape
"""

from .alignment import Alignment
from .extraction import export_extraction
from .performance import Performance, load_performance
from .pipeline import capture
from .settings import CaptureSettings

__all__ = [
    "Alignment", "CaptureSettings", "Performance", "capture", "export_extraction", "load_performance",
]  # fmt: skip
