"""What can be chosen about a capture."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from ..errors import InputError

LENGTHS_PX = {"hip": 17.5, "torso": 49.0}
"""What a performer measures in the aligned frame (A7), chosen on dee, eve and fin so that neither feet nor raised hands leave it. With 19
pixels, the feet of eve and dee did in a fifth of the frames. See `Alignment`."""


@dataclass(frozen=True)
class CaptureSettings:
    """Settings of `capture`; those in seconds keep their meaning at any frame rate."""

    min_confidence: float = 0.5
    """A joint of which the extractor is less sure than this is missing, not guessed. In [0, 1]."""

    max_gap_s: float = 0.2
    """A joint missing for at most this long, seen before and after, is interpolated. 0 switches it off."""

    smoothing_s: float = 0.36
    """Window of the smoothing filter (`smoothing.smooth`). 0 switches it off."""

    refine_masks: bool = True
    """Fit the extractor's masks to the picture's edges (`masks.Refiner`)."""

    extractor: str = "mediapipe"
    """Which of `extractor.EXTRACTORS` finds people."""

    align_by: str = "auto"
    """The length that is equal in all aligned videos, "hip" (the mean distance of the two hip joints, Sec. 3.1) or "torso"
    (neck to mid-hip, which turning around does not shorten); "auto" takes the hips where they are a measure, and then shrinks a performer
    who would not fit into the frame (`alignment.fit_alignment`). Open point A7."""

    flow: str = "dis"
    """Optical flow for the unpaired branch, "dis" for the CPU, or "raft", whose weights are downloaded once (A8)."""

    def __post_init__(self) -> None:
        if self.flow not in ("dis", "raft"):
            raise InputError(f'flow is {self.flow!r}; use "dis" or "raft"')
        if self.align_by not in ("auto", *LENGTHS_PX):
            raise InputError(f'align_by is {self.align_by!r}; use "auto", "hip" or "torso"')
        if not 0 <= self.min_confidence <= 1:
            raise InputError(f"min_confidence is {self.min_confidence}; give a number from 0 to 1")
        if min(self.max_gap_s, self.smoothing_s) < 0:
            raise InputError("max_gap_s and smoothing_s are seconds; give 0 or more")

    def extraction_hash(self) -> str:
        """Eight hexadecimal digits that change with whatever changes an `Extraction`: its version, `refine_masks` and the extractor."""
        about = {"version": EXTRACTION_VERSION, "refine_masks": self.refine_masks}
        about |= {} if self.extractor == "mediapipe" else {"extractor": self.extractor}
        text = json.dumps(about, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


EXTRACTION_VERSION = 2
"""Raised whenever the same video would give another `Extraction`."""

CAPTURE_VERSION = 1
"""Raised whenever the same `Extraction` would give other poses, cut-outs or flow."""
