"""Capture (Sec. 3.1): video → `Performance`, by pose extraction, masks, smoothing, alignment and optical flow.

>>> performance = capture("dance.mp4")
>>> performance.poses.joints.shape, performance.frames(64).shape
"""

from perfclone.capture.alignment import Alignment
from perfclone.capture.extraction import export_extraction
from perfclone.capture.performance import Performance, load_performance
from perfclone.capture.pipeline import capture
from perfclone.capture.settings import CaptureSettings

__all__ = [
    "Alignment", "CaptureSettings", "Performance", "capture", "export_extraction", "load_performance",
]  # fmt: skip
